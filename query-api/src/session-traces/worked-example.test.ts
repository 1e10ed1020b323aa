/** The worked example of session-traces.md 5.1, 6 and 7.2, number by number and id by id (K14, K30). */
import { describe, expect, it } from "vitest";
import { childrenOf, tracesKnowing } from "./children.ts";
import { toTraceEvent } from "./event-shape.ts";
import { sessionMetrics } from "./metrics.ts";
import { metricsSchema, traceEventSchema } from "./response-schemas.ts";
import type { Session } from "./session.ts";
import { decodeRequest } from "./testdata/otlp-request.ts";
import { viewOf } from "./testdata/view-of.ts";
import {
  exampleProjectId,
  exampleRequest,
  exampleSessionId,
  exampleTenantId,
  firstTurnSpans,
  secondTraceId,
  secondTurnSpans,
} from "./testdata/worked-example.ts";

const view = viewOf(decodeRequest(exampleRequest([...firstTurnSpans, ...secondTurnSpans])), {
  tenantId: exampleTenantId,
  projectId: exampleProjectId,
  sessionId: exampleSessionId,
});
// Of the session's summary, metrics only repeat these.
const session = {
  id: exampleSessionId,
  projectId: exampleProjectId,
  revision: 6,
  status: "idle",
  durationMs: 66_000,
} as Session;
const fullShape = { content: "full", attributes: false, mayReadContent: true } as const;
const secondTurn = view.events
  .filter((event) => event.traceId === secondTraceId)
  .map((event) => toTraceEvent(view, event, fullShape));

describe("events of the worked example", () => {
  it("are 10 and 14, in the order of the table", () => {
    // The exceptions were recorded when their spans ended; nothing says which of the two comes first.
    const placed = view.events.filter((event) => event.eventType !== "error");
    expect(placed.map((event) => `${event.spanId.slice(0, 4)} ${event.eventType}`)).toEqual([
      "1a2b guardrail_eval",
      "3c4d llm_call",
      "3c4d decision",
      "4d5e tool_call",
      "4d5e tool_result",
      "5e6f tool_call",
      "5e6f tool_result",
      "6f70 llm_call",
      "7081 guardrail_eval",
      "00f0 response",
      "92a3 llm_call",
      "92a3 decision",
      "a3b4 decision",
      "a3b4 handoff",
      "c5d6 tool_call",
      "c5d6 tool_result",
      "d6e7 tool_call",
      "d6e7 tool_result",
      "e7f8 tool_call",
      "e7f8 tool_result",
      "f809 llm_call",
      "8192 response",
    ]);
    expect(view.events.filter((event) => event.eventType === "error").map((event) => event.spanId)).toEqual([
      "c5d6e7f8091a2b3c",
      "d6e7f8091a2b3c4d",
    ]);
  });

  it("have the ids of the contract", () => {
    expect(view.events[1]?.eventId).toBe("ev_2cb8005ea6e86ea56bf5c058b1867d05");
    expect(secondTurn.slice(0, 4).map((event) => event.id)).toEqual([
      "ev_1d3de72eda9ad32640ac713a21855da7",
      "ev_300aceb7ce6998c915072cc8cfdcff59",
      "ev_2fa39fe1954d2fa03b7b355c6aa0e728",
      "ev_35e44b9079df641376d26ba7193527d2",
    ]);
    expect(secondTurn.filter((event) => event.type === "error").map((event) => event.id)).toEqual([
      "ev_5affbe1b7e716460eccc8a2f4e7c070d",
      "ev_4953d5d185709430ba6ba71ba628140e",
    ]);
  });

  it("look like the example of 5.1", () => {
    const envelope = {
      sessionId: "sess_42",
      sessionIdSource: "ancestor",
      userId: "u_118",
      traceId: secondTraceId,
      parentSpanId: "8192a3b4c5d6e7f8",
      turnId: "7c1d2a9e0b5f4c38915e6d2a7f80c4b3:8192a3b4c5d6e7f8",
      turnIndex: 1,
      runId: null,
      agentName: "triage",
      agentId: null,
      environment: "production",
      orphan: false,
      flags: [],
    };
    expect(secondTurn[0]).toMatchObject({
      ...envelope,
      type: "llm_call",
      spanId: "92a3b4c5d6e7f809",
      parentId: null,
      name: "gpt-4o-2024-08-06",
      timestamp: "2026-05-04T09:01:00.100Z",
      timeUnixNano: "1777885260100000000",
      endTimeUnixNano: "1777885260900000000",
      durationMs: 800,
      status: "ok",
      decisionKind: null,
      data: {
        operation: "chat",
        provider: "openai",
        requestModel: "gpt-4o",
        responseModel: "gpt-4o-2024-08-06",
        responseId: "chatcmpl-7Yq",
        parameters: { temperature: 0.2, maxTokens: 512 },
        usage: {
          inputTokens: 1700,
          outputTokens: 40,
          totalTokens: 1740,
          cacheReadInputTokens: null,
          cacheCreationInputTokens: null,
          reasoningOutputTokens: null,
        },
        usagePartial: false,
        cost: {
          amount: 0.00465,
          currency: "USD",
          input: 0.00425,
          output: 0.0004,
          source: "price_table",
          priceTable: "genai-prices@0.1.8",
        },
        finishReasons: ["tool_calls"],
        stream: false,
        timeToFirstChunkMs: null,
        prompt: { name: "triage", version: "7" },
        requestedToolCalls: [{ id: "call_9", name: "transfer_to_billing", arguments: {} }],
      },
    });
    expect(secondTurn[1]).toEqual({
      ...envelope,
      id: "ev_300aceb7ce6998c915072cc8cfdcff59",
      type: "decision",
      spanId: "92a3b4c5d6e7f809",
      parentId: "ev_1d3de72eda9ad32640ac713a21855da7",
      name: "transfer_to_billing",
      timestamp: "2026-05-04T09:01:00.900Z",
      timeUnixNano: "1777885260900000000",
      endTimeUnixNano: null,
      durationMs: null,
      status: "unset",
      decisionKind: "tool_selection",
      data: {
        kind: "tool_selection",
        selected: ["transfer_to_billing"],
        calls: [{ callId: "call_9", toolName: "transfer_to_billing", arguments: {} }],
        fromAgent: null,
        toAgent: null,
        source: null,
        callId: null,
        reason: null,
        handoffId: null,
      },
    });
    expect(secondTurn[2]).toEqual({
      ...envelope,
      id: "ev_2fa39fe1954d2fa03b7b355c6aa0e728",
      type: "decision",
      spanId: "a3b4c5d6e7f8091a",
      parentId: null,
      name: "billing",
      timestamp: "2026-05-04T09:01:00.950Z",
      timeUnixNano: "1777885260950000000",
      endTimeUnixNano: null,
      durationMs: null,
      status: "unset",
      decisionKind: "handoff",
      data: {
        kind: "handoff",
        selected: ["billing"],
        calls: null,
        fromAgent: "triage",
        toAgent: "billing",
        source: null,
        callId: null,
        reason: null,
        handoffId: "ev_35e44b9079df641376d26ba7193527d2",
      },
    });
    expect(secondTurn[3]).toEqual({
      ...envelope,
      id: "ev_35e44b9079df641376d26ba7193527d2",
      type: "handoff",
      spanId: "a3b4c5d6e7f8091a",
      parentId: null,
      name: "triage -> billing",
      timestamp: "2026-05-04T09:01:00.950Z",
      timeUnixNano: "1777885260950000000",
      endTimeUnixNano: "1777885265900000000",
      durationMs: 4950,
      status: "unset",
      decisionKind: null,
      data: {
        fromAgent: "triage",
        toAgent: "billing",
        mechanism: "transfer",
        message: null,
        callId: null,
        escalation: false,
        decisionId: "ev_2fa39fe1954d2fa03b7b355c6aa0e728",
      },
    });
  });

  it("tell the failure of the refund with its fingerprint", () => {
    const error = secondTurn.find((event) => event.type === "error");
    expect(error?.data).toMatchObject({
      errorType: "TimeoutError",
      fingerprint: "85d4a0ab1d4039fb",
      errorClass: "timeout",
      handled: false,
      propagated: false,
      sourceType: "tool_call",
      sourceId: secondTurn[4]?.id,
    });
  });

  it("match the schema that documents them", () => {
    for (const event of view.events)
      traceEventSchema.parse(JSON.parse(JSON.stringify(toTraceEvent(view, event, fullShape))));
  });
});

describe("children of section 6", () => {
  it("lists the child spans of billing and their nine events", () => {
    expect(tracesKnowing(view, "b4c5d6e7f8091a2b")).toEqual([secondTraceId]);
    const children = childrenOf(view, secondTraceId, "b4c5d6e7f8091a2b", 1);
    expect(children.span).toEqual({
      spanId: "b4c5d6e7f8091a2b",
      traceId: secondTraceId,
      parentSpanId: "a3b4c5d6e7f8091a",
      name: "invoke_agent billing",
      class: "agent",
      durationMs: 4935,
      received: true,
    });
    expect(children.self).toEqual([]);
    expect(children.childSpans).toEqual([
      { spanId: "c5d6e7f8091a2b3c", name: "execute_tool refund_order", class: "tool", eventCount: 3, childCount: 0 },
      { spanId: "d6e7f8091a2b3c4d", name: "execute_tool refund_order", class: "tool", eventCount: 3, childCount: 0 },
      { spanId: "e7f8091a2b3c4d5e", name: "execute_tool refund_order", class: "tool", eventCount: 2, childCount: 0 },
      { spanId: "f8091a2b3c4d5e6f", name: "chat gpt-4o", class: "llm", eventCount: 1, childCount: 0 },
    ]);
    expect(children.below).toHaveLength(9);
  });
});

describe("metrics of 7.2", () => {
  const metrics = sessionMetrics(view, session);

  it("come out number by number", () => {
    const { calls, ...tokens } = metrics.tokens;
    expect({ ...metrics, tokens }).toEqual(expectedMetrics);
    expect(calls).toHaveLength(4);
    expect(calls[0]).toEqual(expectedCall);
  });

  it("match the schema that documents them", () => {
    metricsSchema.parse(JSON.parse(JSON.stringify(metrics)));
  });
});

const expectedCall = {
  eventId: "ev_2cb8005ea6e86ea56bf5c058b1867d05",
  turnIndex: 0,
  timestamp: "2026-05-04T09:00:00.140Z",
  provider: "openai",
  model: "gpt-4o-2024-08-06",
  operation: "chat",
  durationMs: 900,
  usage: {
    inputTokens: 820,
    outputTokens: 60,
    totalTokens: 880,
    cacheReadInputTokens: null,
    cacheCreationInputTokens: null,
    reasoningOutputTokens: null,
  },
  usagePartial: false,
  costAmount: 0.00265,
};

const expectedMetrics = {
  sessionId: "sess_42",
  projectId: "prj_7f3k",
  revision: 6,
  status: "idle",
  latency: {
    totalMs: 10200,
    wallClockMs: 66000,
    openTurns: 0,
    turnMeanMs: 5100,
    turnP50Ms: 5100,
    turnP95Ms: 5910,
    turnMaxMs: 6000,
    turns: [
      {
        turnId: "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7",
        index: 0,
        startTime: "2026-05-04T09:00:00.000Z",
        latencyMs: 4200,
        extentMs: 4200,
        breakdown: { llmMs: 2100, toolMs: 1000, guardrailMs: 180, otherMs: 920 },
        timeToFirstTokenMs: null,
        status: "ok",
        llmCalls: 2,
        toolCalls: 2,
        errors: 0,
        tokens: { input: 2300, output: 200, total: 2500 },
        costAmount: 0.00775,
      },
      {
        turnId: "7c1d2a9e0b5f4c38915e6d2a7f80c4b3:8192a3b4c5d6e7f8",
        index: 1,
        startTime: "2026-05-04T09:01:00.000Z",
        latencyMs: 6000,
        extentMs: 6000,
        breakdown: { llmMs: 1180, toolMs: 4300, guardrailMs: 0, otherMs: 520 },
        timeToFirstTokenMs: null,
        status: "ok",
        llmCalls: 2,
        toolCalls: 3,
        errors: 2,
        tokens: { input: 3800, output: 95, total: 3895 },
        costAmount: 0.01045,
      },
    ],
    turnsTruncated: false,
  },
  tokens: {
    totals: {
      inputTokens: 6100,
      outputTokens: 295,
      totalTokens: 6395,
      cacheReadInputTokens: null,
      cacheCreationInputTokens: null,
      reasoningOutputTokens: null,
    },
    callsReporting: 4,
    callsMissing: 0,
    callsPartial: 0,
    aggregateTurns: 0,
    callsTruncated: false,
    byModel: [
      {
        provider: "openai",
        model: "gpt-4o-2024-08-06",
        calls: 4,
        inputTokens: 6100,
        outputTokens: 295,
        totalTokens: 6395,
        costAmount: 0.0182,
        p50Ms: 850,
        p95Ms: 1155,
        errors: 0,
      },
    ],
  },
  llm: { callCount: 4, errorCount: 0, p50Ms: 850, p95Ms: 1155, meanMs: 820 },
  tools: {
    callCount: 5,
    successCount: 3,
    errorCount: 2,
    unresolvedCount: 0,
    unseenCount: 0,
    successRate: 0.6,
    p50Ms: 600,
    p95Ms: 2000,
    byTool: [
      {
        toolName: "refund_order",
        callCount: 3,
        successCount: 1,
        errorCount: 2,
        unresolvedCount: 0,
        successRate: 0.333333,
        p50Ms: 2000,
        p95Ms: 2000,
        totalMs: 4300,
      },
      {
        toolName: "get_customer",
        callCount: 1,
        successCount: 1,
        errorCount: 0,
        unresolvedCount: 0,
        successRate: 1,
        p50Ms: 400,
        p95Ms: 400,
        totalMs: 400,
      },
      {
        toolName: "get_order",
        callCount: 1,
        successCount: 1,
        errorCount: 0,
        unresolvedCount: 0,
        successRate: 1,
        p50Ms: 600,
        p95Ms: 600,
        totalMs: 600,
      },
    ],
  },
  guardrails: {
    evaluationCount: 2,
    passCount: 1,
    failCount: 1,
    errorCount: 0,
    unknownCount: 0,
    blockCount: 0,
    modifyCount: 1,
    blockRate: 0,
    judgementCount: 0,
    byGuardrail: [
      {
        guardrailName: "pii",
        phase: "output",
        evaluationCount: 1,
        blockCount: 0,
        blockRate: 0,
        p50Ms: 60,
        p95Ms: 60,
      },
      {
        guardrailName: "prompt_injection",
        phase: "input",
        evaluationCount: 1,
        blockCount: 0,
        blockRate: 0,
        p50Ms: 120,
        p95Ms: 120,
      },
    ],
  },
  cost: { amount: 0.0182, currency: "USD", pricedCalls: 4, unpricedCalls: 0 },
  errors: { count: 2, handled: 0, propagated: 0 },
  handoffs: { count: 1, transfers: 1, delegations: 0, escalations: 0 },
};
