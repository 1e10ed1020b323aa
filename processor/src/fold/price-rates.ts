/**
 * The rates of a model at a time, from price data in the form of `@pydantic/genai-prices`. Source: tenant-traces.md 6.2.
 *
 * A provider is one of the data's own, by its id: prices of one host are not used for another, but where the data says that a host bills
 * models of others as they do. Of a call without a provider the model must tell whose it is.
 */
import type { LlmCallEvent } from "@nonet/proto/event.ts";
import { priceTable } from "@nonet/proto/versions.ts";
import { calcPrice, type MatchLogic, type ModelInfo, type Provider, waitForUpdate } from "@pydantic/genai-prices";

/** USD per million tokens, or per thousand requests. */
export type Rate = number | { base: number; tiers: { start: number; price: number }[] } | undefined;

export type Rates = Readonly<Record<string, Rate>>;

export type CallModel = Pick<LlmCallEvent, "provider" | "requestModel" | "responseModel" | "timeUnixNano">;

export interface FoundRates {
  readonly rates: Rates;
  /** Name and version of where they stand. */
  readonly priceTable: string;
}

export interface Prices {
  /** Of the model that answered, else of the one that was asked. */
  ratesOf(call: CallModel): FoundRates | undefined;
}

/** The package gives its data only by this promise, which is settled from the start: nothing is fetched. */
const installedProviders: readonly Provider[] = (await waitForUpdate()) ?? [];

/** The table of this version of the program. */
export const installedPrices: Prices = createPriceTable(priceTable, installedProviders);

/** To keep it: a later version of the program can make the same prices of it. */
export function installedPriceText(): string {
  return JSON.stringify(installedProviders);
}

/** @param text  of `installedPriceText`, of this or an earlier version of the program. */
export function parsePriceTable(name: string, text: string): Prices {
  // `as`: the control database gives back what `installedPriceText` was.
  return createPriceTable(name, JSON.parse(text) as Provider[]);
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

/** Matching a model takes tens of microseconds; a process meets few models. Prices may depend on the time of day, to the half hour. */
const ratesCacheMax = 2000;
/** Which model of a provider is meant does not depend on the time: a provider with this model alone answers sooner. */
const narrowedMax = 20_000;
const halfHourNano = 1_800_000_000_000n;

function createPriceTable(name: string, data: readonly Provider[]): Prices {
  const providers = data.map((provider) => withFallbacks(provider, data));
  const known = new Map<string, FoundRates | undefined>();
  const narrowed = new Map<string, Provider | undefined>();

  function ratesAt(provider: Provider, model: string, timestamp: Date): Rates | undefined {
    const key = `${provider.id}\n${model}`;
    const isNarrowed = narrowed.has(key);
    const with_ = isNarrowed ? narrowed.get(key) : provider;
    // Usage decides nothing about which rates match; one token each avoids the package's own checks.
    const price = with_ && calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { timestamp, provider: with_ });
    if (!isNarrowed) {
      if (narrowed.size >= narrowedMax) narrowed.clear();
      narrowed.set(key, price ? { ...provider, models: [price.model] } : undefined);
    }
    // `as`: the package types tiers as a class; we read its plain fields.
    return price ? (price.model_price as unknown as Rates) : undefined;
  }

  function lookUp(provider: string | undefined, model: string, timestamp: Date): Rates | undefined {
    if (provider === undefined) return lookUpEverywhere(model, timestamp);
    const id = providerAliases.get(provider) ?? provider;
    const own = providers.find((each) => each.id === id);
    return own && ratesAt(own, model, timestamp);
  }

  /** Providers that claim the model as theirs come first: others that also host it may bill it otherwise. */
  function lookUpEverywhere(model: string, timestamp: Date): Rates | undefined {
    const owners = providers.filter((each) => each.model_match !== undefined && matches(each.model_match, model));
    for (const among of [owners, providers]) {
      const found = among
        .map((each) => ratesAt(each, model, timestamp))
        .filter((rates): rates is Rates => rates !== undefined);
      const different = new Set(found.map((rates) => JSON.stringify(rates)));
      if (different.size > 0) return different.size === 1 ? found[0] : undefined;
    }
    return undefined;
  }

  return {
    ratesOf(call) {
      const halfHour = BigInt(call.timeUnixNano) / halfHourNano;
      for (const model of [call.responseModel, call.requestModel]) {
        if (model === undefined) continue;
        const key = `${call.provider ?? ""}\n${model}\n${halfHour}`;
        let found = known.get(key);
        if (found === undefined && !known.has(key)) {
          const timestamp = new Date(Number((halfHour * halfHourNano) / 1_000_000n));
          const rates = lookUp(call.provider, model.toLowerCase(), timestamp);
          found = rates && { rates, priceTable: name };
          if (known.size >= ratesCacheMax) known.clear();
          known.set(key, found);
        }
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** The package looks for fallbacks in the data it came with; here they are the table's own. */
function withFallbacks(provider: Provider, data: readonly Provider[]): Provider {
  const { fallback_model_providers: fallbacks = [], ...own } = provider;
  const more = fallbacks.flatMap((id): ModelInfo[] => data.find((each) => each.id === id)?.models ?? []);
  return { ...own, models: [...provider.models, ...more] };
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
