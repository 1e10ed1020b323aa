/** One event as a narrow row: everything that is filtered or summed, and no content, which readers rebuild from the spans. */
import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import { priceTable } from "@nonet/proto/versions.ts";
import type { CallCost } from "../../../fold/cost.ts";
import { isBlocked } from "../../../fold/event-facts.ts";
import { subjectOf } from "../../../fold/metric-points.ts";
import type { RowContent } from "../row-text.ts";
import { hourOf } from "./hour.ts";

const previewCharactersMax = 200;

export function toEventRow(projectId: string, event: AgentEvent, cost: CallCost | undefined): RowContent<"events"> {
  const call = event.eventType === "llm_call" ? event : undefined;
  return {
    project_id: projectId,
    hour: hourOf(event.timeUnixNano),
    trace_id: event.traceId,
    event_id: event.eventId,
    event_type: event.eventType,
    time_unix_nano: event.timeUnixNano,
    duration_ms: event.durationMs ?? null,
    span_id: event.spanId,
    name: event.name,
    session_id: event.sessionId,
    turn_id: event.turnId,
    agent_name: event.agentName ?? "",
    environment: event.environment ?? "",
    status: event.status ?? "",
    rule_id: event.ruleId,
    duplicate_of: event.duplicateOf ?? "",
    decision_kind: event.eventType === "decision" ? event.decisionKind : "",
    operation: call?.operation ?? "",
    provider: call?.provider ?? "",
    request_model: call?.requestModel ?? "",
    response_model: call?.responseModel ?? "",
    response_id: call?.responseId ?? "",
    prompt_name: call?.promptName ?? "",
    input_tokens: call?.inputTokens ?? null,
    output_tokens: call?.outputTokens ?? null,
    total_tokens: call?.totalTokens ?? null,
    cached_input_tokens: call?.cachedInputTokens ?? null,
    cache_write_input_tokens: call?.cacheWriteInputTokens ?? null,
    reasoning_tokens: call?.reasoningTokens ?? null,
    usage_partial: call?.usagePartial ? 1 : 0,
    cost_units: cost?.units.toString() ?? null,
    cost_input_units: cost?.inputUnits?.toString() ?? null,
    cost_output_units: cost?.outputUnits?.toString() ?? null,
    cost_source: cost === undefined ? "" : cost.source === "reported" ? "reported" : priceTable,
    ttft_ms: call?.ttftMs ?? null,
    subject: subjectOf(event),
    is_error: event.eventType === "tool_result" && event.isError ? 1 : 0,
    blocked: event.eventType === "guardrail_eval" && isBlocked(event) ? 1 : 0,
    handled: event.eventType === "error" && event.handled ? 1 : 0,
    propagated: event.eventType === "error" && event.propagated ? 1 : 0,
    preview: previewOf(event),
  };
}

function previewOf(event: AgentEvent): string {
  const text = previewSource(event);
  if (text.length <= previewCharactersMax) return text;
  // Half a surrogate pair is no text.
  const lastUnit = text.charCodeAt(previewCharactersMax - 1);
  const splitsPair = lastUnit >= 0xd800 && lastUnit <= 0xdbff;
  return text.slice(0, splitsPair ? previewCharactersMax - 1 : previewCharactersMax);
}

function previewSource(event: AgentEvent): string {
  switch (event.eventType) {
    case "llm_call":
      return lastText(event);
    case "tool_call":
      return toText(event.arguments);
    case "tool_result":
      return event.errorMessage ?? toText(event.result);
    case "decision":
      return event.reason ?? "";
    case "handoff":
      return event.message ?? "";
    case "guardrail_eval":
      return event.reason ?? "";
    case "state_change":
      return toText(event.after);
    case "error":
      return event.message ?? "";
    case "response":
      return event.content ?? "";
    default:
      return event satisfies never;
  }
}

function lastText(call: LlmCallEvent): string {
  const parts = call.outputMessages?.at(-1)?.parts ?? [];
  for (const part of parts) if (part.type === "text") return part.text;
  return "";
}

/** The preview of a large value must not cost as much as the value: only short JSON is made whole. */
function toText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}
