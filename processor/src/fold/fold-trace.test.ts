/** What a user notices of Stage B, rule by rule, where the vectors do not show it. */
import type { AttributeValue, DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { describe, expect, test } from "vitest";
import { mapTrace } from "./map-trace.ts";
import { makeSpan, type SpanOptions, toSpanId } from "./trace-fixture.ts";

const map = (...spans: DecodedSpan[]) => mapTrace(spans, { tenantId: "test" });
type Attributes = Readonly<Record<string, AttributeValue>>;

function agent(options: SpanOptions & { readonly agent: string }): DecodedSpan {
  const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": options.agent };
  return makeSpan({
    name: `invoke_agent ${options.agent}`,
    ...options,
    attributes: { ...attributes, ...options.attributes },
  });
}

function chat(options: SpanOptions): DecodedSpan {
  const attributes = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" };
  return makeSpan({ name: "chat m", ...options, attributes: { ...attributes, ...options.attributes } });
}

function tool(options: SpanOptions & { readonly tool: string }): DecodedSpan {
  const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": options.tool };
  return makeSpan({
    name: `execute_tool ${options.tool}`,
    ...options,
    attributes: { ...attributes, ...options.attributes },
  });
}

const usage = (input: number, output: number): Attributes => ({
  "gen_ai.usage.input_tokens": input,
  "gen_ai.usage.output_tokens": output,
});
const says = (text: string): Attributes => ({
  "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: text }] }]),
});
const asks = (id: string, name: string, args: object): Attributes => ({
  "gen_ai.output.messages": JSON.stringify([
    { role: "assistant", parts: [{ type: "tool_call", id, name, arguments: args }] },
  ]),
});

describe("the tree", () => {
  test("cuts a cycle of parents and keeps every span once", () => {
    const spans = [1, 2, 3].map((id) => tool({ id, parent: (id % 3) + 1, tool: `t${id}`, start: id, end: 10 }));
    const trace = map(...spans);
    expect(trace.spans.filter((span) => span.parent === undefined)).toHaveLength(1);
    expect(trace.spans.map((span) => span.spanId).sort()).toEqual([1, 2, 3].map(toSpanId));
    expect(map(tool({ id: 1, parent: 1, tool: "t", start: 0, end: 1 })).spans[0]?.parent).toBeUndefined();
  });

  test("marks a span whose parent was never received", () => {
    const [orphan] = map(tool({ id: 1, parent: 9, tool: "t", start: 0, end: 1 })).spans;
    expect(orphan).toMatchObject({ orphan: true, parent: undefined, parentSpanId: toSpanId(9) });
  });

  test("survives 20,000 spans under each other and cuts look-ups at depth 512", () => {
    const spans = Array.from({ length: 20_000 }, (_, index) =>
      tool({ id: index + 1, parent: index === 0 ? undefined : index, tool: `t${index}`, start: 0, end: 9 }),
    );
    const root = spans[0] as DecodedSpan;
    const other = tool({ id: 30_000, tool: "x", start: -5, end: 1, attributes: { "session.id": "earliest" } });
    const stated = { ...root, attributes: new Map([...root.attributes, ["session.id", "root"] as const]) };
    const trace = map(stated, ...spans.slice(1), other);
    const sessionAt = (id: number) => trace.spans.find((span) => span.spanId === toSpanId(id))?.sessionId;
    expect(sessionAt(513)).toBe("root");
    expect(sessionAt(514)).toBe("earliest");
  });

  test("folds the first 100,000 spans and gives the rest without tree and turn", () => {
    const [template] = [tool({ id: 1, parent: 1, tool: "t", start: 1, end: 2 })] as const;
    const root = agent({ id: 1, agent: "A", start: 0, end: 9 });
    const many = Array.from({ length: 100_000 }, (_, index) => ({
      ...template,
      spanId: toSpanId(index + 2),
      attributes: new Map<string, AttributeValue>(),
    }));
    const late = tool({ id: 999_999, parent: 1, tool: "late", start: 5, end: 6 });
    const trace = map(late, ...many, root);
    expect(trace.overflow).toBe(true);
    expect(trace.spans).toHaveLength(100_002);
    const left = trace.spans.find((span) => span.spanId === late.spanId);
    expect(left).toMatchObject({ parent: undefined, turnId: late.traceId, agentName: undefined });
    expect(left?.events.map((event) => event.eventType)).toEqual(["tool_call", "tool_result"]);
  }, 60_000);
});

describe("one model call seen twice", () => {
  const root = agent({ id: 1, agent: "A", start: 0, end: 100 });

  test("counts once when nested: the inner span takes what it lacks", () => {
    const trace = map(
      root,
      chat({ id: 2, parent: 1, start: 1, end: 20, attributes: { ...usage(10, 5), ...asks("c1", "look", { q: 1 }) } }),
      makeSpan({ id: 4, parent: 2, start: 1, end: 19 }),
      chat({ id: 3, parent: 4, start: 2, end: 19, scope: "sdk", attributes: { "gen_ai.response.model": "m-1" } }),
    );
    const calls = trace.events.filter((event) => event.eventType === "llm_call");
    expect(calls).toMatchObject([
      { spanId: toSpanId(3), name: "m-1", inputTokens: 10, outputTokens: 5, totalTokens: 15 },
    ]);
    expect(trace.events.find((event) => event.eventType === "decision")).toMatchObject({
      spanId: toSpanId(3),
      decisionKind: "tool_selection",
      selected: ["look"],
    });
  });

  test("gives the wrapper's usage to the last of several attempts without any", () => {
    const trace = map(
      root,
      chat({ id: 2, parent: 1, start: 1, end: 20, attributes: usage(10, 5) }),
      chat({ id: 3, parent: 2, start: 2, end: 8, failed: "busy" }),
      chat({ id: 4, parent: 2, start: 9, end: 19 }),
    );
    const calls = trace.events.filter((event) => event.eventType === "llm_call");
    expect(calls.map((call) => [call.spanId, call.eventType === "llm_call" && call.inputTokens])).toEqual([
      [toSpanId(3), undefined],
      [toSpanId(4), 10],
    ]);
  });

  test("counts once as siblings of two scopes; the richer one stays and takes what it lacks", () => {
    const trace = map(
      root,
      chat({
        id: 2,
        parent: 1,
        start: 1,
        end: 20,
        scope: "sdk",
        attributes: { ...usage(10, 5), "gen_ai.usage.cache_read.input_tokens": 4 },
      }),
      chat({ id: 3, parent: 1, start: 2, end: 19, scope: "other", attributes: { ...usage(10, 5), ...says("hi") } }),
    );
    const calls = trace.events.filter((event) => event.eventType === "llm_call");
    const original = calls.find((call) => call.duplicateOf === undefined);
    expect(calls).toHaveLength(2);
    expect(original).toMatchObject({ spanId: toSpanId(3), cachedInputTokens: 4 });
    expect(calls.find((call) => call.duplicateOf !== undefined)?.duplicateOf).toBe(original?.eventId);
    expect(trace.events.at(-1)).toMatchObject({ eventType: "response", content: "hi", answeringSpanId: toSpanId(3) });
  });

  test("with one response id, also under different parents", () => {
    const response = { "gen_ai.response.id": "r1" };
    const trace = map(
      root,
      makeSpan({ id: 5, parent: 1, start: 1, end: 21 }),
      chat({ id: 2, parent: 5, start: 1, end: 20, scope: "sdk", attributes: { ...usage(10, 5), ...response } }),
      chat({ id: 3, parent: 1, start: 2, end: 19, scope: "other", attributes: response }),
    );
    expect(trace.events.flatMap((event) => event.duplicateOf ?? [])).toHaveLength(1);
  });

  test("is not seen in calls that really run side by side", () => {
    const same = { ...usage(10, 5), ...says("hi") };
    const fanOut = [2, 3, 4].map((id) => chat({ id, parent: 1, start: 1, end: 20, scope: "sdk", attributes: same }));
    const other = [5, 6].map((id) =>
      chat({
        id,
        parent: 1,
        start: 30,
        end: 40,
        scope: `scope-${id}`,
        attributes: { ...same, "gen_ai.response.id": `r${id}` },
      }),
    );
    const later = chat({ id: 7, parent: 1, start: 50, end: 60, scope: "other", attributes: same });
    expect(map(root, ...fanOut, ...other, later).events.filter((event) => event.duplicateOf !== undefined)).toEqual([]);
  });

  test("pairs each of several equal calls with its own copy", () => {
    const spans = ["sdk", "other"].flatMap((scope, side) =>
      [0, 1, 2].map((index) =>
        chat({ id: 2 + side * 3 + index, parent: 1, start: 1, end: 20, scope, attributes: usage(10, 5) }),
      ),
    );
    const calls = map(root, ...spans).events.filter((event) => event.eventType === "llm_call");
    const originals = calls.flatMap((call) => call.duplicateOf ?? []);
    expect(originals).toHaveLength(3);
    expect(new Set(originals).size).toBe(3);
  });
});

describe("tools", () => {
  test("an argument given as bare text becomes what the model asked for", () => {
    const trace = map(
      agent({ id: 1, agent: "A", start: 0, end: 50 }),
      chat({ id: 2, parent: 1, start: 1, end: 9, attributes: asks("c1", "look", { city: "Oslo" }) }),
      makeSpan({
        id: 3,
        parent: 1,
        name: "look",
        start: 10,
        end: 12,
        attributes: {
          "openinference.span.kind": "TOOL",
          "tool.name": "look",
          "input.value": "Oslo",
          "gen_ai.tool.call.id": "c1",
        },
      }),
    );
    expect(trace.events.find((event) => event.eventType === "tool_call")).toMatchObject({
      arguments: { city: "Oslo" },
    });
  });
});

describe("handoffs", () => {
  test("by a tool without content go to the agent that takes over", () => {
    const trace = map(
      makeSpan({ id: 9, start: 0, end: 60, attributes: { "gen_ai.operation.name": "invoke_workflow" } }),
      agent({ id: 1, parent: 9, agent: "Triage", start: 0, end: 20 }),
      tool({ id: 2, parent: 1, tool: "transfer_to_agent", start: 10, end: 12 }),
      agent({ id: 3, parent: 9, agent: "Billing", start: 25, end: 50 }),
    );
    expect(trace.events.filter((event) => event.eventType === "handoff")).toMatchObject([
      { fromAgent: "Triage", toAgent: "Billing", name: "Triage -> Billing" },
    ]);
  });

  test("by tool names bear the real name of the agent, and a handoff span beside the tool tells alone", () => {
    const spans = [
      agent({ id: 1, agent: "Triage", start: 0, end: 60 }),
      tool({ id: 2, parent: 1, tool: "transfer_to_refund_agent", start: 10, end: 12 }),
      agent({ id: 3, parent: 1, agent: "Refund Agent", start: 25, end: 50 }),
    ];
    const handoffsOf = (...more: DecodedSpan[]) =>
      map(...spans, ...more).events.filter((event) => event.eventType === "handoff");
    expect(handoffsOf()).toMatchObject([{ spanId: toSpanId(2), toAgent: "Refund Agent" }]);
    const stated = { "gen_ai.handoff.from_agent": "Triage", "gen_ai.handoff.to_agent": "Refund Agent" };
    expect(handoffsOf(makeSpan({ id: 4, parent: 1, start: 12, end: 13, attributes: stated }))).toMatchObject([
      { spanId: toSpanId(4), toAgent: "Refund Agent" },
    ]);
  });

  test("by a call that the framework took over follow the agents that start afterwards", () => {
    const trace = map(
      makeSpan({ id: 9, start: 0, end: 90, attributes: { "gen_ai.operation.name": "invoke_workflow" } }),
      agent({ id: 1, parent: 9, agent: "a", start: 0, end: 20 }),
      chat({ id: 2, parent: 1, start: 1, end: 19, attributes: asks("c1", "handoff_to_b", {}) }),
      agent({ id: 3, parent: 9, agent: "b", start: 25, end: 50 }),
      chat({ id: 4, parent: 3, start: 26, end: 49, attributes: asks("c2", "handoff_to_c", {}) }),
      agent({ id: 5, parent: 9, agent: "c", start: 55, end: 80 }),
    );
    expect(trace.events.filter((event) => event.eventType === "handoff").map((event) => event.name)).toEqual([
      "a -> b",
      "b -> c",
    ]);
  });
});

describe("failures", () => {
  test("that pass through several spans are one, and the deepest is the origin", () => {
    const trace = map(
      agent({ id: 1, agent: "A", start: 0, end: 50, failed: "agent failed: tool failed: boom" }),
      tool({ id: 2, parent: 1, tool: "t", start: 1, end: 40, failed: "tool failed: boom" }),
      makeSpan({ id: 3, parent: 2, start: 2, end: 39, attributes: { "gen_ai.operation.name": "x" }, failed: "boom" }),
      tool({ id: 4, parent: 1, tool: "u", start: 42, end: 45, failed: "something else" }),
    );
    const errors = trace.events.filter((event) => event.eventType === "error");
    expect(errors.map((error) => [error.spanId, error.eventType === "error" && error.originSpanId])).toEqual([
      [toSpanId(3), undefined],
      [toSpanId(2), toSpanId(3)],
      [toSpanId(4), undefined],
      [toSpanId(1), toSpanId(3)],
    ]);
  });
});

describe("the response", () => {
  const root = agent({ id: 1, agent: "A", start: 0, end: 100 });

  test("comes only when the root has ended", () => {
    expect(map(agent({ id: 1, agent: "A", start: 0 })).events).toEqual([]);
    expect(map(root).events).toMatchObject([{ eventType: "response", content: null, flags: ["content_missing"] }]);
  });

  test("waits while the run is paused, and comes when it went on", () => {
    const paused = tool({
      id: 2,
      parent: 1,
      tool: "t",
      start: 1,
      end: 9,
      exception: { type: "GraphInterrupt", message: "?" },
    });
    const trace = map(root, paused);
    expect(trace.events.map((event) => event.eventType)).toEqual(["tool_call", "decision"]);
    expect(trace.turns).toMatchObject([{ paused: true }]);
    const resumed = map(root, paused, chat({ id: 3, parent: 1, start: 10, end: 20, attributes: says("done") }));
    expect(resumed.events.at(-1)).toMatchObject({ eventType: "response", content: "done" });
    expect(resumed.turns).toMatchObject([{ paused: false }]);
  });

  test("is not what a model said inside a tool", () => {
    const trace = map(
      root,
      chat({ id: 2, parent: 1, start: 1, end: 9, attributes: says("outer") }),
      tool({ id: 3, parent: 1, tool: "t", start: 10, end: 90 }),
      chat({ id: 4, parent: 3, start: 11, end: 89, attributes: says("inner") }),
    );
    expect(trace.events.at(-1)).toMatchObject({ eventType: "response", content: "outer" });
  });

  test("names the agent that answered", () => {
    const trace = map(
      root,
      agent({ id: 2, parent: 1, agent: "B", start: 1, end: 50 }),
      chat({ id: 3, parent: 2, start: 2, end: 49, attributes: says("hi") }),
    );
    expect(trace.events.at(-1)).toMatchObject({
      eventType: "response",
      spanId: toSpanId(1),
      agentName: "B",
      name: "B",
    });
  });
});
