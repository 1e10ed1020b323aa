/** What some of a call's input tokens cost, at the prices that hold for the call: differences of the one definition of cost. */
import { costOfCall } from "@nonet/processor/fold/cost.ts";
import type { LlmCallEvent } from "@nonet/proto/event.ts";

/** Units that `tokens` uncached input tokens of this call cost; null when its price or its usage is unknown. */
export function inputCostOf(call: LlmCallEvent, tokens: number): bigint | null {
  const total = Math.max(call.inputTokens ?? 0, tokens);
  const whole = unitsOf(call, total, 0);
  const rest = unitsOf(call, total - tokens, 0);
  if (whole === null || rest === null) return null;
  return whole > rest ? whole - rest : 0n;
}

/** Units saved when `tokens` of the call's input were read from the provider's cache instead. */
export function cacheSavingOf(call: LlmCallEvent, tokens: number): bigint | null {
  const total = Math.max(call.inputTokens ?? 0, tokens);
  const uncached = unitsOf(call, total, 0);
  const cached = unitsOf(call, total, tokens);
  if (uncached === null || cached === null) return null;
  return uncached > cached ? uncached - cached : 0n;
}

function unitsOf(call: LlmCallEvent, inputTokens: number, cachedInputTokens: number): bigint | null {
  const { cost: _reported, cacheWriteInputTokens: _written, ...rest } = call;
  const priced = costOfCall({ ...rest, inputTokens, outputTokens: 0, cachedInputTokens, usagePartial: false });
  return priced?.units ?? null;
}
