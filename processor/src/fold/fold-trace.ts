/** Stage B of the mapping: the events of a trace from what Stage A made of its spans. Source: event-mapping.md section 0, 3.4. */
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { FoldedTrace } from "./folded-trace.ts";
import { addSpans, createTraceState, foldState } from "./trace-state.ts";

/**
 * Folds the spans of one trace. Pure: the same set of spans gives the same result in any order, batching and repetition.
 *
 * @param spans  of one trace. Times are nanoseconds since 1970; an end may precede its start by clock skew. Of two copies of a span the better
 *   one counts; of more than `traceSpansMax` spans the first by (start, span id) are folded, and `overflow` says so.
 */
export function foldTrace(spans: readonly MappedSpan[], context: { readonly tenantId: string }): FoldedTrace {
  const state = createTraceState(context);
  addSpans(state, spans);
  return foldState(state);
}
