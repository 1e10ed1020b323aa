/**
 * What the stamps of spans and traces mean: settings and price tables by their versions. A version never changes, so what is made of it is kept,
 * within a bound.
 */
import { createScopeFilter } from "@nonet/ingest/map/ignored-scope.ts";
import type { SettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { parsePriceVersion, priceTable } from "@nonet/proto/versions.ts";
import { withOverrides } from "../fold/price-overrides.ts";
import { installedPrices, type Prices, parsePriceTable } from "../fold/price-rates.ts";

export interface StampMeanings {
  /**
   * Which scopes a version of the settings ignores; undefined where it ignores none.
   * @throws PipelineError `CONTROL_UNAVAILABLE` (retryable).
   */
  scopeFilter(projectId: string, settingsVersion: number): Promise<((scopeName: string) => boolean) | undefined>;
  /**
   * @returns undefined for a table that was never kept.
   * @throws PipelineError `CONTROL_UNAVAILABLE` (retryable).
   */
  prices(projectId: string, priceVersion: string): Promise<Prices | undefined>;
}

export interface StampMeaningsDeps {
  readonly settings: Pick<SettingsCache, "at">;
  loadPriceTable(name: string): Promise<string | undefined>;
}

/** A table has some megabytes of memory; history spans few. */
const tablesMax = 4;
const meaningsMax = 1_000;

export function createStampMeanings(deps: StampMeaningsDeps): StampMeanings {
  const tables = new Map<string, Prices>([[priceTable, installedPrices]]);
  const priced = new Map<string, Prices>();
  const filters = new Map<string, ((scopeName: string) => boolean) | undefined>();

  async function tableOf(name: string): Promise<Prices | undefined> {
    const known = tables.get(name);
    if (known !== undefined) return known;
    const text = await deps.loadPriceTable(name);
    if (text === undefined) return undefined;
    const table = parsePriceTable(name, text);
    keep(tables, name, table, tablesMax);
    return table;
  }

  return {
    async scopeFilter(projectId, settingsVersion) {
      const key = `${projectId}\n${settingsVersion}`;
      if (filters.has(key)) return filters.get(key);
      const { ignoredScopes } = await deps.settings.at(projectId, settingsVersion);
      const filter = createScopeFilter(ignoredScopes);
      keep(filters, key, filter, meaningsMax);
      return filter;
    },
    async prices(projectId, priceVersion) {
      if (priceVersion === priceTable) return installedPrices;
      const key = `${projectId}\n${priceVersion}`;
      const known = priced.get(key);
      if (known !== undefined) return known;
      const { table: name, settingsVersion } = parsePriceVersion(priceVersion);
      const table = await tableOf(name);
      if (table === undefined) return undefined;
      const overrides =
        settingsVersion === undefined ? [] : (await deps.settings.at(projectId, settingsVersion)).priceOverrides;
      const prices = withOverrides(table, overrides, priceVersion);
      keep(priced, key, prices, meaningsMax);
      return prices;
    },
  };
}

/** Drops what was kept first when there are too many. */
function keep<V>(entries: Map<string, V>, key: string, value: V, entriesMax: number): void {
  if (entries.size >= entriesMax) {
    const [first] = entries.keys();
    if (first !== undefined) entries.delete(first);
  }
  entries.set(key, value);
}
