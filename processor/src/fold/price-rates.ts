/**
 * The rates of a model at a time, from the price data of `@pydantic/genai-prices`. Source: tenant-traces.md 6.2.
 *
 * A provider is one of the data's own, by its id: prices of one host are not used for another, but where the data says that a host bills
 * models of others as they do. Of a call without a provider the model must tell whose it is.
 */
import type { LlmCallEvent } from "@nonet/proto/event.ts";
import { calcPrice, type MatchLogic, type Provider, waitForUpdate } from "@pydantic/genai-prices";

/** USD per million tokens, or per thousand requests. */
export type Rate = number | { base: number; tiers: { start: number; price: number }[] } | undefined;

export type Rates = Readonly<Record<string, Rate>>;

/** The package gives its data only by this promise, which is settled from the start: nothing is fetched. */
const providers: readonly Provider[] = (await waitForUpdate()) ?? [];

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

/** Matching a model takes tens of microseconds; a process meets few models. Prices may depend on the time of day, to the half hour. */
const ratesCache = new Map<string, Rates | undefined>();
const ratesCacheMax = 2000;
const halfHourNano = 1_800_000_000_000n;

type CallModel = Pick<LlmCallEvent, "provider" | "requestModel" | "responseModel" | "timeUnixNano">;

/** Of the model that answered, else of the one that was asked. */
export function ratesOf(call: CallModel): Rates | undefined {
  const halfHour = BigInt(call.timeUnixNano) / halfHourNano;
  for (const model of [call.responseModel, call.requestModel]) {
    if (model === undefined) continue;
    const key = `${call.provider ?? ""}\n${model}\n${halfHour}`;
    let rates = ratesCache.get(key);
    if (rates === undefined && !ratesCache.has(key)) {
      rates = lookUp(call.provider, model.toLowerCase(), new Date(Number((halfHour * halfHourNano) / 1_000_000n)));
      if (ratesCache.size >= ratesCacheMax) ratesCache.clear();
      ratesCache.set(key, rates);
    }
    if (rates !== undefined) return rates;
  }
  return undefined;
}

function lookUp(provider: string | undefined, model: string, timestamp: Date): Rates | undefined {
  if (provider === undefined) return lookUpEverywhere(model, timestamp);
  const id = providerAliases.get(provider) ?? provider;
  return providers.some((each) => each.id === id) ? ratesAt(id, model, timestamp) : undefined;
}

/** Providers that claim the model as theirs come first: others that also host it may bill it otherwise. */
function lookUpEverywhere(model: string, timestamp: Date): Rates | undefined {
  const owners = providers.filter((each) => each.model_match !== undefined && matches(each.model_match, model));
  for (const among of [owners, providers]) {
    const found = among
      .map((each) => ratesAt(each.id, model, timestamp))
      .filter((rates): rates is Rates => rates !== undefined);
    const different = new Set(found.map((rates) => JSON.stringify(rates)));
    if (different.size > 0) return different.size === 1 ? found[0] : undefined;
  }
  return undefined;
}

function ratesAt(providerId: string, model: string, timestamp: Date): Rates | undefined {
  // Usage decides nothing about which rates match; one token each avoids the package's own checks.
  const price = calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { timestamp, providerId });
  // `as`: the package types tiers as a class; we read its plain fields.
  return price === null ? undefined : (price.model_price as unknown as Rates);
}

function matches(logic: MatchLogic, model: string): boolean {
  if ("or" in logic) return logic.or.some((each) => matches(each, model));
  if ("and" in logic) return logic.and.every((each) => matches(each, model));
  if ("equals" in logic) return model === logic.equals.toLowerCase();
  if ("starts_with" in logic) return model.startsWith(logic.starts_with.toLowerCase());
  if ("ends_with" in logic) return model.endsWith(logic.ends_with.toLowerCase());
  if ("contains" in logic) return model.includes(logic.contains.toLowerCase());
  return new RegExp(logic.regex).test(model);
}
