/** The live tree of one trace as it is projected: enough to draw it, without content. Large trees are left to the store. */
import type { TraceProjection } from "@nonet/proto/projection/projection.ts";
import type { FoldedSpan } from "../fold/folded-trace.ts";
import type { MaterializedTrace } from "./materialize.ts";

/** A larger tree is projected as its summary alone. */
const treeSpansMax = 2_000;

export function toTraceProjection(trace: MaterializedTrace): TraceProjection {
  const { folded } = trace;
  const whole = folded.spans.length <= treeSpansMax;
  return {
    projectId: trace.projectId,
    traceId: folded.traceId,
    version: trace.version,
    tree: JSON.stringify({
      traceId: folded.traceId,
      spanCount: folded.spans.length,
      eventCount: folded.events.length,
      spans: whole ? folded.spans.map(toNode) : null,
    }),
  };
}

function toNode(span: FoldedSpan): unknown {
  return {
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? null,
    orphan: span.orphan,
    name: span.name,
    class: span.class,
    sessionId: span.sessionId,
    agentName: span.agentName ?? null,
    startTimeUnixNano: span.startTimeUnixNano.toString(),
    endTimeUnixNano: span.endTimeUnixNano === 0n ? null : span.endTimeUnixNano.toString(),
    failed: span.failed,
    events: span.events.map((event) => ({ id: event.eventId, type: event.eventType, name: event.name })),
  };
}
