/** The columns of each table in the order in which rows are written, and which of them make the key. */
import type { TableName, TableRows } from "@nonet/proto/tables.ts";

type ColumnsOf<T extends TableName> = readonly (keyof TableRows[T] & string)[];

interface TableLayout<T extends TableName> {
  /** The key of ReplacingMergeTree: one live row for each. */
  readonly key: ColumnsOf<T>;
  /** All others but `version` and `is_deleted`. */
  readonly rest: ColumnsOf<T>;
}

export const tableLayouts: { readonly [T in TableName]: TableLayout<T> } = {
  traces: {
    key: ["project_id", "trace_id"],
    rest: [
      "tenant_id",
      "hour_min",
      "hour_max",
      "start_unix_nano",
      "end_unix_nano",
      "span_count",
      "event_count",
      "received_unix_nano",
      "mapping_version",
      "price_version",
      "settings_version",
      "created_unix_nano",
      "prompt_name",
      "status",
      "search_text",
      "session_ids",
      "models",
      "tags",
      "summary",
    ],
  },
  spans: {
    key: ["project_id", "hour", "trace_id", "span_id"],
    rest: [
      "start_unix_nano",
      "end_unix_nano",
      "received_unix_nano",
      "name",
      "service_name",
      "class",
      "rule_id",
      "agent_name",
      "status_code",
      "mapping_version",
      "price_version",
      "settings_version",
      "span",
      "resource",
      "scope",
    ],
  },
  events: {
    key: ["project_id", "hour", "trace_id", "event_id"],
    rest: [
      "event_type",
      "time_unix_nano",
      "duration_ms",
      "span_id",
      "name",
      "session_id",
      "turn_id",
      "agent_name",
      "environment",
      "status",
      "rule_id",
      "duplicate_of",
      "decision_kind",
      "operation",
      "provider",
      "request_model",
      "response_model",
      "response_id",
      "prompt_name",
      "input_tokens",
      "output_tokens",
      "total_tokens",
      "cached_input_tokens",
      "cache_write_input_tokens",
      "reasoning_tokens",
      "usage_partial",
      "cost_units",
      "cost_input_units",
      "cost_output_units",
      "cost_source",
      "ttft_ms",
      "subject",
      "is_error",
      "blocked",
      "handled",
      "propagated",
      "preview",
      "scope_name",
      "report_rank",
      "output_key",
      "usage_from",
    ],
  },
  sessions: {
    key: ["project_id", "hour", "session_id", "trace_id"],
    rest: [
      "start_unix_nano",
      "end_unix_nano",
      "id_reported",
      "agents",
      "environment",
      "channel",
      "user_id",
      "models",
      "tags",
      "error_count",
      "part",
    ],
  },
  metric_points: {
    key: ["project_id", "minute", "kind", "agent_name", "model", "provider", "subject", "environment", "trace_id"],
    rest: [
      "count",
      "error_count",
      "blocked_count",
      "input_tokens",
      "output_tokens",
      "cached_input_tokens",
      "reasoning_tokens",
      "calls_without_usage",
      "cost_units",
      "unpriced_count",
      "duration_count",
      "duration_us_sum",
      "duration_buckets",
      "ttft_buckets",
    ],
  },
};

/** Keys first, so that a tombstone needs only them; `version` and `is_deleted` come before all. */
export function columnsOf(table: TableName): readonly string[] {
  const layout = tableLayouts[table];
  return ["version", "is_deleted", ...layout.key, ...layout.rest];
}
