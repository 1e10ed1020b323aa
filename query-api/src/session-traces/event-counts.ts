/** How many events of a session match a filter, by the rows that the processor wrote of them: which traces a page needs, without mapping any. */
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { createSqlConditions, type SqlConditions } from "../store/sql-conditions.ts";
import type { EventFilter } from "./event-filter.ts";

export interface EventCounts {
  readonly total: number;
  readonly byTrace: ReadonlyMap<string, number>;
  readonly byTurn: ReadonlyMap<string, number>;
}

/** @param filter  with ids of turns in place of their indexes. */
export async function countEvents(
  reader: ClickhouseReader,
  session: { readonly projectId: string; readonly sessionId: string },
  filter: EventFilter,
): Promise<EventCounts> {
  const { texts, parameters } = conditionsOf(filter);
  const rows = await reader.select<{ trace_id: string; turn_id: string; events: string }>(
    `SELECT trace_id, turn_id, count() AS events FROM events FINAL
     WHERE project_id = {project:String} AND session_id = {session:String} ${texts.map((text) => `AND ${text}`).join(" ")}
     GROUP BY trace_id, turn_id`,
    { project: session.projectId, session: session.sessionId, ...parameters },
  );
  const byTrace = new Map<string, number>();
  const byTurn = new Map<string, number>();
  let total = 0;
  for (const row of rows) {
    const count = Number(row.events);
    total += count;
    byTrace.set(row.trace_id, (byTrace.get(row.trace_id) ?? 0) + count);
    byTurn.set(row.turn_id, (byTurn.get(row.turn_id) ?? 0) + count);
  }
  return { total, byTrace, byTurn };
}

/** The rule of `createEventPredicate`, over rows. A test holds the two together. */
function conditionsOf(filter: EventFilter): SqlConditions {
  const conditions = createSqlConditions();
  const { add } = conditions;
  add("event_type IN {eventTypes:Array(String)}", "eventTypes", filter.eventType);
  add("decision_kind IN {decisionKinds:Array(String)}", "decisionKinds", filter.decisionKind);
  add("time_unix_nano >= {from:UInt64}", "from", filter.from);
  add("time_unix_nano < {to:UInt64}", "to", filter.to);
  add("turn_id IN {turns:Array(String)}", "turns", filter.turn);
  add("agent_name IN {agents:Array(String)}", "agents", filter.agent);
  add("name IN {names:Array(String)}", "names", filter.name);
  add(
    "multiIf(status != '', status, event_type = 'error', 'error', 'unset') IN {statuses:Array(String)}",
    "statuses",
    filter.status,
  );
  add("trace_id IN {traces:Array(String)}", "traces", filter.traceId);
  add("ifNull(duration_ms, -1) >= {minDurationMs:Float64}", "minDurationMs", filter.minDurationMs);
  return conditions;
}
