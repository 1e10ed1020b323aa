/** An event as this API shows it. Source: session-traces.md 1.8, 1.13, section 11. */
import { toJson } from "@nonet/ingest/map/attribute-json.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import type { AttributeMap } from "@nonet/proto/otlp-span.ts";
import { type ContentMode, createContentWriter, mapStrings, toPreview } from "./content.ts";
import { toEventData } from "./event-data.ts";
import { toTimestamp } from "./numbers.ts";
import type { SessionView } from "./session-view.ts";
import type { TraceEvent } from "./trace-event.ts";

export interface EventShape {
  readonly content: ContentMode;
  /** Whether `include=attributes` was asked for. */
  readonly attributes: boolean;
  /** A token that may not read content sees no attributes and metadata of spans either. */
  readonly mayReadContent: boolean;
}

/** One event with the attributes of its span: 4 MiB. */
const attributesCharactersMax = 3 * 1024 * 1024;
/** Stored spans are decoded without a limit of their own; bytes above it are shown by their size. */
const inlineBytesMax = 1024;

export function toTraceEvent(view: SessionView, event: AgentEvent, shape: EventShape): TraceEvent {
  const content = createContentWriter(shape.mayReadContent ? shape.content : "none");
  const data = toEventData(view, event, content);
  const span = view.spanOf(event);
  return {
    id: event.eventId,
    type: event.eventType,
    sessionId: event.sessionId,
    sessionIdSource: event.sessionIdSource,
    userId: event.userId ?? null,
    traceId: event.traceId,
    spanId: event.spanId,
    parentSpanId: event.parentSpanId ?? null,
    parentId: view.parentIdOf(event),
    turnId: event.turnId,
    turnIndex: view.turnById.get(event.turnId)?.index ?? 0,
    runId: event.runId ?? null,
    name: event.name,
    agentName: event.agentName ?? null,
    agentId: event.agentId ?? null,
    environment: event.environment ?? null,
    timestamp: toTimestamp(event.timeUnixNano),
    timeUnixNano: event.timeUnixNano,
    endTimeUnixNano: event.endTimeUnixNano ?? null,
    durationMs: event.durationMs ?? null,
    status: event.status ?? (event.eventType === "error" ? "error" : "unset"),
    decisionKind: event.eventType === "decision" ? event.decisionKind : null,
    orphan: span.orphan,
    flags: event.flags ?? [],
    ...(event.duplicateOf === undefined ? {} : { duplicateOf: event.duplicateOf }),
    data,
    ...(content.wasCut() ? { contentTruncated: true as const } : {}),
    ...(content.mode === "none" ? { contentWithheld: true as const } : {}),
    ...(shape.attributes ? attributeMembers(view, event, shape.mayReadContent) : {}),
  };
}

function attributeMembers(view: SessionView, event: AgentEvent, mayReadContent: boolean): Partial<TraceEvent> {
  const span = view.decodedSpan(view.spanOf(event));
  const attributes = limited(toObject(span?.attributes));
  const resource = limited(toObject(span?.resource.attributes));
  return {
    ruleId: event.ruleId,
    scopeName: event.scopeName,
    serviceName: event.serviceName ?? null,
    tags: event.tags ?? [],
    ...(mayReadContent ? { metadata: event.metadata ?? {}, attributes: attributes.value } : {}),
    resource: resource.value,
    links: (span?.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
    ...((mayReadContent && attributes.cut) || resource.cut ? { attributesTruncated: true as const } : {}),
  };
}

function toObject(attributes: AttributeMap | undefined): JsonObject {
  // `as`: a map becomes an object.
  return attributes === undefined ? {} : (toJson(attributes, inlineBytesMax) as JsonObject);
}

function limited(value: JsonObject): { value: JsonObject; cut: boolean } {
  if (JSON.stringify(value).length <= attributesCharactersMax) return { value, cut: false };
  // `as`: cutting strings keeps the shape.
  return { value: mapStrings(value as Json, toPreview) as JsonObject, cut: true };
}
