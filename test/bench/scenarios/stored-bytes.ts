/** What the store holds for a workload, once merges have settled: a data directory that no process has open is opened and merged. */
import { join } from "node:path";
import { startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { cost, type Figure } from "../figure.ts";

interface TableSize {
  readonly table: string;
  readonly bytes: string;
  readonly spans: string;
}

/** Bytes on disk of all tables. */
export async function settledBytes(dataDirectory: string): Promise<{ bytes: number; spans: number }> {
  const engine = await startChdbServer({ dataDirectory: join(dataDirectory, "clickhouse") });
  const client = createStoreClient(engine);
  try {
    const tables = await client.query({
      query: "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'",
      format: "JSONEachRow",
    });
    for (const { name } of await tables.json<{ name: string }>()) {
      await client.command({ query: `OPTIMIZE TABLE ${name} FINAL` });
    }
    const sizes = await client.query({
      query: `SELECT sum(bytes_on_disk) AS bytes, sumIf(rows, table = 'spans') AS spans
              FROM system.parts WHERE active AND database = currentDatabase()`,
      format: "JSONEachRow",
    });
    const [size] = await sizes.json<TableSize>();
    return { bytes: Number(size?.bytes ?? 0), spans: Number(size?.spans ?? 0) };
  } finally {
    await client.close();
    await engine.close();
  }
}

export async function storedBytesOf(dataDirectory: string, spansAtLeast: number): Promise<Figure[]> {
  const { bytes, spans } = await settledBytes(dataDirectory);
  if (spans < spansAtLeast) throw new Error(`the store holds ${spans} spans of ${spansAtLeast}`);
  // 1.2 times what the workload itself takes under zstd level 3.
  return [cost("pipeline standalone", "stored, merged", bytes / spans, "bytes/span", 390)];
}
