/** The example body of session-traces.md 8.1, from the spans of 7.2 and a baseline of 21 calls. */
import { describe, expect, it } from "vitest";
import { decodeRequest } from "../testdata/otlp-request.ts";
import { viewOf } from "../testdata/view-of.ts";
import {
  exampleProjectId,
  exampleRequest,
  exampleSessionId,
  exampleStartMs,
  exampleTenantId,
  firstTurnSpans,
  secondTurnSpans,
} from "../testdata/worked-example.ts";
import { type AnalysisRequest, analyzeSession } from "./analysis.ts";
import { analysisSchema } from "./analysis-schema.ts";
import { analysisSections } from "./finding.ts";
import { judgeDuration } from "./slow-spans.ts";
import { defaultThresholds } from "./thresholds.ts";

const view = viewOf(decodeRequest(exampleRequest([...firstTurnSpans, ...secondTurnSpans])), {
  tenantId: exampleTenantId,
  projectId: exampleProjectId,
  sessionId: exampleSessionId,
});
const startNano = BigInt(exampleStartMs) * 1_000_000n;
const usual = Array.from({ length: 21 }, (_, index) => 200 + index * 10);
const request: AnalysisRequest = { sections: analysisSections, minSeverity: "low", limit: 20, mayReadContent: true };
const analyze = (overrides: Partial<AnalysisRequest> = {}) =>
  analyzeSession(
    view,
    { id: exampleSessionId, projectId: exampleProjectId, revision: 6 },
    {
      request: { ...request, ...overrides },
      thresholds: defaultThresholds,
      knowledge: {
        baselines: {
          durations: new Map([["tool_call:refund_order", usual]]),
          fromUnixNano: startNano - 7n * 86_400_000_000_000n,
          toUnixNano: startNano,
        },
        seenElsewhere: () => 0,
      },
    },
  );

describe("the example of 8.1", () => {
  const analysis = analyze();

  it("finds what the contract finds, with its ids", () => {
    expect(analysis.summary).toEqual({
      slowSpans: 2,
      errorPatterns: 1,
      decisionAnomalies: 0,
      optimizationSuggestions: 2,
      bySeverity: { high: 2, medium: 3, low: 0 },
      estimatedSavings: { latencyMs: 4400, tokens: 0, costAmount: 0 },
    });
    const slow = {
      kind: "slow_span",
      severity: "high",
      title: "Tool refund_order took 2000 ms, 6.7 times its usual 300 ms",
      turnIndexes: [1],
      key: "tool_call:refund_order",
      basis: "baseline",
      durationMs: 2000,
      selfMs: 2000,
      excessMs: 1700,
      zScore: 7.02,
      baseline: {
        samples: 21,
        medianMs: 300,
        madLn: 0.182322,
        from: "2026-04-27T09:00:00.000Z",
        to: "2026-05-04T09:00:00.000Z",
      },
      explainedBy: [],
    };
    expect(analysis.slowSpans).toMatchObject([
      {
        ...slow,
        id: "fnd_21dbb6297c7b1dd1",
        evidence: ["ev_3f34c938da2a8e9522e1f53ba6f55535"],
        spanId: "c5d6e7f8091a2b3c",
      },
      {
        ...slow,
        id: "fnd_907c5defaaf84395",
        evidence: ["ev_6696adcec7dcea94f92abdf23cb28166"],
        spanId: "d6e7f8091a2b3c4d",
      },
    ]);
    expect(analysis.errorPatterns).toEqual([
      {
        id: "fnd_84fb6fb56ab9d51e",
        kind: "error_group",
        severity: "medium",
        title: "TimeoutError in refund_order, 2 times, recovered",
        detail: "refund service timed out after <num> ms (request <id>)",
        turnIndexes: [1],
        evidence: ["ev_5affbe1b7e716460eccc8a2f4e7c070d", "ev_4953d5d185709430ba6ba71ba628140e"],
        fingerprint: "85d4a0ab1d4039fb",
        errorType: "TimeoutError",
        errorClass: "timeout",
        scope: "tool_call:refund_order",
        normalizedMessage: "refund service timed out after <num> ms (request <id>)",
        sampleMessage: "Refund service timed out after 2000 ms (request req_8f3a2b19)",
        count: 2,
        turns: 1,
        recovered: 2,
        terminal: 0,
        firstSeen: "2026-05-04T09:01:03.000Z",
        lastSeen: "2026-05-04T09:01:05.100Z",
        seenInOtherSessions: 0,
        isNew: true,
      },
    ]);
    expect(analysis.decisionAnomalies).toEqual([]);
    expect(analysis.optimizationSuggestions).toMatchObject([
      {
        id: "fnd_1d4975b75507c954",
        kind: "reduce_retries",
        severity: "medium",
        evidence: ["ev_3f34c938da2a8e9522e1f53ba6f55535", "ev_6696adcec7dcea94f92abdf23cb28166"],
        savings: { latencyMs: 4000, tokens: 0, costAmount: 0 },
        confidence: "medium",
      },
      {
        id: "fnd_1e7f52910c53d09e",
        kind: "parallelize_tool_calls",
        severity: "medium",
        title: "get_order and get_customer could run at the same time",
        turnIndexes: [0],
        evidence: ["ev_86fe4be05bae9375081b01bb092153ce", "ev_7ef7f209e57e61c0a41b0f2483c7b42e"],
        savings: { latencyMs: 400, tokens: 0, costAmount: 0 },
        confidence: "high",
      },
    ]);
    analysisSchema.parse(JSON.parse(JSON.stringify(analysis)));
  });

  it("K40: gives the same body again", () => {
    expect(JSON.stringify(analyze())).toBe(JSON.stringify(analysis));
  });

  it("leaves out what was not asked for, and counts it all the same", () => {
    const some = analyze({ sections: ["slowSpans"], minSeverity: "high", limit: 1, mayReadContent: false });
    expect(some.slowSpans).toHaveLength(1);
    expect(some.errorPatterns).toBeUndefined();
    expect(some.summary).toEqual(analysis.summary);
    expect(JSON.stringify(analyze({ mayReadContent: false }))).not.toContain("req_8f3a2b19");
  });
});

describe("K34: slow or not", () => {
  const judge = (x: number, samples: readonly number[]) => judgeDuration("tool_call:t", x, samples, defaultThresholds);

  it("follows the table of 8.2", () => {
    expect(judge(400, usual)).toBeUndefined();
    expect(judge(520, usual)).toBeUndefined();
    expect(judge(1000, usual)).toMatchObject({ severity: "medium", z: 4.45 });
    expect(judge(2000, usual)).toMatchObject({ severity: "high", z: 7.02, medianMs: 300, madLn: 0.182322 });
  });

  it("knows the floor, and needs 20 samples", () => {
    expect(judge(140, Array(20).fill(50))).toBeUndefined();
    expect(judge(160, Array(20).fill(50))).toMatchObject({ basis: "baseline", severity: "high" });
    expect(judge(4000, Array(19).fill(50))).toBeUndefined();
    expect(judge(5000, Array(19).fill(50))).toMatchObject({ basis: "absolute", severity: "low", excessMs: 0, z: null });
    expect(judge(15_000, [])).toMatchObject({ basis: "absolute", severity: "high" });
  });
});
