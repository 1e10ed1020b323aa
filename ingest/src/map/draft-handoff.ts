/** Event mapping 2.10, 3.3: the events of a handoff, whatever span tells of it. */
import { type SpanTimes, toDraft } from "./event-draft.ts";
import type { EventDraft } from "./mapped-span.ts";
import { norm } from "./read-agent.ts";
import { readHandoff } from "./read-handoff.ts";
import type { SpanContent } from "./span-content.ts";
import type { SpanFacts } from "./span-facts.ts";

interface HandoffParts {
  readonly fromAgent: string | undefined;
  readonly target: string | undefined;
  readonly mechanism: "transfer" | "delegation";
  readonly message: string | undefined;
  readonly callId: string | undefined;
}

interface HandoffPlace {
  readonly ruleId: string;
  readonly times: SpanTimes;
  readonly failed: boolean;
}

/** Every handoff is a decision too; one that failed is only a decision. */
export function addHandoff(drafts: EventDraft[], parts: HandoffParts, { ruleId, times, failed }: HandoffPlace): void {
  const { fromAgent, target, mechanism, message, callId } = parts;
  drafts.push(
    toDraft<"decision">({
      eventType: "decision",
      decisionKind: "handoff",
      discriminator: "handoff",
      phase: "start",
      ruleId,
      name: target ?? "?",
      timeUnixNano: times.start,
      selected: target === undefined ? undefined : [target],
      fromAgent,
      toAgent: target,
      callId,
      reason: message,
    }),
  );
  if (failed) return;
  drafts.push(
    toDraft<"handoff">({
      eventType: "handoff",
      discriminator: "",
      phase: "start",
      ruleId,
      name: `${fromAgent ?? "?"} -> ${target ?? "?"}`,
      timeUnixNano: times.start,
      endTimeUnixNano: ruleId === "TOOL-HANDOFF" ? undefined : times.end,
      durationMs: ruleId === "TOOL-HANDOFF" ? undefined : times.durationMs,
      fromAgent,
      toAgent: target,
      mechanism,
      message,
      callId,
    }),
  );
}

export function addHandoffOfSpan(content: SpanContent, facts: SpanFacts, ruleId: string, times: SpanTimes): void {
  const { fromAgent, toAgent } = readHandoff(facts, ruleId);
  addHandoff(
    content.drafts,
    { fromAgent, target: toAgent, mechanism: "transfer", message: undefined, callId: undefined },
    { ruleId, times, failed: false },
  );
  content.handoffTargetNorm = toAgent === undefined ? undefined : norm(toAgent);
}
