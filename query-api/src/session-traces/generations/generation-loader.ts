/** Makes whole generations of what the store found: their traces mapped again, their turns ranked within their sessions. */
import type { ClickhouseReader } from "../../store/clickhouse-reader.ts";
import { loadSessions } from "../../store/session-rows.ts";
import type { StoredTrace, TraceReader } from "../../store/stored-trace.ts";
import { compareTurnParts } from "../turn-rank.ts";
import type { FoundGeneration } from "./generation-query.ts";
import { type Generation, type GenerationShape, toGeneration } from "./generation-shape.ts";

export interface GenerationDeps {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
}

/** In the order found; a call that was withdrawn since is left out. */
export async function loadGenerations(
  deps: GenerationDeps,
  projectId: string,
  found: readonly FoundGeneration[],
  shape: GenerationShape,
): Promise<Generation[]> {
  if (found.length === 0) return [];
  const traceIds = [...new Set(found.map((row) => row.trace_id))];
  const sessionIds = [...new Set(found.map((row) => row.session_id))];
  const [traces, turnIndexes] = await Promise.all([
    deps.traces.loadTraces(projectId, traceIds),
    loadTurnIndexes(deps.reader, projectId, sessionIds),
  ]);
  const places = new Map(traces.flatMap((stored) => placesOf(stored)));
  return found.flatMap((row) => {
    const place = places.get(row.event_id);
    if (place === undefined || place.call.eventType !== "llm_call") return [];
    const turnIndex = turnIndexes.get(`${row.session_id}\n${place.call.turnId}`) ?? 0;
    return [toGeneration(place.call, { ...place, turnIndex }, shape)];
  });
}

function placesOf(stored: StoredTrace) {
  return stored.trace.spans.flatMap((span) =>
    span.events
      .filter((event) => event.eventType === "llm_call")
      .map((call) => [call.eventId, { call, span, stored }] as const),
  );
}

async function loadTurnIndexes(
  reader: ClickhouseReader,
  projectId: string,
  sessionIds: readonly string[],
): Promise<Map<string, number>> {
  const indexes = new Map<string, number>();
  for (const [sessionId, { parts }] of await loadSessions(reader, projectId, sessionIds)) {
    const turns = parts.flatMap((row) => row.part.turns.map((turn) => ({ turn, traceId: row.traceId })));
    for (const [index, { turn }] of turns.sort(compareTurnParts).entries()) {
      indexes.set(`${sessionId}\n${turn.turnId}`, index);
    }
  }
  return indexes;
}
