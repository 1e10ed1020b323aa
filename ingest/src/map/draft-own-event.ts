/** Event mapping 3.3: the one event of spans that are guardrails, evaluators, decisions or changes of state; others have none of their own. */
import type { Classification } from "./classify-span.ts";
import { guardrailDraft, type SpanTimes, toDraft } from "./event-draft.ts";
import type { EventDraft } from "./mapped-span.ts";
import { readEvaluation, readGuardrail } from "./read-guardrail.ts";
import { readApproval, readRouting } from "./read-routing.ts";
import { readState } from "./read-state.ts";
import type { SpanContent } from "./span-content.ts";
import type { SpanFacts } from "./span-facts.ts";

export function addOwnEvent(
  { drafts, failed }: SpanContent,
  facts: SpanFacts,
  { class: spanClass, ruleId }: Classification,
  times: SpanTimes,
): void {
  const time = times.end ?? times.start;
  switch (spanClass) {
    case "guardrail":
      drafts.push(guardrailDraft(readGuardrail(facts, failed), { ruleId, discriminator: "", time, times }));
      return;
    case "evaluator":
      drafts.push(guardrailDraft(readEvaluation(facts, failed), { ruleId, discriminator: "", time, times }));
      return;
    case "routing":
    case "approval":
    case "planning":
      drafts.push(decisionDraft(facts, spanClass, ruleId, time));
      return;
    case "state": {
      const state = readState(facts);
      drafts.push(
        toDraft<"state_change">({
          eventType: "state_change",
          discriminator: "",
          phase: "end",
          ruleId,
          name: state.stateKey,
          timeUnixNano: time,
          ...state,
        }),
      );
      return;
    }
    default:
  }
}

function decisionDraft(
  facts: SpanFacts,
  decisionKind: "routing" | "approval" | "planning",
  ruleId: string,
  time: string,
): EventDraft {
  const { reader, name } = facts;
  const reading =
    decisionKind === "routing"
      ? readRouting(facts, ruleId)
      : decisionKind === "approval"
        ? readApproval(facts)
        : { selected: undefined, source: undefined, reason: undefined };
  const { selected, source, reason } = reading;
  const joined =
    decisionKind === "routing" && selected !== undefined
      ? selected.join(", ").slice(0, reader.limits.nameCharsMax)
      : "";
  return toDraft<"decision">({
    eventType: "decision",
    decisionKind,
    discriminator: decisionKind,
    phase: "end",
    ruleId,
    name: joined === "" ? name : joined,
    timeUnixNano: time,
    selected: selected === undefined ? undefined : [...selected],
    source,
    reason,
  });
}
