/** What a record is stamped with at receipt, so that derived values stay a function of the spans and these (law 3). */

/** Raised when the mapping of any span may give other events than before; `nonet remap` then brings history along. */
export const mappingVersion = 1;

/** Name and version of the price data: the installed `@pydantic/genai-prices` (a test holds them together). */
export const priceTable = "genai-prices@0.1.8";

/**
 * The stamp of prices: the table, and where the project has prices of its own, the version of the settings that hold them.
 *
 *     genai-prices@0.1.8
 *     genai-prices@0.1.8+settings@3
 */
export function priceVersionOf(settingsVersion: number, hasOverrides: boolean): string {
  return hasOverrides ? `${priceTable}+settings@${settingsVersion}` : priceTable;
}

export interface PriceVersion {
  readonly table: string;
  /** Undefined without prices of the project's own. */
  readonly settingsVersion: number | undefined;
}

export function parsePriceVersion(text: string): PriceVersion {
  const match = /^(.*)\+settings@(\d{1,10})$/.exec(text);
  return match === null
    ? { table: text, settingsVersion: undefined }
    : { table: match[1] ?? "", settingsVersion: Number(match[2]) };
}
