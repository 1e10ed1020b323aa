/**
 * From the drafts of a span to its events with their place in the order. What has not changed since the last fold is reused, the event objects
 * themselves included. Source: event-mapping.md 1.1, 1.3, 1.4.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import type { AgentEvent, EventEnvelope, EventFlag, EventType } from "@nonet/proto/event.ts";
import { eventIdOf } from "./event-id.ts";
import { isSameValue } from "./same-value.ts";
import type { EventOverride, MadeEvents, PlacedEvent, TraceNode } from "./trace-node.ts";

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

/** @returns whether the events of the span were made anew; those before are marked as withdrawn, and `made` has the new ones. */
export function placeEvents(node: TraceNode, context: PlaceContext): boolean {
  const before = node.made;
  const overrides = node.overrides === undefined ? noOverrides : node.drafts.map((draft) => node.overrides?.get(draft));
  if (before !== undefined && isStillMade(node, before, overrides)) return false;
  for (const placed of before?.placed ?? []) placed.withdrawn = true;
  const placed = node.drafts.map((draft, index) => placeEvent(node, draft, overrides[index], context, index));
  node.made = {
    drafts: node.drafts,
    overrides,
    sessionId: node.sessionId,
    sessionIdSource: node.sessionIdSource,
    userId: node.userId,
    agentName: node.agentName,
    agentId: node.agentId,
    turnId: node.turnId,
    runId: node.runId,
    flags: node.flags,
    effectiveStartUnixNano: node.effectiveStartUnixNano,
    placed,
  };
  node.events = [...placed].sort(comparePlaced).map((each) => each.event);
  return true;
}

const noOverrides: readonly (EventOverride | undefined)[] = [];

function isStillMade(
  node: TraceNode,
  made: MadeEvents,
  overrides: readonly (EventOverride | undefined)[],
): boolean {
  return (
    made.turnId === node.turnId &&
    made.sessionId === node.sessionId &&
    made.agentName === node.agentName &&
    made.agentId === node.agentId &&
    made.userId === node.userId &&
    made.runId === node.runId &&
    made.sessionIdSource === node.sessionIdSource &&
    made.effectiveStartUnixNano === node.effectiveStartUnixNano &&
    isSameValue(made.flags, node.flags) &&
    isSameValue(made.drafts, node.drafts) &&
    isSameValue(made.overrides, overrides)
  );
}

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
    draft,
    event: toEvent(node, draft, override, context.tenantId),
    time,
    offset: Number(time - context.base),
    index,
    placed: false,
    withdrawn: false,
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
  const step = stepOf(a) - stepOf(b);
  return step !== 0 ? step : a.index - b.index;
}

function stepOf(placed: PlacedEvent): number {
  return placed.draft.phase === "start" ? placed.node.enter : placed.node.leave;
}
