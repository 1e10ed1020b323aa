/** What no trace can tell: event ids that stand twice, and rows of traces that are not there. */
import type { TableName } from "@nonet/proto/tables.ts";
import { confirm } from "./confirm.ts";
import type { StoredTables } from "./stored-tables.ts";
import { type Difference, differencesToldMax, type VerifyProgress } from "./verify-lines.ts";

/** Each part is asked for alone, so that the memory it takes is bounded. */
const partRowsMax = 2_000_000;
const tables = ["spans", "events", "sessions", "metric_points"] as const satisfies readonly TableName[];

export async function* verifyKeys(
  stored: StoredTables,
  projectId: string | undefined,
  pause: (ms: number) => Promise<void>,
): AsyncGenerator<Difference | VerifyProgress> {
  const where = projectId === undefined ? "1" : "project_id = {project:String}";
  const project = projectId ?? "";
  const [counted] = await stored.select<{ rows: string }>(`SELECT count() AS rows FROM events WHERE ${where}`, {
    project,
  });
  const parts = Math.max(1, Math.ceil(Number(counted?.rows ?? 0) / partRowsMax));
  const total = parts + tables.length * parts;
  let done = 0;
  for (let part = 0; part < parts; part += 1) {
    yield* await confirm(() => findTwice(part), pause);
    done += 1;
    yield { kind: "progress", step: "keys", done, total };
    for (const table of tables) {
      yield* await confirm(() => findLost(table, part), pause);
      done += 1;
      yield { kind: "progress", step: "keys", done, total };
    }
  }

  async function findTwice(part: number): Promise<Difference[]> {
    const rows = await stored.select<{ project_id: string; event_id: string; copies: string; traces: string[] }>(
      `SELECT project_id, event_id, count() AS copies, groupUniqArray(3)(trace_id) AS traces FROM events FINAL
       WHERE ${where} AND cityHash64(event_id) % {parts:UInt32} = {part:UInt32}
       GROUP BY project_id, event_id HAVING copies > 1 ORDER BY project_id, event_id LIMIT ${differencesToldMax}`,
      { project, part, parts },
    );
    return rows.map((row) => ({
      kind: "difference",
      step: "keys",
      where: `${row.project_id}/${row.traces.sort().join(" and ")}`,
      what: `event ${row.event_id} is stored ${row.copies} times`,
    }));
  }

  async function findLost(table: TableName, part: number): Promise<Difference[]> {
    const rows = await stored.select<{ project_id: string; trace_id: string; rows: string }>(
      `SELECT project_id, trace_id, count() AS rows FROM ${table} FINAL
       WHERE ${where} AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
         AND (project_id, trace_id) NOT IN (
           SELECT project_id, trace_id FROM traces FINAL WHERE ${where} AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32})
       GROUP BY project_id, trace_id ORDER BY project_id, trace_id LIMIT ${differencesToldMax}`,
      { project, part, parts },
    );
    return rows.map((row) => ({
      kind: "difference",
      step: "keys",
      where: `${row.project_id}/${row.trace_id}`,
      what: `${row.rows} rows in ${table}, but no such trace`,
    }));
  }
}
