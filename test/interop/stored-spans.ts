/** Which spans a deployment has, read from its store. */
import { join } from "node:path";
import { startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createStoreClient, type StoreAddress } from "@nonet/processor/store/clickhouse/store-client.ts";

export interface StoredSpans {
  /** `traceId/spanId`. */
  readonly keys: ReadonlySet<string>;
  /** Keys that more than one row stands under, after the store has removed replaced versions. */
  readonly doubled: readonly string[];
}

export async function readStoredSpans(address: StoreAddress): Promise<StoredSpans> {
  const client = createStoreClient(address);
  try {
    const result = await client.query({
      query:
        "SELECT concat(trace_id, '/', span_id) AS key, toUInt32(count()) AS rows FROM spans FINAL WHERE is_deleted = 0 GROUP BY key",
      format: "JSONEachRow",
    });
    const rows = await result.json<{ key: string; rows: number }>();
    return {
      keys: new Set(rows.map(({ key }) => key)),
      doubled: rows.filter(({ rows: count }) => count > 1).map(({ key }) => key),
    };
  } finally {
    await client.close();
  }
}

/** @param dataDirectory of a standalone process that has ended. */
export async function readStoredSpansOf(dataDirectory: string): Promise<StoredSpans> {
  const engine = await startChdbServer({ dataDirectory: join(dataDirectory, "clickhouse") });
  try {
    return await readStoredSpans(engine);
  } finally {
    await engine.close();
  }
}
