/** Applies the numbered .sql files, in order, each once. Every statement can be repeated, so two processes that start together do no harm. */
import { readdirSync, readFileSync } from "node:fs";
import type { ClickHouseClient } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";

const directory = new URL("./sql/", import.meta.url);

/** @throws PipelineError `STORE_UNAVAILABLE` when the store is away; a statement that fails leaves its file unrecorded and is tried again. */
export async function migrateClickhouse(client: ClickHouseClient): Promise<void> {
  try {
    await client.command({
      query: `CREATE TABLE IF NOT EXISTS schema_migrations (name String, applied_at DateTime DEFAULT now())
              ENGINE = MergeTree ORDER BY name`,
    });
    const answer = await client.query({ query: "SELECT name FROM schema_migrations", format: "JSONEachRow" });
    const applied = new Set((await answer.json<{ name: string }>()).map((row) => row.name));
    for (const name of readdirSync(directory).sort()) {
      if (!name.endsWith(".sql") || applied.has(name)) continue;
      for (const statement of statementsOf(readFileSync(new URL(name, directory), "utf8"))) {
        await client.command({ query: statement });
      }
      await client.insert({ table: "schema_migrations", values: [{ name }], format: "JSONEachRow", columns: ["name"] });
    }
  } catch (caught) {
    throw PipelineError.from(caught, "STORE_UNAVAILABLE");
  }
}

/** A statement ends with a semicolon at the end of a line; comments are whole lines. */
function statementsOf(sql: string): string[] {
  return sql
    .replaceAll(/^\s*--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
