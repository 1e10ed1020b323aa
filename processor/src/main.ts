/** Starts the processor of the distributed shape; the only file of it that reads the environment. */
import { startAdminServer } from "@nonet/proto/admin-server.ts";
import { toKafkaConnection } from "@nonet/proto/connection-settings.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createSettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { createRedisProjection } from "@nonet/proto/projection/redis-projection.ts";
import { runService } from "@nonet/proto/run-service.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { processorProcessSchema } from "./config.ts";
import { createKafkaCommands } from "./consume/kafka-commands.ts";
import { toSaslOptions } from "./consume/kafka-connection.ts";
import { createKafkaDeadLetters } from "./consume/kafka-dead-letters.ts";
import { createKafkaSource } from "./consume/kafka-source.ts";
import { createGapReporter } from "./consume/report-gaps.ts";
import { startProcessor } from "./service.ts";
import { migrateClickhouse } from "./store/clickhouse/migrate.ts";
import { createStoreClient } from "./store/clickhouse/store-client.ts";

/** How long a processor may not know of the second instrumentation of a project. The same for all that share a store. */
const knownScopesLeaseMs = 1_000;
/** Compressed; a batch is bounded by its own settings. */
const fetchBytesMax = 4_194_304;

await runService(async () => {
  const config = parseConfig(processorProcessSchema, process.env);
  const log = pino({ name: "processor", level: config.NONET_LOG_LEVEL });
  const registry = new Registry();
  const onGap = createGapReporter(registry, log);
  const control = openControlDatabase({ url: config.DATABASE_URL });
  await control.migrate();
  const clickhouse = createStoreClient({ url: config.CLICKHOUSE_URL });
  await migrateClickhouse(clickhouse);
  const projection = createRedisProjection(
    { url: config.REDIS_URL },
    { onError: (error) => log.warn({ err: error }, "Redis did not answer; the projection is behind") },
  );
  const { sasl, ...plain } = toKafkaConnection(config, "nonet-processor");
  const connection = { ...plain, ...(sasl === undefined ? {} : { sasl: toSaslOptions(sasl) }) };
  const deadLetters = createKafkaDeadLetters({
    connection,
    topic: config.KAFKA_DEAD_LETTER_TOPIC,
    sourceTopic: config.KAFKA_TOPIC,
  });
  const commands = createKafkaCommands({ connection, topic: config.KAFKA_TOPIC });
  const processor = await startProcessor(config, {
    source: createKafkaSource(
      {
        connection,
        topic: config.KAFKA_TOPIC,
        consumerGroup: config.NONET_CONSUMER_GROUP,
        sessionTimeoutMs: config.NONET_SESSION_TIMEOUT_MS,
        fetchBytesMax,
        batchCountMax: config.NONET_BATCH_RECORDS_MAX,
        batchBytesMax: config.NONET_BATCH_BYTES_MAX,
        lingerMs: config.NONET_BATCH_LINGER_MS,
        retryMs: 100,
        retryMsMax: 5_000,
      },
      {
        onError: (error) => log.error({ err: error }, "a batch was not stored; it will be tried again"),
        onGap,
      },
    ),
    clickhouse,
    projection,
    nextOwnerEpoch: async (topic, partition) => BigInt(await control.nextOwnerEpoch(topic, partition)),
    listProjectIds: async () => (await control.listProjects()).map((project) => project.id),
    deadLetter: deadLetters.add,
    publishCommands: commands.publish,
    knownScopesLeaseMs,
    settings: createSettingsCache(control),
    priceTables: control,
    quarantine: control.quarantine,
    topic: config.KAFKA_TOPIC,
    savePositions: (positions) => control.saveProcessedPositions(config.KAFKA_TOPIC, positions),
    registry,
    log,
    now: Date.now,
  });
  const admin = await startAdminServer(
    { ...config.NONET_ADMIN_ADDRESS, setting: "NONET_ADMIN_ADDRESS" },
    { isReady: () => processor.isReady(), metrics: () => registry.metrics() },
  );
  log.info("processor is ready");
  return {
    async close() {
      await processor.close();
      await deadLetters.close();
      await commands.close();
      await admin.close();
      await projection.close();
      await clickhouse.close();
      await control.close();
    },
  };
});
