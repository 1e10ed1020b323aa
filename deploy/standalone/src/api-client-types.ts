/** The text of query-api/src/client/gen/api-types.ts: from the document that a query API without any data serves. */
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createMemoryProjection } from "@nonet/proto/projection/memory-projection.ts";
import { writeClientTypes } from "@nonet/query-api/client/write-types.ts";
import { queryApiConfigSchema } from "@nonet/query-api/config.ts";
import { startQueryApi } from "@nonet/query-api/service.ts";
import { pino } from "pino";
import { Registry } from "prom-client";

export async function apiClientTypes(): Promise<string> {
  const control = openControlDatabase({ url: "sqlite::memory:" });
  // Nothing of this is asked for: the document comes from the descriptions of the operations alone.
  const clickhouse = createStoreClient({ url: "http://127.0.0.1:1" });
  const api = await startQueryApi(queryApiConfigSchema.parse({ NONET_API_ADDRESS: "127.0.0.1:0" }), {
    clickhouse,
    credentials: { lookup: async () => undefined },
    projection: createMemoryProjection(),
    cursorSecret: Buffer.alloc(32),
    receiptSecret: Buffer.alloc(32),
    positionsOf: async () => new Map(),
    quarantine: control.quarantine,
    settings: { control, onChanged: () => undefined },
    registry: new Registry(),
    log: pino({ level: "silent" }),
    now: Date.now,
  });
  try {
    return await writeClientTypes(await (await fetch(`http://${api.address}/openapi.json`)).text());
  } finally {
    await api.close();
    await clickhouse.close();
    await control.close();
  }
}
