import { expect, test } from "vitest";
import { foldIndexed } from "./indexed-attributes.ts";
import { defaultLimits } from "./limits.ts";
import { buildSpan } from "./testdata/build-span.ts";
import { expectLinearTime, linearTimeTimeoutMs } from "./testdata/linear-time.ts";

const fold = (attributes: Record<string, string | number>, prefix: string) =>
  foldIndexed(buildSpan(attributes).attributes, prefix, defaultLimits);

test("2.2: numeric order, gaps close up, digit keys become lists", () => {
  const attributes = {
    "gen_ai.prompt.10.role": "user",
    "gen_ai.prompt.2.role": "assistant",
    "gen_ai.prompt.2.tool_calls.1.name": "second",
    "gen_ai.prompt.2.tool_calls.0.name": "first",
    "gen_ai.prompt.0.content": "hi",
  };
  expect(fold(attributes, "gen_ai.prompt").items).toEqual([
    { content: "hi" },
    { role: "assistant", tool_calls: [{ name: "first" }, { name: "second" }] },
    { role: "user" },
  ]);
});

test("2.2: keys without a number first are ignored, and so are absent values", () => {
  const attributes = {
    "gen_ai.completion.tool.name": "x",
    "gen_ai.completion": "y",
    "gen_ai.completion.0x.role": "z",
    "gen_ai.completion.0.content": "None",
  };
  expect(fold(attributes, "gen_ai.completion").items).toEqual([]);
});

test("6.2: __proto__ and constructor are ordinary keys", () => {
  const [item] = fold({ "llm.tools.0.__proto__.polluted": "yes", "llm.tools.0.constructor": "c" }, "llm.tools").items;
  expect(Object.keys(item as object).sort()).toEqual(["__proto__", "constructor"]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("6.1: indexes beyond the limit are dropped and said so", () => {
  expect(fold({ "llm.tools.2000.a": 1, "llm.tools.99999999999.a": 1 }, "llm.tools")).toEqual({
    items: [],
    dropped: true,
  });
});

test("time is linear in the attributes, and in the length of a key", { timeout: linearTimeTimeoutMs }, () => {
  expectLinearTime(2_000, (size) => {
    const attributes: Record<string, string> = {};
    for (let index = 0; index < size; index++)
      attributes[`llm.input_messages.${index % 1_000}.message.part${Math.floor(index / 1_000)}`] = "x";
    return () => fold(attributes, "llm.input_messages");
  });
  expectLinearTime(50_000, (size) => {
    const attributes = { [`llm.tools.0.${"a.".repeat(size / 2)}b`]: "x" };
    const { attributes: map } = buildSpan(attributes);
    return () => foldIndexed(map, "llm.tools", defaultLimits);
  });
});
