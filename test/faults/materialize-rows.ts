/** What a test of `materialize` looks at, and how it breaks the connection to the store. */
import type { ClickHouseClient } from "@clickhouse/client";
import { columnsOf } from "@nonet/processor/store/clickhouse/table-columns.ts";
import type { TableName } from "@nonet/proto/tables.ts";

export const tables: readonly TableName[] = ["traces", "spans", "events", "sessions", "metric_points"];

/** Live rows of all tables without version and project. */
export async function liveRows(client: ClickHouseClient, projectId: string): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const table of tables) {
    const columns = columnsOf(table).filter(
      (column) => !["version", "is_deleted", "project_id", "hour_min", "hour_max"].includes(column),
    );
    const answer = await client.query({
      query: `SELECT ${columns.join(", ")} FROM ${table} FINAL WHERE project_id = {project:String} ORDER BY ALL`,
      query_params: { project: projectId },
      format: "JSONEachRow",
    });
    rows[table] = await answer.json();
  }
  return rows;
}

/** Fails from the insert number `count` on, as a connection that breaks does. */
export function failingClient(client: ClickHouseClient, count: number): ClickHouseClient {
  let inserts = 0;
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== "exec" || typeof value !== "function")
        return typeof value === "function" ? value.bind(target) : value;
      return (...args: unknown[]) => {
        inserts += 1;
        return inserts > count ? Promise.reject(new Error("connection broken")) : value.apply(target, args);
      };
    },
  });
}
