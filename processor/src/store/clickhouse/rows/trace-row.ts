/** The row of a trace as a whole: under which hours its rows stand, its stamps, and what lists of traces show. */
import type { LlmCallEvent } from "@nonet/proto/event.ts";
import type { FoldedTrace } from "../../../fold/folded-trace.ts";
import { searchTextOf, traceSummaryOf } from "../../../fold/trace-summary.ts";
import type { RowContent } from "../row-text.ts";

export interface TraceFacts {
  readonly tenantId: string;
  readonly projectId: string;
  readonly hourMin: number;
  readonly hourMax: number;
  readonly stamps: {
    readonly receivedUnixNano: bigint;
    readonly mappingVersion: number;
    readonly priceVersion: string;
    readonly settingsVersion: number;
  };
}

export function toTraceRow(
  facts: TraceFacts,
  folded: FoldedTrace,
  costUnitsOf: (call: LlmCallEvent) => bigint | null,
): RowContent<"traces"> {
  const summary = traceSummaryOf(folded, costUnitsOf);
  let start = folded.spans[0]?.startTimeUnixNano ?? 0n;
  let end = 0n;
  for (const span of folded.spans) {
    if (span.startTimeUnixNano < start) start = span.startTimeUnixNano;
    if (span.endTimeUnixNano > end) end = span.endTimeUnixNano;
  }
  return {
    project_id: facts.projectId,
    trace_id: folded.traceId,
    tenant_id: facts.tenantId,
    hour_min: facts.hourMin,
    hour_max: facts.hourMax,
    start_unix_nano: start.toString(),
    end_unix_nano: end.toString(),
    span_count: folded.spans.length,
    event_count: folded.events.length,
    received_unix_nano: facts.stamps.receivedUnixNano.toString(),
    mapping_version: facts.stamps.mappingVersion,
    price_version: facts.stamps.priceVersion,
    settings_version: facts.stamps.settingsVersion,
    created_unix_nano: summary.createdUnixNano,
    prompt_name: summary.promptName,
    status: summary.status,
    search_text: searchTextOf(summary),
    session_ids: [...new Set(folded.events.map((event) => event.sessionId))].sort(),
    models: summary.models,
    tags: summary.tags,
    summary: JSON.stringify(summary),
  };
}
