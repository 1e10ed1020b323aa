/** What a record is stamped with at receipt, so that derived values stay a function of the spans and these (law 3). */

/** Raised when the mapping of any span may give other events than before; `nonet remap` then brings history along. */
export const mappingVersion = 1;

/** Name and version of the price data: the installed `@pydantic/genai-prices` (a test holds them together). */
export const priceTable = "genai-prices@0.1.8";
