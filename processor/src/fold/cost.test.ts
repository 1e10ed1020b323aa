import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { priceTable } from "@nonet/proto/versions.ts";
import { expect, test } from "vitest";
import { costOfCall, unitsToUsd } from "./cost.ts";

const at = (date: string) => `${BigInt(Date.parse(date)) * 1_000_000n}`;
const base = { operation: "chat", timeUnixNano: at("2026-05-04T09:00:00Z") };

// tenant-traces.md 6.3, the rows whose rates stand in the shipped data.
const examples: [string, Parameters<typeof costOfCall>[0], number | null][] = [
  [
    "gpt-4o, 820 in, 60 out",
    { ...base, provider: "openai", responseModel: "gpt-4o-2024-08-06", inputTokens: 820, outputTokens: 60 },
    0.00265,
  ],
  [
    "cached and written input",
    {
      ...base,
      provider: "anthropic",
      requestModel: "claude-sonnet-4-20250514",
      inputTokens: 1000,
      cachedInputTokens: 200,
      cacheWriteInputTokens: 100,
      outputTokens: 100,
    },
    0.004035,
  ],
  [
    "a tier above 200,000 holds for all tokens",
    { ...base, provider: "gcp.vertex_ai", requestModel: "gemini-2.5-pro", inputTokens: 300_000, outputTokens: 100 },
    0.7515,
  ],
  [
    "200,000 is the base tier",
    { ...base, provider: "gcp.vertex_ai", requestModel: "gemini-2.5-pro", inputTokens: 200_000, outputTokens: 100 },
    0.251,
  ],
  [
    "o3 before its price cut",
    {
      ...base,
      timeUnixNano: at("2025-05-01T00:00:00Z"),
      provider: "openai",
      requestModel: "o3",
      inputTokens: 1000,
      outputTokens: 100,
    },
    0.014,
  ],
  [
    "o3 after its price cut",
    {
      ...base,
      timeUnixNano: at("2025-07-01T00:00:00Z"),
      provider: "openai",
      requestModel: "o3",
      inputTokens: 1000,
      outputTokens: 100,
    },
    0.0028,
  ],
  [
    "embeddings need only input",
    { ...base, operation: "embeddings", provider: "openai", requestModel: "text-embedding-3-small", inputTokens: 1000 },
    0.00002,
  ],
  [
    "input normalised to include what was read",
    {
      ...base,
      provider: "openai",
      requestModel: "gpt-4o",
      inputTokens: 2200,
      cachedInputTokens: 1200,
      outputTokens: 0,
    },
    0.004,
  ],
  [
    "reported cost wins",
    { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 1, outputTokens: 1, cost: 0.5 },
    0.5,
  ],
  [
    "unknown model",
    { ...base, provider: "openai", requestModel: "no-such-model", inputTokens: 1, outputTokens: 1 },
    null,
  ],
  [
    "known model at an unknown provider",
    { ...base, provider: "acme", requestModel: "gpt-4o", inputTokens: 1, outputTokens: 1 },
    null,
  ],
  ["no output count", { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 1 }, null],
  [
    "partial usage",
    { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 1, outputTokens: 1, usagePartial: true },
    null,
  ],
  [
    "more cached than input",
    { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 10, cachedInputTokens: 20, outputTokens: 1 },
    null,
  ],
];

test.each(examples)("tenant-traces.md 6: %s", (_name, call, expected) => {
  const cost = costOfCall(call);
  expect(cost === undefined ? null : unitsToUsd(cost.units)).toBe(expected);
});

test("parts add up to the whole when there is no price per request", () => {
  const cost = costOfCall(examples[1]?.[1] ?? { ...base });
  expect((cost?.inputUnits ?? 0n) + (cost?.outputUnits ?? 0n)).toBe(cost?.units);
});

test("the stamp names the price data that is installed", () => {
  const entry = createRequire(import.meta.url).resolve("@pydantic/genai-prices");
  const manifest: { version: string } = JSON.parse(readFileSync(new URL("../package.json", `file://${entry}`), "utf8"));
  expect(priceTable).toBe(`genai-prices@${manifest.version}`);
});
