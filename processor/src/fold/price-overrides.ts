/**
 * Prices of a project's own, before those of the price table (tenant-traces.md 6.4, control/project-settings.ts).
 *
 * Of the entries that match a call and are in effect when it starts: one for its provider before one for any; one that names the model before the
 * longest beginning (`gpt-4o*`), and that before other patterns, longest first; of equal ones the one in effect since last, of these the last.
 */
import type { PriceOverride } from "@nonet/proto/control/project-settings.ts";
import { createGlob } from "@nonet/proto/glob.ts";
import type { CallModel, FoundRates, Prices, Rate } from "./price-rates.ts";

interface Entry {
  readonly provider: string | undefined;
  matches(model: string): boolean;
  readonly fromUnixNano: bigint;
  /** Higher is better, compared from the first on. */
  readonly rank: readonly [byProvider: number, byForm: number, length: number];
  readonly found: FoundRates;
}

/** @param priceVersion  what costs made of these overrides are marked with. */
export function withOverrides(prices: Prices, overrides: readonly PriceOverride[], priceVersion: string): Prices {
  if (overrides.length === 0) return prices;
  const entries = overrides.map((override) => toEntry(override, priceVersion));
  return {
    ratesOf(call) {
      const at = BigInt(call.timeUnixNano);
      for (const model of [call.responseModel, call.requestModel]) {
        if (model === undefined) continue;
        const found = bestOf(entries, { provider: call.provider, model: model.toLowerCase(), at });
        if (found !== undefined) return found;
      }
      return prices.ratesOf(call);
    },
  };
}

function bestOf(
  entries: readonly Entry[],
  call: { readonly provider: CallModel["provider"]; readonly model: string; readonly at: bigint },
): FoundRates | undefined {
  let best: Entry | undefined;
  for (const entry of entries) {
    if (entry.provider !== undefined && entry.provider !== call.provider) continue;
    if (entry.fromUnixNano > call.at || !entry.matches(call.model)) continue;
    if (best === undefined || compare(entry, best) >= 0) best = entry;
  }
  return best?.found;
}

function compare(a: Entry, b: Entry): number {
  for (const index of [0, 1, 2] as const) {
    if (a.rank[index] !== b.rank[index]) return a.rank[index] - b.rank[index];
  }
  return a.fromUnixNano < b.fromUnixNano ? -1 : a.fromUnixNano > b.fromUnixNano ? 1 : 0;
}

function toEntry(override: PriceOverride, priceVersion: string): Entry {
  const { provider, model, from, input, output, cacheRead, cacheWrite, perRequest } = override;
  const pattern = model.toLowerCase();
  const star = pattern.indexOf("*");
  const form = star === -1 ? 2 : star === pattern.length - 1 ? 1 : 0;
  return {
    provider,
    matches: createGlob([pattern]),
    fromUnixNano: from === undefined ? 0n : BigInt(Date.parse(from)) * 1_000_000n,
    rank: [provider === undefined ? 0 : 1, form, pattern.replaceAll("*", "").length],
    found: {
      priceTable: priceVersion,
      rates: {
        input_mtok: toRate(input),
        output_mtok: toRate(output),
        cache_read_mtok: toRate(cacheRead),
        cache_write_mtok: toRate(cacheWrite),
        requests_kcount: perRequest === undefined ? undefined : perRequest * 1000,
      },
    },
  };
}

function toRate(rate: PriceOverride["cacheRead"]): Rate {
  if (rate === undefined || typeof rate === "number") return rate;
  const tiers = rate.tiers.map(({ above, price }) => ({ start: above, price }));
  return { base: rate.base, tiers: tiers.sort((a, b) => a.start - b.start) };
}
