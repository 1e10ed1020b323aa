/** Habits of real frameworks that the specification does not name; each was seen in a capture of `test/corpus/`. */
import type { AttributeValue, DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { expect, test } from "vitest";
import { mapTrace } from "./map-trace.ts";
import { makeSpan, toSpanId } from "./trace-fixture.ts";

const eventsOf = (...spans: DecodedSpan[]) => mapTrace(spans, { tenantId: "test" }).events;
const chat = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" };
const chain = (output: object): Readonly<Record<string, AttributeValue>> => ({
  "openinference.span.kind": "CHAIN",
  "output.value": JSON.stringify(output),
});

test("OpenAI Agents: the parent tells which guardrail tripped", () => {
  const guardrail = { "openinference.span.kind": "GUARDRAIL" };
  const events = eventsOf(
    makeSpan({
      id: 1,
      name: "turn",
      start: 0,
      end: 9,
      attributes: { "openinference.span.kind": "CHAIN" },
      failed: "Guardrail tripwire triggered: {'guardrail': 'homework'}",
    }),
    makeSpan({ id: 2, parent: 1, name: "homework", start: 1, end: 2, attributes: guardrail }),
    makeSpan({ id: 3, parent: 1, name: "secrets", start: 1, end: 2, attributes: guardrail }),
  ).filter((event) => event.eventType === "guardrail_eval");
  expect(events.map((event) => [event.name, event.eventType === "guardrail_eval" && event.result])).toEqual([
    ["homework", "fail"],
    ["secrets", "unknown"],
  ]);
});

test("LangGraph: a Command to a node that calls a model hands over, one to another node does not", () => {
  const events = eventsOf(
    makeSpan({ id: 1, name: "graph", start: 0, end: 90, attributes: { "openinference.span.kind": "CHAIN" } }),
    makeSpan({
      id: 2,
      parent: 1,
      name: "boss",
      start: 1,
      end: 20,
      attributes: chain({ graph: null, update: {}, goto: "writer" }),
    }),
    makeSpan({ id: 3, parent: 2, start: 2, end: 19, attributes: chat }),
    makeSpan({
      id: 4,
      parent: 1,
      name: "writer",
      start: 21,
      end: 40,
      attributes: chain({ graph: null, update: {}, goto: "save" }),
    }),
    makeSpan({ id: 5, parent: 4, start: 22, end: 39, attributes: chat }),
    makeSpan({
      id: 6,
      parent: 1,
      name: "save",
      start: 41,
      end: 50,
      attributes: { "openinference.span.kind": "CHAIN" },
    }),
  );
  expect(events.filter((event) => event.eventType === "handoff")).toMatchObject([
    { name: "boss -> writer", spanId: toSpanId(2), fromAgent: "boss", toAgent: "writer", mechanism: "transfer" },
  ]);
  expect(events.filter((event) => event.eventType === "decision" && event.decisionKind === "handoff")).toHaveLength(1);
});

test("Pydantic AI: the conversation id of a delegated run is no session of its own", () => {
  const run = (id: string) => ({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": id,
    "gen_ai.conversation.id": id,
  });
  const scope = "pydantic-ai";
  const trace = mapTrace(
    [
      makeSpan({ id: 1, start: 0, end: 90, scope, attributes: run("outer") }),
      makeSpan({ id: 2, parent: 1, start: 1, end: 50, scope, attributes: run("inner") }),
      makeSpan({
        id: 3,
        parent: 2,
        start: 2,
        end: 40,
        scope,
        attributes: { ...chat, "gen_ai.conversation.id": "inner" },
      }),
    ],
    { tenantId: "test" },
  );
  expect(new Set(trace.spans.map((span) => span.sessionId))).toEqual(new Set(["outer"]));
});

test("OpenAI Agents and Agno: a failure that is quoted, or only said to be one, is the same failure", () => {
  const step = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A" };
  const origins = eventsOf(
    makeSpan({ id: 1, start: 0, end: 90, attributes: step, failed: "run status: error" }),
    makeSpan({
      id: 2,
      parent: 1,
      start: 1,
      end: 80,
      attributes: step,
      failed: "Error in agent run: {'error': 'Error running tool look: backend down'}",
    }),
    makeSpan({
      id: 3,
      parent: 2,
      start: 2,
      end: 70,
      attributes: step,
      failed: "Error running tool: {'tool_name': 'look', 'error': 'backend down'}",
    }),
  ).flatMap((event) => (event.eventType === "error" ? [event.originSpanId] : []));
  expect(origins).toEqual([undefined, toSpanId(3), toSpanId(3)]);
});

test("smolagents: the answer is what the tool final_answer was given", () => {
  const events = eventsOf(
    makeSpan({
      id: 1,
      start: 0,
      end: 90,
      attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A" },
    }),
    makeSpan({
      id: 2,
      parent: 1,
      start: 1,
      end: 20,
      attributes: { ...chat, "gen_ai.response.finish_reasons": ["tool_calls"] },
    }),
    makeSpan({
      id: 3,
      parent: 1,
      start: 21,
      end: 22,
      attributes: { "openinference.span.kind": "TOOL", "tool.name": "final_answer", "output.value": "forty-two" },
    }),
  );
  expect(events.at(-1)).toMatchObject({ eventType: "response", content: "forty-two" });
});

test("a pause that travels up is told of once, by the deepest span", () => {
  const exception = { type: "GraphInterrupt", message: "approve?" };
  const events = eventsOf(
    makeSpan({ id: 1, start: 0, end: 90, attributes: { "openinference.span.kind": "CHAIN" }, exception }),
    makeSpan({ id: 2, parent: 1, start: 1, end: 80 }),
    makeSpan({
      id: 3,
      parent: 2,
      name: "ask",
      start: 2,
      end: 70,
      attributes: { "openinference.span.kind": "TOOL", "tool.name": "ask" },
      exception,
    }),
  );
  expect(events.map((event) => [event.eventType, event.spanId])).toEqual([
    ["tool_call", toSpanId(3)],
    ["decision", toSpanId(3)],
  ]);
});
