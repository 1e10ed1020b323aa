/** Where the time of a turn went: four parts that add up to its latency exactly. Source: session-traces.md 7.1. */
import { isCounted } from "@nonet/processor/fold/event-facts.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import { type Interval, unionLength } from "./interval.ts";
import { toMs } from "./numbers.ts";

export interface LatencyBreakdown {
  llmMs: number;
  toolMs: number;
  guardrailMs: number;
  otherMs: number;
}

/**
 * Parallel work is not counted twice, and model time inside a tool (an agent used as a tool) counts as model time.
 *
 * @param turn  start and end of the turn; what lies outside does not count.
 */
export function breakdownOf(events: readonly AgentEvent[], turn: Interval): LatencyBreakdown {
  const llm = intervalsOf(events, (event) => event.eventType === "llm_call" && isCounted(event));
  const tool = intervalsOf(events, (event) => event.eventType === "tool_result");
  const guardrail = intervalsOf(
    events,
    (event) => event.eventType === "guardrail_eval" && event.evalKind !== "evaluation",
  );
  const withLlm = unionLength(llm, turn);
  const withTools = unionLength([...llm, ...tool], turn);
  const withGuardrails = unionLength([...llm, ...tool, ...guardrail], turn);
  return {
    llmMs: toMs(withLlm),
    toolMs: toMs(withTools - withLlm),
    guardrailMs: toMs(withGuardrails - withTools),
    otherMs: toMs(turn.end - turn.start - withGuardrails),
  };
}

function intervalsOf(events: readonly AgentEvent[], isWanted: (event: AgentEvent) => boolean): Interval[] {
  return events.flatMap((event) => {
    const interval = isWanted(event) ? intervalOf(event) : undefined;
    return interval === undefined ? [] : [interval];
  });
}

/** The time an event covers (session-traces.md 1.8); undefined without an end and a duration. */
export function intervalOf(event: AgentEvent): Interval | undefined {
  if (event.endTimeUnixNano === undefined || event.durationMs === undefined) return undefined;
  const end = BigInt(event.endTimeUnixNano);
  return { start: end - BigInt(Math.round(event.durationMs * 1e6)), end };
}
