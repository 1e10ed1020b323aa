import { installedPrices } from "../../fold/price-rates.ts";
import type { StampMeanings } from "../stamp-meanings.ts";

/** Of projects without settings, on the installed price table. */
export const plainStamps: StampMeanings = {
  scopeFilter: async () => undefined,
  prices: async () => installedPrices,
};
