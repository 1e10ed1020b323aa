/** Starts ingest of the distributed shape; the only file of it that reads the environment. */
import { startAdminServer } from "@nonet/proto/admin-server.ts";
import { toKafkaConnection } from "@nonet/proto/connection-settings.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createCredentialCache } from "@nonet/proto/control/credentials.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { runService } from "@nonet/proto/run-service.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { ingestProcessSchema } from "./config.ts";
import { createKafkaPublisher } from "./publish/kafka-publisher.ts";
import { startIngest } from "./service.ts";

const megabyte = 1_048_576;

await runService(async () => {
  const config = parseConfig(ingestProcessSchema, process.env);
  const log = pino({ name: "ingest", level: config.NONET_LOG_LEVEL });
  const registry = new Registry();
  const control = openControlDatabase({ url: config.DATABASE_URL });
  await control.migrate();
  await control.ensureFirstCredential(config.NONET_API_KEY === undefined ? {} : { apiKey: config.NONET_API_KEY });
  const publisher = createKafkaPublisher(
    {
      connection: toKafkaConnection(config, "nonet-ingest"),
      topic: config.KAFKA_TOPIC,
      topics: {
        names: [config.KAFKA_TOPIC, config.KAFKA_DEAD_LETTER_TOPIC],
        partitionCount: config.KAFKA_TOPIC_PARTITIONS,
        replicationFactor: config.KAFKA_TOPIC_REPLICATION,
        recordBytesMax: config.NONET_RECORD_BYTES_MAX,
      },
      publishTimeoutMs: config.NONET_OTLP_PUBLISH_TIMEOUT_MS,
      batchBytesMax: megabyte,
      queueBytesMax: config.NONET_OTLP_IN_FLIGHT_BYTES_MAX,
    },
    { onError: (error) => log.warn({ err: error }, "the log did not take a request") },
  );
  const ingest = await startIngest(config, {
    publisher,
    credentials: createCredentialCache(control),
    settingsVersionOf: () => 0,
    registry,
    log,
    recordEvents: true,
    now: Date.now,
  });
  const admin = await startAdminServer(
    { ...config.NONET_ADMIN_ADDRESS, setting: "NONET_ADMIN_ADDRESS" },
    { isReady: () => ingest.isReady(), metrics: () => registry.metrics() },
  );
  log.info({ grpc: ingest.receiver.grpcAddresses, http: ingest.receiver.httpAddresses }, "ingest is ready");
  return {
    async close() {
      await ingest.close();
      await admin.close();
      await control.close();
    },
  };
});
