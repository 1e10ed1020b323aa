import { expect, test } from "vitest";
import { findFindings } from "./findings.ts";
import type { ScopeDiagnostics } from "./response-schema.ts";

const clean: ScopeDiagnostics = {
  name: "sdk",
  version: "1.0",
  dialects: ["OpenTelemetry GenAI"],
  spans: 10,
  byClass: [
    { class: "llm", spans: 6 },
    { class: "plain", spans: 4 },
  ],
  hidden: 0,
  ignored: 0,
  unrecognised: 0,
  withoutSession: 0,
  clockAhead: 0,
  late: 0,
  sample: {
    spans: 10,
    modelCalls: 6,
    callsWithoutContent: 1,
    clockSkew: 0,
    sourceDropped: 0,
    limits: [],
    unreadAttributes: [{ attribute: "http.route", spans: 4 }],
  },
};
const calls = { scope: "sdk", calls: 6, withoutTokens: 0, unpriced: 0, copies: 0 };
const current = { version: 1, spans: 10, inForce: true };

function kindsOf(change: {
  readonly scope?: Partial<ScopeDiagnostics>;
  readonly sample?: Partial<ScopeDiagnostics["sample"]>;
  readonly calls?: Partial<typeof calls>;
  readonly version?: Partial<typeof current>;
  readonly quarantined?: { reason: string; count: number }[];
}): string[] {
  const findings = findFindings({
    diagnostics: {
      scopes: [{ ...clean, ...change.scope, sample: { ...clean.sample, ...change.sample } }],
      modelCalls: [{ ...calls, ...change.calls }],
      mappingVersions: [{ ...current, ...change.version }],
      quarantined: change.quarantined ?? [],
    },
    copyPairs: [],
    unpricedModels: [{ provider: "p", model: "m", calls: "1" }],
  });
  for (const { advice, detail, count } of findings) {
    expect([advice, detail]).toEqual([expect.stringMatching(/\.$/), expect.stringMatching(/\.$/)]);
    expect(count).toBeGreaterThan(0);
  }
  return findings.map(({ kind }) => kind);
}

test("a clean sender is told nothing", () => {
  expect(kindsOf({})).toEqual([]);
});

test.each<[string, Parameters<typeof kindsOf>[0]]>([
  ["session_missing", { scope: { withoutSession: 1 } }],
  ["content_missing", { sample: { callsWithoutContent: 3 } }],
  ["tokens_missing", { calls: { withoutTokens: 1 } }],
  ["unpriced_calls", { calls: { unpriced: 1 } }],
  ["clock_skew", { scope: { clockAhead: 1 } }],
  ["clock_skew", { sample: { clockSkew: 1 } }],
  ["late_arrival", { scope: { late: 1 } }],
  ["unmapped_scope", { scope: { byClass: [{ class: "step", spans: 10 }], unrecognised: 10 } }],
  [
    "unmapped_scope",
    {
      scope: { byClass: [{ class: "plain", spans: 10 }] },
      sample: { unreadAttributes: [{ attribute: "mcp.x", spans: 2 }] },
    },
  ],
  ["truncated", { sample: { limits: [{ limit: "textBytesMax", spans: 1 }] } }],
  ["source_dropped", { sample: { sourceDropped: 1 } }],
  ["stale_mapping", { version: { inForce: false } }],
  ["rejected_spans", { quarantined: [{ reason: "no_ids", count: 2 }] }],
])("%s is told for %j, alone", (kind, change) => {
  expect(kindsOf(change)).toEqual([kind]);
});
