/**
 * Accepted spans of one request into the log: Stage A, one record a span, and success only when all are durable (law 1).
 *
 * Where nobody but our own processor can read the log (standalone), records carry no events: the processor maps the span's bytes itself, so
 * events would be written for no reader (docs/adr/0004).
 */
import { setImmediate } from "node:timers/promises";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import { createSpanEventsEncoder, type RecordEvent } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { mapSpan } from "../map/map-span.ts";
import type { EventDraft, MappedSpan } from "../map/mapped-span.ts";
import type { RefusedSpan } from "../receive/export-response.ts";
import type { AcceptedRequest, Sender } from "../receive/receive-export.ts";
import type { LogRecord, PublishedTo, Publisher } from "./publisher.ts";

export interface AcceptSpansConfig {
  /** Whether records carry the events of Stage A for consumers of their own. */
  recordEvents: boolean;
}

export interface AcceptSpansDeps {
  readonly publisher: Publisher;
  /** Version of the project's settings in force. */
  settingsVersionOf(projectId: string): number;
  onDefect(ruleId: string, error: unknown): void;
  onFirstSpan(): void;
  now(): number;
}

/** A span that no record of the log can hold. Its bytes are a view of the request. */
export interface UnstorableSpan extends RefusedSpan {
  readonly traceId: string;
  readonly bytes: Uint8Array;
  readonly group: AcceptedRequest["groups"][number];
}

export interface AcceptedSpans {
  /** Spans that are durable now. */
  readonly accepted: number;
  readonly refused: UnstorableSpan[];
  /** Undefined when nothing was to be published. */
  readonly published: PublishedTo | undefined;
}

/** A large request gives way to others this often. */
const sliceMs = 10;

export function createAcceptSpans(
  config: AcceptSpansConfig,
  deps: AcceptSpansDeps,
): (sender: Sender, request: AcceptedRequest) => Promise<AcceptedSpans> {
  return async (sender, request) => {
    const received = {
      tenantId: sender.tenantId,
      projectId: sender.projectId,
      receivedUnixNano: BigInt(deps.now()) * 1_000_000n,
      mappingVersion,
      priceVersion: priceTable,
      settingsVersion: deps.settingsVersionOf(sender.projectId),
    };
    const records: LogRecord[] = [];
    let sliceStartedMs = performance.now();
    const refused: UnstorableSpan[] = [];
    for (const group of request.groups) {
      if (group.spans.length === 0) continue;
      const resource = config.recordEvents ? decodeResource(group.resourceBytes, group.resourceSchemaUrl) : undefined;
      const scope = config.recordEvents ? decodeScope(group.scopeBytes, group.scopeSchemaUrl) : undefined;
      const encode = createSpanEventsEncoder({
        ...received,
        resource: group.resourceBytes,
        scope: group.scopeBytes,
        resourceSchemaUrl: group.resourceSchemaUrl,
        scopeSchemaUrl: group.scopeSchemaUrl,
      });
      for (const span of group.spans) {
        if (performance.now() - sliceStartedMs > sliceMs) {
          await setImmediate();
          sliceStartedMs = performance.now();
        }
        const mapped =
          resource && scope ? mapSpan(decodeSpan(span.bytes, resource, scope), { onDefect: deps.onDefect }) : undefined;
        const record = {
          key: partitionKey(sender.projectId, span.traceId),
          value: encode({
            span: span.bytes,
            spanClass: mapped?.class ?? "",
            ruleId: mapped?.ruleId ?? "",
            events: mapped?.drafts.map((draft) => toRecordEvent(mapped, draft)) ?? [],
          }),
        };
        const bytes = record.key.length + record.value.length;
        if (bytes <= deps.publisher.recordBytesMax) records.push(record);
        else
          refused.push({
            ...span,
            group,
            reason: `span of ${bytes} bytes exceeds the log's largest record, ${deps.publisher.recordBytesMax}`,
          });
      }
    }
    if (records.length === 0) return { accepted: 0, refused, published: undefined };
    const published = await deps.publisher.publish(records);
    deps.onFirstSpan();
    return { accepted: records.length, refused, published };
  };
}

function toRecordEvent(span: MappedSpan, draft: EventDraft): RecordEvent {
  const { discriminator, phase: _phase, ...content } = draft;
  const call = draft.eventType === "llm_call" ? draft : undefined;
  return {
    eventType: draft.eventType,
    name: draft.name,
    timeUnixNano: BigInt(draft.timeUnixNano),
    discriminator,
    ruleId: draft.ruleId,
    status: draft.status ?? "",
    sessionId: span.ownSessionId ?? "",
    agentName: span.ownAgentName ?? "",
    model: call?.responseModel ?? call?.requestModel ?? "",
    provider: call?.provider ?? "",
    toolName: draft.eventType === "tool_call" || draft.eventType === "tool_result" ? draft.toolName : "",
    decisionKind: draft.eventType === "decision" ? draft.decisionKind : "",
    inputTokens: call?.inputTokens,
    outputTokens: call?.outputTokens,
    durationMs: draft.durationMs,
    contentJson: JSON.stringify(content),
  };
}
