/** Spans that are hidden, as those of a scope that a project ignores, leave the trace as if they had never been, but for who hangs on whom. */
import { toIgnored } from "@nonet/ingest/map/ignored-scope.ts";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { foldTrace } from "./fold-trace.ts";
import { arbitraryTrace, makeSpan, toSpanId, visible } from "./trace-fixture.ts";
import { addSpans, createTraceState, foldState } from "./trace-state.ts";

const context = { tenantId: "test" };
const someHidden = arbitraryTrace(24).chain((spans) =>
  fc
    .array(fc.boolean(), { minLength: spans.length, maxLength: spans.length })
    .map((hidden) => spans.map((span, index) => (hidden[index] ? toIgnored(mapSpan(span)) : mapSpan(span)))),
);

const agent = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A", "session.id": "s" };
const chat = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" };

test("what hangs on a hidden span hangs on what that hangs on", () => {
  const spans = [
    mapSpan(makeSpan({ id: 1, start: 0, end: 90, attributes: agent })),
    toIgnored(
      mapSpan(makeSpan({ id: 2, parent: 1, start: 1, end: 80, attributes: { ...agent, "session.id": "other" } })),
    ),
    toIgnored(mapSpan(makeSpan({ id: 3, parent: 2, start: 2, end: 70 }))),
    mapSpan(makeSpan({ id: 4, parent: 3, start: 3, end: 60, attributes: chat })),
  ];
  const folded = foldTrace(spans, context);
  expect(folded.spans.map((span) => [span.spanId, span.parent?.spanId])).toEqual([
    [toSpanId(1), undefined],
    [toSpanId(4), toSpanId(1)],
  ]);
  const call = folded.events.find((event) => event.eventType === "llm_call");
  expect(call).toMatchObject({ agentName: "A", sessionId: "s" });
});

test("a root that is hidden leaves roots, and no orphans", () => {
  const spans = [
    toIgnored(mapSpan(makeSpan({ id: 1, start: 0, end: 90, attributes: agent }))),
    mapSpan(makeSpan({ id: 2, parent: 1, start: 1, end: 80, attributes: chat })),
  ];
  expect(foldTrace(spans, context).spans.map(({ parent, orphan }) => [parent, orphan])).toEqual([[undefined, false]]);
});

test("a trace of nothing but hidden spans is that trace, and empty", () => {
  const span = makeSpan({ id: 1, start: 0, end: 9, attributes: chat });
  const folded = foldTrace([toIgnored(mapSpan(span))], context);
  expect(folded).toMatchObject({ traceId: span.traceId, spans: [], events: [], turns: [] });
});

test("a cycle of hidden spans ends", () => {
  const spans = [
    toIgnored(mapSpan(makeSpan({ id: 1, parent: 2, start: 0, end: 9 }))),
    toIgnored(mapSpan(makeSpan({ id: 2, parent: 1, start: 0, end: 9 }))),
    mapSpan(makeSpan({ id: 3, parent: 1, start: 0, end: 9, attributes: chat })),
  ];
  expect(foldTrace(spans, context).spans).toHaveLength(1);
});

test("the trace is the same in whatever order and batches its spans come", () => {
  const batches = someHidden.chain((spans) =>
    fc.tuple(
      fc.constant(spans),
      fc.shuffledSubarray(spans, { minLength: spans.length, maxLength: spans.length }),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 24, maxLength: 24 }),
    ),
  );
  fc.assert(
    fc.property(batches, ([spans, shuffled, sizes]) => {
      expect(visible(foldTrace(shuffled, context))).toEqual(visible(foldTrace(spans, context)));
      const state = createTraceState(context);
      let taken = 0;
      for (const size of sizes) {
        if (taken >= shuffled.length) break;
        const batch: readonly MappedSpan[] = shuffled.slice(taken, taken + size);
        addSpans(state, batch);
        taken += size;
        expect(visible(foldState(state))).toEqual(visible(foldTrace(shuffled.slice(0, taken), context)));
      }
    }),
    { numRuns: 300 },
  );
});
