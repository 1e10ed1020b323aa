/** Writes and reads what the owner of a partition keeps in the ClickHouse dialect. */
import { hash } from "node:crypto";
import { Readable } from "node:stream";
import { type ClickHouseClient, ClickHouseError } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";
import { type StoredSpanTexts, storedSpanColumns } from "@nonet/proto/stored-span.ts";
import type { TableName, TraceRow } from "@nonet/proto/tables.ts";
import type { CallCost } from "../../fold/cost.ts";
import { textFormats } from "./row-text.ts";
import { columnsOf, tableLayouts } from "./table-columns.ts";

/** Rows as text (row-text.ts), in the order of `columnsOf`. */
export type TableLines = { readonly [T in TableName]: readonly string[] };

/** One stored span. Source of every derived value of its trace. */
export interface StoredSpan extends StoredSpanTexts {
  readonly trace_id: string;
  readonly span_id: string;
  readonly hour: number;
  readonly received_unix_nano: string;
  readonly mapping_version: number;
  readonly price_version: string;
  readonly settings_version: number;
  readonly class: string;
  readonly rule_id: string;
  readonly agent_name: string;
}

/** Derived rows that are live in the store, by their key text (row-text.ts). */
export type LiveKeys = { readonly [T in TableName]: readonly { traceId: string; key: string }[] };

export interface ClickhouseStore {
  /**
   * Inserts into `traces` first, then into the other tables at once: the row of a trace says which other keys may exist, so a crash between two
   * inserts is found and finished by the replay. Every line carries a version, so repeating an insert changes nothing.
   *
   * @throws PipelineError `STORE_UNAVAILABLE` (retry the same), `STORE_REJECTED` (a defect: retrying cannot help).
   */
  insert(lines: TableLines): Promise<void>;
  /** Rows of those traces of one project that are stored; a trace that is not there is new. */
  findTraces(projectId: string, traceIds: readonly string[]): Promise<TraceRow[]>;
  /** All live spans of stored traces of one project. */
  loadSpans(projectId: string, traces: readonly TraceRow[]): Promise<StoredSpan[]>;
  loadDerivedKeys(projectId: string, traces: readonly TraceRow[]): Promise<LiveKeys>;
  /** Costs of the model calls of a stored trace, by event id. */
  loadCosts(projectId: string, trace: TraceRow): Promise<Map<string, CallCost>>;
  isHealthy(): boolean;
}

const otherTables = ["spans", "events", "sessions", "metric_points"] as const satisfies readonly TableName[];
const derivedTables = ["events", "sessions", "metric_points"] as const;

export function createClickhouseStore(deps: { client: ClickHouseClient }): ClickhouseStore {
  const { client } = deps;
  let healthy = true;

  async function attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      healthy = true;
      return result;
    } catch (caught) {
      healthy = false;
      throw toPipelineError(caught);
    }
  }

  async function insertTable(table: TableName, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const { name, encoding } = textFormats[table];
    const text = Buffer.from(lines.join(""), encoding);
    const token = `${table}-${hash("sha1", text)}`;
    const { stream } = await client.exec({
      query: `INSERT INTO ${table} (${columnsOf(table).join(", ")}) FORMAT ${name}`,
      values: Readable.from([text], { objectMode: false }),
      clickhouse_settings: { insert_deduplication_token: token },
    });
    // The answer of an insert is empty; reading it to the end frees the connection and surfaces a late error.
    for await (const _ of stream);
  }

  function select<T>(query: string, parameters: Record<string, unknown>): Promise<T[]> {
    return attempt(async () => {
      const answer = await client.query({ query, query_params: parameters, format: "JSONEachRow" });
      return answer.json<T>();
    });
  }

  return {
    async insert(lines) {
      await attempt(() => insertTable("traces", lines.traces));
      const others = await Promise.allSettled(
        otherTables.map((table) => attempt(() => insertTable(table, lines[table]))),
      );
      // Only once all have ended: a retry must not meet an insert of the attempt before.
      for (const other of others) if (other.status === "rejected") throw other.reason;
    },
    findTraces: (projectId, traceIds) =>
      select<TraceRow>(
        `SELECT ${["version", "is_deleted", ...tableLayouts.traces.key, ...tableLayouts.traces.rest].join(", ")} FROM traces FINAL
         WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}`,
        { project: projectId, traces: traceIds },
      ),
    loadSpans: (projectId, traces) =>
      select<StoredSpan>(
        `SELECT trace_id, span_id, hour, toString(received_unix_nano) AS received_unix_nano, mapping_version, price_version, settings_version,
                class, rule_id, agent_name, ${storedSpanColumns}
         FROM spans FINAL ${whereTraces}`,
        hourRange(projectId, traces),
      ),
    async loadDerivedKeys(projectId, traces) {
      const keys = { traces: [], spans: [], events: [], sessions: [], metric_points: [] } as {
        [T in TableName]: { traceId: string; key: string }[];
      };
      for (const table of derivedTables) {
        const key = tableLayouts[table].key;
        const where = table === "metric_points" ? whereTracesByMinute : whereTraces;
        const rows = await select<Record<string, unknown>>(
          `SELECT ${key.join(", ")} FROM ${table} FINAL ${where}`,
          hourRange(projectId, traces),
        );
        keys[table] = rows.map((row) => ({
          traceId: String(row.trace_id),
          key: JSON.stringify(key.map((column) => row[column])).slice(1, -1),
        }));
      }
      return keys;
    },
    async loadCosts(projectId, trace) {
      const rows = await select<StoredCost>(
        `SELECT event_id, toString(cost_units) AS units, toString(cost_input_units) AS input_units, toString(cost_output_units) AS output_units,
                cost_source
         FROM events FINAL ${whereTraces} AND cost_units IS NOT NULL`,
        hourRange(projectId, [trace]),
      );
      return new Map(rows.map((row) => [row.event_id, toCost(row)]));
    },
    isHealthy: () => healthy,
  };
}

interface StoredCost {
  readonly event_id: string;
  readonly units: string;
  readonly input_units: string | null;
  readonly output_units: string | null;
  readonly cost_source: string;
}

function toCost({ units, input_units: input, output_units: output, cost_source: source }: StoredCost): CallCost {
  return {
    units: BigInt(units),
    inputUnits: input === null ? undefined : BigInt(input),
    outputUnits: output === null ? undefined : BigInt(output),
    source: source === "reported" ? "reported" : "price_table",
    priceTable: source === "reported" ? undefined : source,
  };
}

const whereTraces =
  "WHERE project_id = {project:String} AND hour BETWEEN {from:UInt32} AND {to:UInt32} AND trace_id IN {traces:Array(String)}";

const whereTracesByMinute =
  "WHERE project_id = {project:String} AND minute BETWEEN {from:UInt32} * 60 AND {to:UInt32} * 60 + 59 AND trace_id IN {traces:Array(String)}";

function hourRange(projectId: string, traces: readonly TraceRow[]): Record<string, unknown> {
  return {
    project: projectId,
    from: Math.min(...traces.map((trace) => trace.hour_min)),
    to: Math.max(...traces.map((trace) => trace.hour_max)),
    traces: traces.map((trace) => trace.trace_id),
  };
}

/** Codes of the server that a retry can cure: timeouts, memory, too many parts or queries, network, read-only or full disks. */
const retryableCodes = new Set([
  "159",
  "160",
  "164",
  "173",
  "202",
  "203",
  "209",
  "210",
  "241",
  "242",
  "243",
  "252",
  "279",
  "285",
  "319",
  "394",
  "425",
  "745",
  "999",
]);

function toPipelineError(caught: unknown): PipelineError {
  if (caught instanceof ClickHouseError && !retryableCodes.has(caught.code)) {
    return new PipelineError("STORE_REJECTED", `ClickHouse ${caught.code} ${caught.type ?? ""}: ${caught.message}`, {
      cause: caught,
    });
  }
  return PipelineError.from(caught, "STORE_UNAVAILABLE");
}
