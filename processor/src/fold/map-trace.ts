/** The whole mapping of one trace, both stages. Source: event-mapping.md section 0. */
import { toIgnored } from "@nonet/ingest/map/ignored-scope.ts";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { foldTrace } from "./fold-trace.ts";
import type { FoldedTrace } from "./folded-trace.ts";

export interface TraceContext {
  /** Part of event ids. */
  readonly tenantId: string;
  /** Spans of instrumentation scopes that the project ignored when it received them. */
  readonly ignoredSpanIds?: ReadonlySet<string> | undefined;
}

/** @param spans  of one trace, in any order, repeats allowed. */
export function mapTrace(spans: readonly DecodedSpan[], context: TraceContext): FoldedTrace {
  const { ignoredSpanIds } = context;
  return foldTrace(
    spans.map((span) => (ignoredSpanIds?.has(span.spanId) ? toIgnored(mapSpan(span)) : mapSpan(span))),
    context,
  );
}
