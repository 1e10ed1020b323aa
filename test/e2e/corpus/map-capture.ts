/** The events of a capture as the product counts them: every trace mapped by itself, calls that another trace reports too marked. */

import { mapTrace } from "@nonet/processor/fold/map-trace.ts";
import { findCopiesAcross, markCopies } from "@nonet/processor/fold/trace-copies.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { readCapture } from "./read-capture.ts";

export function mapCapture(name: string): AgentEvent[] {
  return mapSpans(readCapture(name));
}

/** Spans of any number of traces, in any order. Traces follow each other as they began. */
export function mapSpans(spans: readonly DecodedSpan[]): AgentEvent[] {
  const traces = new Map<string, DecodedSpan[]>();
  for (const span of spans) {
    const trace = traces.get(span.traceId);
    if (trace === undefined) traces.set(span.traceId, [span]);
    else trace.push(span);
  }
  const ordered = [...traces.values()].sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1));
  const folded = ordered.map((trace) => mapTrace(trace, { tenantId: "test" }));
  const marks = findCopiesAcross(folded, "test");
  return folded.flatMap((trace) => markCopies(trace, marks).events);
}

function startOf(trace: readonly DecodedSpan[]): bigint {
  return trace.reduce(
    (start, span) => (span.startTimeUnixNano < start ? span.startTimeUnixNano : start),
    trace[0]?.startTimeUnixNano ?? 0n,
  );
}
