/**
 * The cost of one model call, in whole units of 10^-12 USD. Source: tenant-traces.md section 6, the only definition of cost.
 *
 * The price data and the matching of providers and models are those of `@pydantic/genai-prices`; the arithmetic is ours, since the package
 * computes in floating point and throws where cached tokens exceed the input.
 */

import type { LlmCallEvent } from "@nonet/proto/event.ts";
import { calcPrice } from "@pydantic/genai-prices";

export interface CallCost {
  units: bigint;
  /** Parts, when computed from the price table. */
  inputUnits: bigint | undefined;
  outputUnits: bigint | undefined;
  source: "reported" | "price_table";
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

/** @returns undefined when the call has no cost: nothing reported, and no usage or no price for it. */
export function costOfCall(call: CostFields): CallCost | undefined {
  if (call.cost !== undefined && Number.isFinite(call.cost) && call.cost >= 0) {
    return { units: usdToUnits(call.cost), inputUnits: undefined, outputUnits: undefined, source: "reported" };
  }
  if (call.usagePartial) return undefined;
  const inputOnly = call.operation === "embeddings" || call.operation === "rerank";
  const input = call.inputTokens;
  const output = call.outputTokens ?? (inputOnly ? 0 : undefined);
  if (input === undefined || output === undefined) return undefined;
  const read = call.cachedInputTokens ?? 0;
  const write = call.cacheWriteInputTokens ?? 0;
  if (read + write > input) return undefined;
  const rates = ratesOf(call);
  if (rates === undefined) return undefined;

  const inputRate = rateAt(rates.input_mtok, input);
  const inputUnits =
    (input - read - write) * inputRate +
    read * rateAt(rates.cache_read_mtok, input, inputRate) +
    write * rateAt(rates.cache_write_mtok, input, inputRate);
  const outputUnits = output * rateAt(rates.output_mtok, input);
  // A price per 1,000 requests in USD is 10^-3 USD a request.
  const requestUnits = rateAt(rates.requests_kcount, input) * 1000;
  return {
    units: BigInt(inputUnits) + BigInt(outputUnits) + BigInt(requestUnits),
    inputUnits: BigInt(inputUnits),
    outputUnits: BigInt(outputUnits),
    source: "price_table",
  };
}

/** USD as a JSON number with at most 9 decimals, rounded half up once. */
export function unitsToUsd(units: bigint): number {
  return Number((units + 500n) / 1000n) / 1e9;
}

export function usdToUnits(usd: number): bigint {
  return BigInt(Math.round(usd * 1e12));
}

type Rate = number | { base: number; tiers: { start: number; price: number }[] } | undefined;

/** USD per million tokens is 10^-6 USD a token: the rate times 10^6 is in our units, a whole number for every price published. */
function rateAt(rate: Rate, inputTokens: number, otherwise = 0): number {
  if (rate === undefined) return otherwise;
  let price = typeof rate === "number" ? rate : rate.base;
  if (typeof rate !== "number") {
    for (const tier of rate.tiers) if (inputTokens > tier.start) price = tier.price;
  }
  return Math.round(price * 1e6);
}

/** The data names providers by other words than the semantic conventions. */
const providerAliases: ReadonlyMap<string, string> = new Map([
  ["aws.bedrock", "aws"],
  ["azure.ai.openai", "azure"],
  ["azure.ai.inference", "azure"],
  ["gcp.gemini", "google"],
  ["gcp.vertex_ai", "google"],
  ["gcp.gen_ai", "google"],
  ["mistral_ai", "mistral"],
  ["moonshot_ai", "moonshotai"],
  ["x_ai", "x-ai"],
]);

type Rates = Readonly<Record<string, Rate>>;

/** Matching a model takes tens of microseconds; a process meets few models. Prices may depend on the time of day, to the half hour. */
const ratesCache = new Map<string, Rates | undefined>();
const ratesCacheMax = 2000;
const halfHourNano = 1_800_000_000_000n;

function ratesOf(call: CostFields): Rates | undefined {
  const halfHour = BigInt(call.timeUnixNano) / halfHourNano;
  for (const model of [call.responseModel, call.requestModel]) {
    if (model === undefined) continue;
    const key = `${call.provider ?? ""}\n${model}\n${halfHour}`;
    let rates = ratesCache.get(key);
    if (rates === undefined && !ratesCache.has(key)) {
      rates = lookUp(call.provider, model, new Date(Number((halfHour * halfHourNano) / 1_000_000n)));
      if (ratesCache.size >= ratesCacheMax) ratesCache.clear();
      ratesCache.set(key, rates);
    }
    if (rates !== undefined) return rates;
  }
  return undefined;
}

function lookUp(provider: string | undefined, model: string, timestamp: Date): Rates | undefined {
  const providerId = provider === undefined ? undefined : (providerAliases.get(provider) ?? provider);
  const options = providerId === undefined ? { timestamp } : { timestamp, providerId };
  // Usage decides nothing about which rates match; one token each avoids the package's own checks.
  const price = calcPrice({ input_tokens: 1, output_tokens: 1 }, model.toLowerCase(), options);
  // `as`: the package types tiers as a class; we read its plain fields.
  return price === null ? undefined : (price.model_price as unknown as Rates);
}
