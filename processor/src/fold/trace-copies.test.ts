import type { AttributeValue } from "@nonet/proto/otlp-span.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { FoldedTrace } from "./folded-trace.ts";
import { mapTrace } from "./map-trace.ts";
import {
  type CopyMark,
  callKeysOf,
  callReportsOf,
  copiesMax,
  findCopiesAcross,
  markCopies,
  parseKeyText,
  toKeyText,
} from "./trace-copies.ts";
import { makeSpan, type SpanOptions } from "./trace-fixture.ts";

const minutes = 60_000;

/** A trace of one model call, outside any agent. */
function call(trace: number, options: Partial<SpanOptions> = {}, attributes: Record<string, AttributeValue> = {}) {
  const span = makeSpan({
    id: 1,
    start: 10,
    end: 20,
    traceId: trace.toString(16).padStart(32, "0"),
    scope: "client",
    ...options,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "m",
      "gen_ai.response.id": "r1",
      ...attributes,
    },
  });
  return mapTrace([span], { tenantId: "t" });
}

const counted = { "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 6 };
const output = (text: string) => JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: text }] }]);

function idOf(trace: FoldedTrace): string {
  return trace.events.find((event) => event.eventType === "llm_call")?.eventId ?? "";
}

function marksOf(...traces: FoldedTrace[]): Map<string, CopyMark> {
  return findCopiesAcross(traces, "t");
}

test("the poorer reports of a response are copies of the richest, in whatever order the traces come", () => {
  const rich = call(1, { scope: "framework" }, { ...counted, "gen_ai.output.messages": output("hi") });
  const poor = call(2, {}, counted);
  const poorest = call(3, { scope: "gateway" });
  const wanted = new Map([
    [idOf(poor), { duplicateOf: idOf(rich) }],
    [idOf(poorest), { duplicateOf: idOf(rich) }],
  ]);
  fc.assert(
    fc.property(fc.shuffledSubarray([rich, poor, poorest], { minLength: 3 }), (traces) => {
      expect(new Map([...marksOf(...traces)].sort())).toEqual(new Map([...wanted].sort()));
    }),
  );
});

test("reports of one scope, of other responses, of another kind, and of another day are calls of their own", () => {
  const one = call(1, {}, counted);
  expect(marksOf(one, call(2, {}))).toEqual(new Map());
  expect(marksOf(one, call(2, { scope: "other" }, { "gen_ai.response.id": "r2" }))).toEqual(new Map());
  expect(marksOf(one, call(2, { scope: "other" }, { "gen_ai.operation.name": "embeddings" }))).toEqual(new Map());
  expect(marksOf(one, call(2, { scope: "other", start: 11 * minutes, end: 12 * minutes })).size).toBe(0);
  expect(marksOf(one, call(2, { scope: "other", start: 9 * minutes, end: 9 * minutes + 1 })).size).toBe(1);
});

test("a response id that a test server gives to everyone marks nobody", () => {
  const crowd = Array.from({ length: copiesMax + 1 }, (_, index) => call(index, { scope: `scope-${index % 2}` }));
  expect(marksOf(...crowd.slice(0, 2)).size).toBe(1);
  expect(marksOf(...crowd)).toEqual(new Map());
});

test("the vendor's own counts stand at the original, and a copy's choice of tools is one of the original's", () => {
  const asked = JSON.stringify([
    { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "add", arguments: {} }] },
  ]);
  const original = call(1, {}, { ...counted, "gen_ai.output.messages": asked, "gen_ai.input.messages": output("?") });
  const copy = call(
    2,
    { scope: "com.anthropic.sdk.python" },
    { ...counted, "gen_ai.usage.output_tokens": 5, "gen_ai.output.messages": asked },
  );
  const marks = marksOf(original, copy);
  expect(markCopies(original, marks).events).toMatchObject([
    { eventType: "llm_call", outputTokens: 5, totalTokens: 15, usageFrom: idOf(copy) },
    { eventType: "decision" },
  ]);
  expect(markCopies(copy, marks).events.map((event) => event.duplicateOf)).toEqual(
    original.events.map((event) => event.eventId),
  );
  expect(markCopies(original, new Map())).toBe(original);
});

test("without a response id a copy is found by what was said at the same time", () => {
  const said = { "gen_ai.output.messages": output("Paris."), "gen_ai.response.id": "" };
  const counting = call(1, {}, { ...said, ...counted });
  expect([...marksOf(counting, call(2, { scope: "sdk", start: 11, end: 19 }, said)).values()]).toEqual([
    { duplicateOf: idOf(counting) },
  ]);
  expect(marksOf(counting, call(2, { scope: "sdk", start: 21, end: 29 }, said)).size).toBe(0);
  const other = { ...said, "gen_ai.output.messages": output("Lima.") };
  expect(marksOf(counting, call(2, { scope: "sdk", start: 11, end: 19 }, other)).size).toBe(0);
});

test("a key comes back from its text, whatever an id holds; other texts are none", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary" }), (value) => {
      const key = { slot: 2_945_376, by: "response" as const, value };
      expect(parseKeyText(toKeyText(key))).toEqual(key);
    }),
  );
  expect(["", "1", "1 response", "x response r", "1 other r", "-1 output r"].map(parseKeyText)).toEqual(
    Array(6).fill(undefined),
  );
  expect(callReportsOf(call(1)).flatMap(callKeysOf)).toMatchObject([{ by: "response", value: "r1" }]);
});
