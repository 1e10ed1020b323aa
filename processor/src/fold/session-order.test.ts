import { expect, test } from "vitest";
import { mapTrace } from "./map-trace.ts";
import { parentEventId, primaryEvent } from "./primary-event.ts";
import { orderSessionEvents, orderSessionSpans } from "./session-order.ts";
import { findCopiesAcross } from "./trace-copies.ts";
import { makeSpan, type SpanOptions, toSpanId } from "./trace-fixture.ts";

const chatAttributes = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" };
const toolAttributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t" };
const traceOf = (...spans: SpanOptions[]) =>
  mapTrace(
    spans.map((span) => makeSpan(span)),
    { tenantId: "test" },
  );

test("the traces of a session are one sequence, and each keeps its own order", () => {
  const one = { traceId: "1".repeat(32), attributes: chatAttributes };
  const two = { traceId: "2".repeat(32), attributes: chatAttributes };
  const traces = [
    traceOf({ id: 1, start: 0, end: 10, ...one }, { id: 2, start: 20, end: 30, ...one }),
    traceOf({ id: 3, start: 20, end: 25, ...two }, { id: 4, start: 5, end: 6, ...two }),
  ];
  const order = [1, 4, 3, 2].map(toSpanId);
  expect(orderSessionEvents(traces).map((event) => event.spanId)).toEqual(order);
  expect(orderSessionSpans(traces).map((span) => span.spanId)).toEqual(order);
  expect(orderSessionEvents(traces.toReversed()).map((event) => event.spanId)).toEqual(order);
});

test("events hang under the event of the nearest span above that has one", () => {
  const trace = traceOf(
    { id: 1, start: 0, end: 90, attributes: toolAttributes },
    { id: 2, parent: 1, start: 1, end: 80 },
    { id: 3, parent: 2, start: 2, end: 70, attributes: chatAttributes, failed: "busy" },
  );
  const [top, , model] = trace.spans;
  if (top === undefined || model === undefined) throw new Error("spans are missing");
  const call = primaryEvent(model);
  const error = model.events.find((event) => event.eventType === "error");
  if (call === undefined || error === undefined) throw new Error("events are missing");
  expect(call.eventType).toBe("llm_call");
  expect(parentEventId(call, model)).toBe(primaryEvent(top)?.eventId);
  expect(parentEventId(error, model)).toBe(call.eventId);
  expect(top.events.map((event) => parentEventId(event, top))).toEqual([null, primaryEvent(top)?.eventId]);
});

test("a call that another trace tells of too is its copy", () => {
  const output = '[{"role":"assistant","parts":[{"type":"text","content":"hi"}]}]';
  const said = { ...chatAttributes, "gen_ai.output.messages": output };
  const agent = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A" };
  const traces = [
    traceOf(
      { id: 1, start: 0, end: 90, traceId: "1".repeat(32), attributes: agent },
      { id: 2, parent: 1, start: 10, end: 20, traceId: "1".repeat(32), attributes: said },
    ),
    traceOf({ id: 3, start: 11, end: 19, traceId: "2".repeat(32), scope: "sdk", attributes: said }),
    traceOf({ id: 4, start: 31, end: 39, traceId: "3".repeat(32), scope: "sdk", attributes: said }),
    traceOf({ id: 5, start: 11, end: 19, traceId: "4".repeat(32), attributes: said }),
  ];
  const [original] = traces[0]?.events.filter((event) => event.eventType === "llm_call") ?? [];
  const [copy] = traces[1]?.events ?? [];
  const marks = [[copy?.eventId, { duplicateOf: original?.eventId }]];
  expect([...findCopiesAcross(traces, "test")]).toEqual(marks);
  expect([...findCopiesAcross(traces.toReversed(), "test")]).toEqual(marks);
});
