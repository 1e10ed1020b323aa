/** `include=events`: the events of a trace as the session traces API serves them. Source: tenant-traces.md section 4; session-traces.md 1.8. */
import type { AgentEvent } from "@nonet/proto/event.ts";
import { toTraceEvent } from "../session-traces/event-shape.ts";
import { rankedTurns } from "../session-traces/session.ts";
import { createSessionView } from "../session-traces/session-view.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSessions } from "../store/session-rows.ts";
import type { StoredTrace } from "../store/stored-trace.ts";

export interface TraceEventTexts {
  /** One JSON text an event, in order. */
  readonly texts: readonly string[];
  readonly truncated: boolean;
}

export interface TraceEventOptions {
  readonly projectId: string;
  readonly mayReadContent: boolean;
  readonly eventsMax: number;
  /** Of all texts together. */
  readonly bytesMax: number;
}

export async function traceEvents(
  reader: ClickhouseReader,
  stored: StoredTrace,
  options: TraceEventOptions,
): Promise<TraceEventTexts> {
  const events = stored.trace.events.slice(0, options.eventsMax);
  const indexes = await loadTurnIndexes(reader, options.projectId, events);
  // Only the number of a turn differs between the sessions that a trace may lie in.
  const view = createSessionView({ projectId: options.projectId, sessionId: events[0]?.sessionId ?? "" }, [stored]);
  const shape = { content: "full", attributes: false, mayReadContent: options.mayReadContent } as const;
  const texts: string[] = [];
  let bytes = 0;
  for (const event of events) {
    const turnIndex = indexes.get(event.sessionId)?.get(event.turnId) ?? 0;
    const text = JSON.stringify({ ...toTraceEvent(view, event, shape), turnIndex });
    bytes += Buffer.byteLength(text);
    if (bytes > options.bytesMax) return { texts, truncated: true };
    texts.push(text);
  }
  return { texts, truncated: stored.trace.events.length > events.length };
}

/** Sessions whose rows one query asks for: their ids are part of its target. */
const sessionsPerQuery = 10;

/** The index of each turn by its id, for each session that an event lies in. */
async function loadTurnIndexes(
  reader: ClickhouseReader,
  projectId: string,
  events: readonly AgentEvent[],
): Promise<Map<string, Map<string, number>>> {
  const sessionIds = [...new Set(events.map((event) => event.sessionId))];
  const indexes = new Map<string, Map<string, number>>();
  for (let first = 0; first < sessionIds.length; first += sessionsPerQuery) {
    const sessions = await loadSessions(reader, projectId, sessionIds.slice(first, first + sessionsPerQuery));
    for (const [sessionId, session] of sessions) {
      const turns = rankedTurns(session.parts);
      indexes.set(sessionId, new Map(turns.map(({ turn }, index) => [turn.turnId, index])));
    }
  }
  return indexes;
}
