import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { priceTable } from "@nonet/proto/versions.ts";
import { expect, test } from "vitest";
import { costOfCall, unitsToUsd } from "./cost.ts";

const at = (date: string) => `${BigInt(Date.parse(date)) * 1_000_000n}`;
const base = { operation: "chat", timeUnixNano: at("2026-05-04T09:00:00Z") };

// tenant-traces.md 6.3, the rows whose rates stand in the shipped data.
type Example = [string, Parameters<typeof costOfCall>[0], number | null];

const examples: Example[] = [
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
    "a provider that only resembles a known one",
    { ...base, provider: "my-openai-proxy", requestModel: "gpt-4o", inputTokens: 1, outputTokens: 1 },
    null,
  ],
  [
    "no provider, a model that one provider calls its own",
    { ...base, requestModel: "gpt-4o", inputTokens: 820, outputTokens: 60 },
    0.00265,
  ],
  [
    "no provider, a model that hosts bill differently",
    { ...base, requestModel: "meta-llama/Llama-3.3-70B-Instruct", inputTokens: 1000, outputTokens: 100 },
    null,
  ],
  [
    "anthropic, 250 in, 1,000 out",
    {
      ...base,
      provider: "anthropic",
      requestModel: "claude-3-5-sonnet-20241022",
      inputTokens: 250,
      outputTokens: 1000,
    },
    0.01575,
  ],
  [
    "the response's model before the request's, in any case",
    { ...base, provider: "openai", requestModel: "o3", responseModel: "GPT-4o", inputTokens: 820, outputTokens: 60 },
    0.00265,
  ],
  ["half a token", { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 10.5, outputTokens: 1 }, null],
  [
    "tokens beyond counting",
    { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 1e300, outputTokens: 1 },
    null,
  ],
  ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 1e300].map(
    (cost): Example => [
      `a reported cost of ${cost} is ignored`,
      { ...base, provider: "openai", requestModel: "gpt-4o", inputTokens: 820, outputTokens: 60, cost },
      0.00265,
    ],
  ),
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

test.each(examples)("tenant-traces.md 6 (T27 to T29): %s", (_name, call, expected) => {
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

test.each([
  ["gcp.gemini", "gemini-2.5-pro"],
  ["gcp.vertex_ai", "gemini-2.5-pro"],
  ["gcp.gen_ai", "gemini-2.5-pro"],
  ["azure.ai.openai", "gpt-4o"],
  ["azure.ai.inference", "gpt-4o"],
  ["mistral_ai", "mistral-large-latest"],
  ["moonshot_ai", "kimi-k2-0905-preview"],
  ["x_ai", "grok-3"],
  ["aws.bedrock", "amazon.nova-pro-v1:0"],
])("tenant-traces.md 6.2 (T29): %s has prices", (provider, requestModel) => {
  expect(costOfCall({ ...base, provider, requestModel, inputTokens: 1000, outputTokens: 100 })?.units).toBeGreaterThan(
    0n,
  );
});

test("a sum of 1,000 calls of a millionth is a thousandth", () => {
  const cost = costOfCall({ ...base, cost: 0.000_001 });
  expect(unitsToUsd(1000n * (cost?.units ?? 0n))).toBe(0.001);
});
