/** Starts ingest of the distributed shape; the only file of it that reads the environment. */
import { startAdminServer } from "@nonet/proto/admin-server.ts";
import { toKafkaConnection } from "@nonet/proto/connection-settings.ts";
import { type ControlDatabase, openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createCredentialCache } from "@nonet/proto/control/credentials.ts";
import { createSettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { runService } from "@nonet/proto/run-service.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { ingestProcessSchema } from "./config.ts";
import { createKafkaPublisher } from "./publish/kafka-publisher.ts";
import { ensureKafkaTopics } from "./publish/kafka-topics.ts";
import type { Sender } from "./receive/receive-export.ts";
import { startIngest } from "./service.ts";

const megabyte = 1_048_576;

await runService(async () => {
  const config = parseConfig(ingestProcessSchema, process.env);
  const log = pino({ name: "ingest", level: config.NONET_LOG_LEVEL });
  const registry = new Registry();
  const control = openControlDatabase({ url: config.DATABASE_URL });
  await control.migrate();
  await control.ensureFirstCredential(config.NONET_API_KEY === undefined ? {} : { apiKey: config.NONET_API_KEY });
  const connection = toKafkaConnection(config, "nonet-ingest");
  const topics = {
    names: [config.KAFKA_TOPIC, config.KAFKA_DEAD_LETTER_TOPIC],
    partitionCount: config.KAFKA_TOPIC_PARTITIONS,
    replicationFactor: config.KAFKA_TOPIC_REPLICATION,
    recordBytesMax: config.NONET_RECORD_BYTES_MAX,
  };
  const publisherTo = (topic: string) =>
    createKafkaPublisher(
      {
        connection,
        topic,
        topics,
        publishTimeoutMs: config.NONET_OTLP_PUBLISH_TIMEOUT_MS,
        batchBytesMax: megabyte,
        queueBytesMax: config.NONET_OTLP_IN_FLIGHT_BYTES_MAX,
      },
      { onError: (error) => log.warn({ err: error, topic }, "the log did not take a request") },
    );
  const senders = await sendersOf(config.NONET_OTLP_KAFKA_TOPICS, control);
  const ingest = await startIngest(config, {
    publisher: publisherTo(config.KAFKA_TOPIC),
    credentials: createCredentialCache(control),
    control,
    receiptSecret:
      config.NONET_RECEIPT_SECRET === undefined
        ? await control.ensureSecret("receipt")
        : Buffer.from(config.NONET_RECEIPT_SECRET),
    ...(senders.size === 0
      ? {}
      : {
          kafkaDoor: {
            connection,
            consumerGroup: config.NONET_OTLP_KAFKA_GROUP,
            senders,
            encoding: config.NONET_OTLP_KAFKA_ENCODING,
            deadLetters: publisherTo(config.KAFKA_DEAD_LETTER_TOPIC),
            async ensureTopics() {
              await ensureKafkaTopics(connection, { ...topics, names: [...senders.keys()] });
            },
          },
        }),
    settings: createSettingsCache(control),
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

/** @throws PipelineError `CONFIG_INVALID` for a project that does not exist: its spans would go nowhere. */
async function sendersOf(
  projects: ReadonlyMap<string, string>,
  control: Pick<ControlDatabase, "getProject">,
): Promise<ReadonlyMap<string, Sender>> {
  const senders = new Map<string, Sender>();
  for (const [topic, projectId] of projects) {
    const project = await control.getProject(projectId);
    if (project === undefined) {
      throw new PipelineError("CONFIG_INVALID", `NONET_OTLP_KAFKA_TOPICS: there is no project ${projectId}`);
    }
    senders.set(topic, { tenantId: project.tenantId, projectId });
  }
  return senders;
}
