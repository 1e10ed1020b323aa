/** The law of Stage B: one set of spans, one result, whatever way they come. Source: event-mapping.md section 0. */
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldTrace } from "./fold-trace.ts";
import { arbitraryTrace, makeSpan, visible } from "./trace-fixture.ts";
import { addSpans, createTraceState, foldState } from "./trace-state.ts";

const context = { tenantId: "test" };
const mappedTrace = arbitraryTrace(24).map((spans) => spans.map((span) => mapSpan(span)));

describe("a trace", () => {
  test("is the same in any order and with repeats", () => {
    fc.assert(
      fc.property(
        mappedTrace.chain((spans) => fc.tuple(fc.constant(spans), shuffled([...spans, ...spans]))),
        ([spans, mixed]) => {
          expect(visible(foldTrace(mixed, context))).toEqual(visible(foldTrace(spans, context)));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is the same however it is cut into batches, after every batch", () => {
    fc.assert(
      fc.property(
        mappedTrace.chain((spans) =>
          fc.tuple(shuffled(spans), fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 24, maxLength: 24 })),
        ),
        ([spans, sizes]) => {
          const state = createTraceState(context);
          let taken = 0;
          for (const size of sizes) {
            if (taken >= spans.length) break;
            addSpans(state, spans.slice(taken, taken + size));
            taken += size;
            expect(visible(foldState(state))).toEqual(visible(foldTrace(spans.slice(0, taken), context)));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("has events with ids of their own, in time order within each span's reach", () => {
    fc.assert(
      fc.property(mappedTrace, (spans) => {
        const { events, spans: nodes, turns } = foldTrace(spans, context);
        expect(new Set(events.map((event) => event.eventId)).size).toBe(events.length);
        expect(nodes.flatMap((node) => node.events).length).toBe(events.length);
        expect(turns.flatMap((turn) => turn.events).length).toBe(events.length);
        const times = events.map((event) => effectiveTime(event, nodes));
        expect(times.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))).toEqual(times);
      }),
      { numRuns: 200 },
    );
  });

  test("keeps the event objects of spans for which nothing changed", () => {
    const state = createTraceState(context);
    addSpans(state, [chat(2, 1, 10), chat(3, 1, 20), agent(1)]);
    const before = foldState(state).events;
    addSpans(state, [chat(4, 1, 30)]);
    const after = foldState(state).events;
    for (const event of before.filter(({ eventType }) => eventType === "llm_call")) expect(after).toContain(event);
  });
});

describe("addSpans", () => {
  test("names what it kept", () => {
    const state = createTraceState(context);
    const open = mapSpan(makeSpan({ id: 1, start: 0 }));
    const ended = mapSpan(makeSpan({ id: 1, start: 0, end: 5 }));
    expect(addSpans(state, [open])).toEqual([open.spanId]);
    expect(addSpans(state, [ended])).toEqual([open.spanId]);
    expect(addSpans(state, [ended, open])).toEqual([]);
  });

  test("prefers the copy with more attributes, then the greater text, in either order", () => {
    const one = mapSpan(makeSpan({ id: 1, start: 0, end: 5, attributes: { a: 1 } }));
    const two = mapSpan(makeSpan({ id: 1, start: 0, end: 5, name: "zz", attributes: { a: 1 } }));
    const three = mapSpan(makeSpan({ id: 1, start: 0, end: 5, attributes: { a: 1, b: 2 } }));
    for (const order of [
      [one, two, three],
      [three, two, one],
      [two, three, one],
    ]) {
      expect(foldTrace(order, context).spans[0]?.name).toBe("work");
    }
    for (const order of [
      [one, two],
      [two, one],
    ]) {
      expect(foldTrace(order, context).spans[0]?.name).toBe("zz");
    }
  });
});

function shuffled<Item>(items: readonly Item[]): fc.Arbitrary<Item[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
}

function effectiveTime(
  event: { readonly spanId: string; readonly timeUnixNano: string },
  nodes: readonly { readonly spanId: string; readonly effectiveStartUnixNano: bigint }[],
): bigint {
  const start = nodes.find((node) => node.spanId === event.spanId)?.effectiveStartUnixNano ?? 0n;
  const time = BigInt(event.timeUnixNano);
  return time > start ? time : start;
}

function agent(id: number): MappedSpan {
  const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A" };
  return mapSpan(makeSpan({ id, name: "invoke_agent A", start: 0, end: 100, attributes }));
}

function chat(id: number, parent: number, start: number): MappedSpan {
  const attributes = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" };
  return mapSpan(makeSpan({ id, parent, name: "chat m", start, end: start + 5, attributes }));
}
