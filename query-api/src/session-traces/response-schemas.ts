/** The bodies of this API as schemas: they document it in /openapi.json, and the tests check every answer against them. Source: session-traces.md. */
import { decisionKinds, eventTypes, sessionIdSources, spanClasses } from "@nonet/proto/event.ts";
import { z } from "zod";
import { sessionStatuses } from "./session-status.ts";
import { errorClasses } from "./trace-event.ts";

const text = z.string();
const textOrNull = z.string().nullable();
const count = z.int().min(0);
const numberOrNull = z.number().nullable();
const countOrNull = z.number().min(0).nullable();
const nano = z.string().regex(/^\d+$/).meta({ description: "Nanoseconds since 1970, decimal." });
export const timestamp = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .meta({ description: "RFC 3339 in UTC with milliseconds." });
const json = z.unknown().meta({ description: "Any JSON value." });
const object = z.record(z.string(), z.unknown());
const sessionStatus = z.enum(sessionStatuses);
const turnStatus = z.enum(["ok", "error", "running"]);
const eventStatus = z.enum(["ok", "error", "unset"]);
const spanClass = z.enum(spanClasses);
const tokenTotals = z.strictObject({ input: countOrNull, output: countOrNull, total: countOrNull });

export const pageSchema = z
  .strictObject({
    limit: count,
    count,
    total: count.nullable(),
    hasMore: z.boolean(),
    nextCursor: textOrNull,
  })
  .meta({ id: "Page" });

const sessionShape = {
  id: text,
  projectId: text,
  idReported: z.boolean(),
  revision: z.number(),
  status: sessionStatus,
  agent: textOrNull,
  agents: z.array(text),
  environment: textOrNull,
  channel: textOrNull,
  userId: textOrNull,
  startedAt: timestamp,
  lastActivityAt: timestamp,
  durationMs: z.number().min(0),
  turnCount: count,
  messageCount: count,
  traceCount: count,
  eventCount: count,
  llmCallCount: count,
  toolCallCount: count,
  handoffCount: count,
  guardrailCount: count,
  errorCount: count,
  tokens: tokenTotals,
  cost: z.strictObject({ amount: countOrNull, currency: z.literal("USD"), unpricedCalls: count }),
  models: z.array(text),
  tags: z.array(text),
  metadata: object,
};

export const sessionSchema = z.strictObject(sessionShape).meta({ id: "Session" });

export const turnSchema = z
  .strictObject({
    turnId: text,
    runId: textOrNull,
    index: count,
    traceId: text,
    rootSpanId: textOrNull,
    startTime: timestamp,
    startTimeUnixNano: nano,
    endTimeUnixNano: nano.nullable(),
    latencyMs: countOrNull,
    extentMs: z.number().min(0),
    status: turnStatus,
    eventCount: count,
  })
  .meta({ id: "Turn" });

export const sessionListSchema = z
  .strictObject({ data: z.array(sessionSchema), page: pageSchema })
  .meta({ id: "SessionList" });

export const sessionDetailSchema = z
  .strictObject({ ...sessionShape, turns: z.array(turnSchema), turnsTruncated: z.boolean() })
  .meta({ id: "SessionDetail" });

const usageShape = {
  inputTokens: countOrNull,
  outputTokens: countOrNull,
  totalTokens: countOrNull,
  cacheReadInputTokens: countOrNull,
  cacheCreationInputTokens: countOrNull,
  reasoningOutputTokens: countOrNull,
};

export const usageSchema = z.strictObject(usageShape).meta({ id: "Usage" });

export const costSchema = z
  .strictObject({
    amount: z.number(),
    currency: z.literal("USD"),
    input: numberOrNull,
    output: numberOrNull,
    source: z.enum(["reported", "price_table"]),
    priceTable: textOrNull,
  })
  .meta({ id: "Cost" });

export const promptMetaSchema = z
  .strictObject({
    name: textOrNull,
    version: textOrNull,
    messageCount: countOrNull,
    roles: z.record(z.string(), count).nullable(),
    hasSystem: z.boolean().nullable(),
    toolCount: countOrNull,
    charCount: countOrNull,
    fingerprint: textOrNull,
  })
  .meta({ id: "PromptMeta" });

const partSchema = z
  .union([
    z.strictObject({ type: z.enum(["text", "reasoning"]), text }),
    z.strictObject({ type: z.literal("tool_call"), id: text.optional(), name: text, arguments: json.optional() }),
    z.strictObject({
      type: z.literal("tool_result"),
      id: text.optional(),
      name: text.optional(),
      result: json,
      isError: z.boolean().optional(),
    }),
    z.strictObject({ type: z.literal("media"), mimeType: text.optional(), uri: text.optional() }),
    z.strictObject({ type: z.literal("data"), value: json }),
  ])
  .meta({ id: "Part" });

const messageSchema = z
  .strictObject({
    role: z.enum(["system", "user", "assistant", "tool"]),
    parts: z.array(partSchema),
    finishReason: text.optional(),
    name: text.optional(),
  })
  .meta({ id: "Message" });

const toolDefSchema = z
  .strictObject({ name: text, description: text.optional(), parameters: json.optional() })
  .meta({ id: "ToolDef" });

export const llmContentSchema = z
  .strictObject({ input: z.array(messageSchema), output: z.array(messageSchema), tools: z.array(toolDefSchema) })
  .nullable();

const llmCallData = z
  .strictObject({
    operation: text,
    provider: textOrNull,
    requestModel: textOrNull,
    responseModel: textOrNull,
    responseId: textOrNull,
    parameters: object,
    usage: usageSchema,
    usagePartial: z.boolean(),
    cost: costSchema.nullable(),
    finishReasons: z.array(text).nullable(),
    stream: z.boolean().nullable(),
    timeToFirstChunkMs: numberOrNull,
    prompt: promptMetaSchema,
    requestedToolCalls: z.array(z.strictObject({ id: textOrNull, name: textOrNull, arguments: json })).nullable(),
    content: llmContentSchema,
  })
  .meta({ id: "LlmCallData" });

const mcp = z
  .strictObject({ method: textOrNull, sessionId: textOrNull, protocolVersion: textOrNull, requestId: textOrNull })
  .nullable();

const toolCallData = z
  .strictObject({
    toolName: text,
    toolType: textOrNull,
    toolDescription: textOrNull,
    callId: textOrNull,
    mcp,
    arguments: json,
    argumentsHash: textOrNull,
    resultEventId: textOrNull,
  })
  .meta({ id: "ToolCallData" });

const toolResultData = z
  .strictObject({
    toolName: text,
    toolType: textOrNull,
    callId: textOrNull,
    mcp,
    isError: z.boolean(),
    errorType: textOrNull,
    errorMessage: textOrNull,
    result: json,
    resultHash: textOrNull,
    resultBytes: countOrNull,
    callEventId: textOrNull,
  })
  .meta({ id: "ToolResultData" });

const decisionData = z
  .strictObject({
    kind: z.enum(decisionKinds),
    selected: z.array(text),
    calls: z.array(z.strictObject({ callId: textOrNull, toolName: textOrNull, arguments: json })).nullable(),
    fromAgent: textOrNull,
    toAgent: textOrNull,
    source: textOrNull,
    callId: textOrNull,
    reason: textOrNull,
    handoffId: textOrNull,
  })
  .meta({ id: "DecisionData" });

const handoffData = z
  .strictObject({
    fromAgent: textOrNull,
    toAgent: textOrNull,
    mechanism: z.enum(["transfer", "delegation"]),
    message: textOrNull,
    callId: textOrNull,
    escalation: z.boolean(),
    decisionId: textOrNull,
  })
  .meta({ id: "HandoffData" });

const guardrailData = z
  .strictObject({
    guardrailName: text,
    evalKind: z.enum(["guardrail", "evaluation", "threat", "hook"]),
    result: z.enum(["pass", "fail", "error", "unknown"]),
    action: z.enum(["allow", "block", "modify", "warn", "escalate", "none"]).nullable(),
    score: numberOrNull,
    label: textOrNull,
    reason: textOrNull,
    target: textOrNull,
    phase: z.enum(["input", "output", "tool_input", "tool_output"]).nullable(),
    blocked: z.boolean(),
  })
  .meta({ id: "GuardrailData" });

const stateChangeData = z
  .strictObject({
    stateKey: text,
    operation: z.enum(["set", "create", "update", "upsert", "delete"]),
    scope: z.enum(["memory", "session", "workflow"]),
    before: json,
    after: json,
  })
  .meta({ id: "StateChangeData" });

const errorData = z
  .strictObject({
    errorType: text,
    message: textOrNull,
    stack: textOrNull,
    handled: z.boolean(),
    propagated: z.boolean(),
    originSpanId: textOrNull,
    sourceKind: z.enum(["exception_event", "status", "attribute", "span_event"]),
    rootCauseId: textOrNull,
    fingerprint: text,
    errorClass: z.enum(errorClasses),
    sourceType: z.enum([...eventTypes, "span"]),
    sourceId: textOrNull,
  })
  .meta({ id: "ErrorData" });

const responseData = z
  .strictObject({
    content: textOrNull,
    contentCaptured: z.boolean(),
    charCount: countOrNull,
    responseSource: z.enum(["root", "last_llm_call"]).nullable(),
    finishReason: textOrNull,
    usageAggregate: z.strictObject({ ...usageShape, cost: numberOrNull }).nullable(),
    sourceId: textOrNull,
  })
  .meta({ id: "ResponseData" });

export const traceEventSchema = z
  .strictObject({
    id: text,
    type: z.enum(eventTypes),
    sessionId: text,
    sessionIdSource: z.enum(sessionIdSources),
    userId: textOrNull,
    traceId: text,
    spanId: text,
    parentSpanId: textOrNull,
    parentId: textOrNull,
    turnId: text,
    turnIndex: count,
    runId: textOrNull,
    name: text,
    agentName: textOrNull,
    agentId: textOrNull,
    environment: textOrNull,
    timestamp,
    timeUnixNano: nano,
    endTimeUnixNano: nano.nullable(),
    durationMs: countOrNull,
    status: eventStatus,
    decisionKind: z.enum(decisionKinds).nullable(),
    orphan: z.boolean(),
    flags: z.array(text),
    duplicateOf: text.optional(),
    data: z.union([
      llmCallData,
      toolCallData,
      toolResultData,
      decisionData,
      handoffData,
      guardrailData,
      stateChangeData,
      errorData,
      responseData,
    ]),
    contentTruncated: z.literal(true).optional(),
    contentWithheld: z.literal(true).optional(),
    ruleId: text.optional(),
    scopeName: text.optional(),
    serviceName: textOrNull.optional(),
    tags: z.array(text).optional(),
    metadata: object.optional(),
    attributes: object.optional(),
    resource: object.optional(),
    links: z.array(z.strictObject({ traceId: text, spanId: text })).optional(),
    attributesTruncated: z.literal(true).optional(),
  })
  .meta({ id: "TraceEvent" });

const eventNodeSchema = z
  .strictObject({
    kind: z.literal("event"),
    matched: z.boolean(),
    event: traceEventSchema,
    get children() {
      return z.array(nodeSchema);
    },
  })
  .meta({ id: "EventNode" });

export const spanNodeSchema = z
  .strictObject({
    kind: z.literal("span"),
    spanId: text,
    traceId: text,
    name: text,
    class: spanClass,
    agentName: textOrNull,
    startTimeUnixNano: nano,
    endTimeUnixNano: nano.nullable(),
    durationMs: countOrNull,
    selfMs: countOrNull,
    status: eventStatus,
    get children() {
      return z.array(nodeSchema);
    },
  })
  .meta({ id: "SpanNode" });

const nodeSchema: z.ZodType = z.union([eventNodeSchema, spanNodeSchema]).meta({ id: "Node" });

export const metricsSchema = z
  .strictObject({
    sessionId: text,
    projectId: text,
    revision: z.number(),
    status: sessionStatus,
    latency: z.strictObject({
      totalMs: countOrNull,
      wallClockMs: z.number(),
      openTurns: count,
      turnMeanMs: countOrNull,
      turnP50Ms: countOrNull,
      turnP95Ms: countOrNull,
      turnMaxMs: countOrNull,
      turns: z.array(
        z.strictObject({
          turnId: text,
          index: count,
          startTime: timestamp,
          latencyMs: countOrNull,
          extentMs: z.number(),
          breakdown: z
            .strictObject({ llmMs: z.number(), toolMs: z.number(), guardrailMs: z.number(), otherMs: z.number() })
            .nullable(),
          timeToFirstTokenMs: numberOrNull,
          status: turnStatus,
          llmCalls: count,
          toolCalls: count,
          errors: count,
          tokens: tokenTotals,
          costAmount: numberOrNull,
        }),
      ),
      turnsTruncated: z.boolean(),
    }),
    tokens: z.strictObject({
      totals: usageSchema,
      callsReporting: count,
      callsMissing: count,
      callsPartial: count,
      aggregateTurns: count,
      calls: z.array(
        z.strictObject({
          eventId: text,
          turnIndex: count,
          timestamp,
          provider: textOrNull,
          model: textOrNull,
          operation: text,
          durationMs: countOrNull,
          usage: usageSchema,
          usagePartial: z.boolean(),
          costAmount: numberOrNull,
        }),
      ),
      callsTruncated: z.boolean(),
      byModel: z.array(
        z.strictObject({
          provider: textOrNull,
          model: textOrNull,
          calls: count,
          inputTokens: countOrNull,
          outputTokens: countOrNull,
          totalTokens: countOrNull,
          costAmount: numberOrNull,
          p50Ms: countOrNull,
          p95Ms: countOrNull,
          errors: count,
        }),
      ),
    }),
    llm: z.strictObject({
      callCount: count,
      errorCount: count,
      p50Ms: countOrNull,
      p95Ms: countOrNull,
      meanMs: countOrNull,
    }),
    tools: z.strictObject({
      callCount: count,
      successCount: count,
      errorCount: count,
      unresolvedCount: count,
      unseenCount: count,
      successRate: numberOrNull,
      p50Ms: countOrNull,
      p95Ms: countOrNull,
      byTool: z.array(
        z.strictObject({
          toolName: text,
          callCount: count,
          successCount: count,
          errorCount: count,
          unresolvedCount: count,
          successRate: numberOrNull,
          p50Ms: countOrNull,
          p95Ms: countOrNull,
          totalMs: countOrNull,
        }),
      ),
    }),
    guardrails: z.strictObject({
      evaluationCount: count,
      passCount: count,
      failCount: count,
      errorCount: count,
      unknownCount: count,
      blockCount: count,
      modifyCount: count,
      blockRate: numberOrNull,
      judgementCount: count,
      byGuardrail: z.array(
        z.strictObject({
          guardrailName: textOrNull,
          phase: textOrNull,
          evaluationCount: count,
          blockCount: count,
          blockRate: numberOrNull,
          p50Ms: countOrNull,
          p95Ms: countOrNull,
        }),
      ),
    }),
    cost: z.strictObject({
      amount: numberOrNull,
      currency: z.literal("USD"),
      pricedCalls: count,
      unpricedCalls: count,
    }),
    errors: z.strictObject({ count, handled: count, propagated: count }),
    handoffs: z.strictObject({ count, transfers: count, delegations: count, escalations: count }),
  })
  .meta({ id: "SessionMetrics" });

const tracesHead = z.strictObject({
  id: text,
  projectId: text,
  status: sessionStatus,
  revision: z.number(),
  startedAt: timestamp,
  lastActivityAt: timestamp,
});

export const tracesSchema = z
  .union([
    z.strictObject({
      session: tracesHead,
      view: z.literal("flat"),
      data: z.array(traceEventSchema),
      page: pageSchema,
      metrics: metricsSchema.optional(),
    }),
    z.strictObject({
      session: tracesHead,
      view: z.literal("tree"),
      data: z.array(z.strictObject({ turn: turnSchema, nodes: z.array(nodeSchema) })),
      page: pageSchema,
      metrics: metricsSchema.optional(),
    }),
  ])
  .meta({ id: "SessionTraces" });

export const childrenSchema = z
  .strictObject({
    span: z.strictObject({
      spanId: text,
      traceId: text,
      parentSpanId: textOrNull,
      name: textOrNull,
      class: spanClass.nullable(),
      durationMs: countOrNull,
      received: z.boolean(),
    }),
    self: z.array(traceEventSchema),
    childSpans: z.array(
      z.strictObject({ spanId: text, name: text, class: spanClass, eventCount: count, childCount: count }),
    ),
    data: z.array(traceEventSchema),
    page: pageSchema,
  })
  .meta({ id: "SpanChildren" });

export const explanationSchema = z
  .strictObject({
    traceId: text,
    spanId: text,
    name: text,
    class: spanClass,
    ruleId: text.meta({ description: "The rule that classified the span." }),
    defectRuleId: textOrNull.meta({ description: "A rule that failed on the span, which is then a plain one." }),
    fields: z.array(z.strictObject({ field: text, attributes: z.array(text) })).meta({
      description: "The attributes that gave each field, `event name: attribute` for those of span events.",
    }),
    stageB: z.array(text).meta({ description: "What the rest of the trace changed." }),
    events: z.array(
      z.strictObject({ id: text, eventType: z.enum(eventTypes), name: text, ruleId: text, duplicateOf: textOrNull }),
    ),
    unreadAttributes: z.array(text).meta({ description: "Attributes that nothing was read from." }),
  })
  .meta({ id: "SpanExplanation" });

const generationSchema = z
  .strictObject({
    id: text,
    sessionId: text,
    traceId: text,
    spanId: text,
    turnIndex: count,
    agentName: textOrNull,
    timestamp,
    timeUnixNano: nano,
    operation: text,
    provider: textOrNull,
    requestModel: textOrNull,
    responseModel: textOrNull,
    usage: usageSchema,
    usagePartial: z.boolean(),
    cost: costSchema.nullable(),
    latencyMs: countOrNull,
    timeToFirstChunkMs: numberOrNull,
    outputTokensPerSecond: countOrNull,
    parameters: object,
    finishReasons: z.array(text).nullable(),
    stream: z.boolean().nullable(),
    status: eventStatus,
    errorType: textOrNull,
    prompt: promptMetaSchema,
    content: llmContentSchema,
    contentTruncated: z.literal(true).optional(),
    contentWithheld: z.literal(true).optional(),
  })
  .meta({ id: "Generation" });

export const generationsSchema = z
  .strictObject({
    data: z.array(generationSchema),
    page: pageSchema,
    aggregates: z
      .strictObject({
        count,
        errors: count,
        sessions: count,
        tokens: z.strictObject({ ...tokenTotals.shape, callsMissing: count }),
        cost: z.strictObject({ amount: numberOrNull, currency: z.literal("USD"), unpricedCalls: count }),
        latency: z.strictObject({ meanMs: countOrNull, p50Ms: countOrNull, p95Ms: countOrNull, maxMs: countOrNull }),
        byModel: z.array(
          z.strictObject({
            provider: textOrNull,
            model: textOrNull,
            count,
            errors: count,
            inputTokens: countOrNull,
            outputTokens: countOrNull,
            totalTokens: countOrNull,
            costAmount: numberOrNull,
            p50Ms: countOrNull,
            p95Ms: countOrNull,
          }),
        ),
      })
      .optional(),
  })
  .meta({ id: "Generations" });
