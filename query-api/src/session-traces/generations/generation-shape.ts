/** One model call across sessions, as JSON and as CSV. Source: session-traces.md section 10. */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import type { LlmCallEvent } from "@nonet/proto/event.ts";
import type { StoredTrace } from "../../store/stored-trace.ts";
import { type ContentMode, createContentWriter } from "../content.ts";
import { llmCallData } from "../event-data.ts";
import type { CsvValue } from "../export/csv.ts";
import { roundTo, toTimestamp } from "../numbers.ts";
import type { LlmCallData } from "../trace-event.ts";

export interface Generation {
  id: string;
  sessionId: string;
  traceId: string;
  spanId: string;
  turnIndex: number;
  agentName: string | null;
  timestamp: string;
  timeUnixNano: string;
  operation: string;
  provider: string | null;
  requestModel: string | null;
  responseModel: string | null;
  usage: LlmCallData["usage"];
  usagePartial: boolean;
  cost: LlmCallData["cost"];
  latencyMs: number | null;
  timeToFirstChunkMs: number | null;
  outputTokensPerSecond: number | null;
  parameters: LlmCallData["parameters"];
  finishReasons: string[] | null;
  stream: boolean | null;
  status: "ok" | "error" | "unset";
  errorType: string | null;
  prompt: LlmCallData["prompt"];
  content: LlmCallData["content"];
  contentTruncated?: true;
  contentWithheld?: true;
}

export interface GenerationShape {
  readonly content: ContentMode;
  readonly mayReadContent: boolean;
}

export function toGeneration(
  call: LlmCallEvent,
  place: { readonly stored: StoredTrace; readonly span: FoldedSpan; readonly turnIndex: number },
  shape: GenerationShape,
): Generation {
  const content = createContentWriter(shape.mayReadContent ? shape.content : "none");
  const data = llmCallData(call, place.span, place.stored.costs.get(call.eventId), content);
  const error = place.span.events.find((event) => event.eventType === "error" && !event.handled);
  return {
    id: call.eventId,
    sessionId: call.sessionId,
    traceId: call.traceId,
    spanId: call.spanId,
    turnIndex: place.turnIndex,
    agentName: call.agentName ?? null,
    timestamp: toTimestamp(call.timeUnixNano),
    timeUnixNano: call.timeUnixNano,
    operation: data.operation,
    provider: data.provider,
    requestModel: data.requestModel,
    responseModel: data.responseModel,
    usage: data.usage,
    usagePartial: data.usagePartial,
    cost: data.cost,
    latencyMs: call.durationMs ?? null,
    timeToFirstChunkMs: data.timeToFirstChunkMs,
    outputTokensPerSecond: outputRate(call),
    parameters: data.parameters,
    finishReasons: data.finishReasons,
    stream: data.stream,
    status: call.status ?? "unset",
    errorType: error?.eventType === "error" ? error.errorType : null,
    prompt: data.prompt,
    content: data.content,
    ...(content.wasCut() ? { contentTruncated: true as const } : {}),
    // Content is absent by default here; what a token may not have is said.
    ...(shape.mayReadContent ? {} : { contentWithheld: true as const }),
  };
}

/** Over the time in which output came: without the wait for the first chunk, where that is known. */
function outputRate(call: LlmCallEvent): number | null {
  if (call.outputTokens === undefined || call.durationMs === undefined) return null;
  const seconds = (call.durationMs - (call.ttftMs ?? 0)) / 1000;
  return seconds > 0 ? roundTo(call.outputTokens / seconds, 3) : null;
}

const columns = {
  id: (row) => row.id,
  sessionId: (row) => row.sessionId,
  traceId: (row) => row.traceId,
  spanId: (row) => row.spanId,
  turnIndex: (row) => row.turnIndex,
  agentName: (row) => row.agentName,
  timestamp: (row) => row.timestamp,
  operation: (row) => row.operation,
  provider: (row) => row.provider,
  requestModel: (row) => row.requestModel,
  responseModel: (row) => row.responseModel,
  inputTokens: (row) => row.usage.inputTokens,
  outputTokens: (row) => row.usage.outputTokens,
  totalTokens: (row) => row.usage.totalTokens,
  cacheReadInputTokens: (row) => row.usage.cacheReadInputTokens,
  cacheCreationInputTokens: (row) => row.usage.cacheCreationInputTokens,
  reasoningOutputTokens: (row) => row.usage.reasoningOutputTokens,
  cost: (row) => row.cost?.amount ?? null,
  costCurrency: (row) => row.cost?.currency ?? null,
  latencyMs: (row) => row.latencyMs,
  timeToFirstChunkMs: (row) => row.timeToFirstChunkMs,
  temperature: (row) => scalar(row.parameters.temperature),
  maxTokens: (row) => scalar(row.parameters.maxTokens),
  finishReasons: (row) => row.finishReasons?.join(";") ?? null,
  status: (row) => row.status,
  errorType: (row) => row.errorType,
  promptName: (row) => row.prompt.name,
  promptVersion: (row) => row.prompt.version,
  messageCount: (row) => row.prompt.messageCount,
  toolCount: (row) => row.prompt.toolCount,
  charCount: (row) => row.prompt.charCount,
  promptFingerprint: (row) => row.prompt.fingerprint,
} as const satisfies Record<string, (row: Generation) => CsvValue>;

export const generationColumns = Object.keys(columns);

export function generationValues(row: Generation): CsvValue[] {
  return Object.values(columns).map((column) => column(row));
}

function scalar(value: unknown): CsvValue {
  return typeof value === "number" || typeof value === "string" ? value : null;
}
