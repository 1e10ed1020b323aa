/** Live rows as the store has them, each as a list in the order of its columns. */
import type { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { tableLayouts } from "@nonet/processor/store/clickhouse/table-columns.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { TableName } from "@nonet/proto/tables.ts";

export type StoreClient = ReturnType<typeof createStoreClient>;

export type Cells = readonly unknown[];

export interface StoredTables {
  select<T>(query: string, parameters: Readonly<Record<string, unknown>>): Promise<T[]>;
  /** Key columns, then the others. */
  rowsOfTraces(table: TableName, projectId: string, traceIds: readonly string[]): Promise<Cells[]>;
}

/** A verifier may take its time, and must not take the engine's memory. */
const settings = { max_execution_time: 120, max_memory_usage: "1000000000" } as const;

export function createStoredTables(client: StoreClient): StoredTables {
  async function ask<T>(
    query: string,
    parameters: Readonly<Record<string, unknown>>,
    format: "JSONEachRow" | "JSONCompactEachRow",
  ): Promise<T[]> {
    try {
      const answer = await client.query({
        query,
        query_params: { ...parameters },
        format,
        use_multipart_params_auto: true,
        clickhouse_settings: settings,
      });
      return await answer.json<T>();
    } catch (caught) {
      throw PipelineError.from(caught, "STORE_UNAVAILABLE");
    }
  }
  return {
    select: (query, parameters) => ask(query, parameters, "JSONEachRow"),
    rowsOfTraces: (table, projectId, traceIds) =>
      ask<Cells>(
        `SELECT ${columnsOfRow(table).join(", ")} FROM ${table} FINAL
         WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}`,
        { project: projectId, traces: traceIds },
        "JSONCompactEachRow",
      ),
  };
}

export function columnsOfRow(table: TableName): readonly string[] {
  return [...tableLayouts[table].key, ...tableLayouts[table].rest];
}

/** As a written value and a read one compare: the store quotes wide integers, and has its own way to write numbers and to order maps. */
export function isSameCell(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === "number" || typeof b === "number") {
    return a !== null && b !== null && typeof a !== "object" && typeof b !== "object" && Number(a) === Number(b);
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, index) => isSameCell(each, b[index]));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const left = Object.entries(a);
  const right = new Map(Object.entries(b));
  return left.length === right.size && left.every(([key, value]) => isSameCell(value, right.get(key)));
}
