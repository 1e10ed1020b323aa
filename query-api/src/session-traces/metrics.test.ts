import { describe, expect, it } from "vitest";
import { breakdownOf } from "./breakdown.ts";
import { toTraceEvent } from "./event-shape.ts";
import { phaseOf } from "./guardrail-phase.ts";
import { unionLength } from "./interval.ts";
import { sessionMetrics } from "./metrics.ts";
import { percentile } from "./numbers.ts";
import type { Session } from "./session.ts";
import { asks, buildSession, says, type TurnBuilder } from "./testdata/turn-builder.ts";

const metricsOf = (builder: TurnBuilder) =>
  sessionMetrics(builder.view(), { id: "s", projectId: "p", revision: 1, status: "idle", durationMs: 1 } as Session);

describe("K30: where the time went", () => {
  it("follows the example of 7.1", () => {
    const ms = 1_000_000n;
    const event = (eventType: string, start: bigint, end: bigint) =>
      ({
        eventType,
        evalKind: "guardrail",
        timeUnixNano: String(start * ms),
        endTimeUnixNano: String(end * ms),
        durationMs: Number(end - start),
      }) as never;
    const events = [
      event("llm_call", 200n, 600n),
      event("tool_result", 100n, 900n),
      event("guardrail_eval", 550n, 700n),
      event("guardrail_eval", 900n, 950n),
    ];
    expect(breakdownOf(events, { start: 0n, end: 1000n * ms })).toEqual({
      llmMs: 400,
      toolMs: 400,
      guardrailMs: 50,
      otherMs: 150,
    });
  });

  it("counts overlapping intervals once", () => {
    expect(unionLength([])).toBe(0n);
    const intervals = [
      { start: 5n, end: 9n },
      { start: 0n, end: 6n },
      { start: 20n, end: 10n },
      { start: 8n, end: 12n },
    ];
    expect(unionLength(intervals)).toBe(12n);
    expect(unionLength(intervals, { start: 2n, end: 10n })).toBe(8n);
  });
});

describe("K31: turns", () => {
  it("counts overlapping turns once and leaves running ones out", () => {
    const builder = buildSession().turn(0, 1000).turn(500, 1000);
    const open = builder.turn(3000, 1000).spans.at(-1);
    if (open !== undefined) delete (open as { end?: bigint }).end;
    const { latency } = metricsOf(builder);
    expect(latency).toMatchObject({ totalMs: 1500, openTurns: 1, turnMaxMs: 1000 });
    expect(latency.turns[2]).toMatchObject({ latencyMs: null, breakdown: null, status: "running" });
  });

  it("is unknown while all turns run", () => {
    const builder = buildSession().turn(0, 1000);
    delete (builder.spans[0] as { end?: bigint }).end;
    expect(metricsOf(builder).latency).toMatchObject({ totalMs: null, openTurns: 1, turnMeanMs: null });
  });
});

describe("K32: null rules", () => {
  it("tells none from unknown", () => {
    const none = metricsOf(buildSession().turn(0, 10));
    expect(none.tools).toMatchObject({ callCount: 0, successRate: null, p50Ms: null, byTool: [] });
    expect(none.guardrails).toMatchObject({ evaluationCount: 0, blockRate: null });
    expect(none.tokens.totals.inputTokens).toBe(0);
    expect(none.cost).toMatchObject({ amount: 0, pricedCalls: 0, unpricedCalls: 0 });
    const silent = metricsOf(buildSession().turn(0, 10).call({ at: 1, ms: 1 }));
    expect(silent.tokens).toMatchObject({ callsReporting: 0, callsMissing: 1 });
    expect(silent.tokens.totals.inputTokens).toBeNull();
    expect(silent.cost).toMatchObject({ amount: null, unpricedCalls: 1 });
  });

  it("sums what is reported, and counts what is not", () => {
    const usage = { "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5 };
    const metrics = metricsOf(
      buildSession()
        .turn(0, 10)
        .call({ at: 1, ms: 1, attributes: usage })
        .call({ at: 2, ms: 1 })
        .call({ at: 3, ms: 1, model: "no-such-model-anywhere", attributes: usage }),
    );
    expect(metrics.tokens.totals).toMatchObject({ inputTokens: 20, outputTokens: 10, cacheReadInputTokens: null });
    expect(metrics.tokens).toMatchObject({ callsReporting: 2, callsMissing: 1, callsPartial: 0 });
    expect(metrics.cost).toMatchObject({ pricedCalls: 1, unpricedCalls: 2 });
  });
});

describe("K16: usage of an agent", () => {
  const agentUsage = { "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3 };

  it("counts when no model call was seen, and never beside one", () => {
    const alone = buildSession().turn(0, 10);
    Object.assign(alone.spans[0]?.attributes ?? {}, agentUsage);
    expect(metricsOf(alone).tokens).toMatchObject({ aggregateTurns: 1, totals: { inputTokens: 7, totalTokens: 10 } });
    const both = buildSession()
      .turn(0, 10)
      .call({ at: 1, ms: 1, attributes: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 1 } });
    Object.assign(both.spans[0]?.attributes ?? {}, agentUsage);
    expect(metricsOf(both).tokens).toMatchObject({ aggregateTurns: 0, totals: { inputTokens: 2, totalTokens: 3 } });
  });
});

describe("K19: requested tools", () => {
  const asking = asks({ id: "c1", name: "search" }, { name: "search" });

  it("counts those that were never seen to run", () => {
    const unseen = metricsOf(buildSession().turn(0, 100).call({ at: 0, ms: 10, answer: asking }));
    expect(unseen.tools).toMatchObject({ callCount: 0, unseenCount: 2 });
    const seen = metricsOf(
      buildSession()
        .turn(0, 100)
        .call({ at: 0, ms: 10, answer: asking })
        .tool("search", { at: 20, ms: 5 })
        .tool("search", { at: 30, ms: 5, id: "c1" }),
    );
    expect(seen.tools).toMatchObject({ callCount: 2, unseenCount: 0 });
    const one = metricsOf(
      buildSession()
        .turn(0, 100)
        .call({ at: 0, ms: 10, answer: asking })
        .tool("search", { at: 20, ms: 5, id: "other" }),
    );
    expect(one.tools.unseenCount).toBe(2);
  });
});

describe("K20: guardrails", () => {
  it("blocks by result, action and kind, as the second example of section 7 counts", () => {
    const builder = buildSession().turn(0, 1000);
    for (let index = 0; index < 6; index += 1)
      builder.guardrail("g", { at: index, ms: 1, target: "input", result: "pass" });
    for (const action of ["warn", "modify", "block"])
      builder.guardrail("g", { at: 10, ms: 1, target: "input", result: "fail", action });
    builder.guardrail("g", { at: 20, ms: 1, target: "input", result: "whatever" });
    const { guardrails } = metricsOf(builder);
    expect(guardrails).toMatchObject({
      evaluationCount: 10,
      passCount: 6,
      failCount: 3,
      unknownCount: 1,
      blockCount: 1,
      modifyCount: 1,
      blockRate: 0.111111,
    });
  });

  it.each([
    ["input", "input"],
    ["User_Prompt", "input"],
    ["llm_input", "input"],
    ["output", "output"],
    ["model_response", "output"],
    ["llm_output", "output"],
    ["tool_input", "tool_input"],
    ["tool_call", "tool_input"],
    ["tool_output", "tool_output"],
    ["tool_result", "tool_output"],
    ["elsewhere", null],
    [undefined, null],
  ])("phase of %s is %s", (target, phase) => {
    expect(phaseOf(target)).toBe(phase);
  });
});

it.each([
  [[], null],
  [[5], 5],
  [[1, 2], 1.5],
  [[3, 1, 2], 2],
  [Array.from({ length: 100 }, (_, index) => index + 1), 50.5],
])("K33: the median of %j is %s", (values, median) => {
  expect(percentile(values, 0.5)).toBe(median);
});

it("K33: percentile 0.95 lies between the two nearest", () => {
  expect(percentile([1, 2, 3], 0.95)).toBe(2.9);
  expect(
    percentile(
      Array.from({ length: 100 }, (_, index) => index + 1),
      0.95,
    ),
  ).toBe(95.05);
});

describe("K23: times below a microsecond", () => {
  it("are ordered and come back exactly", () => {
    const builder = buildSession()
      .turn(0, 10)
      .call({ at: 1, ms: 1, answer: says("b") })
      .call({ at: 1, ms: 1, answer: says("a") });
    const [, first, second] = builder.spans as { start: bigint }[];
    if (first === undefined || second === undefined) throw new Error("two calls");
    first.start += 2n;
    second.start += 1n;
    const view = builder.view();
    const calls = view.events.filter((event) => event.eventType === "llm_call");
    expect(
      calls.map(
        (event) => toTraceEvent(view, event, { content: "none", attributes: false, mayReadContent: true }).timeUnixNano,
      ),
    ).toEqual(["1777885200001000001", "1777885200001000002"]);
  });
});
