/** Event mapping 3.3: the drafts of ERROR and of CONTROL-FLOW. */
import { type SpanTimes, toDraft } from "./event-draft.ts";
import type { ControlFlow, EventDraft } from "./mapped-span.ts";
import type { ErrorReading } from "./read-errors.ts";
import type { SpanContent } from "./span-content.ts";
import type { SpanFacts } from "./span-facts.ts";

export function addErrors(drafts: EventDraft[], reading: ErrorReading, times: SpanTimes): void {
  for (const error of reading.errors) {
    drafts.push(
      toDraft<"error">({
        eventType: "error",
        discriminator: error.discriminator,
        phase: "end",
        ruleId: "ERROR",
        name: error.errorType,
        timeUnixNano: error.discriminator === "status" ? (times.end ?? times.start) : error.timeUnixNano.toString(),
        errorType: error.errorType,
        message: error.message,
        stack: error.stack,
        handled: error.handled,
        propagated: false,
        sourceKind: error.sourceKind,
      }),
    );
  }
}

export function readControlFlow(
  facts: SpanFacts,
  errors: ErrorReading,
  times: SpanTimes,
  { toolHandoff, toolName, callId }: Pick<SpanContent, "toolHandoff" | "toolName" | "callId">,
): ControlFlow[] {
  const flows: ControlFlow[] = [];
  for (const { type, kind, reason } of errors.controlFlow) {
    // A handoff tool of LangGraph ends by raising the command that hands over.
    if (kind === "routing" && toolHandoff !== undefined) continue;
    const draft = toDraft<"decision">({
      eventType: "decision",
      decisionKind: kind,
      discriminator: kind,
      phase: "end",
      ruleId: "CONTROL-FLOW",
      name: kind === "routing" ? facts.name : (toolName ?? facts.name),
      timeUnixNano: times.end ?? times.start,
      callId: kind === "routing" ? undefined : callId,
      reason,
    });
    flows.push({ type, kind, draft });
  }
  return flows;
}
