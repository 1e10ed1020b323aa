/** A trace as the detail shows it, from its folded spans. Source: tenant-traces.md sections 4, 5 and 7. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { errorCounts } from "@nonet/processor/fold/event-facts.ts";
import type { FoldedTrace } from "@nonet/processor/fold/folded-trace.ts";
import {
  outputTextOf,
  primaryGeneration,
  type TraceUsage,
  traceSummaryOf,
  usageOfTrace,
} from "@nonet/processor/fold/trace-summary.ts";
import type { ErrorEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import { toTimestamp } from "../session-traces/numbers.ts";
import type { StoredTrace } from "../store/stored-trace.ts";
import { type Conversation, conversationOf } from "./conversation.ts";
import { type ShapedMessages, shapeMessages } from "./message-shape.ts";
import { toModelConfig } from "./model-config.ts";
import { type RequestSettings, readRequestSettings } from "./request-settings.ts";
import { threadOf } from "./thread.ts";
import { toToolChoice } from "./tool-choice.ts";
import { toolsOf } from "./tools.ts";
import type { Tool, TraceDetail, TraceOutput } from "./trace-detail.ts";
import { traceMetadata } from "./trace-metadata.ts";
import { type TraceStatus, traceStatusOf } from "./trace-status.ts";

export interface DetailContext {
  readonly nowMs: number;
  readonly mayReadContent: boolean;
}

/** @param stored  a trace with at least one event. */
export function toTraceDetail(stored: StoredTrace, { nowMs, mayReadContent }: DetailContext): TraceDetail {
  const { trace } = stored;
  const costUnitsOf = (call: LlmCallEvent): bigint | null => stored.costs.get(call.eventId)?.units ?? null;
  const summary = traceSummaryOf(trace, costUnitsOf);
  const status = traceStatusOf(summary, nowMs);
  const primary = primaryGeneration(trace);
  const asked = primary === undefined ? undefined : askedOf(stored, primary);
  const output = toOutput(trace, { primary, status, asked });
  const createdUnixNano = BigInt(summary.createdUnixNano);
  const detail: TraceDetail = {
    traceId: trace.traceId,
    promptName: summary.promptName,
    messages: asked?.shaped.messages ?? [],
    output,
    inputTokens: summary.inputTokens,
    outputTokens: summary.outputTokens,
    totalTokens: summary.totalTokens,
    cost: summary.costUnits === null ? null : unitsToUsd(BigInt(summary.costUnits)),
    costCurrency: "USD",
    duration: summary.durationMs,
    modelConfig: primary === undefined ? null : toModelConfig(primary, mayReadContent ? asked?.settings : undefined),
    tools: asked?.tools ?? [],
    toolChoice:
      toToolChoice(asked?.settings?.toolChoice) ?? (asked === undefined || asked.tools.length === 0 ? null : "auto"),
    status,
    tags: summary.tags,
    metadata: traceMetadata(trace),
    createdAt: toTimestamp(createdUnixNano),
    timestamp: Number(createdUnixNano / 1_000_000n),
    error: status === "failed" ? lastError(trace) : null,
    usage: toUsage(usageOfTrace(trace, costUnitsOf)),
  };
  return mayReadContent ? detail : withoutContent(detail);
}

/** What the thread of the primary generation was asked, with and about. */
interface Asked {
  readonly conversation: Conversation;
  readonly shaped: ShapedMessages;
  readonly tools: Tool[];
  readonly settings: RequestSettings | undefined;
}

function askedOf({ trace, spans }: StoredTrace, primary: LlmCallEvent): Asked {
  const thread = threadOf(trace, primary);
  const conversation = conversationOf(trace, primary, thread);
  const span = spans.get(primary.spanId);
  return {
    conversation,
    shaped: shapeMessages(conversation.messages, conversation.answerIndex),
    tools: toolsOf(thread),
    settings: span === undefined ? undefined : readRequestSettings(span),
  };
}

interface OutputFacts {
  readonly primary: LlmCallEvent | undefined;
  readonly status: TraceStatus;
  readonly asked: Asked | undefined;
}

function toOutput(trace: FoldedTrace, { primary, status, asked }: OutputFacts): TraceOutput {
  const response = trace.events.findLast((event) => event.eventType === "response");
  const text = primary === undefined ? undefined : outputTextOf(primary);
  const reason = asked?.conversation.answer?.finishReason ?? primary?.finishReasons?.[0];
  const toolCalls = asked?.shaped.answerCalls;
  return {
    message: text ?? response?.content ?? null,
    success: successOf(status, primary?.finishReasons?.[0] ?? reason),
    ...(toolCalls === undefined ? {} : { toolCalls }),
    ...(reason === undefined ? {} : { finishReason: reason }),
  };
}

function successOf(status: TraceStatus, finishReason: string | undefined): boolean | null {
  if (status === "running") return null;
  return status === "completed" && finishReason !== "content_filter" && finishReason !== "error";
}

function lastError(trace: FoldedTrace): TraceDetail["error"] {
  const last = trace.events.findLast((event): event is ErrorEvent => event.eventType === "error" && errorCounts(event));
  return last === undefined ? null : { type: last.errorType, message: last.message ?? null };
}

function toUsage({ usage, calls, callsMissingUsage, unpricedCalls }: TraceUsage): TraceDetail["usage"] {
  return {
    calls,
    callsMissingUsage,
    unpricedCalls,
    cacheReadInputTokens: usage.cachedInputTokens,
    cacheCreationInputTokens: usage.cacheWriteInputTokens,
    reasoningOutputTokens: usage.reasoningTokens,
  };
}

/** tenant-traces.md 2.2. Arguments and definitions of tools are content too (session-traces.md 1.9); their names are not. */
function withoutContent(detail: TraceDetail): TraceDetail {
  const { output, error } = detail;
  return {
    ...detail,
    messages: [],
    output: {
      ...output,
      message: null,
      ...(output.toolCalls === undefined
        ? {}
        : { toolCalls: output.toolCalls.map(({ id, name }) => ({ id, name, args: {} })) }),
    },
    tools: detail.tools.map(({ name }) => ({ name, description: null, parameters: null, metadata: {} })),
    error: error === null ? null : { type: error.type, message: null },
    contentWithheld: true,
  };
}
