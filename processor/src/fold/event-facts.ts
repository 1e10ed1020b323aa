/** Facts that follow from one event alone and that the store and the APIs must agree on. Source: session-traces.md 1.9, section 3. */
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { AgentEvent, GuardrailEvalEvent } from "@nonet/proto/event.ts";

/** A check that failed and does not say that the content went on has stopped it; a `pass`, `error` or `unknown` never blocks. */
export function isBlocked(event: Pick<GuardrailEvalEvent, "result" | "action" | "evalKind">): boolean {
  if (event.result !== "fail") return false;
  if (event.action !== undefined) return event.action === "block" || event.action === "escalate";
  return event.evalKind === "guardrail" || event.evalKind === "hook";
}

const humans: ReadonlySet<string> = new Set(["human", "human_agent", "live_agent"]);

/** Whether a handoff to this agent is a handoff to a person. */
export function isEscalation(toAgent: string | undefined): boolean {
  return toAgent !== undefined && humans.has(norm(toAgent));
}

/** An `error` event that counts: neither a copy of a failure further down nor one that the span recovered from. */
export function errorCounts(event: AgentEvent): boolean {
  return event.eventType === "error" && !event.propagated && !event.handled;
}

/** A model call that another instrumentation reported too stays visible and leaves every count (contracts/README.md ruling 10). */
export function isCounted(event: AgentEvent): boolean {
  return event.duplicateOf === undefined;
}
