/** A turn of the view as the API shows it: equal to the one that the session's rows give. Source: session-traces.md 1.5. */
import { toMs, toTimestamp } from "./numbers.ts";
import type { Turn } from "./session.ts";
import type { SessionTurn } from "./session-view.ts";

export function toTurn(turn: SessionTurn): Turn {
  return {
    turnId: turn.turnId,
    runId: turn.runId ?? null,
    index: turn.index,
    traceId: turn.traceId,
    rootSpanId: turn.rootSpanId,
    startTime: toTimestamp(turn.startUnixNano),
    startTimeUnixNano: turn.startUnixNano.toString(),
    endTimeUnixNano: turn.endUnixNano?.toString() ?? null,
    latencyMs: turn.endUnixNano === undefined ? null : toMs(turn.endUnixNano - turn.startUnixNano),
    extentMs: toMs(turn.extentEndUnixNano - turn.extentStartUnixNano),
    status: turn.status,
    eventCount: turn.eventCount,
  };
}
