import type { GuardrailPhase } from "./trace-event.ts";

const phases: ReadonlyMap<string, GuardrailPhase> = new Map([
  ["input", "input"],
  ["user_prompt", "input"],
  ["llm_input", "input"],
  ["output", "output"],
  ["model_response", "output"],
  ["llm_output", "output"],
  ["tool_input", "tool_input"],
  ["tool_call", "tool_input"],
  ["tool_output", "tool_output"],
  ["tool_result", "tool_output"],
]);

/** Where a guardrail stands, by what it looked at. Source: session-traces.md 1.9. */
export function phaseOf(target: string | undefined): GuardrailPhase | null {
  return target === undefined ? null : (phases.get(target.toLowerCase()) ?? null);
}
