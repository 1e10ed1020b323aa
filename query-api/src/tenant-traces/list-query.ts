/**
 * Finds the traces of a list in the store, newest first.
 *
 * `trace_times` has the traces in the order of the list. Rows in it may be out of date (a trace moved in time when its root came, or changed
 * what a filter looks at), but each trace as it is now has its row. So a page is found in two steps:
 *
 *     trace_times   candidates in order, each window of time wider than the one before
 *     traces        which of them are still so
 *
 * Source: tenant-traces.md section 3.
 */
import { type TraceSummary, toSearchForm } from "@nonet/processor/fold/trace-summary.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { statusExpression, statusParameters, type TraceStatus } from "./trace-status.ts";

export interface TraceListFilter {
  /** Trimmed; undefined or empty: no filter. */
  readonly search: string | undefined;
  readonly status: readonly TraceStatus[] | undefined;
  readonly model: readonly string[] | undefined;
  readonly prompt: readonly string[] | undefined;
  readonly tag: readonly string[] | undefined;
  readonly session_id: readonly string[] | undefined;
  readonly from: bigint | undefined;
  readonly to: bigint | undefined;
}

/** Where a trace stands in the order: created descending, then trace id ascending. */
export interface TracePlace {
  readonly createdUnixNano: bigint;
  readonly traceId: string;
}

export interface FoundTrace extends TracePlace {
  readonly summary: TraceSummary;
}

export interface TraceListRequest {
  readonly projectId: string;
  readonly filter: TraceListFilter;
  readonly nowMs: number;
}

export interface TraceListPage {
  /** The place of the trace after which to begin. */
  readonly after: TracePlace | undefined;
  /** Traces to leave out after it. */
  readonly skip: number;
  readonly limit: number;
}

/** @returns at most `limit` traces, fewer only at the end of the list. */
export async function findTraces(
  reader: ClickhouseReader,
  request: TraceListRequest,
  page: TraceListPage,
): Promise<FoundTrace[]> {
  const { from, to } = request.filter;
  if (to === 0n || (from !== undefined && from > timeMax)) return [];
  const walk = createWalk(reader, request, page.after);
  let skipped = 0;
  while (skipped < page.skip) {
    const candidates = await walk.next(page.skip - skipped);
    if (candidates.length === 0) return [];
    skipped += (await confirmMany(reader, request, candidates)).length;
  }
  const found: FoundTrace[] = [];
  while (found.length < page.limit) {
    const wanted = page.limit - found.length;
    const candidates = await walk.next(Math.min(wanted + Math.ceil(wanted / 4) + 4, namedMax));
    if (candidates.length === 0) break;
    found.push(...(await confirmWithSummary(reader, request, candidates)));
  }
  return found.slice(0, page.limit);
}

/** The last time that a span can have. */
const timeMax = 2n ** 64n - 1n;
/** Trace ids that one query names; more would make its target too long. */
const namedMax = 130;
/** Rows that the first window of a filtered list looks at; each window after it has so many times more. */
const filteredWindowRows = 4000;
const windowGrowth = 8;
const windowRowsMax = 2 ** 32 - 1;

interface CandidateWalk {
  /** The next candidates in order, at most `count`; none at the end. A trace comes once for each time it was ever created at. */
  next(count: number): Promise<TracePlace[]>;
}

function createWalk(reader: ClickhouseReader, request: TraceListRequest, start: TracePlace | undefined): CandidateWalk {
  const { filter } = request;
  const conditions = conditionsOf(request);
  const isFiltered = conditions.texts.length > 0;
  /** Exclusive; undefined: everything is before it. */
  let after = placeBefore(start, filter.to);
  let rows = isFiltered ? filteredWindowRows : 0;
  let ended = false;

  return {
    async next(count) {
      while (!ended) {
        rows = Math.max(rows, count);
        const window = await findWindow(reader, request, { after, rows });
        const found = await selectWindow(reader, request, { after, floor: window.floor, count });
        const last = found.at(-1);
        if (last !== undefined && found.length === count) {
          after = last;
          return found;
        }
        // The window holds nothing more: go on below it.
        ended = window.isLast || window.floor === 0n;
        after = { createdUnixNano: window.floor - 1n, traceId: "" };
        if (isFiltered) rows = Math.min(rows * windowGrowth, windowRowsMax);
        if (found.length > 0) return found;
      }
      return [];
    },
  };
}

/** The later bound of the two: what comes after it is before `to` and after the cursor. */
function placeBefore(start: TracePlace | undefined, to: bigint | undefined): TracePlace | undefined {
  if (to === undefined || to > timeMax) return start;
  const bound = { createdUnixNano: to - 1n, traceId: "" };
  return start !== undefined && start.createdUnixNano <= bound.createdUnixNano ? start : bound;
}

interface WindowRequest {
  readonly after: TracePlace | undefined;
  readonly rows: number;
}

/** From which time on there are `rows` rows, whatever the filter; the last window reaches to the beginning. */
async function findWindow(
  reader: ClickhouseReader,
  request: TraceListRequest,
  { after, rows }: WindowRequest,
): Promise<{ floor: bigint; isLast: boolean }> {
  const from = request.filter.from ?? 0n;
  const found = await reader.select<{ rows: string; floor: string }>(
    `SELECT count() AS rows, min(created_unix_nano) AS floor FROM (
       SELECT created_unix_nano FROM trace_times
       WHERE project_id = {project:String} AND created_unix_nano >= {from:UInt64} ${upToPlace(after)}
       ORDER BY created_unix_nano DESC LIMIT {rows:UInt32})
     SETTINGS max_threads = 1, max_block_size = 4096`,
    { project: request.projectId, from: from.toString(), rows, ...placeParameters(after) },
  );
  const [window] = found;
  if (window === undefined || Number(window.rows) < rows) return { floor: from, isLast: true };
  return { floor: BigInt(window.floor), isLast: false };
}

interface SelectionRequest {
  readonly after: TracePlace | undefined;
  readonly floor: bigint;
  readonly count: number;
}

async function selectWindow(
  reader: ClickhouseReader,
  request: TraceListRequest,
  { after, floor, count }: SelectionRequest,
): Promise<TracePlace[]> {
  const conditions = conditionsOf(request);
  const beyond =
    after === undefined
      ? ""
      : "AND (created_unix_nano < {afterNano:UInt64} OR (created_unix_nano = {afterNano:UInt64} AND trace_id > {afterId:String}))";
  const rows = await reader.select<{ trace_id: string; created: string }>(
    `SELECT created_unix_nano AS created, trace_id FROM trace_times
     WHERE project_id = {project:String} AND created_unix_nano >= {floor:UInt64} ${upToPlace(after)} ${beyond}
       ${conditions.texts.map((text) => `AND ${text}`).join(" ")}
     ORDER BY created_unix_nano DESC, trace_id LIMIT 1 BY created_unix_nano, trace_id LIMIT {count:UInt32}`,
    {
      project: request.projectId,
      floor: floor.toString(),
      count,
      ...placeParameters(after),
      ...conditions.parameters,
    },
  );
  return rows.map((row) => ({ createdUnixNano: BigInt(row.created), traceId: row.trace_id }));
}

/** Beside the exact comparison, for the index. */
function upToPlace(after: TracePlace | undefined): string {
  return after === undefined ? "" : "AND created_unix_nano <= {afterNano:UInt64}";
}

function placeParameters(after: TracePlace | undefined): Record<string, string> {
  return after === undefined ? {} : { afterNano: after.createdUnixNano.toString(), afterId: after.traceId };
}

async function confirmWithSummary(
  reader: ClickhouseReader,
  request: TraceListRequest,
  candidates: readonly TracePlace[],
): Promise<FoundTrace[]> {
  const rows = await selectLive<{ trace_id: string; created: string; summary: string }>(reader, request, {
    columns: "summary",
    among: "{traces:Array(String)}",
    parameters: { traces: [...new Set(candidates.map((place) => place.traceId))] },
  });
  const live = new Map(rows.map((row) => [row.trace_id, row]));
  return candidates.flatMap((place) => {
    const row = live.get(place.traceId);
    if (row === undefined || BigInt(row.created) !== place.createdUnixNano) return [];
    // `as`: the processor wrote it as this type.
    return [{ ...place, summary: JSON.parse(row.summary) as TraceSummary }];
  });
}

/** The same for as many candidates as a page number can skip: they are named by their range. */
async function confirmMany(
  reader: ClickhouseReader,
  request: TraceListRequest,
  candidates: readonly TracePlace[],
): Promise<TracePlace[]> {
  const first = candidates[0]?.createdUnixNano ?? 0n;
  const last = candidates.at(-1)?.createdUnixNano ?? 0n;
  const rows = await selectLive<{ trace_id: string; created: string }>(reader, request, {
    columns: "",
    among: `(SELECT trace_id FROM trace_times
      WHERE project_id = {project:String} AND created_unix_nano BETWEEN {last:UInt64} AND {first:UInt64}
        ${conditionsOf(request)
          .texts.map((text) => `AND ${text}`)
          .join(" ")})`,
    parameters: { first: first.toString(), last: last.toString() },
  });
  const created = new Map(rows.map((row) => [row.trace_id, row.created]));
  return candidates.filter((place) => created.get(place.traceId) === place.createdUnixNano.toString());
}

interface LiveRequest {
  /** Further columns, comma separated. */
  readonly columns: string;
  readonly among: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The newest row of each trace, where it has events and still matches. */
function selectLive<T>(
  reader: ClickhouseReader,
  request: TraceListRequest,
  { columns, among, parameters }: LiveRequest,
): Promise<T[]> {
  const conditions = conditionsOf(request);
  const filtered = ["event_count", "end_unix_nano", ...conditions.columns];
  const further = columns === "" ? "" : `, ${columns}`;
  return reader.select<T>(
    `SELECT trace_id, created_unix_nano AS created ${further} FROM (
       SELECT trace_id, created_unix_nano, is_deleted, ${[...new Set(filtered)].join(", ")} ${further} FROM traces
       WHERE project_id = {project:String} AND trace_id IN ${among}
       ORDER BY version DESC LIMIT 1 BY trace_id)
     WHERE is_deleted = 0 AND event_count > 0 ${conditions.texts.map((text) => `AND ${text}`).join(" ")}`,
    { project: request.projectId, ...parameters, ...conditions.parameters },
  );
}

interface Conditions {
  readonly texts: readonly string[];
  /** Columns that they look at, which both tables have. */
  readonly columns: readonly string[];
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** All but the range of time, which is kept by where the walk begins and ends. */
function conditionsOf({ filter, nowMs }: TraceListRequest): Conditions {
  const texts: string[] = [];
  const columns: string[] = [];
  const parameters: Record<string, unknown> = {};
  const add = (column: string, text: string, added: Readonly<Record<string, unknown>>): void => {
    columns.push(column);
    texts.push(text);
    Object.assign(parameters, added);
  };
  if (filter.search !== undefined && filter.search !== "") {
    // U+0000 stands between the texts that are searched, so no text has it.
    if (filter.search.includes("\0")) texts.push("0");
    else add("search_text", "position(search_text, {search:String}) > 0", { search: toSearchForm(filter.search) });
  }
  if (filter.status !== undefined) {
    add("status", `${statusExpression} IN {statuses:Array(String)}`, {
      statuses: filter.status,
      ...statusParameters(nowMs),
    });
  }
  if (filter.model !== undefined) add("models", "hasAny(models, {models:Array(String)})", { models: filter.model });
  if (filter.prompt !== undefined) {
    add("prompt_name", "prompt_name IN {prompts:Array(String)}", { prompts: filter.prompt });
  }
  if (filter.tag !== undefined) add("tags", "hasAny(tags, {tags:Array(String)})", { tags: filter.tag });
  if (filter.session_id !== undefined) {
    add("session_ids", "hasAny(session_ids, {sessions:Array(String)})", { sessions: filter.session_id });
  }
  return { texts, columns, parameters };
}
