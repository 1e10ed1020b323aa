/** One session with everything that its events, tree, metrics and analysis are made of. Derived from its traces; nothing here is stored. */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import { parentEventId } from "@nonet/processor/fold/primary-event.ts";
import { orderSessionEvents, orderSessionSpans } from "@nonet/processor/fold/session-order.ts";
import { compareTurns, type TurnFacts, turnsOf } from "@nonet/processor/fold/turn.ts";
import type { AgentEvent, ToolCallEvent } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import type { StoredCost, StoredTrace } from "../store/stored-trace.ts";
import { partnerOf } from "./event-data.ts";

export interface SessionTurn extends TurnFacts {
  /** 0-based rank within the session. */
  readonly index: number;
}

export interface SessionView {
  readonly projectId: string;
  readonly sessionId: string;
  /** Whole traces, with their parts in other sessions too: parents and children may lie there. */
  readonly traces: readonly StoredTrace[];
  /** Events of this session in the order of session-traces.md 1.11. */
  readonly events: readonly AgentEvent[];
  /** Spans of this session in span order. */
  readonly spans: readonly FoldedSpan[];
  readonly spansByTurn: ReadonlyMap<string, readonly FoldedSpan[]>;
  readonly turns: readonly SessionTurn[];
  readonly turnById: ReadonlyMap<string, SessionTurn>;
  /** Position in `events`, by event id. */
  readonly positionOf: ReadonlyMap<string, number>;
  spanOf(event: AgentEvent): FoldedSpan;
  spanById(traceId: string, spanId: string): FoldedSpan | undefined;
  decodedSpan(span: FoldedSpan): DecodedSpan | undefined;
  parentIdOf(event: AgentEvent): string | null;
  costOf(eventId: string): StoredCost | undefined;
  /** An open span, or a tool that was paused. */
  isUnresolved(call: ToolCallEvent): boolean;
  /** The HTTP status that the span states, for the class of its errors. */
  httpStatusOf(span: FoldedSpan): number | undefined;
}

/** @param turnIndexes  of all turns of the session, when `traces` are a part of it. */
export function createSessionView(
  identity: { readonly projectId: string; readonly sessionId: string },
  traces: readonly StoredTrace[],
  turnIndexes?: ReadonlyMap<string, number>,
): SessionView {
  const { sessionId } = identity;
  const folded = traces.map((stored) => stored.trace);
  const events = orderSessionEvents(folded).filter((event) => event.sessionId === sessionId);
  const spans = orderSessionSpans(folded).filter((span) => span.sessionId === sessionId);
  const costs = new Map(traces.flatMap((stored) => [...stored.costs]));
  const spansById = new Map(
    traces.flatMap(({ trace }) => trace.spans.map((span) => [spanKey(span.traceId, span.spanId), span] as const)),
  );
  const storedById = new Map(traces.map((stored) => [stored.trace.traceId, stored]));
  const turns = rankTurns(
    traces.flatMap(({ trace }) => turnsOf(trace, sessionId)),
    turnIndexes,
  );
  const spanOf = (event: AgentEvent): FoldedSpan => {
    const span = spansById.get(spanKey(event.traceId, event.spanId));
    if (span === undefined) throw new Error(`event ${event.eventId} has no span in its trace`);
    return span;
  };
  return {
    ...identity,
    traces,
    events,
    spans,
    spansByTurn: Map.groupBy(spans, (span) => span.turnId),
    turns,
    turnById: new Map(turns.map((turn) => [turn.turnId, turn])),
    positionOf: new Map(events.map((event, position) => [event.eventId, position])),
    spanOf,
    spanById: (traceId, spanId) => spansById.get(spanKey(traceId, spanId)),
    decodedSpan: (span) => storedById.get(span.traceId)?.spans.get(span.spanId),
    parentIdOf: (event) => parentEventId(event, spanOf(event)),
    costOf: (eventId) => costs.get(eventId),
    isUnresolved: (call) => partnerOf(call, spanOf(call), "tool_result") === null,
    httpStatusOf: (span) => {
      const value = storedById.get(span.traceId)?.spans.get(span.spanId)?.attributes.get("http.response.status_code");
      const status = Number(value ?? Number.NaN);
      return Number.isInteger(status) ? status : undefined;
    },
  };
}

function rankTurns(turns: readonly TurnFacts[], turnIndexes: ReadonlyMap<string, number> | undefined): SessionTurn[] {
  return turns
    .toSorted(compareTurns)
    .map((turn, index) => ({ ...turn, index: turnIndexes?.get(turn.turnId) ?? index }));
}

function spanKey(traceId: string, spanId: string): string {
  return traceId + spanId;
}
