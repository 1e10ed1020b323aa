/**
 * A page of all events of a session that is too large to be mapped whole for each page: only the groups of traces that the page touches are
 * read. Its total comes from the session's rows.
 */
import type { StoredSession } from "../store/session-rows.ts";
import type { TraceReader } from "../store/stored-trace.ts";
import { type EventShape, toTraceEvent } from "./event-shape.ts";
import { eventKey, type FlatPage } from "./flat-view.ts";
import { createSessionView } from "./session-view.ts";
import { traceGroups, turnIndexesOf } from "./trace-groups.ts";

const largeSpans = 20_000;
const pageCharactersMax = 16 * 1024 * 1024;

export function isLargeSession(stored: StoredSession): boolean {
  return stored.parts.reduce((sum, row) => sum + row.part.spanCount, 0) > largeSpans;
}

/** @returns undefined when the place of the cursor is gone; the whole session then has to say where to go on. */
export async function largeSessionPage(
  traces: TraceReader,
  session: { readonly projectId: string; readonly stored: StoredSession },
  request: { readonly limit: number; readonly after: readonly string[] | undefined; readonly shape: EventShape },
): Promise<FlatPage | undefined> {
  const { projectId, stored } = session;
  const groups = traceGroups(stored.parts);
  const turnIndexes = turnIndexesOf(stored.parts);
  const [afterId, , afterTraceId] = request.after ?? [];
  const first =
    afterTraceId === undefined ? 0 : groups.findIndex((group) => group.some((row) => row.traceId === afterTraceId));
  if (first === -1) return undefined;
  const total = stored.parts.reduce((sum, row) => sum + row.part.eventCount, 0);
  const texts: string[] = [];
  let size = 0;
  let next: string[] | undefined;
  for (const [index, group] of groups.slice(first).entries()) {
    const ids = group.map((row) => row.traceId);
    const view = createSessionView({ projectId, sessionId: stored.sessionId }, await traces.loadTraces(projectId, ids));
    const place = index === 0 && afterId !== undefined ? view.positionOf.get(afterId) : -1;
    if (place === undefined) return undefined;
    for (const event of view.events.slice(place + 1)) {
      const shaped = toTraceEvent(view, event, request.shape);
      const text = JSON.stringify({ ...shaped, turnIndex: turnIndexes.get(event.turnId) ?? shaped.turnIndex });
      const isFull = texts.length === request.limit || (texts.length > 0 && size + text.length > pageCharactersMax);
      if (isFull) return { texts, total, hasMore: true, next };
      texts.push(text);
      size += text.length;
      next = eventKey(event);
    }
  }
  return { texts, total, hasMore: false, next: undefined };
}
