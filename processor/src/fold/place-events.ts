/**
 * From the drafts of a span to its events with their place in the order. What has not changed since the last fold is reused, the event objects
 * themselves included. Source: event-mapping.md 1.1, 1.3, 1.4.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import type { AgentEvent, EventEnvelope, EventFlag, EventType } from "@nonet/proto/event.ts";
import { eventIdOf } from "./event-id.ts";
import { isSameValue } from "./same-value.ts";
import type { EventOverride, PlacedEvent, TraceNode } from "./trace-node.ts";

export interface PlaceContext {
  readonly tenantId: string;
  /** Offsets count from here. */
  readonly base: bigint;
}

/** The id of an event of the span, computed once. */
export function nodeEventId(node: TraceNode, tenantId: string, eventType: EventType, discriminator: string): string {
  const key = discriminator === "" ? eventType : `${eventType}\n${discriminator}`;
  const known = node.eventIds.get(key);
  if (known !== undefined) return known;
  const id = eventIdOf(tenantId, node, eventType, discriminator);
  node.eventIds.set(key, id);
  return id;
}

/**
 * Brings the events of a span up to date.
 *
 * @returns whether they were made anew; `made` has the new ones.
 */
export function placeEvents(node: TraceNode, context: PlaceContext): boolean {
  const { made: before, drafts } = node;
  const overrides = node.overrides === undefined ? noOverrides : drafts.map((draft) => node.overrides?.get(draft));
  const stands =
    before !== undefined &&
    !node.identityChanged &&
    isSameValue(before.drafts, drafts) &&
    isSameValue(before.overrides, overrides);
  if (stands) return false;
  node.identityChanged = false;
  const placed = drafts.map((draft, index) => placeEvent(node, draft, overrides[index], context, index));
  node.made = { drafts, overrides, placed };
  node.events =
    placed.length < 2 ? placed.map(({ event }) => event) : [...placed].sort(comparePlaced).map(({ event }) => event);
  return true;
}

const noOverrides: readonly (EventOverride | undefined)[] = [];

function placeEvent(
  node: TraceNode,
  draft: EventDraft,
  override: EventOverride | undefined,
  context: PlaceContext,
  index: number,
): PlacedEvent {
  const reported = BigInt(draft.timeUnixNano);
  const time = reported > node.effectiveStartUnixNano ? reported : node.effectiveStartUnixNano;
  return {
    node,
    event: toEvent(node, draft, override, context.tenantId),
    isEnd: draft.phase === "end",
    time,
    offset: Number(time - context.base),
    index,
  };
}

function toEvent(
  node: TraceNode,
  draft: EventDraft,
  override: EventOverride | undefined,
  tenantId: string,
): AgentEvent {
  const { discriminator, phase: _phase, ...own } = draft;
  const { span } = node;
  const envelope: Partial<EventEnvelope> = {
    eventId: nodeEventId(node, tenantId, draft.eventType, discriminator),
    traceId: node.traceId,
    spanId: node.spanId,
    sessionId: node.sessionId,
    sessionIdSource: node.sessionIdSource,
    turnId: node.turnId,
    scopeName: span.scopeName,
  };
  if (node.parentSpanId !== undefined) envelope.parentSpanId = node.parentSpanId;
  if (node.userId !== undefined) envelope.userId = node.userId;
  if (node.runId !== undefined) envelope.runId = node.runId;
  const { agentName, agentId } = override?.agent ?? node;
  if (agentName !== undefined) envelope.agentName = agentName;
  if (agentId !== undefined) envelope.agentId = agentId;
  if (span.serviceName !== undefined) envelope.serviceName = span.serviceName;
  if (span.environment !== undefined) envelope.environment = span.environment;
  if (span.tags !== undefined) envelope.tags = span.tags as string[];
  if (span.metadata !== undefined) envelope.metadata = span.metadata;
  const flags = flagsWith(node.flags, override?.extraFlag);
  if (flags.length > 0) envelope.flags = flags as EventFlag[];
  if (override?.duplicateOf !== undefined) envelope.duplicateOf = override.duplicateOf;
  // The draft has what its type needs, the envelope the rest; only the union hides it.
  return Object.assign(envelope, own) as AgentEvent;
}

function flagsWith(flags: readonly EventFlag[], extra: EventFlag | undefined): readonly EventFlag[] {
  return extra === undefined || flags.includes(extra) ? flags : [...flags, extra].sort();
}

/** The order of 1.4: ascending (effective time, position in the walk). */
export function comparePlaced(a: PlacedEvent, b: PlacedEvent): number {
  if (a.offset !== b.offset) return a.offset - b.offset;
  // Offsets beyond 2^53 are rounded.
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return stepOf(a) - stepOf(b) || a.index - b.index;
}

function stepOf(placed: PlacedEvent): number {
  return placed.isEnd ? placed.node.leave : placed.node.enter;
}
