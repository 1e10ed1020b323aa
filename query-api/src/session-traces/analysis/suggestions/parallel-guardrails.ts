/** Checks of one phase that ran one after the other. Source: session-traces.md 8.5, `parallelize_guardrails`. */
import type { AgentEvent, GuardrailEvalEvent } from "@nonet/proto/event.ts";
import { intervalOf } from "../../breakdown.ts";
import { phaseOf } from "../../guardrail-phase.ts";
import type { SessionTurn } from "../../session-view.ts";
import type { Thresholds } from "../thresholds.ts";
import { latencyOf, type SuggestedChange, savingsBesideLongest } from "./suggestion.ts";

export function parallelizeGuardrails(turn: SessionTurn, thresholds: Thresholds): SuggestedChange[] {
  return adjacentChecks(turn.events).flatMap((checks) => {
    const savings = savingsBesideLongest(
      checks.map((check) => ({ eventId: check.eventId, durationMs: check.durationMs ?? 0 })),
    );
    if (latencyOf(savings) < thresholds["parallelGuardrail.minSavingMs"]) return [];
    return [
      {
        kind: "parallelize_guardrails",
        title: `${checks.length} ${phaseOf(checks[0]?.target) ?? ""} guardrails could run at the same time`,
        detail: `${checks.map((check) => check.guardrailName).join(", ")} ran one after the other.`,
        confidence: "medium",
        events: checks,
        savings,
      },
    ];
  });
}

function adjacentChecks(events: readonly AgentEvent[]): GuardrailEvalEvent[][] {
  const groups: GuardrailEvalEvent[][] = [];
  let group: GuardrailEvalEvent[] = [];
  const close = (): void => {
    if (group.length >= 2) groups.push(group);
    group = [];
  };
  for (const event of events) {
    if (!isCheck(event)) {
      close();
      continue;
    }
    const last = group.at(-1);
    if (last !== undefined && !goesWith(event, last)) close();
    group.push(event);
  }
  close();
  return groups;
}

/** A guardrail of a span of its own: events of other spans have no time of their own. */
function isCheck(event: AgentEvent): event is GuardrailEvalEvent {
  return event.eventType === "guardrail_eval" && event.evalKind === "guardrail" && intervalOf(event) !== undefined;
}

function goesWith(next: GuardrailEvalEvent, last: GuardrailEvalEvent): boolean {
  const phase = phaseOf(next.target);
  const end = intervalOf(last)?.end ?? 0n;
  const start = intervalOf(next)?.start ?? 0n;
  return phase !== null && phase === phaseOf(last.target) && next.parentSpanId === last.parentSpanId && start >= end;
}
