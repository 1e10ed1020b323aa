/** The shapes of events in this API, member by member. Source: session-traces.md 1.8, 1.9, 1.13. Content members are marked. */
import type {
  DecisionKind,
  ErrorEvent,
  EventType,
  GuardrailEvalEvent,
  HandoffEvent,
  Message,
  ResponseEvent,
  SessionIdSource,
  StateChangeEvent,
} from "@nonet/proto/event.ts";
import type { Json, JsonObject } from "@nonet/proto/json.ts";

export interface Usage {
  inputTokens: number | null;
  outputTokens: number | null;
  totalTokens: number | null;
  cacheReadInputTokens: number | null;
  cacheCreationInputTokens: number | null;
  reasoningOutputTokens: number | null;
}

export interface Cost {
  amount: number;
  currency: "USD";
  input: number | null;
  output: number | null;
  source: "reported" | "price_table";
  priceTable: string | null;
}

export interface PromptMeta {
  name: string | null;
  version: string | null;
  messageCount: number | null;
  roles: Record<string, number> | null;
  hasSystem: boolean | null;
  toolCount: number | null;
  charCount: number | null;
  fingerprint: string | null;
}

export interface ToolDef {
  name: string;
  description?: string;
  parameters?: Json;
}

export interface RequestedCall {
  id: string | null;
  name: string | null;
  /** Content. */
  arguments: Json;
}

export interface LlmCallData {
  operation: string;
  provider: string | null;
  requestModel: string | null;
  responseModel: string | null;
  responseId: string | null;
  parameters: JsonObject;
  usage: Usage;
  usagePartial: boolean;
  cost: Cost | null;
  finishReasons: string[] | null;
  stream: boolean | null;
  timeToFirstChunkMs: number | null;
  prompt: PromptMeta;
  requestedToolCalls: RequestedCall[] | null;
  /** Content. */
  content: { input: Message[]; output: Message[]; tools: ToolDef[] } | null;
}

export interface Mcp {
  method: string | null;
  sessionId: string | null;
  protocolVersion: string | null;
  requestId: string | null;
}

export interface ToolCallData {
  toolName: string;
  toolType: string | null;
  toolDescription: string | null;
  callId: string | null;
  mcp: Mcp | null;
  /** Content. */
  arguments: Json;
  argumentsHash: string | null;
  resultEventId: string | null;
}

export interface ToolResultData {
  toolName: string;
  toolType: string | null;
  callId: string | null;
  mcp: Mcp | null;
  isError: boolean;
  errorType: string | null;
  /** Content. */
  errorMessage: string | null;
  /** Content. */
  result: Json;
  resultHash: string | null;
  resultBytes: number | null;
  callEventId: string | null;
}

export interface DecisionData {
  kind: DecisionKind;
  selected: string[];
  /** `arguments` are content. */
  calls: { callId: string | null; toolName: string | null; arguments: Json }[] | null;
  fromAgent: string | null;
  toAgent: string | null;
  source: string | null;
  callId: string | null;
  /** Content. */
  reason: string | null;
  handoffId: string | null;
}

export interface HandoffData {
  fromAgent: string | null;
  toAgent: string | null;
  mechanism: HandoffEvent["mechanism"];
  /** Content. */
  message: string | null;
  callId: string | null;
  escalation: boolean;
  decisionId: string | null;
}

export type GuardrailPhase = "input" | "output" | "tool_input" | "tool_output";

export interface GuardrailData {
  guardrailName: string;
  evalKind: GuardrailEvalEvent["evalKind"];
  result: GuardrailEvalEvent["result"];
  action: NonNullable<GuardrailEvalEvent["action"]> | null;
  score: number | null;
  label: string | null;
  /** Content. */
  reason: string | null;
  target: string | null;
  phase: GuardrailPhase | null;
  blocked: boolean;
}

export interface StateChangeData {
  stateKey: string;
  operation: StateChangeEvent["operation"];
  scope: StateChangeEvent["scope"];
  /** Content. */
  before: Json;
  /** Content. */
  after: Json;
}

export const errorClasses = [
  "rate_limit",
  "timeout",
  "auth",
  "not_found",
  "validation",
  "content_filter",
  "context_length",
  "network",
  "server",
  "cancelled",
  "unknown",
] as const;
export type ErrorClass = (typeof errorClasses)[number];

export interface ErrorData {
  errorType: string;
  /** Content. */
  message: string | null;
  /** Content. */
  stack: string | null;
  handled: boolean;
  propagated: boolean;
  originSpanId: string | null;
  sourceKind: ErrorEvent["sourceKind"];
  rootCauseId: string | null;
  fingerprint: string;
  errorClass: ErrorClass;
  sourceType: EventType | "span";
  sourceId: string | null;
}

export interface ResponseData {
  /** Content. */
  content: string | null;
  contentCaptured: boolean;
  charCount: number | null;
  responseSource: NonNullable<ResponseEvent["responseSource"]> | null;
  finishReason: string | null;
  usageAggregate: (Usage & { cost: number | null }) | null;
  sourceId: string | null;
}

export type EventData =
  | LlmCallData
  | ToolCallData
  | ToolResultData
  | DecisionData
  | HandoffData
  | GuardrailData
  | StateChangeData
  | ErrorData
  | ResponseData;

export interface TraceEvent {
  id: string;
  type: EventType;
  sessionId: string;
  sessionIdSource: SessionIdSource;
  userId: string | null;
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  parentId: string | null;
  turnId: string;
  turnIndex: number;
  runId: string | null;
  name: string;
  agentName: string | null;
  agentId: string | null;
  environment: string | null;
  timestamp: string;
  timeUnixNano: string;
  endTimeUnixNano: string | null;
  durationMs: number | null;
  status: "ok" | "error" | "unset";
  decisionKind: DecisionKind | null;
  orphan: boolean;
  flags: string[];
  duplicateOf?: string;
  data: EventData;
  contentTruncated?: true;
  contentWithheld?: true;
  ruleId?: string;
  scopeName?: string;
  serviceName?: string | null;
  tags?: string[];
  metadata?: JsonObject;
  attributes?: JsonObject;
  resource?: JsonObject;
  links?: { traceId: string; spanId: string }[];
  attributesTruncated?: true;
}
