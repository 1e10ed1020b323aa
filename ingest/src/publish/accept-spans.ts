/**
 * Accepted spans of one request into the log: Stage A, one record a span, and success only when all are durable (law 1).
 *
 * Where nobody but our own processor can read the log (standalone), records carry no events: the processor maps the span's bytes itself, so
 * events would be written for no reader (docs/adr/0004).
 */
import { setImmediate } from "node:timers/promises";
import { PipelineError } from "@nonet/proto/errors.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import { createSpanEventsEncoder, type RecordEvent } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { mappingVersion } from "@nonet/proto/versions.ts";
import { toIgnored } from "../map/ignored-scope.ts";
import { mapSpan } from "../map/map-span.ts";
import type { EventDraft, MappedSpan } from "../map/mapped-span.ts";
import type { RefusedSpan } from "../receive/export-response.ts";
import type { AcceptedRequest, RequestRoom, Sender } from "../receive/receive-export.ts";
import type { SettledRequest } from "./apply-settings.ts";
import type { LogRecord, PublishedTo, Publisher } from "./publisher.ts";

export interface AcceptSpansConfig {
  /** Whether records carry the events of Stage A for consumers of their own. */
  recordEvents: boolean;
}

export interface AcceptSpansDeps {
  readonly publisher: Publisher;
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
const sliceMs = 5;
/** Records of one request that are made before they are published: a larger request is published in parts, in order. */
const partBytesMax = 33_554_432;
/** Every record carries its resource and scope. Their copies over all spans of a request; real ones have a few hundred bytes a span. */
const copiedBytesMax = 268_435_456;

const unboundedRoom: RequestRoom = { take: () => true, give() {}, waits() {}, isAbandoned: () => false };

/**
 * @throws PipelineError those of the publisher; `OVERLOADED` when there is no room for the records, `TOO_LARGE` when copies of resource and
 * scope are out of all proportion, `LOG_TIMEOUT` when parts of a large request are durable and nobody waits for the others.
 */
export function createAcceptSpans(
  config: AcceptSpansConfig,
  deps: AcceptSpansDeps,
): (sender: Sender, request: SettledRequest, room?: RequestRoom) => Promise<AcceptedSpans> {
  return async (sender, request, room = unboundedRoom) => {
    assertProportionate(request, deps.publisher.recordBytesMax);
    const refused: UnstorableSpan[] = [];
    const offsets = new Map<number, bigint>();
    let topic: string | undefined;
    let accepted = 0;
    let part: LogRecord[] = [];
    let partBytes = 0;
    let sliceStartedMs = performance.now();

    async function publishPart(): Promise<void> {
      const published = await deps.publisher.publish(part);
      topic = published.topic;
      for (const { partition, lastOffset } of published.partitions) offsets.set(partition, lastOffset);
      accepted += part.length;
      room.give(partBytes);
      part = [];
      partBytes = 0;
    }

    for (const { group, span, record } of recordsOf(sender, request)) {
      if (performance.now() - sliceStartedMs > sliceMs) {
        await setImmediate();
        sliceStartedMs = performance.now();
        if (room.isAbandoned()) throw new PipelineError("LOG_TIMEOUT", "nobody waits for the answer any more");
      }
      if (typeof record === "number") {
        const reason = `span of ${record} bytes exceeds the log's largest record, ${deps.publisher.recordBytesMax}`;
        refused.push({ ...span, group, reason });
        continue;
      }
      const bytes = record.key.length + record.value.length;
      // Once a part is published the rest follows: what is in the log cannot be taken back.
      if (!room.take(bytes) && accepted === 0) {
        throw new PipelineError("OVERLOADED", "no room for the records of the request");
      }
      part.push(record);
      partBytes += bytes;
      if (partBytes >= partBytesMax) await publishPart();
    }
    room.waits();
    if (part.length > 0) await publishPart();
    if (topic === undefined) return { accepted: 0, refused, published: undefined };
    deps.onFirstSpan();
    const partitions = [...offsets].map(([partition, lastOffset]) => ({ partition, lastOffset }));
    return { accepted, refused, published: { topic, partitions } };
  };

  /** A size instead of a record that the log does not take. */
  function* recordsOf(sender: Sender, request: SettledRequest) {
    const received = {
      tenantId: sender.tenantId,
      projectId: sender.projectId,
      receivedUnixNano: BigInt(deps.now()) * 1_000_000n,
      mappingVersion,
      priceVersion: request.priceVersion,
      settingsVersion: request.settingsVersion,
    };
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
        // Without its events: a span that is too large by itself need not be mapped to find out.
        const least = group.resourceBytes.length + group.scopeBytes.length + span.bytes.length;
        if (least > deps.publisher.recordBytesMax) {
          yield { group, span, record: least };
          continue;
        }
        const seen =
          resource && scope ? mapSpan(decodeSpan(span.bytes, resource, scope), { onDefect: deps.onDefect }) : undefined;
        const isIgnored = seen !== undefined && request.isIgnoredScope?.(seen.scopeName) === true;
        const mapped = isIgnored ? toIgnored(seen) : seen;
        const record = {
          key: partitionKey(sender.projectId, span.traceId),
          value: encode({
            span: span.bytes,
            spanClass: mapped?.class ?? "",
            ruleId: mapped?.ruleId ?? "",
            events: isIgnored ? [] : (mapped?.drafts.map((draft) => toRecordEvent(mapped, draft)) ?? []),
          }),
        };
        const bytes = record.key.length + record.value.length;
        yield { group, span, record: bytes <= deps.publisher.recordBytesMax ? record : bytes };
      }
    }
  }
}

/** 64 MiB can hold a resource of some megabytes and a hundred thousand spans of it. */
function assertProportionate(request: AcceptedRequest, recordBytesMax: number): void {
  let copied = 0;
  for (const group of request.groups) {
    const each = group.resourceBytes.length + group.scopeBytes.length;
    // What no record can hold is refused span by span and copied nowhere.
    if (each <= recordBytesMax) copied += each * group.spans.length;
  }
  if (copied <= copiedBytesMax) return;
  throw new PipelineError(
    "TOO_LARGE",
    `resources and scopes, once for each span, are ${copied} bytes; at most ${copiedBytesMax}; export smaller batches`,
  );
}

function toRecordEvent(span: MappedSpan, draft: EventDraft): RecordEvent {
  // What is undefined is not written: cheaper than a copy without these two.
  const content = { ...draft, discriminator: undefined, phase: undefined };
  const call = draft.eventType === "llm_call" ? draft : undefined;
  return {
    eventType: draft.eventType,
    name: draft.name,
    timeUnixNano: BigInt(draft.timeUnixNano),
    discriminator: draft.discriminator,
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
