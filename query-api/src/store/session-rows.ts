/** Rows of the table `sessions`: which traces a session has, and what each contributes. Always asked of the store (design.md section 5). */
import type { SessionPart } from "@nonet/proto/tables.ts";
import type { ClickhouseReader } from "./clickhouse-reader.ts";
import { hourMax } from "./hour-windows.ts";

/** One trace's part of one session. */
export interface SessionPartRow {
  readonly sessionId: string;
  readonly traceId: string;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly idReported: boolean;
  readonly part: SessionPart;
}

export interface StoredSession {
  readonly sessionId: string;
  /** In span order: by (start, end, trace id). */
  readonly parts: readonly SessionPartRow[];
  /** Grows with every change of any part, also when a trace leaves. */
  readonly revision: number;
}

/** @returns undefined when no span of the project is in the session. */
export async function loadSession(
  reader: ClickhouseReader,
  projectId: string,
  sessionId: string,
): Promise<StoredSession | undefined> {
  const sessions = await loadSessions(reader, projectId, [sessionId]);
  return sessions.get(sessionId);
}

interface Row {
  session_id: string;
  trace_id: string;
  deleted: number;
  started: string;
  ended: string;
  reported: number;
  content: string;
}

/**
 * @param hours  bounds for the hours under which the live rows stand, when the caller knows them: parts are large, and outside need not be read.
 *
 * The newest version of each row is picked here and not by FINAL, because a row that was withdrawn still counts for the revision.
 */
export async function loadSessions(
  reader: ClickhouseReader,
  projectId: string,
  sessionIds: readonly string[],
  hours?: { readonly from: number; readonly to: number },
): Promise<Map<string, StoredSession>> {
  const parameters = { project: projectId, sessions: sessionIds };
  const [rows, versions] = await Promise.all([
    reader.select<Row>(
      `SELECT session_id, trace_id, argMax(is_deleted, version) AS deleted,
              argMax(start_unix_nano, version) AS started, argMax(end_unix_nano, version) AS ended,
              argMax(id_reported, version) AS reported, argMax(part, version) AS content
       FROM sessions
       WHERE project_id = {project:String} AND hour BETWEEN {from:UInt32} AND {to:UInt32} AND session_id IN {sessions:Array(String)}
       GROUP BY hour, session_id, trace_id`,
      { ...parameters, from: hours?.from ?? 0, to: hours?.to ?? hourMax },
    ),
    reader.select<RowVersion>(
      `SELECT session_id, max(version) AS newest FROM sessions
       WHERE project_id = {project:String} AND session_id IN {sessions:Array(String)}
       GROUP BY hour, session_id, trace_id`,
      parameters,
    ),
  ]);
  const versionsBySession = Map.groupBy(versions, (row) => row.session_id);
  const sessions = new Map<string, StoredSession>();
  for (const [sessionId, own] of Map.groupBy(rows, (row) => row.session_id)) {
    const parts = own.filter((row) => row.deleted === 0).map(toPartRow);
    if (parts.length === 0) continue;
    const revision = revisionOf(versionsBySession.get(sessionId) ?? []);
    sessions.set(sessionId, { sessionId, parts: parts.sort(compareParts), revision });
  }
  return sessions;
}

function toPartRow(row: Row): SessionPartRow {
  return {
    sessionId: row.session_id,
    traceId: row.trace_id,
    startUnixNano: BigInt(row.started),
    endUnixNano: BigInt(row.ended),
    idReported: row.reported === 1,
    // `as`: the processor wrote it as this type.
    part: JSON.parse(row.content) as SessionPart,
  };
}

function compareParts(a: SessionPartRow, b: SessionPartRow): number {
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano < b.startUnixNano ? -1 : 1;
  if (a.endUnixNano !== b.endUnixNano) return a.endUnixNano < b.endUnixNano ? -1 : 1;
  return a.traceId < b.traceId ? -1 : a.traceId > b.traceId ? 1 : 0;
}

interface RowVersion {
  session_id: string;
  newest: string;
}

/** Bits of a version below the owner's epoch; the sequence stays far below 2^32 in one epoch. */
const sequenceBits = 40n;
const sequenceMask = (1n << sequenceBits) - 1n;

/**
 * A sum, because each trace has its own owner with versions of its own: a change of any of them makes it grow. Epochs weigh 2^32, so that the
 * sum over many traces stays an exact number in JSON.
 */
function revisionOf(rows: readonly RowVersion[]): number {
  let sum = 0n;
  for (const row of rows) {
    const version = BigInt(row.newest);
    sum += ((version >> sequenceBits) << 32n) + (version & sequenceMask);
  }
  return Number(sum);
}
