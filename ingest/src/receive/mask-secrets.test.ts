import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { isSecretAttribute, isSecretKey } from "../map/sanitise.ts";
import { maskArgumentText } from "./mask-argument-text.ts";
import { secretMasking } from "./mask-secrets.ts";

// Properties take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const seed = { seed: Number(process.env["NONET_TEST_SEED"] ?? 20261124) };

const words = ["authorization", "cookie", "set-cookie", "password", "passwd", "secret", "api_key", "apiKey", "api-key"];
const moreWords = ["access_token", "refreshToken", "private-key", "client_secret", "CLIENT-SECRET", "Authorization"];
const names = [
  "llm.headers",
  "llm.headers.x",
  "ai.request.headers.x",
  "langsmith.request.headers",
  "langsmith.request.headers.x",
  "http.request.header.x",
  "http.response.header.x",
  "gen_ai.request.extra_headers",
  "gen_ai.request.extra_headers.x",
];
const ordinary = [
  "gen_ai.request.model",
  "http.request.method",
  "ai.response.text",
  "session.id",
  "llm.token_count.total",
  "monkey",
  "x",
];
const anyKey = fc.oneof(
  fc.constantFrom(...words, ...moreWords, ...names, ...ordinary),
  fc
    .tuple(fc.string({ maxLength: 6 }), fc.constantFrom("", ".", "_", "-"), fc.constantFrom(...words, ...moreWords))
    .map((parts) => parts.join("")),
  fc.tuple(fc.constantFrom(...names, ...ordinary), fc.string({ maxLength: 3 })).map((parts) => parts.join("")),
  fc.string({ unit: "grapheme", maxLength: 30 }),
);

describe("secretMasking", () => {
  it("calls the keys secret that the mapping calls secret", () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const bytes = Buffer.from(`##${key}##`);
        expect(secretMasking.isSecretKey(bytes, 2, bytes.length - 2)).toBe(isSecretAttribute(key.toWellFormed()));
      }),
      { ...seed, numRuns: 2_000 },
    );
  });

  it("looks into every text that has something to mask", () => {
    fc.assert(
      fc.property(anyKey, fc.constantFrom("", " ", "\n"), fc.constantFrom('"', "'"), (key, space, quote) => {
        const text = `${space}{${quote}a${quote}: 1, ${quote}${key}${quote}${space}:${space}${quote}hunter2${quote}}`;
        const bytes = Buffer.from(text);
        if (maskArgumentText("args", text) !== text)
          expect(secretMasking.mayHoldSecrets(bytes, 0, bytes.length)).toBe(true);
        if (isSecretKey(key) && !key.includes("\\") && !key.includes(quote)) {
          expect(maskArgumentText("args", text)).toBe(text.replace(`hunter2`, "[masked]"));
        }
      }),
      { ...seed, numRuns: 1_000 },
    );
  });
});

describe("maskArgumentText", () => {
  it.each([
    ["gen_ai.tool.call.arguments", '{"user":"ann","password":"hunter2"}', '{"user":"ann","password":"[masked]"}'],
    ["gen_ai.tool.call.arguments", '{ "api_key" : 12345 , "n": 1.50 }', '{ "api_key" : "[masked]" , "n": 1.50 }'],
    ["tool.parameters", '{"a":{"secret":{"deep":[1,"}"]},"b":2}}', '{"a":{"secret":"[masked]","b":2}}'],
    ["input.value", '{"secret":"a\\"b","c":"d"}', '{"secret":"[masked]","c":"d"}'],
    [
      "traceloop.entity.input",
      `{"input_str": "{'password': 'hunter2', 'n': 1}"}`,
      `{"input_str": "{'password': '[masked]', 'n': 1}"}`,
    ],
    [
      "gen_ai.output.messages",
      '[{"role":"assistant","parts":[{"type":"tool_call","arguments":{"password":"hunter2"}}]}]',
      '[{"role":"assistant","parts":[{"type":"tool_call","arguments":{"password":"[masked]"}}]}]',
    ],
    [
      "output.value",
      '{"function":{"arguments":"{\\"password\\":\\"hunter2\\",\\"n\\":1}","name":"login"}}',
      '{"function":{"arguments":"{\\"password\\":\\"[masked]\\",\\"n\\":1}","name":"login"}}',
    ],
    ["mlflow.spanInputs", '"{\\"password\\": \\"hunter2\\"}"', '"{\\"password\\": \\"[masked]\\"}"'],
    ["args", '{"password":"cut off in the mid', '{"password":"[masked]"'],
  ])("%s: %s", (key, text, expected) => {
    expect(maskArgumentText(key, text)).toBe(expected);
  });

  it.each([
    [
      "a message about one",
      "gen_ai.output.messages",
      '[{"parts":[{"type":"text","content":"{\\"password\\":\\"x\\"}"}]}]',
    ],
    ["an answer", "output.value", '{"secret":"of the universe"}'],
    ["a schema", "gen_ai.tool.definitions", '[{"parameters":{"properties":{"password":{"type":"string"}}}}]'],
    ["a schema among parameters", "tool.parameters", '{"properties":{"password":{"title":"P","type":"string"}}}'],
    ["nothing in it", "gen_ai.tool.call.arguments", '{"password":null,"secret":"","x":"my password: hunter2"}'],
    ["free text", "input.value", "my password: hunter2"],
  ])("leaves %s alone", (_, key, text) => {
    expect(maskArgumentText(key, text)).toBe(text);
  });

  it("keeps valid JSON valid, and what is not secret as it was", () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, depthSize: "small" },
        fc.string(),
        fc.integer(),
        fc.constant(null),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.oneof(fc.constantFrom("password", "args", "x"), fc.string({ maxLength: 4 })), tie("value"), {
          maxKeys: 4,
        }),
      ),
    })).value;
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1), (json, indent) => {
        const masked: unknown = JSON.parse(maskArgumentText("args", JSON.stringify(json, undefined, indent)));
        expect(withoutSecrets(masked)).toEqual(withoutSecrets(json));
      }),
      { ...seed, numRuns: 500 },
    );
  });

  it("is linear in hostile texts", { retry: 2 }, () => {
    const started = performance.now();
    for (const text of [
      `{"args":${'{"a":"\\\\"'.repeat(100_000)}`,
      `{"args":"${"\\".repeat(1_000_000)}`,
      "[".repeat(1_000_000),
      '{"password":'.repeat(100_000),
      `{"args":"${'\\"'.repeat(300_000)}"}`,
    ]) {
      maskArgumentText("args", text);
    }
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecretKey(key) ? "" : withoutSecrets(inner)]),
  );
}
