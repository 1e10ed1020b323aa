/** One span as it is stored: its OTLP bytes beside the few columns that are filtered by. */
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { SpanEvents } from "@nonet/proto/record-codec.ts";
import type { RowContent } from "../row-text.ts";
import { hourOf } from "./hour.ts";

export interface StorableSpan {
  readonly record: SpanEvents;
  readonly mapped: MappedSpan;
  /** As they are stored (proto/src/stored-span.ts). */
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
}

export function toSpanRow({ record, mapped: span, resource, scope }: StorableSpan): RowContent<"spans"> {
  return {
    project_id: record.projectId,
    hour: hourOf(span.startTimeUnixNano),
    trace_id: span.traceId,
    span_id: span.spanId,
    start_unix_nano: span.startTimeUnixNano.toString(),
    end_unix_nano: span.endTimeUnixNano.toString(),
    received_unix_nano: record.receivedUnixNano.toString(),
    name: span.name,
    service_name: span.serviceName ?? "",
    class: span.class,
    rule_id: span.ruleId,
    agent_name: span.class === "agent" ? (span.ownAgentName ?? "") : "",
    status_code: Math.min(span.statusCode, 255),
    mapping_version: record.mappingVersion,
    price_version: record.priceVersion,
    settings_version: record.settingsVersion,
    span: record.span,
    resource,
    scope,
  };
}
