/** The columns of an exported event. Source: session-traces.md section 9. */

import type { Json } from "@nonet/proto/json.ts";
import { canonicalJson } from "../canonical-json.ts";
import type {
  DecisionData,
  ErrorData,
  GuardrailData,
  HandoffData,
  LlmCallData,
  ToolCallData,
  ToolResultData,
  TraceEvent,
} from "../trace-event.ts";
import type { CsvValue } from "./csv.ts";

export interface ExportedEvent {
  readonly event: TraceEvent;
  /** Of the session, which an event does not carry. */
  readonly channel: string | null;
}

type Column = (row: ExportedEvent) => CsvValue;

const llm = ({ event }: ExportedEvent): LlmCallData | undefined =>
  event.type === "llm_call" ? (event.data as LlmCallData) : undefined;
const tool = ({ event }: ExportedEvent): ToolCallData | ToolResultData | undefined =>
  event.type === "tool_call" || event.type === "tool_result"
    ? (event.data as ToolCallData | ToolResultData)
    : undefined;
const guardrail = ({ event }: ExportedEvent): GuardrailData | undefined =>
  event.type === "guardrail_eval" ? (event.data as GuardrailData) : undefined;
/** A handoff, or the decision for one. */
const handoff = ({ event }: ExportedEvent): HandoffData | DecisionData | undefined =>
  event.type === "handoff" || event.decisionKind === "handoff" ? (event.data as HandoffData | DecisionData) : undefined;
/** `as` here and above: the type of `data` follows from the type of the event. */
const failure = ({ event }: ExportedEvent): { type: string | null; message: string | null } => {
  if (event.type === "error") {
    const data = event.data as ErrorData;
    return { type: data.errorType, message: data.message };
  }
  if (event.type === "tool_result") {
    const data = event.data as ToolResultData;
    return { type: data.errorType, message: data.errorMessage };
  }
  return { type: null, message: null };
};

/** In their default order. */
const defaultColumns = {
  sessionId: ({ event }) => event.sessionId,
  turnIndex: ({ event }) => event.turnIndex,
  eventId: ({ event }) => event.id,
  parentId: ({ event }) => event.parentId,
  traceId: ({ event }) => event.traceId,
  spanId: ({ event }) => event.spanId,
  parentSpanId: ({ event }) => event.parentSpanId,
  type: ({ event }) => event.type,
  decisionKind: ({ event }) => event.decisionKind,
  name: ({ event }) => event.name,
  agentName: ({ event }) => event.agentName,
  timestamp: ({ event }) => event.timestamp,
  durationMs: ({ event }) => event.durationMs,
  status: ({ event }) => event.status,
  provider: (row) => llm(row)?.provider ?? null,
  model: (row) => llm(row)?.responseModel ?? llm(row)?.requestModel ?? null,
  inputTokens: (row) => llm(row)?.usage.inputTokens ?? null,
  outputTokens: (row) => llm(row)?.usage.outputTokens ?? null,
  totalTokens: (row) => llm(row)?.usage.totalTokens ?? null,
  cost: (row) => llm(row)?.cost?.amount ?? null,
  costCurrency: (row) => llm(row)?.cost?.currency ?? null,
  toolName: (row) => tool(row)?.toolName ?? null,
  callId: (row) => tool(row)?.callId ?? callIdOf(row),
  guardrailResult: (row) => guardrail(row)?.result ?? null,
  guardrailAction: (row) => guardrail(row)?.action ?? null,
  handoffFrom: (row) => handoff(row)?.fromAgent ?? null,
  handoffTo: (row) => handoff(row)?.toAgent ?? null,
  errorType: (row) => failure(row).type,
  errorMessage: (row) => failure(row).message,
  data: ({ event }) => canonicalJson(event.data as unknown as Json),
} as const satisfies Record<string, Column>;

const optionalColumns = {
  turnId: ({ event }) => event.turnId,
  runId: ({ event }) => event.runId,
  agentId: ({ event }) => event.agentId,
  sessionIdSource: ({ event }) => event.sessionIdSource,
  flags: ({ event }) => event.flags.join(";"),
  timeUnixNano: ({ event }) => event.timeUnixNano,
  endTimeUnixNano: ({ event }) => event.endTimeUnixNano,
  environment: ({ event }) => event.environment,
  channel: ({ channel }) => channel,
  userId: ({ event }) => event.userId,
  promptName: (row) => llm(row)?.prompt.name ?? null,
  finishReasons: (row) => llm(row)?.finishReasons?.join(";") ?? null,
} as const satisfies Record<string, Column>;

const columns = { ...defaultColumns, ...optionalColumns };
export type ExportColumn = keyof typeof columns;
export const exportColumns = Object.keys(columns) as [ExportColumn, ...ExportColumn[]];
export const defaultExportColumns = Object.keys(defaultColumns) as readonly ExportColumn[];

export function columnValues(row: ExportedEvent, names: readonly ExportColumn[]): CsvValue[] {
  return names.map((name) => columns[name](row));
}

function callIdOf({ event }: ExportedEvent): string | null {
  if (event.type !== "decision" && event.type !== "handoff") return null;
  return (event.data as DecisionData | HandoffData).callId;
}
