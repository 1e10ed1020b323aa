/**
 * The golden vectors of `docs/spec/vectors/`: each whole, one by one, shuffled and doubled. How they are compared is event-mapping.md section 7.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { describe, expect, test } from "vitest";
import { mapTrace } from "./map-trace.ts";
import { addSpans, createTraceState, foldState } from "./trace-state.ts";

const vectorsPath = join(import.meta.dirname, "../../../docs/spec/vectors");
const context = { tenantId: "test" };

interface Vector {
  readonly resourceSpans: unknown;
  readonly expected: readonly object[];
}

const names = readdirSync(vectorsPath).filter((name) => name.endsWith(".json"));

describe.each(names)("%s", (name) => {
  const vector = JSON.parse(readFileSync(join(vectorsPath, name), "utf8")) as Vector;
  const traces = tracesOf(readSpans(vector));

  test("gives the expected events", () => {
    expectEvents(
      traces.flatMap((spans) => mapTrace(spans, context).events),
      vector.expected,
    );
  });

  test("does so when its spans arrive one by one", () => {
    const events = traces.flatMap((spans) => {
      const state = createTraceState(context);
      for (const span of spans) {
        addSpans(state, [mapSpan(span)]);
        foldState(state);
      }
      return foldState(state).events;
    });
    expectEvents(events, vector.expected);
  });

  test.each([1, 2, 3])("does so when they are shuffled (%i)", (seed) => {
    expectEvents(
      traces.flatMap((spans) => mapTrace(shuffled(spans, seed), context).events),
      vector.expected,
    );
  });

  test("does so when each comes twice", () => {
    expectEvents(
      traces.flatMap((spans) => mapTrace([...spans, ...shuffled(spans, 7)], context).events),
      vector.expected,
    );
  });
});

function readSpans(vector: Vector): DecodedSpan[] {
  const encoded = exportRequestFromJson(JSON.stringify({ resourceSpans: vector.resourceSpans }));
  if (encoded.outcome !== "encoded") throw new Error(JSON.stringify(encoded));
  const walked = walkExportRequest(encoded.bytes);
  if (walked.outcome !== "walked") throw new Error(JSON.stringify(walked));
  return walked.groups.flatMap((group) => {
    const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
    const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
    return group.spans.map((span) => decodeSpan(span.bytes, resource, scope));
  });
}

function tracesOf(spans: readonly DecodedSpan[]): DecodedSpan[][] {
  const traces = Map.groupBy(spans, (span) => span.traceId);
  return [...traces].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, trace]) => trace);
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  let state = seed;
  const next = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  return items
    .map((item) => ({ item, rank: next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

function expectEvents(events: readonly AgentEvent[], expected: readonly object[]): void {
  const line = (event: { readonly eventType?: string; readonly name?: string; readonly spanId?: string }): string =>
    `${event.eventType} ${event.name} ${event.spanId}`;
  expect(events.map(line)).toEqual(expected.map(line));
  const differences = expected.flatMap((wanted, index) => {
    const got = events[index] as AgentEvent;
    return differencesOf(got, wanted, line(got));
  });
  expect(differences).toEqual([]);
}

/** What is named differs: objects by the given keys, lists by length and element, numbers within 1e-6, null means absent or null. */
function differencesOf(got: unknown, wanted: unknown, path: string): string[] {
  const difference = `${path}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`;
  if (wanted === null) return got === null || got === undefined ? [] : [difference];
  if (typeof wanted === "number") {
    const close = typeof got === "number" && Math.abs(got - wanted) <= 1e-6 * Math.abs(wanted);
    return close ? [] : [difference];
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return [difference];
    return wanted.flatMap((item, index) => differencesOf(got[index], item, `${path}[${index}]`));
  }
  if (typeof wanted === "object") {
    if (typeof got !== "object" || got === null || Array.isArray(got)) return [difference];
    return Object.entries(wanted).flatMap(([key, item]) =>
      differencesOf((got as Record<string, unknown>)[key], item, `${path}.${key}`),
    );
  }
  return got === wanted ? [] : [difference];
}
