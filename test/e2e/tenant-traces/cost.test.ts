/** Cost as the API shows it: tenant-traces.md section 6, checklist T27, T28 and T30. Prices row by row: processor/src/fold/cost.test.ts. */
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  agent,
  chat,
  newOwner,
  type SpanOptions,
  said,
  span,
  startTracesFixture,
  type TracesFixture,
  traceIdOf,
} from "./traces-fixture.ts";

let traces: TracesFixture;

beforeAll(async () => {
  traces = await startTracesFixture();
});

afterAll(() => traces?.close());

function spansOf(calls: readonly NonNullable<SpanOptions["attributes"]>[]) {
  return [
    span({ trace: "t", id: "root", times: [0, 1000], attributes: agent("helper") }),
    ...calls.map((attributes, index) =>
      span({
        trace: "t",
        id: `call ${index}`,
        parent: "root",
        times: [index / 1000, index / 1000 + 0.0005],
        attributes: chat({ "gen_ai.output.messages": [said("assistant", "Yes.")], ...attributes }),
      }),
    ),
  ];
}

function tokens(input: number, output: number) {
  return { "gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output };
}

it("T27 is the exact sum of the calls of a trace", async () => {
  const owner = newOwner();
  await traces.store(owner, spansOf(Array.from({ length: 1000 }, () => ({ "gen_ai.usage.cost": 0.000_001 }))));
  expect((await traces.detail(owner, traceIdOf("t"))).body).toMatchObject({
    cost: 0.001,
    usage: { calls: 1000, unpricedCalls: 0 },
  });
  expect((await traces.list(owner)).body.data[0].cost).toBe(0.001);
});

it("T27 counts the calls that have no price, and sums the others", async () => {
  const owner = newOwner();
  await traces.store(owner, spansOf([tokens(820, 60), { ...tokens(1, 1), "gen_ai.request.model": "no-such-model" }]));
  expect((await traces.detail(owner, traceIdOf("t"))).body).toMatchObject({
    cost: 0.00265,
    usage: { unpricedCalls: 1 },
  });
});

it.each([
  [0.5, 0.5],
  [0, 0],
  ["0.25", 0.25],
  [-1, 0.00265],
  ["NaN", 0.00265],
  ["Infinity", 0.00265],
  ["1e300", 0.00265],
  [1e9, 0.00265],
])("T28 a reported cost of %s makes %d", async (reported, cost) => {
  const owner = newOwner();
  await traces.store(owner, spansOf([{ ...tokens(820, 60), "gen_ai.usage.cost": reported }]));
  expect((await traces.detail(owner, traceIdOf("t"))).body.cost).toBe(cost);
  expect((await traces.list(owner)).body.data[0].cost).toBe(cost);
});

it.each([
  [10.5, 1, { inputTokens: null, outputTokens: 1 }],
  ["1e300", 5, { inputTokens: null, outputTokens: 5 }],
  [-5, 5, { inputTokens: null, outputTokens: 5 }],
  [9_007_199_254_740_991, 9_007_199_254_740_991, { inputTokens: 9_007_199_254_740_991, totalTokens: null, cost: null }],
])("takes %s and %s tokens, hostile or not", async (input, output, expected) => {
  const owner = newOwner();
  await traces.store(owner, spansOf([{ "gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output }]));
  expect((await traces.detail(owner, traceIdOf("t"))).body).toMatchObject(expected);
});

it("T30 stays what was stored with an older price table", async () => {
  const owner = newOwner();
  await traces.store(owner, spansOf([tokens(820, 60)]));
  const { clickhouse } = traces.api;
  await clickhouse.command({
    query: `INSERT INTO events SELECT * REPLACE(version + 1 AS version, toNullable(toInt64(1000000000)) AS cost_units,
              'genai-prices@0.0.1' AS cost_source) FROM events FINAL WHERE project_id = {project:String} AND event_type = 'llm_call'`,
    query_params: { project: owner.projectId },
  });
  const { body } = await traces.detail(owner, traceIdOf("t"), "?include=events");
  expect(body.cost).toBe(0.001);
  const call = body.events.find((event: { type: string }) => event.type === "llm_call");
  expect(call.data.cost).toMatchObject({ amount: 0.001, source: "price_table", priceTable: "genai-prices@0.0.1" });
});
