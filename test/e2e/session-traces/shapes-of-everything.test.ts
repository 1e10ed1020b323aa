/**
 * Every vector of the mapping and every capture of a real framework, in the shapes of this API: each answer holds to the schema that documents
 * it, and tree, flat, metrics and analysis agree with each other. K12, K13, K27.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { analyzeSession } from "@nonet/query-api/session-traces/analysis/analysis.ts";
import { analysisSchema } from "@nonet/query-api/session-traces/analysis/analysis-schema.ts";
import { analysisSections } from "@nonet/query-api/session-traces/analysis/finding.ts";
import { defaultThresholds } from "@nonet/query-api/session-traces/analysis/thresholds.ts";
import { toTraceEvent } from "@nonet/query-api/session-traces/event-shape.ts";
import { sessionMetrics } from "@nonet/query-api/session-traces/metrics.ts";
import { metricsSchema, traceEventSchema } from "@nonet/query-api/session-traces/response-schemas.ts";
import type { Session } from "@nonet/query-api/session-traces/session.ts";
import type { SessionView } from "@nonet/query-api/session-traces/session-view.ts";
import { decodeRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { viewOf } from "@nonet/query-api/session-traces/testdata/view-of.ts";
import { type Node, treeOfTurn } from "@nonet/query-api/session-traces/tree-view.ts";
import { describe, expect, test } from "vitest";
import { listCaptures, readCapture } from "../corpus/read-capture.ts";

const vectors = new URL("../../../docs/spec/vectors/", import.meta.url);

interface Vector {
  readonly resourceSpans: unknown[];
  readonly expected: readonly { readonly eventType: string; readonly eventId?: string }[];
}

function readVector(name: string): Vector {
  return JSON.parse(readFileSync(new URL(name, vectors), "utf8")) as Vector;
}

function sessionsOf(spans: readonly DecodedSpan[]): SessionView[] {
  const identity = { tenantId: "test", projectId: "p" };
  const all = viewOf(spans, { ...identity, sessionId: "" });
  const ids = new Set(all.traces.flatMap(({ trace }) => trace.spans.map((span) => span.sessionId)));
  return [...ids].sort().map((sessionId) => viewOf(spans, { ...identity, sessionId }));
}

function bodiesOf(view: SessionView): { events: unknown[]; metrics: unknown; analysis: unknown } {
  const shape = { content: "full", attributes: true, mayReadContent: true } as const;
  const session = { id: view.sessionId, projectId: "p", revision: 1, status: "idle", durationMs: 1 } as Session;
  const bodies = {
    events: view.events.map((event) => toTraceEvent(view, event, shape)),
    metrics: sessionMetrics(view, session),
    analysis: analyzeSession(view, session, {
      request: { sections: analysisSections, minSeverity: "low", limit: 100, mayReadContent: true },
      thresholds: defaultThresholds,
      knowledge: {
        baselines: { durations: new Map(), fromUnixNano: 0n, toUnixNano: 1n },
        seenElsewhere: () => 0,
      },
    }),
  };
  return JSON.parse(JSON.stringify(bodies));
}

function expectConsistent(view: SessionView): void {
  const { events, metrics, analysis } = bodiesOf(view);
  for (const event of events) traceEventSchema.parse(event);
  const { latency } = metricsSchema.parse(metrics);
  analysisSchema.parse(analysis);
  for (const turn of latency.turns) {
    if (turn.breakdown === null) continue;
    const parts = Object.values(turn.breakdown).reduce((sum, part) => sum + part, 0);
    expect(Math.round(parts * 1e6)).toBe(Math.round((turn.latencyMs ?? 0) * 1e6));
  }
  const shape = { content: "full", attributes: false, mayReadContent: true } as const;
  for (const structure of ["omit", "ancestors", "all"] as const) {
    const request = { structure, matches: () => true, unfiltered: true, shape };
    const ids: string[] = [];
    const open: Node[] = view.turns.flatMap((turn) => treeOfTurn(view, turn, request));
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node.kind === "event") ids.push(node.event.id);
      for (const child of node.children) open.push(child);
    }
    expect(ids.sort()).toEqual(view.events.map((event) => event.eventId).sort());
  }
}

describe("vectors", () => {
  const names = readdirSync(vectors).filter((name) => name.endsWith(".json"));

  test.each(names)("K12: %s", (name) => {
    const { resourceSpans, expected } = readVector(name);
    const views = sessionsOf(decodeRequest({ resourceSpans }));
    for (const view of views) expectConsistent(view);
    const types = views.flatMap((view) => view.events.map((event) => event.eventType)).sort();
    expect(types).toEqual(expected.map((event) => event.eventType).sort());
  });

  test("K12: each of the nine types occurs", () => {
    const types = names.flatMap((name) => readVector(name).expected.map((event) => event.eventType));
    expect(new Set(types).size).toBe(9);
  });

  test.each(names)("K13: %s, in any order and twice, gives the same bodies", (name) => {
    const spans = decodeRequest({ resourceSpans: readVector(name).resourceSpans });
    const shuffled = [...spans, ...spans].sort((a, b) => (a.spanId + a.name < b.spanId + b.name ? 1 : -1));
    expect(sessionsOf(shuffled).map(bodiesOf)).toEqual(sessionsOf(spans).map(bodiesOf));
  });
});

describe("captures of real frameworks", () => {
  test.each(listCaptures())("%s", (name) => {
    for (const view of sessionsOf(readCapture(name))) expectConsistent(view);
  });
});
