/**
 * Row types of the ClickHouse tables (processor/src/store/clickhouse/sql). The writer encodes them as text in the order of `columnsOf`
 * (processor/src/store/clickhouse/row-text.ts); readers select by name. 64-bit values are decimal strings. An absent text is `""`, an absent number `null`.
 */

import type { SessionIdSource } from "./event.ts";
import type { JsonObject } from "./json.ts";

export interface TraceRow {
  project_id: string;
  trace_id: string;
  version: string;
  is_deleted: 0 | 1;
  tenant_id: string;
  hour_min: number;
  hour_max: number;
  start_unix_nano: string;
  end_unix_nano: string;
  span_count: number;
  event_count: number;
  received_unix_nano: string;
  mapping_version: number;
  price_version: string;
  settings_version: number;
  created_unix_nano: string;
  prompt_name: string;
  /** A `TraceSummaryStatus`. */
  status: string;
  /** Prompt name and models, as a substring search sees them. */
  search_text: string;
  /** Of the trace's events. */
  session_ids: string[];
  models: string[];
  tags: string[];
  /** A `TraceSummary` as JSON. */
  summary: string;
}

export interface SpanRow {
  project_id: string;
  hour: number;
  trace_id: string;
  span_id: string;
  version: string;
  is_deleted: 0 | 1;
  start_unix_nano: string;
  end_unix_nano: string;
  received_unix_nano: string;
  name: string;
  service_name: string;
  class: string;
  rule_id: string;
  agent_name: string;
  status_code: number;
  mapping_version: number;
  price_version: string;
  settings_version: number;
  /** Protobuf, as stored-span.ts describes. */
  span: Uint8Array;
  resource: Uint8Array;
  scope: Uint8Array;
}

export interface EventRow {
  project_id: string;
  hour: number;
  trace_id: string;
  event_id: string;
  version: string;
  is_deleted: 0 | 1;
  event_type: string;
  time_unix_nano: string;
  duration_ms: number | null;
  span_id: string;
  name: string;
  session_id: string;
  turn_id: string;
  agent_name: string;
  environment: string;
  status: string;
  rule_id: string;
  duplicate_of: string;
  decision_kind: string;
  operation: string;
  provider: string;
  request_model: string;
  response_model: string;
  response_id: string;
  prompt_name: string;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  cached_input_tokens: number | null;
  cache_write_input_tokens: number | null;
  reasoning_tokens: number | null;
  usage_partial: 0 | 1;
  cost_units: string | null;
  cost_input_units: string | null;
  cost_output_units: string | null;
  /** `reported`, or the price table as name@version; empty without a cost. */
  cost_source: string;
  ttft_ms: number | null;
  subject: string;
  is_error: 0 | 1;
  blocked: 0 | 1;
  handled: 0 | 1;
  propagated: 0 | 1;
  preview: string;
  /** Of model calls that may have copies in other traces, empty and 0 otherwise. */
  scope_name: string;
  /** Twice how rich the report is, and one if its span asked for tools. */
  report_rank: number;
  /** Digest of what was said, where a copy may have to be found by it. */
  output_key: string;
  /** Event id of the copy whose counts stand in this row. */
  usage_from: string;
}

export interface SessionRow {
  project_id: string;
  hour: number;
  session_id: string;
  trace_id: string;
  version: string;
  is_deleted: 0 | 1;
  start_unix_nano: string;
  end_unix_nano: string;
  id_reported: 0 | 1;
  agents: string[];
  environment: string;
  channel: string;
  user_id: string;
  models: string[];
  tags: string[];
  error_count: number;
  /** A `SessionPart` as JSON. */
  part: string;
}

export interface MetricPointRow {
  project_id: string;
  minute: number;
  kind: string;
  agent_name: string;
  model: string;
  provider: string;
  subject: string;
  environment: string;
  trace_id: string;
  version: string;
  is_deleted: 0 | 1;
  count: number;
  error_count: number;
  blocked_count: number;
  input_tokens: number;
  output_tokens: number;
  cached_input_tokens: number;
  reasoning_tokens: number;
  calls_without_usage: number;
  cost_units: string;
  unpriced_count: number;
  duration_count: number;
  duration_us_sum: number;
  duration_buckets: Record<string, number>;
  ttft_buckets: Record<string, number>;
}

export interface TableRows {
  traces: TraceRow;
  spans: SpanRow;
  events: EventRow;
  sessions: SessionRow;
  metric_points: MetricPointRow;
}

export type TableName = keyof TableRows;

/** Sums of tokens over some items; `null` when none of them reports. */
export interface TokenSums {
  input: number | null;
  output: number | null;
  total: number | null;
}

/** session-traces.md 1.5, of the part of one trace that lies in one session. Times are nanoseconds as decimal strings. */
export interface TurnPart {
  turnId: string;
  runId: string | null;
  rootSpanId: string | null;
  /** The span that breaks ties of the rank: the root, else the earliest span with an event. */
  rankSpanId: string;
  startUnixNano: string;
  endUnixNano: string | null;
  extentStartUnixNano: string;
  extentEndUnixNano: string;
  status: "ok" | "error" | "running";
  paused: boolean;
  hasResponse: boolean;
  eventCount: number;
  llmCalls: number;
  toolCalls: number;
  errors: number;
  tokens: TokenSums;
  /** 10^-12 USD, decimal string. */
  costUnits: string | null;
}

/** What one trace contributes to one session (session-traces.md section 3). Lists are in span order or event order. */
export interface SessionPart {
  /** Position of a span in the session's walk is by (root start, root end, root span id, trace id): the earliest root of this part. */
  idSources: SessionIdSource[];
  eventCount: number;
  spanCount: number;
  llmCallCount: number;
  toolCallCount: number;
  handoffCount: number;
  guardrailCount: number;
  responseCount: number;
  errorCount: number;
  tokens: TokenSums;
  costUnits: string | null;
  unpricedCalls: number;
  /** Agent names by first appearance, each with the effective start of the span or event that shows it. */
  agents: { name: string; atUnixNano: string }[];
  models: { name: string; atUnixNano: string }[];
  tags: string[];
  metadata: JsonObject;
  environment: string | null;
  userId: string | null;
  channel: string | null;
  /** `metadata.session_status` of the last span in span order that states one of the seven, with its effective start. */
  sessionStatus: { status: string; atUnixNano: string } | null;
  lastHandoff: { escalation: boolean; atUnixNano: string } | null;
  turns: TurnPart[];
}
