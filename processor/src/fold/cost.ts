/**
 * The cost of one model call, in whole units of 10^-12 USD. Source: tenant-traces.md section 6, the only definition of cost.
 *
 * The price data and the matching of providers and models are those of `@pydantic/genai-prices`; the arithmetic is ours, since the package
 * computes in floating point and throws where cached tokens exceed the input.
 */

import type { LlmCallEvent } from "@nonet/proto/event.ts";
import { installedPrices, type Prices, type Rate } from "./price-rates.ts";

export interface CallCost {
  units: bigint;
  /** Parts, when computed from the price table. */
  inputUnits: bigint | undefined;
  outputUnits: bigint | undefined;
  source: "reported" | "price_table";
  /** Name and version of the table, and of the project's own prices when they gave the rates; undefined for a reported cost. */
  priceTable: string | undefined;
}

type CostFields = Pick<
  LlmCallEvent,
  | "provider"
  | "requestModel"
  | "responseModel"
  | "operation"
  | "timeUnixNano"
  | "inputTokens"
  | "outputTokens"
  | "cachedInputTokens"
  | "cacheWriteInputTokens"
  | "usagePartial"
  | "cost"
>;

export type CostOf = (call: LlmCallEvent) => CallCost | undefined;

/**
 * @param prices  those of the stamp of the call's trace; those of the installed table when left out.
 * @returns undefined when the call has no cost: nothing reported, and no usage or no price for it.
 */
export function costOfCall(call: CostFields, prices: Prices = installedPrices): CallCost | undefined {
  if (call.cost !== undefined && isAmount(call.cost)) {
    const units = usdToUnits(call.cost);
    return { units, inputUnits: undefined, outputUnits: undefined, source: "reported", priceTable: undefined };
  }
  if (call.usagePartial) return undefined;
  const inputOnly = call.operation === "embeddings" || call.operation === "rerank";
  const input = call.inputTokens;
  const output = call.outputTokens ?? (inputOnly ? 0 : undefined);
  if (input === undefined || output === undefined) return undefined;
  const read = call.cachedInputTokens ?? 0;
  const write = call.cacheWriteInputTokens ?? 0;
  if (read + write > input || ![input, output, read, write].every(Number.isSafeInteger)) return undefined;
  const found = prices.ratesOf(call);
  if (found === undefined) return undefined;
  const { rates, priceTable } = found;

  const inputRate = rateAt(rates.input_mtok, input);
  const inputUnits =
    BigInt(input - read - write) * inputRate +
    BigInt(read) * rateAt(rates.cache_read_mtok, input, inputRate) +
    BigInt(write) * rateAt(rates.cache_write_mtok, input, inputRate);
  const outputUnits = BigInt(output) * rateAt(rates.output_mtok, input);
  // A price per 1,000 requests in USD is 10^-3 USD a request.
  const requestUnits = rateAt(rates.requests_kcount, input) * 1000n;
  const units = inputUnits + outputUnits + requestUnits;
  return units > unitsMax ? undefined : { units, inputUnits, outputUnits, source: "price_table", priceTable };
}

/** What a signed integer of 64 bits holds: nine million dollars for one call. */
const unitsMax = 2n ** 63n - 1n;

/** USD as a JSON number with at most 9 decimals, rounded half up once. */
export function unitsToUsd(units: bigint): number {
  return Number((units + 500n) / 1000n) / 1e9;
}

/** @param usd  an amount as `isAmount` says. */
export function usdToUnits(usd: number): bigint {
  return BigInt(Math.round(usd * 1e12));
}

/** Whether a sender can mean this number as a cost in USD: not negative, not NaN or infinite, and not beyond what is stored. */
export function isAmount(usd: number): boolean {
  return usd >= 0 && usd * 1e12 < Number(unitsMax);
}

/** USD per million tokens is 10^-6 USD a token: the rate times 10^6 is in our units, a whole number for every price published. */
function rateAt(rate: Rate, inputTokens: number, otherwise = 0n): bigint {
  if (rate === undefined) return otherwise;
  let price = typeof rate === "number" ? rate : rate.base;
  if (typeof rate !== "number") {
    for (const tier of rate.tiers) if (inputTokens > tier.start) price = tier.price;
  }
  return BigInt(Math.round(price * 1e6));
}
