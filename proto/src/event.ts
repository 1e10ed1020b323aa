/**
 * The nine event types, the only vocabulary in which Nonet speaks about agents.
 *
 * Source: docs/spec/event-mapping.md section 1. Names are those of the record in memory; codecs and APIs rename at their border.
 * Absent means unknown. Times are nanoseconds since 1970 as decimal strings, durations are milliseconds.
 */
import type { Json, JsonObject } from "./json.ts";

export const eventTypes = [
  "llm_call",
  "tool_call",
  "tool_result",
  "decision",
  "handoff",
  "guardrail_eval",
  "state_change",
  "error",
  "response",
] as const;
export type EventType = (typeof eventTypes)[number];

export const decisionKinds = [
  "tool_selection",
  "handoff",
  "routing",
  "planning",
  "approval",
  "interrupt",
  "deferral",
] as const;
export type DecisionKind = (typeof decisionKinds)[number];

export const sessionIdSources = ["span", "ancestor", "trace", "resource", "fallback"] as const;
export type SessionIdSource = (typeof sessionIdSources)[number];

export type EventFlag =
  | "clock_skew"
  | "content_missing"
  | "malformed_json"
  | "open"
  | "source_dropped"
  | "truncated"
  | "usage_adjusted";

/** Event mapping 1.1: what every event carries. */
export interface EventEnvelope {
  eventId: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  timeUnixNano: string;
  endTimeUnixNano?: string;
  durationMs?: number;
  sessionId: string;
  sessionIdSource: SessionIdSource;
  userId?: string;
  turnId: string;
  runId?: string;
  agentName?: string;
  agentId?: string;
  status?: "ok" | "error";
  ruleId: string;
  scopeName: string;
  serviceName?: string;
  environment?: string;
  tags?: string[];
  metadata?: JsonObject;
  /** Sorted. */
  flags?: EventFlag[];
  /** The event this one repeats: a model call that another instrumentation reported too (contracts/README.md ruling 10). */
  duplicateOf?: string;
}

export interface TokenUsage {
  /** Includes cached and cache-written tokens. */
  inputTokens?: number;
  /** Includes reasoning tokens. */
  outputTokens?: number;
  totalTokens?: number;
  cachedInputTokens?: number;
  cacheWriteInputTokens?: number;
  reasoningTokens?: number;
}

export type MessageRole = "system" | "user" | "assistant" | "tool";

export type MessagePart =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool_call"; id?: string; name: string; arguments?: Json }
  | { type: "tool_result"; id?: string; name?: string; result: Json; isError?: boolean }
  | { type: "media"; mimeType?: string; uri?: string }
  | { type: "data"; value: Json };

/** Event mapping 2.6, the normal form of every dialect's messages. */
export interface Message {
  role: MessageRole;
  parts: MessagePart[];
  finishReason?: string;
  name?: string;
}

/** `parameters` is a JSON schema as sent; other members of the definition are kept beside it. */
export interface ToolDefinition {
  name: string;
  description?: string;
  parameters?: Json;
  [member: string]: Json | undefined;
}

export interface McpCall {
  method?: string;
  sessionId?: string;
  protocolVersion?: string;
  requestId?: string;
}

export interface RequestedToolCall {
  callId?: string;
  toolName?: string;
  arguments?: Json;
}

export interface LlmCallEvent extends EventEnvelope, TokenUsage {
  eventType: "llm_call";
  operation: string;
  provider?: string;
  requestModel?: string;
  responseModel?: string;
  responseId?: string;
  usagePartial?: boolean;
  /** The event whose counts stand here: a copy in another trace, by an instrumentation that counts right where this one does not. */
  usageFrom?: string;
  /** USD as the sender reported it. */
  cost?: number;
  params?: JsonObject;
  inputMessages?: Message[];
  outputMessages?: Message[];
  toolDefinitions?: ToolDefinition[];
  finishReasons?: string[];
  ttftMs?: number;
  streaming?: boolean;
  promptName?: string;
  promptVersion?: string;
}

export interface ToolCallEvent extends EventEnvelope {
  eventType: "tool_call";
  toolName: string;
  toolType?: string;
  toolDescription?: string;
  callId?: string;
  arguments?: Json;
  mcp?: McpCall;
}

export interface ToolResultEvent extends EventEnvelope {
  eventType: "tool_result";
  toolName: string;
  toolType?: string;
  callId?: string;
  mcp?: McpCall;
  result?: Json;
  isError: boolean;
  errorMessage?: string;
}

export interface DecisionEvent extends EventEnvelope {
  eventType: "decision";
  decisionKind: DecisionKind;
  selected?: string[];
  /** Only for `tool_selection`. */
  calls?: RequestedToolCall[];
  fromAgent?: string;
  toAgent?: string;
  source?: string;
  callId?: string;
  reason?: string;
}

export interface HandoffEvent extends EventEnvelope {
  eventType: "handoff";
  fromAgent?: string;
  toAgent?: string;
  mechanism: "transfer" | "delegation";
  message?: string;
  callId?: string;
}

export interface GuardrailEvalEvent extends EventEnvelope {
  eventType: "guardrail_eval";
  guardrailName: string;
  evalKind: "guardrail" | "evaluation" | "threat" | "hook";
  result: "pass" | "fail" | "error" | "unknown";
  action?: "allow" | "block" | "modify" | "warn" | "escalate" | "none";
  score?: number;
  label?: string;
  reason?: string;
  target?: string;
}

export interface StateChangeEvent extends EventEnvelope {
  eventType: "state_change";
  stateKey: string;
  operation: "set" | "create" | "update" | "upsert" | "delete";
  scope: "memory" | "session" | "workflow";
  before?: Json;
  after?: Json;
}

export interface ErrorEvent extends EventEnvelope {
  eventType: "error";
  errorType: string;
  message?: string;
  stack?: string;
  /** The span that recorded it did not end in error. */
  handled: boolean;
  /** A copy of a failure further down; counts leave it out. */
  propagated: boolean;
  originSpanId?: string;
  sourceKind: "exception_event" | "status" | "attribute" | "span_event";
}

export interface ResponseEvent extends EventEnvelope {
  eventType: "response";
  content: string | null;
  responseSource?: "root" | "last_llm_call";
  finishReason?: string;
  /** Totals the root span reported; never summed with those of `llm_call`. */
  usageAggregate?: TokenUsage & { cost?: number };
  /** Span of the answering call (event mapping section 4), when it is the source. */
  answeringSpanId?: string;
}

export type AgentEvent =
  | LlmCallEvent
  | ToolCallEvent
  | ToolResultEvent
  | DecisionEvent
  | HandoffEvent
  | GuardrailEvalEvent
  | StateChangeEvent
  | ErrorEvent
  | ResponseEvent;

export const spanClasses = [
  "drop",
  "inert",
  "plain",
  "step",
  "chain",
  "workflow",
  "agent",
  "llm",
  "embedding",
  "rerank",
  "retrieval",
  "tool",
  "handoff",
  "guardrail",
  "evaluator",
  "routing",
  "planning",
  "approval",
  "state",
] as const;
/** Event mapping 3.1: what one span is. */
export type SpanClass = (typeof spanClasses)[number];
