/** The `data` member of an event, by type. Source: session-traces.md 1.9. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { isBlocked, isEscalation } from "@nonet/processor/fold/event-facts.ts";
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import { primaryEvent } from "@nonet/processor/fold/primary-event.ts";
import type {
  AgentEvent,
  DecisionEvent,
  ErrorEvent,
  EventType,
  GuardrailEvalEvent,
  HandoffEvent,
  LlmCallEvent,
  McpCall,
  Message,
  ResponseEvent,
  StateChangeEvent,
  TokenUsage,
  ToolCallEvent,
  ToolResultEvent,
} from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { StoredCost } from "../store/stored-trace.ts";
import { canonicalJson, shortHash } from "./canonical-json.ts";
import type { ContentWriter } from "./content.ts";
import { classifyError, errorFingerprint, normalizeMessage } from "./error-fingerprint.ts";
import { phaseOf } from "./guardrail-phase.ts";
import { codePoints, promptMetaOf, toToolDef } from "./prompt-meta.ts";
import type { SessionView } from "./session-view.ts";
import { errorScopeOf } from "./span-key.ts";
import type {
  Cost,
  DecisionData,
  ErrorData,
  EventData,
  GuardrailData,
  HandoffData,
  LlmCallData,
  Mcp,
  ResponseData,
  StateChangeData,
  ToolCallData,
  ToolDef,
  ToolResultData,
  Usage,
} from "./trace-event.ts";

export function toEventData(view: SessionView, event: AgentEvent, content: ContentWriter): EventData {
  const span = view.spanOf(event);
  switch (event.eventType) {
    case "llm_call":
      return llmCallData(event, span, view.costOf(event.eventId), content);
    case "tool_call":
      return toolCallData(event, span, content);
    case "tool_result":
      return toolResultData(event, span, content);
    case "decision":
      return decisionData(event, span, content);
    case "handoff":
      return handoffData(event, span, content);
    case "guardrail_eval":
      return guardrailData(event, content);
    case "state_change":
      return stateChangeData(event, content);
    case "error":
      return errorData(view, event, span, content);
    case "response":
      return responseData(view, event, content);
    default:
      return event satisfies never;
  }
}

export function toUsage(reported: TokenUsage): Usage {
  return {
    inputTokens: reported.inputTokens ?? null,
    outputTokens: reported.outputTokens ?? null,
    totalTokens: reported.totalTokens ?? null,
    cacheReadInputTokens: reported.cachedInputTokens ?? null,
    cacheCreationInputTokens: reported.cacheWriteInputTokens ?? null,
    reasoningOutputTokens: reported.reasoningTokens ?? null,
  };
}

export function toCost(cost: StoredCost | undefined): Cost | null {
  if (cost === undefined) return null;
  return {
    amount: unitsToUsd(cost.units),
    currency: "USD",
    input: cost.inputUnits === null ? null : unitsToUsd(cost.inputUnits),
    output: cost.outputUnits === null ? null : unitsToUsd(cost.outputUnits),
    source: cost.priceTable === null ? "reported" : "price_table",
    priceTable: cost.priceTable,
  };
}

export function llmCallData(
  call: LlmCallEvent,
  span: FoldedSpan,
  cost: StoredCost | undefined,
  content: ContentWriter,
): LlmCallData {
  return {
    operation: call.operation,
    provider: call.provider ?? null,
    requestModel: call.requestModel ?? null,
    responseModel: call.responseModel ?? null,
    responseId: call.responseId ?? null,
    parameters: call.params ?? {},
    usage: toUsage(call),
    usagePartial: call.usagePartial ?? false,
    cost: toCost(cost),
    finishReasons: call.finishReasons ?? null,
    stream: call.streaming ?? null,
    timeToFirstChunkMs: call.ttftMs ?? null,
    prompt: promptMetaOf(call),
    requestedToolCalls: requestedToolCalls(call, span, content),
    content: callContent(call, content),
  };
}

/** Those of the span's own choice; none when the output is known and asks for none, unknown when the output is. */
export function requestedToolCalls(
  call: LlmCallEvent,
  span: FoldedSpan,
  content: ContentWriter,
): LlmCallData["requestedToolCalls"] {
  const selection = span.events.find(
    (event) => event.eventType === "decision" && event.decisionKind === "tool_selection",
  );
  if (selection?.eventType === "decision" && selection.calls !== undefined) {
    return selection.calls.map((request) => ({
      id: request.callId ?? null,
      name: request.toolName ?? null,
      arguments: content.json(request.arguments),
    }));
  }
  return selection === undefined && call.outputMessages !== undefined ? [] : null;
}

function callContent(call: LlmCallEvent, content: ContentWriter): LlmCallData["content"] {
  const { inputMessages, outputMessages, toolDefinitions } = call;
  if (content.mode === "none") return null;
  if (inputMessages === undefined && outputMessages === undefined && toolDefinitions === undefined) return null;
  return {
    input: messages(inputMessages, content),
    output: messages(outputMessages, content),
    // `as`: cutting strings keeps the shape.
    tools: content.json((toolDefinitions ?? []).map(toToolDef) as unknown as Json) as unknown as ToolDef[],
  };
}

function messages(list: readonly Message[] | undefined, content: ContentWriter): Message[] {
  if (list === undefined) return [];
  if (content.mode === "full") return [...list];
  // Roles and types are short words, so that cutting every string leaves them as they are.
  return content.json(list as unknown as Json) as unknown as Message[];
}

function toolCallData(call: ToolCallEvent, span: FoldedSpan, content: ContentWriter): ToolCallData {
  return {
    toolName: call.toolName,
    toolType: call.toolType ?? null,
    toolDescription: call.toolDescription ?? null,
    callId: call.callId ?? null,
    mcp: toMcp(call.mcp),
    arguments: content.json(call.arguments),
    argumentsHash: hashOf(call.arguments),
    resultEventId: partnerOf(call, span, "tool_result"),
  };
}

function toolResultData(result: ToolResultEvent, span: FoldedSpan, content: ContentWriter): ToolResultData {
  const canonical = result.result === undefined ? undefined : canonicalJson(result.result);
  return {
    toolName: result.toolName,
    toolType: result.toolType ?? null,
    callId: result.callId ?? null,
    mcp: toMcp(result.mcp),
    isError: result.isError,
    errorType: errorTypeOfResult(span),
    errorMessage: content.text(result.errorMessage),
    result: content.json(result.result),
    resultHash: canonical === undefined ? null : shortHash(canonical),
    resultBytes: canonical === undefined ? null : Buffer.byteLength(canonical),
    callEventId: partnerOf(result, span, "tool_call"),
  };
}

function errorTypeOfResult(span: FoldedSpan): string | null {
  const error = span.events.find((event) => event.eventType === "error" && !event.handled);
  return error?.eventType === "error" ? error.errorType : null;
}

/**
 * The other half of a tool call on the same span. A span-based call has one; of the span events of EVT-CODEX-TOOL each gives a pair, told
 * apart by call id and tool name, and repeats of both by their order.
 */
export function partnerOf(
  event: ToolCallEvent | ToolResultEvent,
  span: FoldedSpan,
  partnerType: "tool_call" | "tool_result",
): string | null {
  const alike = (other: AgentEvent): boolean =>
    (other.eventType === "tool_call" || other.eventType === "tool_result") &&
    other.ruleId === event.ruleId &&
    other.callId === event.callId &&
    other.toolName === event.toolName;
  const own = span.events.filter((other) => other.eventType === event.eventType && alike(other));
  const partners = span.events.filter((other) => other.eventType === partnerType && alike(other));
  const position = own.findIndex((other) => other.eventId === event.eventId);
  return partners[position]?.eventId ?? null;
}

function toMcp(mcp: McpCall | undefined): Mcp | null {
  if (mcp === undefined) return null;
  return {
    method: mcp.method ?? null,
    sessionId: mcp.sessionId ?? null,
    protocolVersion: mcp.protocolVersion ?? null,
    requestId: mcp.requestId ?? null,
  };
}

export function hashOf(value: Json | undefined): string | null {
  return value === undefined ? null : shortHash(canonicalJson(value));
}

function decisionData(decision: DecisionEvent, span: FoldedSpan, content: ContentWriter): DecisionData {
  const isSelection = decision.decisionKind === "tool_selection";
  return {
    kind: decision.decisionKind,
    selected: decision.selected ?? [],
    calls:
      isSelection && decision.calls !== undefined
        ? decision.calls.map((call) => ({
            callId: call.callId ?? null,
            toolName: call.toolName ?? null,
            arguments: content.json(call.arguments),
          }))
        : null,
    fromAgent: decision.fromAgent ?? null,
    toAgent: decision.toAgent ?? null,
    source: decision.source ?? null,
    callId: decision.callId ?? null,
    reason: content.text(decision.reason),
    handoffId: decision.decisionKind === "handoff" ? idOf(span, (event) => event.eventType === "handoff") : null,
  };
}

function handoffData(handoff: HandoffEvent, span: FoldedSpan, content: ContentWriter): HandoffData {
  return {
    fromAgent: handoff.fromAgent ?? null,
    toAgent: handoff.toAgent ?? null,
    mechanism: handoff.mechanism,
    message: content.text(handoff.message),
    callId: handoff.callId ?? null,
    escalation: isEscalation(handoff.toAgent),
    decisionId: idOf(span, (event) => event.eventType === "decision" && event.decisionKind === "handoff"),
  };
}

function idOf(span: FoldedSpan, isWanted: (event: AgentEvent) => boolean): string | null {
  return span.events.find(isWanted)?.eventId ?? null;
}

function guardrailData(check: GuardrailEvalEvent, content: ContentWriter): GuardrailData {
  return {
    guardrailName: check.guardrailName,
    evalKind: check.evalKind,
    result: check.result,
    action: check.action ?? null,
    score: check.score ?? null,
    label: check.label ?? null,
    reason: content.text(check.reason),
    target: check.target ?? null,
    phase: phaseOf(check.target),
    blocked: isBlocked(check),
  };
}

function stateChangeData(change: StateChangeEvent, content: ContentWriter): StateChangeData {
  return {
    stateKey: change.stateKey,
    operation: change.operation,
    scope: change.scope,
    before: content.json(change.before),
    after: content.json(change.after),
  };
}

function errorData(view: SessionView, error: ErrorEvent, span: FoldedSpan, content: ContentWriter): ErrorData {
  const primary = primaryEvent(span);
  const fingerprint = errorFingerprint(error.errorType, errorScopeOf(span), normalizeMessage(error.message));
  return {
    errorType: error.errorType,
    message: content.text(error.message),
    stack: content.text(error.stack),
    handled: error.handled,
    propagated: error.propagated,
    originSpanId: error.originSpanId ?? null,
    sourceKind: error.sourceKind,
    rootCauseId: error.propagated ? rootCauseOf(view, error) : null,
    fingerprint,
    errorClass: classifyError(error.errorType, error.message, view.httpStatusOf(span)),
    sourceType: (primary?.eventType ?? "span") satisfies EventType | "span",
    sourceId: primary?.eventId ?? null,
  };
}

/** The failure that a propagated error repeats: where it began, that span's own error. */
function rootCauseOf(view: SessionView, error: ErrorEvent): string | null {
  if (error.originSpanId === undefined) return null;
  const origin = view.spanById(error.traceId, error.originSpanId);
  const errors = (origin?.events ?? []).filter((event) => event.eventType === "error");
  const unhandled = errors.find((event) => event.eventType === "error" && !event.handled);
  return (unhandled ?? errors.at(-1))?.eventId ?? null;
}

function responseData(view: SessionView, response: ResponseEvent, content: ContentWriter): ResponseData {
  const aggregate = response.usageAggregate;
  const answering =
    response.responseSource === "last_llm_call" && response.answeringSpanId !== undefined
      ? view.spanById(response.traceId, response.answeringSpanId)
      : undefined;
  return {
    content: content.text(response.content),
    contentCaptured: response.content !== null,
    charCount: response.content === null ? null : codePoints(response.content),
    responseSource: response.responseSource ?? null,
    finishReason: response.finishReason ?? null,
    usageAggregate: aggregate === undefined ? null : { ...toUsage(aggregate), cost: aggregate.cost ?? null },
    sourceId: answering === undefined ? null : idOf(answering, (event) => event.eventType === "llm_call"),
  };
}
