/** The bodies of this API as schemas: they document it in /openapi.json, and the tests check every answer against them. Source: tenant-traces.md sections 3 and 4. */
import { z } from "zod";
import { traceEventSchema } from "../session-traces/response-schemas.ts";
import { traceStatuses } from "./trace-status.ts";

const text = z.string();
const textOrNull = z.string().nullable();
const count = z.int().min(0);
const tokens = count.nullable();
const cost = z.number().min(0).nullable().meta({ description: "US dollars, at most 9 decimals." });
const duration = count.meta({ description: "Whole milliseconds." });
const json = z.unknown().meta({ description: "Any JSON value." });
const object = z.record(z.string(), z.unknown());
const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const status = z.enum(traceStatuses);
const createdAt = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .meta({ description: "RFC 3339 in UTC with milliseconds." });

const summarySchema = z
  .strictObject({
    traceId,
    promptName: text,
    status,
    tags: z.array(text),
    inputTokens: tokens,
    outputTokens: tokens,
    totalTokens: tokens,
    cost,
    duration,
    modelConfig: z
      .strictObject({ model: textOrNull, provider: textOrNull, temperature: z.number().optional() })
      .nullable(),
    createdAt,
  })
  .meta({ id: "TenantTraceSummary" });

export const traceListSchema = z
  .strictObject({
    data: z.array(summarySchema),
    page: z.int().min(1),
    per_page: z.int().min(1).max(100),
    has_more: z.boolean(),
    next_cursor: textOrNull,
  })
  .meta({ id: "TenantTraceList" });

const toolCallSchema = z.strictObject({ id: text, name: text, args: object }).meta({ id: "TenantToolCall" });

const messageSchema = z
  .strictObject({
    role: text,
    content: text,
    tool_calls: z.array(toolCallSchema).optional(),
    tool_call_id: text.optional(),
    name: text.optional(),
    parts: z.array(z.looseObject({ type: text })).optional(),
  })
  .meta({ id: "TenantTraceMessage" });

const toolSchema = z
  .strictObject({ name: text, description: textOrNull, parameters: json, metadata: object })
  .meta({ id: "TenantTool" });

const modelConfigSchema = z
  .looseObject({
    model: textOrNull,
    provider: textOrNull,
    temperature: z.number().optional(),
    max_tokens: z.number().optional(),
    top_p: z.number().optional(),
    top_k: z.number().optional(),
    frequency_penalty: z.number().optional(),
    presence_penalty: z.number().optional(),
    seed: z.number().optional(),
    n: z.number().optional(),
    stop: z.array(text).optional(),
    response_format: json.optional(),
  })
  .meta({ id: "TenantModelConfig" });

export const traceDetailSchema = z
  .strictObject({
    traceId,
    promptName: text,
    messages: z.array(messageSchema),
    output: z.strictObject({
      message: textOrNull,
      success: z.boolean().nullable(),
      toolCalls: z.array(toolCallSchema).optional(),
      finishReason: text.optional(),
    }),
    inputTokens: tokens,
    outputTokens: tokens,
    totalTokens: tokens,
    cost,
    costCurrency: z.literal("USD"),
    duration,
    modelConfig: modelConfigSchema.nullable(),
    tools: z.array(toolSchema),
    toolChoice: textOrNull,
    status,
    tags: z.array(text),
    metadata: object,
    createdAt,
    timestamp: z.int().meta({ description: "`createdAt` in milliseconds since 1970." }),
    error: z.strictObject({ type: text, message: textOrNull }).nullable(),
    usage: z.strictObject({
      calls: count,
      callsMissingUsage: count,
      unpricedCalls: count,
      cacheReadInputTokens: tokens,
      cacheCreationInputTokens: tokens,
      reasoningOutputTokens: tokens,
    }),
    contentWithheld: z.literal(true).optional(),
    contentTruncated: z.literal(true).optional(),
    events: z.array(traceEventSchema).optional(),
    eventsTruncated: z.literal(true).optional(),
  })
  .meta({ id: "TenantTraceDetail" });
