/** Ingest of the distributed shape: its connections to Kafka and the control database, opened and closed together. */
import { toKafkaConnection } from "@nonet/proto/connection-settings.ts";
import { type ControlDatabase, openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createCredentialCache } from "@nonet/proto/control/credentials.ts";
import { createSettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import type { z } from "zod";
import type { ingestProcessSchema } from "./config.ts";
import { createKafkaPublisher } from "./publish/kafka-publisher.ts";
import { ensureKafkaTopics } from "./publish/kafka-topics.ts";
import type { Sender } from "./receive/receive-export.ts";
import { startIngest } from "./service.ts";
import type { RunningWorker } from "./workers/run-worker.ts";

export type IngestProcessConfig = z.infer<typeof ingestProcessSchema>;

const megabyte = 1_048_576;

/** @throws PipelineError `CONFIG_INVALID`, `ADDRESS_IN_USE`; no port is open then. */
export async function startIngestProcess(
  config: IngestProcessConfig,
  deps: { readonly log: Logger; onPaid?(tenantId: string, spans: number): void },
): Promise<RunningWorker> {
  const { log } = deps;
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
    ...(deps.onPaid === undefined ? {} : { onPaid: deps.onPaid }),
    now: Date.now,
  });
  return {
    ingest,
    registry,
    async close() {
      await ingest.close();
      await control.close();
    },
  };
}

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
