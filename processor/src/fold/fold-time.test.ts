/** Time grows with the trace and not faster, for ordinary traces and for those made to hurt; a late span costs a fraction of the whole. */
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { describe, expect, test } from "vitest";
import { foldTrace } from "./fold-trace.ts";
import { makeSpan, type SpanOptions } from "./trace-fixture.ts";
import { addSpans, createTraceState, foldState } from "./trace-state.ts";

const context = { tenantId: "test" };
const chat = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1 };
const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t" };
const agent = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A" };
const step = { "gen_ai.operation.name": "x" };

type Shape = (index: number, size: number) => Omit<SpanOptions, "id">;

const shapes: Readonly<Record<string, Shape>> = {
  "agents with model and tool calls": (index) => ({
    parent: index === 0 ? undefined : index % 50 === 1 ? 1 : index - ((index - 1) % 50) + 1,
    start: index,
    end: index === 0 ? 1_000_000 : index + (index % 50 === 1 ? 60 : 1),
    attributes: index % 50 < 2 ? agent : index % 2 === 0 ? chat : tool,
  }),
  "failures under each other": (index, size) => ({
    parent: index === 0 ? undefined : index,
    start: index,
    end: 3 * size - index,
    attributes: step,
    failed: `failure ${index}`,
  }),
  "model spans under each other": (index, size) => ({
    parent: index === 0 ? undefined : Math.min(index, size / 2),
    start: index,
    end: 3 * size - index,
    attributes: chat,
  }),
  "one tool under itself": (index, size) => ({
    parent: index === 0 ? undefined : index,
    start: index,
    end: 3 * size - index,
    attributes: tool,
  }),
  "cycles of two": (index) => ({ parent: (index ^ 1) + 1, start: index, end: index + 1, attributes: tool }),
};

describe.each(Object.entries(shapes))("%s", (_name, shape) => {
  test("ten times the spans take about ten times the time", { retry: 2, timeout: 60_000 }, () => {
    const small = spansOf(shape, 1_000);
    const large = spansOf(shape, 10_000);
    timeOf(() => foldTrace(small, context));
    // Larger traces leave the caches, hence not ten; quadratic work would show as a hundred.
    expect(timeOf(() => foldTrace(large, context)) / timeOf(() => foldTrace(small, context))).toBeLessThan(30);
  });
});

test("a late span in a trace of 10,000 costs less than a fifth of folding it whole", {
  retry: 2,
  timeout: 60_000,
}, () => {
  const spans = spansOf(shapes["agents with model and tool calls"] as Shape, 10_000);
  const late = spans.filter((_, index) => index % 500 === 77);
  const state = createTraceState(context);
  addSpans(
    state,
    spans.filter((span) => !late.includes(span)),
  );
  foldState(state);
  const times = late.map((span) => {
    const before = performance.now();
    addSpans(state, [span]);
    foldState(state);
    return performance.now() - before;
  });
  expect(Math.min(...times)).toBeLessThan(timeOf(() => foldTrace(spans, context)) / 5);
});

function spansOf(shape: Shape, size: number): MappedSpan[] {
  return Array.from({ length: size }, (_, index) => mapSpan(makeSpan({ id: index + 1, ...shape(index, size) })));
}

/** Milliseconds of the fastest of some runs. */
function timeOf(run: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const before = performance.now();
    run();
    return performance.now() - before;
  });
  return Math.min(...times);
}
