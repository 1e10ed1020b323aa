/**
 * Finds the sessions of a list in the store, in order, a page at a time.
 *
 * A session is the group of its rows, one a trace, and its start is the earliest of theirs. Rows are kept by hour, and a row's hour is that of
 * its start, so the newest sessions stand in the newest hours. Ordered by start, the list therefore reads windows of hours (hour-windows.ts):
 *
 *     [floor, ceiling)   sessions whose first row lies here, grouped over all their rows from `floor` on;
 *                        one that also has rows before `floor` started earlier and is found there
 *
 * Other orders group all rows at once. Source: session-traces.md section 3.
 */
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { type HourWindow, hourMax, loadHourWindows } from "../store/hour-windows.ts";
import { createSqlConditions } from "../store/sql-conditions.ts";
import { activeNano, idleNano, type SessionStatus } from "./session-status.ts";

export interface SessionListFilter {
  /** Undefined: all but `archived`. */
  readonly status: readonly SessionStatus[] | undefined;
  readonly sessionId: readonly string[] | undefined;
  readonly agent: readonly string[] | undefined;
  readonly environment: readonly string[] | undefined;
  readonly channel: readonly string[] | undefined;
  readonly userId: readonly string[] | undefined;
  readonly model: readonly string[] | undefined;
  readonly tag: readonly string[] | undefined;
  readonly from: bigint | undefined;
  readonly to: bigint | undefined;
  readonly activeFrom: bigint | undefined;
  readonly activeTo: bigint | undefined;
  readonly hasErrors: boolean | undefined;
  readonly q: string | undefined;
}

export type SessionSort = "startedAt" | "-startedAt" | "lastActivityAt" | "-lastActivityAt";

export interface SessionListRequest {
  readonly projectId: string;
  readonly filter: SessionListFilter;
  readonly sort: SessionSort;
  readonly nowMs: number;
  /** Sort time and id of the session after which to begin. */
  readonly after: { readonly unixNano: bigint; readonly sessionId: string } | undefined;
}

export interface FoundSession {
  readonly sessionId: string;
  /** The time it is ordered by. */
  readonly unixNano: bigint;
  /** Hours under which its rows stand. */
  readonly hours: { readonly from: number; readonly to: number };
}

/**
 * Yields the sessions that match, in order, in batches of at most `batch`.
 *
 * A `status` that is asked for is judged here; without one, `archived` sessions are yielded too, and the caller, who has the whole session,
 * leaves them out: judging them here would mean reading every row whole.
 */
export async function* findSessions(
  reader: ClickhouseReader,
  request: SessionListRequest,
  batch: number,
): AsyncGenerator<readonly FoundSession[]> {
  let { after } = request;
  for (const window of await windowsOf(reader, request)) {
    for (;;) {
      const found = await selectWindow(reader, { ...request, after }, window, batch);
      const last = found.at(-1);
      if (last === undefined) break;
      const earlier = await startedEarlier(reader, request.projectId, found, window);
      yield found.filter((session) => !earlier.has(session.sessionId));
      after = { unixNano: last.unixNano, sessionId: last.sessionId };
      if (found.length < batch) break;
    }
  }
}

/** How many sessions match, `archived` ones judged too. Reads all rows of the range. */
export async function countSessions(reader: ClickhouseReader, request: SessionListRequest): Promise<number> {
  const conditions = havingOf(request, { judgeArchived: true });
  const rows = await reader.select<{ sessions: string }>(
    `SELECT count() AS sessions FROM (
       SELECT session_id, ${aggregates} FROM sessions FINAL WHERE project_id = {project:String} ${ofSessions(request.filter)}
       GROUP BY session_id HAVING ${conditions.text}
     )`,
    { project: request.projectId, ...conditions.parameters },
  );
  return Number(rows[0]?.sessions ?? 0);
}

const everything: HourWindow = { floor: 0, ceiling: hourMax, hasEarlier: false };

/** Nothing beyond the cursor, `from` or `to` can match. */
async function windowsOf(reader: ClickhouseReader, request: SessionListRequest): Promise<readonly HourWindow[]> {
  const { filter, after, sort } = request;
  if (filter.sessionId !== undefined || !sort.endsWith("startedAt")) return [everything];
  const isNewestFirst = sort === "-startedAt";
  return loadHourWindows(reader, request.projectId, {
    from: latestOf(filter.from, isNewestFirst ? undefined : after?.unixNano),
    to: earliestOf(filter.to, isNewestFirst ? after?.unixNano : undefined),
    order: isNewestFirst ? "desc" : "asc",
  });
}

function latestOf(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

function earliestOf(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

const aggregates = `min(start_unix_nano) AS started, max(end_unix_nano) AS ended`;

async function selectWindow(
  reader: ClickhouseReader,
  request: SessionListRequest,
  window: HourWindow,
  batch: number,
): Promise<FoundSession[]> {
  const { column, direction } = orderOf(request.sort);
  const conditions = havingOf(request, { judgeArchived: false });
  const inWindow =
    window.ceiling === hourMax
      ? ""
      : `AND session_id IN (SELECT session_id FROM sessions WHERE project_id = {project:String}
           AND hour >= {floor:UInt32} AND hour < {ceiling:UInt32})`;
  const rows = await reader.select<{
    session_id: string;
    started: string;
    ended: string;
    first_hour: number;
    last_hour: number;
  }>(
    `SELECT session_id, ${aggregates}, min(hour) AS first_hour, max(hour) AS last_hour
     FROM sessions FINAL
     WHERE project_id = {project:String} AND hour >= {floor:UInt32} ${inWindow} ${ofSessions(request.filter)}
     GROUP BY session_id
     HAVING first_hour < {ceiling:UInt32} AND ${conditions.text}
     ORDER BY ${column} ${direction}, session_id ASC
     LIMIT {batch:UInt32}`,
    { project: request.projectId, floor: window.floor, ceiling: window.ceiling, batch, ...conditions.parameters },
  );
  return rows.map((row) => ({
    sessionId: row.session_id,
    unixNano: BigInt(row[column]),
    hours: { from: row.first_hour, to: row.last_hour },
  }));
}

async function startedEarlier(
  reader: ClickhouseReader,
  projectId: string,
  found: readonly FoundSession[],
  window: HourWindow,
): Promise<Set<string>> {
  if (!window.hasEarlier) return new Set();
  const rows = await reader.select<{ session_id: string }>(
    `SELECT DISTINCT session_id FROM sessions FINAL
     WHERE project_id = {project:String} AND hour < {floor:UInt32} AND session_id IN {sessions:Array(String)}`,
    { project: projectId, floor: window.floor, sessions: found.map((session) => session.sessionId) },
  );
  return new Set(rows.map((row) => row.session_id));
}

/** The only filter on single rows: it tells which are read at all. */
function ofSessions(filter: SessionListFilter): string {
  return filter.sessionId === undefined ? "" : "AND session_id IN {sessionIds:Array(String)}";
}

function orderOf(sort: SessionSort): { column: "started" | "ended"; direction: "ASC" | "DESC" } {
  return {
    column: sort.endsWith("startedAt") ? "started" : "ended",
    direction: sort.startsWith("-") ? "DESC" : "ASC",
  };
}

interface Conditions {
  readonly text: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** First present in span order, as `toSession` has it. */
const firstPresent = (column: string): string =>
  `argMinIf(${column}, (start_unix_nano, end_unix_nano, trace_id), ${column} != '')`;

function havingOf(request: SessionListRequest, options: { readonly judgeArchived: boolean }): Conditions {
  const { filter } = request;
  const { add, always, texts, parameters } = createSqlConditions();
  add("max(hasAny(agents, {agents:Array(String)})) = 1", "agents", filter.agent);
  add(`${firstPresent("environment")} IN {environments:Array(String)}`, "environments", filter.environment);
  add(`${firstPresent("channel")} IN {channels:Array(String)}`, "channels", filter.channel);
  add(`${firstPresent("user_id")} IN {users:Array(String)}`, "users", filter.userId);
  add("max(hasAny(models, {models:Array(String)})) = 1", "models", filter.model);
  add("max(hasAny(tags, {tags:Array(String)})) = 1", "tags", filter.tag);
  add("started >= {from:UInt64}", "from", filter.from);
  add("started < {to:UInt64}", "to", filter.to);
  add("ended >= {activeFrom:UInt64}", "activeFrom", filter.activeFrom);
  add("ended < {activeTo:UInt64}", "activeTo", filter.activeTo);
  add("(sum(error_count) > 0) = {hasErrors:Bool}", "hasErrors", filter.hasErrors);
  add(textMatch, "q", filter.q);
  if (request.after !== undefined) {
    const { column, direction } = orderOf(request.sort);
    const beyond = direction === "ASC" ? ">" : "<";
    always(
      `(${column} ${beyond} {afterNano:UInt64} OR (${column} = {afterNano:UInt64} AND session_id > {afterId:String}))`,
      { afterNano: request.after.unixNano.toString(), afterId: request.after.sessionId },
    );
  }
  if (filter.status !== undefined) {
    always(`${statusExpression} IN {statuses:Array(String)}`, {
      statuses: filter.status,
      ...statusParameters(request.nowMs),
    });
  } else if (options.judgeArchived) {
    always(`${statedStatus} != 'archived'`);
  }
  const sessionIds = filter.sessionId === undefined ? {} : { sessionIds: filter.sessionId };
  return { text: texts.length === 0 ? "1" : texts.join(" AND "), parameters: { ...parameters, ...sessionIds } };
}

const textMatch = `(positionCaseInsensitiveUTF8(session_id, {q:String}) > 0
  OR positionCaseInsensitiveUTF8(${firstPresent("user_id")}, {q:String}) > 0
  OR max(arrayExists(agent -> positionCaseInsensitiveUTF8(agent, {q:String}) > 0, agents)) = 1)`;

/** The rule of `sessionStatusOf`, over the parts as they are stored. A test holds the two together. */
const place = "start_unix_nano, end_unix_nano, trace_id";
const at = (member: string): string => `(toUInt64OrZero(JSONExtractString(part, '${member}', 'atUnixNano')), ${place})`;
const statedStatus = `argMaxIf(JSONExtractString(part, 'sessionStatus', 'status'), ${at("sessionStatus")},
  JSONExtractString(part, 'sessionStatus', 'status') != '')`;
const lastEscalates = `argMaxIf(JSONExtractBool(part, 'lastHandoff', 'escalation'), ${at("lastHandoff")},
  JSONExtractString(part, 'lastHandoff', 'atUnixNano') != '')`;
/** The turns of a part are in their order, so its last is its latest. */
const ofLastTurn = (extract: string): string => `argMaxIf(${extract},
  (toUInt64OrZero(JSONExtractString(part, 'turns', -1, 'startUnixNano')), JSONExtractString(part, 'turns', -1, 'rankSpanId'), trace_id),
  JSONLength(part, 'turns') > 0)`;
const statusExpression = `multiIf(
  ${statedStatus} != '', ${statedStatus},
  ${lastEscalates} = 1, 'escalated',
  {nowNano:UInt64} < max(end_unix_nano) + {activeNano:UInt64}, 'active',
  ${ofLastTurn("JSONExtractString(part, 'turns', -1, 'status')")} = 'error', 'failed',
  {nowNano:UInt64} < max(end_unix_nano) + {idleNano:UInt64}, 'idle',
  ${ofLastTurn("JSONExtractBool(part, 'turns', -1, 'hasResponse')")} = 1, 'completed',
  'abandoned')`;

function statusParameters(nowMs: number): Record<string, string> {
  return {
    nowNano: (BigInt(Math.trunc(nowMs)) * 1_000_000n).toString(),
    activeNano: activeNano.toString(),
    idleNano: idleNano.toString(),
  };
}
