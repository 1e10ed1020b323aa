import { type PriceOverride, projectSettingsSchema } from "@nonet/proto/control/project-settings.ts";
import { expect, it } from "vitest";
import { costOfCall, unitsToUsd } from "./cost.ts";
import { withOverrides } from "./price-overrides.ts";
import { installedPrices, installedPriceText, parsePriceTable } from "./price-rates.ts";

const version = "genai-prices@1+settings@7";
const nano = (text: string) => `${BigInt(Date.parse(text)) * 1_000_000n}`;
const call: Parameters<typeof costOfCall>[0] = {
  operation: "chat",
  provider: "openai",
  requestModel: "gpt-4o",
  timeUnixNano: nano("2026-01-15T12:00:00Z"),
  inputTokens: 1_000_000,
  outputTokens: 1_000_000,
};

function modelCall(provider: string | undefined, requestModel: string) {
  return { timeUnixNano: call.timeUnixNano, requestModel, ...(provider === undefined ? {} : { provider }) };
}

function cost(overrides: object[], change: object = {}) {
  const settings = projectSettingsSchema.parse({ priceOverrides: overrides });
  const found = costOfCall({ ...call, ...change }, withOverrides(installedPrices, settings.priceOverrides, version));
  return found === undefined ? undefined : [unitsToUsd(found.units), found.priceTable === version];
}

it.each<[string, object[], object, number | undefined]>([
  ["names the model", [{ model: "gpt-4o", input: 1, output: 2 }], {}, 3],
  ["any case", [{ model: "GPT-4O", input: 1, output: 2 }], { requestModel: "Gpt-4o" }, 3],
  [
    "the model that answered first",
    [
      { model: "a", input: 1, output: 1 },
      { model: "b", input: 5, output: 5 },
    ],
    { requestModel: "a", responseModel: "b" },
    10,
  ],
  ["the model that was asked", [{ model: "a", input: 1, output: 1 }], { requestModel: "a", responseModel: "b" }, 2],
  [
    "one for the provider before one for any",
    [
      { provider: "openai", model: "*", input: 4, output: 4 },
      { model: "gpt-4o", input: 1, output: 1 },
    ],
    {},
    8,
  ],
  [
    "a name before a beginning",
    [
      { model: "gpt-4o", input: 1, output: 1 },
      { model: "gpt-4o*", input: 9, output: 9 },
    ],
    {},
    2,
  ],
  [
    "the longest beginning",
    [
      { model: "gpt-4*", input: 1, output: 1 },
      { model: "gpt*", input: 9, output: 9 },
    ],
    {},
    2,
  ],
  [
    "a beginning before other patterns",
    [
      { model: "g*", input: 1, output: 1 },
      { model: "*gpt-4o", input: 9, output: 9 },
    ],
    {},
    2,
  ],
  [
    "the last of equal ones",
    [
      { model: "gpt-4o", input: 1, output: 1 },
      { model: "gpt-4o", input: 2, output: 2 },
    ],
    {},
    4,
  ],
  [
    "by the time of the call",
    [
      { model: "gpt-4o", from: "2026-01-15T12:00:00.001Z", input: 9, output: 9 },
      { model: "gpt-4o", from: "2026-01-15T13:00:00+01:00", input: 2, output: 2 },
      { model: "gpt-4o", input: 1, output: 1 },
    ],
    {},
    4,
  ],
  [
    "tiers",
    [
      {
        model: "*",
        input: {
          base: 1,
          tiers: [
            { above: 10, price: 7 },
            { above: 5, price: 3 },
          ],
        },
        output: 0,
      },
    ],
    {},
    7,
  ],
  [
    "cached tokens and a price a call",
    [{ model: "*", input: 1, output: 0, cacheRead: 0.1, cacheWrite: 2, perRequest: 0.5 }],
    { cachedInputTokens: 500_000, cacheWriteInputTokens: 250_000 },
    0.5 + 0.25 + 0.05 + 0.5,
  ],
  ["cached tokens at the rate of input", [{ model: "*", input: 1, output: 0 }], { cachedInputTokens: 500_000 }, 1],
])("takes %s", (_, overrides, change, usd) => {
  expect(cost(overrides, change)).toEqual([usd, true]);
});

it("leaves the rest to the table, and a reported cost alone", () => {
  const own = [{ provider: "openai", model: "gpt-4o", from: "2026-02-01T00:00:00Z", input: 9, output: 9 }];
  const plain = costOfCall(call);
  expect(cost(own)).toEqual([unitsToUsd(plain?.units ?? 0n), false]);
  expect(cost(own, { provider: "azure" })?.[1]).toBe(false);
  expect(cost([{ model: "*", input: 9, output: 9 }], { cost: 0.25 })).toEqual([0.25, false]);
  expect(cost(own, { requestModel: "nobody-knows-this" })).toBeUndefined();
});

it("makes the same prices of a table that was kept", () => {
  const kept = parsePriceTable("kept@1", installedPriceText());
  // `as`: what installedPriceText writes.
  const providers = JSON.parse(installedPriceText()) as { id: string; models: { id: string }[] }[];
  let priced = 0;
  for (const provider of providers) {
    for (const { id } of provider.models) {
      for (const named of [provider.id, undefined]) {
        const known = installedPrices.ratesOf(modelCall(named, id));
        const again = kept.ratesOf(modelCall(named, id));
        expect(JSON.stringify(again?.rates)).toBe(JSON.stringify(known?.rates));
        if (again !== undefined) priced += 1;
      }
      if (priced > 300) break;
    }
  }
  expect(priced).toBeGreaterThan(100);
  expect(kept.ratesOf(call)?.priceTable).toBe("kept@1");
});

it("refuses overrides that are none", () => {
  const bad: Partial<Record<keyof PriceOverride, unknown>>[] = [
    { model: "a", input: -1, output: 1 },
    { model: "a", input: 1 },
    { model: "", input: 1, output: 1 },
    { model: "a", input: 1, output: 1, from: "yesterday" },
    { model: "a", input: Number.NaN, output: 1 },
  ];
  for (const override of bad) {
    expect(projectSettingsSchema.safeParse({ priceOverrides: [override] }).success).toBe(false);
  }
});
