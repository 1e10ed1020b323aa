/** The two APIs over one data set: tenant-traces.md section 7, checklist T31. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  agent,
  chat,
  newOwner,
  type SpanInput,
  said,
  span,
  startTracesFixture,
  type TracesFixture,
  tool,
  traceIdOf,
} from "./traces-fixture.ts";

let traces: TracesFixture;

beforeAll(async () => {
  traces = await startTracesFixture();
});

afterAll(() => traces?.close());

const callShape = fc.record({
  input: fc.option(fc.integer({ min: 0, max: 300_000 })),
  output: fc.option(fc.integer({ min: 0, max: 5000 })),
  cached: fc.option(fc.integer({ min: 0, max: 1000 })),
  model: fc.constantFrom("gpt-4o", "gemini-2.5-pro", "claude-3-5-sonnet-20241022", "never-heard-of"),
  operation: fc.constantFrom("chat", "embeddings"),
  reportedCost: fc.option(fc.double({ min: 0, max: 2, noNaN: true })),
  failed: fc.boolean(),
});

/** Turns with what they may hold: calls, tools, an aggregate, in or out of time. */
const turnShape = fc.record({
  calls: fc.array(callShape, { maxLength: 4 }),
  tools: fc.integer({ min: 0, max: 2 }),
  aggregate: fc.option(fc.integer({ min: 1, max: 1000 })),
  startMs: fc.integer({ min: 0, max: 10_000 }),
  lengthMs: fc.double({ min: 0, max: 5000, noNaN: true }),
  failed: fc.boolean(),
});

type TurnShape = typeof turnShape extends fc.Arbitrary<infer T> ? T : never;

const providers: Readonly<Record<string, string>> = {
  "gpt-4o": "openai",
  "gemini-2.5-pro": "gcp.vertex_ai",
  "claude-3-5-sonnet-20241022": "anthropic",
};

function spansOf(trace: string, turn: TurnShape, sessionId: string): SpanInput[] {
  const usage = (key: string, value: number | null) => (value === null ? {} : { [`gen_ai.usage.${key}`]: value });
  const failure = (failed: boolean) => (failed ? { status: { code: 2, message: "no" } } : {});
  return [
    span({
      trace,
      id: "root",
      times: [turn.startMs, turn.startMs + turn.lengthMs],
      attributes: agent("helper", { "session.id": sessionId, ...usage("input_tokens", turn.aggregate) }),
      ...failure(turn.failed),
    }),
    ...turn.calls.map((call, index) =>
      span({
        trace,
        id: `call ${index}`,
        parent: "root",
        times: [turn.startMs + index, turn.startMs + index + 1],
        attributes: {
          ...chat({
            "gen_ai.operation.name": call.operation,
            "gen_ai.provider.name": providers[call.model] ?? "unheard",
            "gen_ai.request.model": call.model,
            "gen_ai.output.messages": [said("assistant", "Yes.")],
          }),
          ...usage("input_tokens", call.input),
          ...usage("output_tokens", call.output),
          ...usage("cache_read.input_tokens", call.cached),
          ...usage("cost", call.reportedCost),
        },
        ...failure(call.failed),
      }),
    ),
    ...Array.from({ length: turn.tools }, (_, index) =>
      span({
        trace,
        id: `tool ${index}`,
        parent: "root",
        times: [turn.startMs, turn.startMs + 1],
        attributes: tool("find", { result: "x" }),
      }),
    ),
  ];
}

/** Numbers of the list, null where none of them is known. */
function sumOf(items: readonly (number | null)[]): number | null {
  const known = items.filter((item) => item !== null);
  return known.length === 0 && items.length > 0 ? null : known.reduce((sum, item) => sum + item, 0);
}

it("T31 a session is the sum of its traces, and its events are theirs", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turnShape, { minLength: 1, maxLength: 4 }), async (turns) => {
      const owner = newOwner();
      const named = turns.map((turn, index) => ({ turn, name: `${owner.projectId} ${index}` }));
      for (const { turn, name } of named) await traces.store(owner, spansOf(name, turn, "common"));
      const base = `/api/projects/${owner.projectId}/sessions/common`;
      const metrics = (await traces.get(traces.tokenOf(owner), `${base}/metrics`)).body;
      const served = (await traces.get(traces.tokenOf(owner), `${base}/traces`)).body.data;
      const details = await Promise.all(
        named.map(async ({ name }) => (await traces.detail(owner, traceIdOf(name), "?include=events")).body),
      );
      const { totals } = metrics.tokens;
      expect(sumOf(details.map((detail) => detail.inputTokens))).toBe(totals.inputTokens);
      expect(sumOf(details.map((detail) => detail.outputTokens))).toBe(totals.outputTokens);
      expect(sumOf(details.map((detail) => detail.totalTokens))).toBe(totals.totalTokens);
      const cost = sumOf(details.map((detail) => detail.cost));
      if (metrics.cost.amount === null) expect(cost).toBeNull();
      // Each is rounded to 9 decimals once.
      else expect(cost).toBeCloseTo(metrics.cost.amount, 8);
      for (const detail of details) {
        const turn = metrics.latency.turns.find((each: { turnId: string }) => each.turnId.startsWith(detail.traceId));
        expect(detail.duration).toBe(Math.floor(turn.latencyMs + 0.5));
        expect(detail.metadata.session_id).toBe("common");
        expect(detail.events).toEqual(served.filter((event: { traceId: string }) => event.traceId === detail.traceId));
      }
      expect((await traces.list(owner, "?session_id=common&per_page=100")).body.data).toHaveLength(turns.length);
    }),
    { numRuns: 12 },
  );
});
