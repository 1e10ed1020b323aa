/**
 * Pages of a session that is too large to be mapped whole for each of them: the store counts what matches, and only the traces that the page
 * needs are read, a few at a time.
 *
 * A page ends early, with a cursor, when it has read `spansPerPageMax` spans and holds something (session-traces.md 2.6): a filter that
 * matches little in each trace would otherwise make one page map them all.
 */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import type { SessionPartRow, StoredSession } from "../store/session-rows.ts";
import type { TraceReader } from "../store/stored-trace.ts";
import { countEvents, type EventCounts } from "./event-counts.ts";
import { createEventPredicate, type EventFilter, isUnfiltered } from "./event-filter.ts";
import type { EventShape } from "./event-shape.ts";
import { eventKey, type FlatPage, type FlatRequest, writeEvents } from "./flat-view.ts";
import { createItemWriter } from "./page.ts";
import { rankedTurns } from "./session.ts";
import { createSessionView, type SessionView } from "./session-view.ts";
import { spansAtOnceMax, traceGroups, turnIndexesOf } from "./trace-groups.ts";
import { type TreeStructure, treeOfTurn } from "./tree-view.ts";
import { compareTurnParts, type RankedTurnPart } from "./turn-rank.ts";
import { toTurn } from "./turn-shape.ts";

const largeSpans = 20_000;
const spansPerPageMax = 10_000;

export function isLargeSession(stored: StoredSession): boolean {
  return spansOf(stored.parts) > largeSpans;
}

export interface LargeSession {
  readonly projectId: string;
  readonly stored: StoredSession;
}

export interface LargeSessionDeps {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
}

export interface LargeFlatRequest extends Omit<FlatRequest, "matches"> {
  readonly filter: EventFilter;
}

export async function largeFlatPage(
  deps: LargeSessionDeps,
  session: LargeSession,
  request: LargeFlatRequest,
): Promise<FlatPage> {
  const { parts } = session.stored;
  const turnIndexes = turnIndexesOf(parts);
  const filter = withTurnIds(request.filter, turnIndexes);
  const counts = await countsOf(deps.reader, session, filter);
  const groups = traceGroups(parts);
  if (request.order === "desc") groups.reverse();
  const writer = createItemWriter<AgentEvent>(request.limit);
  const pageOf = (hasMore: boolean): FlatPage => {
    const last = writer.last();
    const next = hasMore && last !== undefined ? eventKey(last) : undefined;
    return { texts: writer.texts, total: counts.total, hasMore, next };
  };
  let spans = 0;
  let { after } = request;
  const [, afterTime = "0", afterTraceId] = after ?? [];
  const first =
    afterTraceId === undefined ? 0 : groups.findIndex((group) => group.some((row) => row.traceId === afterTraceId));
  for (const [index, group] of groups.entries()) {
    if (index < first || (first === -1 && isBefore(group, BigInt(afterTime), request.order))) continue;
    // In the group of the cursor its trace is needed to find the place.
    const wanted = group.filter((row) => (counts.byTrace.get(row.traceId) ?? 0) > 0 || row.traceId === afterTraceId);
    if (wanted.length === 0) continue;
    const isLong = writer.texts.length > 0 && spans + spansOf(wanted) > spansPerPageMax;
    if (writer.isFull() || isLong) return pageOf(true);
    spans += spansOf(wanted);
    const view = await loadView(deps.traces, session, wanted, turnIndexes);
    const matches = createEventPredicate(view, filter);
    if (writeEvents(view, view.events, { ...request, after, matches }, writer).hasMore) return pageOf(true);
    // Only a trace that is gone leaves its time as the place, for all that follows.
    if (first !== -1) after = undefined;
  }
  return pageOf(false);
}

export interface LargeTreeRequest {
  readonly filter: EventFilter;
  readonly structure: TreeStructure;
  readonly limit: number;
  /** The rank of the last turn of the page before. */
  readonly after: readonly string[] | undefined;
  readonly shape: EventShape;
}

export interface TreePage {
  readonly texts: readonly string[];
  readonly total: number;
  readonly hasMore: boolean;
  readonly last: RankedTurnPart | undefined;
}

export async function largeTreePage(
  deps: LargeSessionDeps,
  session: LargeSession,
  request: LargeTreeRequest,
): Promise<TreePage> {
  const { parts } = session.stored;
  const turnIndexes = turnIndexesOf(parts);
  const filter = withTurnIds(request.filter, turnIndexes);
  const unfiltered = isUnfiltered(filter);
  const counts = await countsOf(deps.reader, session, filter);
  const matching = rankedTurns(parts).filter(({ turn }) => unfiltered || counts.byTurn.has(turn.turnId));
  const rows = new Map(parts.map((row) => [row.traceId, row]));
  const writer = createItemWriter<RankedTurnPart>(request.limit);
  const pageOf = (hasMore: boolean): TreePage => ({
    texts: writer.texts,
    total: matching.length,
    hasMore,
    last: writer.last(),
  });
  let spans = 0;
  for (const batch of batchesOf(turnsAfter(matching, request.after), rows)) {
    const some = rowsOf(batch, rows);
    const isLong = writer.texts.length > 0 && spans + spansOf(some) > spansPerPageMax;
    if (writer.isFull() || isLong) return pageOf(true);
    spans += spansOf(some);
    const view = await loadView(deps.traces, session, some, turnIndexes);
    const matches = createEventPredicate(view, filter);
    // A turn that was withdrawn since the rows were read is not shown.
    const known = batch.filter(({ turn }) => view.turnById.has(turn.turnId));
    const hasMore = writer.addAll(known, (ranked) => {
      const turn = view.turnById.get(ranked.turn.turnId);
      if (turn === undefined) throw new Error(`turn ${ranked.turn.turnId} is in no trace of its session`);
      return JSON.stringify({ turn: toTurn(turn), nodes: treeOfTurn(view, turn, { ...request, matches, unfiltered }) });
    });
    if (hasMore) return pageOf(true);
  }
  return pageOf(false);
}

function rowsOf(
  turns: readonly RankedTurnPart[],
  rows: ReadonlyMap<string, SessionPartRow>,
): readonly SessionPartRow[] {
  return [...new Set(turns.map(({ traceId }) => traceId))].flatMap((traceId) => rows.get(traceId) ?? []);
}

/** Unfiltered, the session's rows have the counts. */
async function countsOf(reader: ClickhouseReader, session: LargeSession, filter: EventFilter): Promise<EventCounts> {
  const { projectId, stored } = session;
  if (!isUnfiltered(filter)) return countEvents(reader, { projectId, sessionId: stored.sessionId }, filter);
  const byTrace = new Map(stored.parts.map((row) => [row.traceId, row.part.eventCount]));
  const total = stored.parts.reduce((sum, row) => sum + row.part.eventCount, 0);
  return { total, byTrace, byTurn: new Map() };
}

/** Indexes of turns count over the whole session, which no piece of it knows. */
function withTurnIds(filter: EventFilter, turnIndexes: ReadonlyMap<string, number>): EventFilter {
  if (filter.turn === undefined) return filter;
  const ids = new Map([...turnIndexes].map(([turnId, index]) => [index, turnId]));
  const turn = filter.turn.flatMap((value) => (/^\d{1,9}$/.test(value) ? (ids.get(Number(value)) ?? []) : value));
  return { ...filter, turn };
}

export async function loadView(
  traces: TraceReader,
  { projectId, stored }: LargeSession,
  rows: readonly SessionPartRow[],
  turnIndexes: ReadonlyMap<string, number>,
): Promise<SessionView> {
  const loaded = await traces.loadTraces(
    projectId,
    rows.map((row) => row.traceId),
  );
  return createSessionView({ projectId, sessionId: stored.sessionId }, loaded, turnIndexes);
}

/** Whether everything in the group lies before the time, in that order. */
function isBefore(group: readonly SessionPartRow[], unixNano: bigint, order: "asc" | "desc"): boolean {
  return group.every((row) => (order === "asc" ? row.endUnixNano < unixNano : row.startUnixNano > unixNano));
}

function spansOf(rows: readonly SessionPartRow[]): number {
  return rows.reduce((sum, row) => sum + row.part.spanCount, 0);
}

function turnsAfter(turns: readonly RankedTurnPart[], after: readonly string[] | undefined): readonly RankedTurnPart[] {
  if (after === undefined) return turns;
  const [startUnixNano = "0", rankSpanId = "", traceId = ""] = after;
  return turns.filter((ranked) => compareTurnParts(ranked, { turn: { startUnixNano, rankSpanId }, traceId }) > 0);
}

/** Turns that follow each other, so many that their traces are few spans. */
function* batchesOf(
  turns: readonly RankedTurnPart[],
  rows: ReadonlyMap<string, SessionPartRow>,
): Generator<RankedTurnPart[]> {
  let batch: RankedTurnPart[] = [];
  let traceIds = new Set<string>();
  let spans = 0;
  for (const ranked of turns) {
    const own = rows.get(ranked.traceId)?.part.spanCount ?? 0;
    if (batch.length > 0 && !traceIds.has(ranked.traceId) && spans + own > spansAtOnceMax) {
      yield batch;
      batch = [];
      traceIds = new Set();
      spans = 0;
    }
    if (!traceIds.has(ranked.traceId)) spans += own;
    batch.push(ranked);
    traceIds.add(ranked.traceId);
  }
  if (batch.length > 0) yield batch;
}
