/** One event as a narrow row: everything that is filtered or summed, and no content, which readers rebuild from the spans. */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { CallCost } from "../../../fold/cost.ts";
import { isBlocked } from "../../../fold/event-facts.ts";
import { subjectOf } from "../../../fold/metric-points.ts";
import type { CallReport } from "../../../fold/trace-copies.ts";
import type { RowContent } from "../row-text.ts";
import { hourOf } from "./hour.ts";

const previewCodePointsMax = 200;

/** @param report of a model call that may have copies in other traces; their owners read it here. */
export function toEventRow(
  projectId: string,
  event: AgentEvent,
  cost: CallCost | undefined,
  report: CallReport | undefined,
): RowContent<"events"> {
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
    cost_source: cost === undefined ? "" : (cost.priceTable ?? "reported"),
    ttft_ms: call?.ttftMs ?? null,
    subject: subjectOf(event),
    is_error: event.eventType === "tool_result" && event.isError ? 1 : 0,
    blocked: event.eventType === "guardrail_eval" && isBlocked(event) ? 1 : 0,
    handled: event.eventType === "error" && event.handled ? 1 : 0,
    propagated: event.eventType === "error" && event.propagated ? 1 : 0,
    preview: previewOf(event),
    scope_name: call?.scopeName ?? "",
    report_rank: report === undefined ? 0 : report.richness * 2 + (report.asksForTools ? 1 : 0),
    output_key: report?.outputKey ?? "",
    usage_from: call?.usageFrom ?? "",
  };
}

/** The start of an error's message: what errors of other sessions are compared by without mapping their spans again. */
function previewOf(event: AgentEvent): string {
  const text = event.eventType === "error" ? (event.message ?? "") : "";
  return [...text.slice(0, previewCodePointsMax * 2)].slice(0, previewCodePointsMax).join("");
}
