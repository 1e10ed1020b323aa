/** K39: each suggestion, just below its threshold and at it, with its savings. */
import { describe, expect, it } from "vitest";
import { asks, buildSession, says, type TurnBuilder, userSays } from "../../testdata/turn-builder.ts";
import { measuredSpans } from "../measured-span.ts";
import { defaultThresholds } from "../thresholds.ts";
import { findSuggestions } from "./find-suggestions.ts";

function suggestionsOf(builder: TurnBuilder) {
  const view = builder.view();
  return findSuggestions(view, measuredSpans(view), defaultThresholds).map(({ finding }) => ({
    kind: finding.kind,
    severity: finding.severity,
    confidence: finding.confidence,
    ...finding.savings,
  }));
}

const turn = (): TurnBuilder => buildSession().turn(0, 100_000);
const usage = (input: number) => ({ "gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": 10 });

describe("tools that could run together", () => {
  const asked = asks({ id: "c1", name: "a" }, { id: "c2", name: "b" });
  const sequential = (ms: number): TurnBuilder =>
    turn()
      .call({ at: 0, ms: 10, answer: asked })
      .tool("a", { at: 20, ms: 600, id: "c1" })
      .tool("b", { at: 700, ms, id: "c2" });

  it("when one response asked for both", () => {
    expect(suggestionsOf(sequential(199))).toEqual([]);
    expect(suggestionsOf(sequential(400))).toEqual([
      {
        kind: "parallelize_tool_calls",
        severity: "medium",
        confidence: "high",
        latencyMs: 400,
        tokens: 0,
        costAmount: 0,
      },
    ]);
  });

  it("when nothing of one is in the other", () => {
    const run = (later: object): TurnBuilder =>
      turn()
        .tool("a", { at: 0, ms: 300, args: { q: 1 }, result: { id: "order-7731" } })
        .tool("b", { at: 400, ms: 300, args: later, result: {} });
    expect(suggestionsOf(run({ q: 2 }))).toMatchObject([
      { kind: "parallelize_tool_calls", confidence: "low", latencyMs: 300 },
    ]);
    expect(suggestionsOf(run({ order: "order-7731" }))).toEqual([]);
    expect(suggestionsOf(run({ q: 2 }).call({ at: 350, ms: 10 }))).toEqual([]);
  });
});

it("guardrails of one phase", () => {
  const checks = (ms: number): TurnBuilder =>
    turn()
      .guardrail("a", { at: 0, ms: 80, target: "input", result: "pass" })
      .guardrail("b", { at: 100, ms, target: "input", result: "pass" });
  expect(suggestionsOf(checks(49))).toEqual([]);
  expect(suggestionsOf(checks(50))).toMatchObject([
    { kind: "parallelize_guardrails", latencyMs: 50, confidence: "medium" },
  ]);
});

it("equal tool results", () => {
  const again = (result: object): TurnBuilder =>
    turn()
      .tool("rate", { at: 0, ms: 100, args: { of: "EUR" }, result: { v: 1 } })
      .call({ at: 200, ms: 10 })
      .tool("rate", { at: 300, ms: 120, args: { of: "EUR" }, result });
  expect(suggestionsOf(again({ v: 2 }))).toEqual([]);
  expect(suggestionsOf(again({ v: 1 }))).toMatchObject([{ kind: "cache_tool_result", latencyMs: 120 }]);
});

it("equal prompts", () => {
  const ask = (builder: TurnBuilder, at: number, text: string): TurnBuilder =>
    builder.call({
      at,
      ms: 500,
      messages: [userSays(text)],
      answer: says("x"),
      attributes: { ...usage(100), "gen_ai.request.temperature": 0 },
    });
  expect(suggestionsOf(ask(ask(turn(), 0, "one"), 1000, "two"))).toEqual([]);
  expect(suggestionsOf(ask(ask(turn(), 0, "one"), 1000, "one"))).toMatchObject([
    { kind: "deduplicate_llm_calls", confidence: "high", latencyMs: 500, tokens: 110, costAmount: 0.00035 },
  ]);
});

describe("prompts that begin alike", () => {
  const long = (name: string, length: number): object => userSays(name.repeat(length));
  const calls = (shared: number, own: number): TurnBuilder => {
    const builder = turn();
    for (const [index, name] of ["x", "y", "z"].entries()) {
      builder.call({
        at: index * 20_000,
        ms: 100,
        model: "gpt-4o",
        messages: [long("s", shared), long(name, own)],
        answer: says("x"),
        attributes: usage(4000),
      });
    }
    return builder;
  };

  it("are worth caching from 1,024 tokens", () => {
    expect(suggestionsOf(calls(3000, 12_000))).toEqual([]);
    const [found] = suggestionsOf(calls(12_000, 4000));
    expect(found).toMatchObject({ kind: "cache_prompt_prefix", confidence: "medium", latencyMs: 0 });
    expect(found?.tokens).toBeGreaterThan(5900);
    // 2.50 and 1.25 per million.
    expect(found?.costAmount).toBeCloseTo(((found?.tokens ?? 0) * 1.25) / 1e6, 9);
  });
});

it("large tool results sent again", () => {
  const big = { role: "tool", parts: [{ type: "tool_call_response", id: "c", response: "r".repeat(8000) }] };
  const calls = (count: number): TurnBuilder => {
    const builder = turn();
    for (let index = 0; index < count; index += 1) {
      builder.call({ at: index * 400_000, ms: 10, messages: [userSays(`q${index}`), big], attributes: usage(2100) });
    }
    return builder;
  };
  expect(suggestionsOf(calls(2))).toEqual([]);
  expect(suggestionsOf(calls(3))).toMatchObject([{ kind: "trim_tool_result", tokens: 4000, costAmount: 0.01 }]);
});

it("tools nobody asks for", () => {
  const tool = { type: "function", name: "never", description: "d".repeat(700), parameters: {} };
  const calls = (count: number): TurnBuilder => {
    const builder = turn();
    for (let index = 0; index < count; index += 1) {
      builder.call({
        at: index * 400_000,
        ms: 10,
        tools: [tool],
        messages: [userSays(`q${index}`)],
        attributes: usage(300),
      });
    }
    return builder;
  };
  expect(suggestionsOf(calls(2))).toEqual([]);
  expect(suggestionsOf(calls(3))).toMatchObject([{ kind: "drop_unused_tools", confidence: "low", latencyMs: 0 }]);
});

it("attempts that fail", () => {
  const tries = (failures: number): TurnBuilder => {
    const builder = turn();
    for (let index = 0; index < failures; index += 1)
      builder.tool("pay", { at: index * 1000, ms: 700, args: { index }, failure: "declined" });
    return builder;
  };
  expect(suggestionsOf(tries(1))).toEqual([]);
  expect(suggestionsOf(tries(2))).toMatchObject([{ kind: "reduce_retries", latencyMs: 1400, severity: "medium" }]);
});

it("answers that were cut", () => {
  const cut = { role: "assistant", parts: [{ type: "text", content: "and th" }], finish_reason: "length" };
  expect(suggestionsOf(turn().call({ at: 0, ms: 10, answer: says("whole") }))).toEqual([]);
  expect(suggestionsOf(turn().call({ at: 0, ms: 10, answer: cut }))).toMatchObject([
    { kind: "raise_output_limit", confidence: "high", latencyMs: 0, tokens: 0 },
  ]);
});
