/** The flat view of a session's events: a page of those that match, in order. Source: session-traces.md 5.1. */
import type { AgentEvent } from "@nonet/proto/event.ts";
import { type EventShape, toTraceEvent } from "./event-shape.ts";
import { createItemWriter, type ItemWriter } from "./page.ts";
import type { SessionView } from "./session-view.ts";

export interface FlatRequest {
  readonly matches: (event: AgentEvent) => boolean;
  readonly order: "asc" | "desc";
  readonly limit: number;
  /** Key of the last event of the page before. */
  readonly after: readonly string[] | undefined;
  readonly shape: EventShape;
}

export interface FlatPage {
  readonly texts: readonly string[];
  readonly total: number;
  readonly hasMore: boolean;
  /** Key of the next page. */
  readonly next: readonly string[] | undefined;
}

export function flatPage(view: SessionView, candidates: readonly AgentEvent[], request: FlatRequest): FlatPage {
  const writer = createItemWriter<AgentEvent>(request.limit);
  const { total, hasMore } = writeEvents(view, candidates, request, writer);
  const last = writer.last();
  const next = hasMore && last !== undefined ? eventKey(last) : undefined;
  return { texts: writer.texts, total, hasMore, next };
}

/** Adds those that match and come after the key. */
export function writeEvents(
  view: SessionView,
  candidates: readonly AgentEvent[],
  request: Omit<FlatRequest, "limit">,
  writer: ItemWriter<AgentEvent>,
): { total: number; hasMore: boolean } {
  const matching = candidates.filter(request.matches);
  if (request.order === "desc") matching.reverse();
  const rest = request.after === undefined ? matching : eventsAfter(view, matching, request.after, request.order);
  const hasMore = writer.addAll(rest, (event) => JSON.stringify(toTraceEvent(view, event, request.shape)));
  return { total: matching.length, hasMore };
}

/** Id, time and trace: the id finds the place, the others stand in when the event is gone, or only its trace is at hand. */
export function eventKey(event: AgentEvent): string[] {
  return [event.eventId, event.timeUnixNano, event.traceId];
}

/**
 * A place in the order is known by its event: what arrives meanwhile shifts positions, not what comes before what. An event that was
 * withdrawn has left its time, and the page goes on with what is later.
 */
function eventsAfter(
  view: SessionView,
  matching: readonly AgentEvent[],
  [id = "", time = "0"]: readonly string[],
  order: "asc" | "desc",
): AgentEvent[] {
  const sign = order === "asc" ? 1 : -1;
  const place = view.positionOf.get(id);
  if (place !== undefined) {
    return matching.filter((event) => ((view.positionOf.get(event.eventId) ?? 0) - place) * sign > 0);
  }
  const nano = BigInt(time);
  return matching.filter((event) => {
    const own = BigInt(event.timeUnixNano);
    return sign > 0 ? own > nano : own < nano;
  });
}
