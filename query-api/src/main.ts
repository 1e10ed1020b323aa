/** Starts the query API of the distributed shape; the only file of it that reads the environment. */
import { randomBytes } from "node:crypto";
import { createClient } from "@clickhouse/client";
import { startAdminServer } from "@nonet/proto/admin-server.ts";

import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createCredentialCache } from "@nonet/proto/control/credentials.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { createRedisProjection } from "@nonet/proto/projection/redis-projection.ts";
import { runService } from "@nonet/proto/run-service.ts";
import { Redis } from "ioredis";
import { pino } from "pino";
import { Registry } from "prom-client";
import { queryApiProcessSchema } from "./config.ts";
import { createPositionCache } from "./receipts/position-cache.ts";
import { startQueryApi } from "./service.ts";

/** Many receipts are asked for again and again until they are queryable. */
const positionsFreshMs = 250;

await runService(async () => {
  const config = parseConfig(queryApiProcessSchema, process.env);
  const log = pino({ name: "query-api", level: config.NONET_LOG_LEVEL });
  const registry = new Registry();
  const control = openControlDatabase({ url: config.DATABASE_URL });
  await control.migrate();
  const clickhouse = createClient({ url: config.CLICKHOUSE_URL });
  const projection = createRedisProjection(
    { url: config.REDIS_URL },
    { onError: (error) => log.warn({ err: error }, "Redis did not answer; the store does") },
  );
  const redis = new Redis(config.REDIS_URL, {
    enableOfflineQueue: false,
    commandTimeout: 500,
    maxRetriesPerRequest: 1,
  });
  // Told of by the projection, which shares the server.
  redis.on("error", () => undefined);
  const secret = config.NONET_API_CURSOR_SECRET;
  const api = await startQueryApi(config, {
    clickhouse,
    credentials: createCredentialCache(control),
    projection,
    redis,
    cursorSecret: secret === undefined ? randomBytes(32) : Buffer.from(secret),
    receiptSecret:
      config.NONET_RECEIPT_SECRET === undefined
        ? await control.ensureSecret("receipt")
        : Buffer.from(config.NONET_RECEIPT_SECRET),
    positionsOf: createPositionCache(positionsFreshMs, { load: control.loadProcessedPositions, now: Date.now }),
    quarantine: control.quarantine,
    // Ingest and processor ask again by themselves.
    settings: { control, onChanged: () => undefined },
    registry,
    log,
    now: Date.now,
  });
  const admin = await startAdminServer(
    { ...config.NONET_ADMIN_ADDRESS, setting: "NONET_ADMIN_ADDRESS" },
    { isReady: () => true, metrics: () => registry.metrics() },
  );
  log.info({ address: api.address }, "query-api is ready");
  return {
    async close() {
      await api.close();
      await admin.close();
      redis.disconnect();
      await projection.close();
      await clickhouse.close();
      await control.close();
    },
  };
});
