/** What the store knows of model calls that several traces may tell of (fold/trace-copies.ts): reports by key, and which scopes report at all. */
import type { ClickHouseClient } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { TraceRow } from "@nonet/proto/tables.ts";
import {
  type CallKey,
  type CallReport,
  type CopyMark,
  crowdMin,
  endOfCall,
  kindOfCall,
  slotNano,
} from "../../fold/trace-copies.ts";

/** Reports of one trace as they stand in the store. */
export interface StoredReports {
  readonly traceId: string;
  readonly keys: readonly CallKey[];
  /** By event id. */
  readonly marks: ReadonlyMap<string, Pick<CopyMark, "duplicateOf" | "usageFrom">>;
}

export interface FoundReports {
  /** All live reports of other traces with these keys in the same slot or the next to it, but of crowded keys. */
  readonly reports: readonly CallReport[];
  /** There are more reports than are compared. */
  readonly crowded: readonly CallKey[];
  /** Other traces with crowded keys that still bear a mark. */
  readonly markedTraceIds: readonly string[];
}

export interface CallReports {
  /**
   * @param own  traces whose reports the caller has.
   * @throws PipelineError `STORE_UNAVAILABLE`, as do the others.
   */
  find(projectId: string, keys: readonly CallKey[], own: ReadonlySet<string>): Promise<FoundReports>;
  ofTraces(projectId: string, traces: readonly TraceRow[]): Promise<StoredReports[]>;
  /** The first that were added, at most `scopesMax`, and how long ago by the store's clock. */
  scopesOf(projectId: string): Promise<{ scope: string; ageMs: number }[]>;
  addScopes(projectId: string, scopes: readonly string[]): Promise<void>;
}

/** One question; its parameters travel in the address of the request, which servers bound at 1 MiB. */
const keysPerQuery = 2_000;
const keyCharactersPerQuery = 60_000;
const tracesPerQuery = 250;
/** Rows found without FINAL may be older than the live ones: so many of one key in one slot count as a crowd, whatever they are. */
const rowsPerPlaceMax = crowdMin * 4;
/** Of what was marked before it was a crowd; there were few then. */
const markedMax = crowdMin * 4;
const slotsPerHour = Number(3_600_000_000_000n / slotNano);
/** More scopes than this tell nothing more. */
const scopesMax = 2;

export function createCallReports(deps: { client: ClickHouseClient }): CallReports {
  const { client } = deps;

  async function select<T>(query: string, parameters: Record<string, unknown>): Promise<T[]> {
    try {
      const answer = await client.query({ query, query_params: parameters, format: "JSONEachRow" });
      return await answer.json<T>();
    } catch (caught) {
      throw PipelineError.from(caught, "STORE_UNAVAILABLE");
    }
  }

  /** Where reports with these values may stand: a scan of one column over an hour or two, without FINAL and without grouping, which costs more. */
  function findPlaces(projectId: string, keys: readonly CallKey[], by: CallKey["by"]): Promise<PlaceRow[]> {
    const column = columnOf(by);
    return select<PlaceRow>(
      `SELECT ${column} AS value, intDiv(time_unix_nano, ${slotNano}) AS slot, trace_id, event_id FROM events
       WHERE project_id = {project:String} AND hour IN {hours:Array(UInt32)} AND ${column} IN {values:Array(String)}
         AND report_rank > 0 AND is_deleted = 0
       LIMIT ${rowsPerPlaceMax} BY value, slot`,
      { project: projectId, hours: hoursOf(keys), values: keys.map((key) => key.value) },
    );
  }

  async function findMarked(projectId: string, keys: readonly CallKey[], by: CallKey["by"]): Promise<string[]> {
    const column = columnOf(by);
    const rows = await select<{ trace_id: string }>(
      `SELECT DISTINCT trace_id FROM events
       WHERE project_id = {project:String} AND hour IN {hours:Array(UInt32)} AND ${column} IN {values:Array(String)}
         AND report_rank > 0 AND is_deleted = 0 AND (duplicate_of != '' OR usage_from != '')
       LIMIT ${markedMax}`,
      { project: projectId, hours: hoursOf(keys), values: keys.map((key) => key.value) },
    );
    return rows.map((row) => row.trace_id);
  }

  function loadReports(
    projectId: string,
    traceIds: readonly string[],
    keys: readonly CallKey[],
    by: CallKey["by"],
  ): Promise<ReportRow[]> {
    return select<ReportRow>(
      `SELECT ${reportColumns} FROM events FINAL
       WHERE project_id = {project:String} AND hour IN {hours:Array(UInt32)} AND trace_id IN {traces:Array(String)}
         AND ${columnOf(by)} IN {values:Array(String)} AND report_rank > 0`,
      {
        project: projectId,
        hours: hoursOf(keys),
        traces: traceIds,
        values: [...new Set(keys.map((key) => key.value))],
      },
    );
  }

  async function findSome(
    projectId: string,
    keys: readonly CallKey[],
    by: CallKey["by"],
    own: ReadonlySet<string>,
  ): Promise<FoundReports> {
    const asked = new Set(keys.flatMap((key) => [-1, 0, 1].map((apart) => `${key.slot + apart} ${key.value}`)));
    const places = (await findPlaces(projectId, keys, by)).filter((row) => asked.has(`${row.slot} ${row.value}`));
    const crowded: CallKey[] = [];
    const traceIds = new Set<string>();
    for (const rows of Map.groupBy(places, (row) => `${row.slot} ${row.value}`).values()) {
      const [{ slot, value } = { slot: 0, value: "" }] = rows;
      const events = new Set(rows.map((row) => row.event_id));
      if (events.size >= crowdMin || rows.length === rowsPerPlaceMax) crowded.push({ slot: Number(slot), by, value });
      else for (const { trace_id } of rows) if (!own.has(trace_id)) traceIds.add(trace_id);
    }
    const rows: ReportRow[] = [];
    const foreign = [...traceIds];
    for (let first = 0; first < foreign.length; first += tracesPerQuery) {
      rows.push(...(await loadReports(projectId, foreign.slice(first, first + tracesPerQuery), keys, by)));
    }
    const marked = crowded.length === 0 ? [] : await findMarked(projectId, crowded, by);
    return {
      reports: rows.map(toReport),
      crowded,
      markedTraceIds: marked.filter((traceId) => !own.has(traceId)),
    };
  }

  return {
    async find(projectId, keys, own) {
      const found: FoundReports[] = [];
      for (const by of ["response", "output"] as const) {
        const ofKind = keys.filter((key) => key.by === by);
        for (const some of inParts(ofKind)) found.push(await findSome(projectId, some, by, own));
      }
      // A report may have been found by both of its keys.
      const reports = new Map(found.flatMap((each) => each.reports).map((report) => [report.key, report]));
      return {
        reports: [...reports.values()],
        crowded: found.flatMap((each) => each.crowded),
        markedTraceIds: [...new Set(found.flatMap((each) => each.markedTraceIds))],
      };
    },

    async ofTraces(projectId, traces) {
      const rows = await select<StoredRow>(
        `SELECT trace_id, event_id, toString(time_unix_nano) AS time_unix_nano, response_id, output_key, duplicate_of, usage_from FROM events FINAL
         WHERE project_id = {project:String} AND hour BETWEEN {from:UInt32} AND {to:UInt32} AND trace_id IN {traces:Array(String)}
           AND report_rank > 0`,
        {
          project: projectId,
          from: Math.min(...traces.map((trace) => trace.hour_min)),
          to: Math.max(...traces.map((trace) => trace.hour_max)),
          traces: traces.map((trace) => trace.trace_id),
        },
      );
      return [...Map.groupBy(rows, (row) => row.trace_id)].map(([traceId, own]) => ({
        traceId,
        keys: own.flatMap(keysOfRow),
        marks: new Map(own.flatMap(markOfRow)),
      }));
    },

    async scopesOf(projectId) {
      const rows = await select<{ scope_name: string; age_ms: string }>(
        `SELECT scope_name, dateDiff('millisecond', min(added_at), now64(3)) AS age_ms FROM call_scopes
         WHERE project_id = {project:String} GROUP BY scope_name ORDER BY age_ms DESC LIMIT ${scopesMax}`,
        { project: projectId },
      );
      return rows.map((row) => ({ scope: row.scope_name, ageMs: Number(row.age_ms) }));
    },

    async addScopes(projectId, scopes) {
      try {
        await client.insert({
          table: "call_scopes",
          values: scopes.slice(0, scopesMax).map((scope) => ({ project_id: projectId, scope_name: scope })),
          columns: ["project_id", "scope_name"],
          format: "JSONEachRow",
        });
      } catch (caught) {
        throw PipelineError.from(caught, "STORE_UNAVAILABLE");
      }
    },
  };
}

interface PlaceRow {
  readonly value: string;
  readonly slot: string | number;
  readonly trace_id: string;
  readonly event_id: string;
}

const reportColumns = `event_id, trace_id, span_id, turn_id, scope_name, operation, toString(time_unix_nano) AS time_unix_nano, duration_ms,
  request_model, response_model, response_id, report_rank, output_key, input_tokens, output_tokens, total_tokens, cached_input_tokens,
  cache_write_input_tokens, reasoning_tokens`;

interface ReportRow {
  readonly event_id: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly turn_id: string;
  readonly scope_name: string;
  readonly operation: string;
  readonly time_unix_nano: string;
  readonly duration_ms: number | null;
  readonly request_model: string;
  readonly response_model: string;
  readonly response_id: string;
  readonly report_rank: number;
  readonly output_key: string;
  readonly input_tokens: string | null;
  readonly output_tokens: string | null;
  readonly total_tokens: string | null;
  readonly cached_input_tokens: string | null;
  readonly cache_write_input_tokens: string | null;
  readonly reasoning_tokens: string | null;
}

interface StoredRow {
  readonly trace_id: string;
  readonly event_id: string;
  readonly time_unix_nano: string;
  readonly response_id: string;
  readonly output_key: string;
  readonly duplicate_of: string;
  readonly usage_from: string;
}

/** The same as `reportOf` made of the event. */
function toReport(row: ReportRow): CallReport {
  const startUnixNano = BigInt(row.time_unix_nano);
  return {
    key: row.event_id,
    traceId: row.trace_id,
    spanId: row.span_id,
    scopeName: row.scope_name,
    kind: kindOfCall(row.operation),
    slot: Number(startUnixNano / slotNano),
    startUnixNano,
    endUnixNano: endOfCall(startUnixNano, row.duration_ms ?? undefined),
    fields: {
      ...(row.request_model !== "" && { requestModel: row.request_model }),
      ...(row.response_model !== "" && { responseModel: row.response_model }),
      ...(row.response_id !== "" && { responseId: row.response_id }),
    },
    richness: Math.floor(row.report_rank / 2),
    outputKey: row.output_key === "" ? undefined : row.output_key,
    isPartOfWork: row.turn_id !== row.trace_id,
    asksForTools: row.report_rank % 2 === 1,
    usage: {
      ...(row.input_tokens !== null && { inputTokens: Number(row.input_tokens) }),
      ...(row.output_tokens !== null && { outputTokens: Number(row.output_tokens) }),
      ...(row.total_tokens !== null && { totalTokens: Number(row.total_tokens) }),
      ...(row.cached_input_tokens !== null && { cachedInputTokens: Number(row.cached_input_tokens) }),
      ...(row.cache_write_input_tokens !== null && { cacheWriteInputTokens: Number(row.cache_write_input_tokens) }),
      ...(row.reasoning_tokens !== null && { reasoningTokens: Number(row.reasoning_tokens) }),
    },
  };
}

function keysOfRow(row: StoredRow): CallKey[] {
  const keys: CallKey[] = [];
  const slot = Number(BigInt(row.time_unix_nano) / slotNano);
  if (row.response_id !== "") keys.push({ slot, by: "response", value: row.response_id });
  if (row.output_key !== "") keys.push({ slot, by: "output", value: row.output_key });
  return keys;
}

function markOfRow(row: StoredRow): [string, Pick<CopyMark, "duplicateOf" | "usageFrom">][] {
  if (row.duplicate_of === "" && row.usage_from === "") return [];
  const mark = {
    ...(row.duplicate_of !== "" && { duplicateOf: row.duplicate_of }),
    ...(row.usage_from !== "" && { usageFrom: row.usage_from }),
  };
  return [[row.event_id, mark]];
}

function columnOf(by: CallKey["by"]): string {
  return by === "response" ? "response_id" : "output_key";
}

/** Those in which the slots of the keys lie, and the slots next to them. */
function hoursOf(keys: readonly CallKey[]): number[] {
  const slots = new Set(keys.flatMap(({ slot }) => [slot - 1, slot, slot + 1]));
  return [...new Set([...slots].map((slot) => Math.floor(slot / slotsPerHour)))].filter((hour) => hour >= 0);
}

function* inParts(keys: readonly CallKey[]): Generator<CallKey[]> {
  let part: CallKey[] = [];
  let characters = 0;
  for (const key of keys) {
    if (part.length === keysPerQuery || characters + key.value.length > keyCharactersPerQuery) {
      yield part;
      part = [];
      characters = 0;
    }
    part.push(key);
    characters += key.value.length;
  }
  if (part.length > 0) yield part;
}
