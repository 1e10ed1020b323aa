/**
 * Finds the traces of a list in the store, newest first.
 *
 * `trace_ages` has the traces in the order of the list. Rows in it may be out of date (a trace moved in time when its root came, or changed
 * what a filter looks at), but each trace as it is now has its row. So a page is found in two steps:
 *
 *     trace_ages   candidates, in order
 *     traces       which of them are still so
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
  const walk = createWalk(reader, request, page.after);
  let skipped = 0;
  while (skipped < page.skip) {
    const candidates = await walk.next(page.skip - skipped);
    if (candidates === undefined) return [];
    skipped += (await confirmMany(reader, request, candidates)).length;
  }
  const found: FoundTrace[] = [];
  while (found.length < page.limit) {
    const wanted = page.limit - found.length;
    const candidates = await walk.next(Math.min(wanted + Math.ceil(wanted / 4) + 4, namedMax));
    if (candidates === undefined) break;
    found.push(...(await confirmWithSummary(reader, request, candidates)));
  }
  return found.slice(0, page.limit);
}

/** Trace ids that one query names; more would make its target too long. */
const namedMax = 130;

interface CandidateWalk {
  /** The next candidates in order, at most `count`; undefined at the end. A trace comes once for each time it was ever created at. */
  next(count: number): Promise<TracePlace[] | undefined>;
}

function createWalk(reader: ClickhouseReader, request: TraceListRequest, start: TracePlace | undefined): CandidateWalk {
  let after = start;
  let ended = false;
  return {
    async next(count) {
      if (ended) return undefined;
      const rows = await selectCandidates(reader, request, { after, count });
      ended = rows.length < count;
      const previous = after;
      after = rows.at(-1) ?? after;
      // Versions of a row that are not merged yet stand side by side, also across the end of a batch.
      return rows.filter((place, index) => !isSamePlace(place, index === 0 ? previous : rows[index - 1]));
    },
  };
}

function isSamePlace(a: TracePlace, b: TracePlace | undefined): boolean {
  return a.createdUnixNano === b?.createdUnixNano && a.traceId === b.traceId;
}

/** The last time that a span can have: ages count from there. */
const timeMax = 2n ** 64n - 1n;

async function selectCandidates(
  reader: ClickhouseReader,
  request: TraceListRequest,
  { after, count }: { readonly after: TracePlace | undefined; readonly count: number },
): Promise<TracePlace[]> {
  const { from, to } = request.filter;
  const conditions = conditionsOf(request);
  const texts = ["project_id = {project:String}", ...conditions.texts];
  const parameters: Record<string, unknown> = { project: request.projectId, count, ...conditions.parameters };
  const compare = (text: string, name: string, age: bigint): void => {
    texts.push(text);
    parameters[name] = age.toString();
  };
  if (from !== undefined) {
    if (from > timeMax) return [];
    compare("age_nano <= {oldest:UInt64}", "oldest", timeMax - from);
  }
  if (to !== undefined && to <= timeMax) {
    if (to === 0n) return [];
    compare("age_nano > {limit:UInt64}", "limit", timeMax - to);
  }
  if (after !== undefined) {
    // The first condition alone says where to begin to read.
    compare("age_nano >= {age:UInt64}", "age", timeMax - after.createdUnixNano);
    texts.push("(age_nano > {age:UInt64} OR trace_id > {traceId:String})");
    parameters.traceId = after.traceId;
  }
  const rows = await reader.select<{ age_nano: string; trace_id: string }>(
    // One thread stops as soon as it has enough; several read ahead of each other.
    `SELECT age_nano, trace_id FROM trace_ages WHERE ${texts.join(" AND ")}
     ORDER BY age_nano, trace_id LIMIT {count:UInt32} SETTINGS max_threads = 1`,
    parameters,
  );
  return rows.map((row) => ({ createdUnixNano: timeMax - BigInt(row.age_nano), traceId: row.trace_id }));
}

async function confirmWithSummary(
  reader: ClickhouseReader,
  request: TraceListRequest,
  candidates: readonly TracePlace[],
): Promise<FoundTrace[]> {
  if (candidates.length === 0) return [];
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
  const [first] = candidates;
  const last = candidates.at(-1);
  if (first === undefined || last === undefined) return [];
  const rows = await selectLive<{ trace_id: string; created: string }>(reader, request, {
    columns: "",
    among: `(SELECT trace_id FROM trace_ages
      WHERE ${["project_id = {project:String}", "age_nano BETWEEN {youngest:UInt64} AND {oldest:UInt64}", ...conditionsOf(request).texts].join(" AND ")})`,
    parameters: {
      youngest: (timeMax - first.createdUnixNano).toString(),
      oldest: (timeMax - last.createdUnixNano).toString(),
    },
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

/** All but the range of time, which the candidates keep. */
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
