/**
 * Usage and cost of a turn, and their sums. Source: session-traces.md 1.14 and the null rules of 2.5, contracts/README.md ruling 7.
 *
 * A turn's usage is the sum over its countable calls (not partial, not a copy that another instrumentation reported too); a turn without any
 * has what its root reported. Never both. `null` is unknown, 0 is known to be none.
 */
import type { AgentEvent, LlmCallEvent, TokenUsage } from "@nonet/proto/event.ts";
import { isAmount, usdToUnits } from "./cost.ts";
import { isCounted } from "./event-facts.ts";

export interface UsageSums {
  inputTokens: number | null;
  outputTokens: number | null;
  totalTokens: number | null;
  cachedInputTokens: number | null;
  cacheWriteInputTokens: number | null;
  reasoningTokens: number | null;
}

export interface TurnUsage {
  readonly usage: UsageSums;
  /** 10^-12 USD. */
  readonly costUnits: bigint | null;
  /** Where the usage comes from; `none` when nothing called a model. */
  readonly source: "calls" | "aggregate" | "none";
}

const usageFields = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "cachedInputTokens",
  "cacheWriteInputTokens",
  "reasoningTokens",
] as const satisfies readonly (keyof TokenUsage)[];

/** @param costOf  units of one call, null without a cost. */
export function usageOfTurn(events: readonly AgentEvent[], costOf: (call: LlmCallEvent) => bigint | null): TurnUsage {
  const calls = events.filter((event) => event.eventType === "llm_call" && isCounted(event)) as LlmCallEvent[];
  const countable = calls.filter((call) => call.usagePartial !== true);
  if (countable.length > 0) {
    return { usage: sumUsage(countable.map(usageOf)), costUnits: sumUnits(countable.map(costOf)), source: "calls" };
  }
  const response = events.findLast((event) => event.eventType === "response");
  const aggregate = response?.usageAggregate;
  if (aggregate !== undefined) {
    const { cost } = aggregate;
    const costUnits = cost === undefined || !isAmount(cost) ? null : usdToUnits(cost);
    return { usage: usageOf(aggregate), costUnits, source: "aggregate" };
  }
  // Partial calls alone: work was done, its amount is unknown.
  if (calls.length > 0) return { usage: usageOf({}), costUnits: null, source: "calls" };
  return { usage: sumUsage([]), costUnits: 0n, source: "none" };
}

export function usageOf(reported: TokenUsage): UsageSums {
  return {
    inputTokens: reported.inputTokens ?? null,
    outputTokens: reported.outputTokens ?? null,
    totalTokens: reported.totalTokens ?? null,
    cachedInputTokens: reported.cachedInputTokens ?? null,
    cacheWriteInputTokens: reported.cacheWriteInputTokens ?? null,
    reasoningTokens: reported.reasoningTokens ?? null,
  };
}

export function sumUsage(items: readonly UsageSums[]): UsageSums {
  const sums = usageOf({});
  for (const field of usageFields) sums[field] = sumNumbers(items.map((item) => item[field]));
  return sums;
}

/** 0 over no items; null over items none of which reports; else the sum of those that do. */
export function sumNumbers(items: readonly (number | null)[]): number | null {
  if (items.length === 0) return 0;
  let sum: number | null = null;
  for (const item of items) if (item !== null) sum = (sum ?? 0) + item;
  return sum;
}

/** The same for money. */
export function sumUnits(items: readonly (bigint | null)[]): bigint | null {
  if (items.length === 0) return 0n;
  let sum: bigint | null = null;
  for (const item of items) if (item !== null) sum = (sum ?? 0n) + item;
  return sum;
}
