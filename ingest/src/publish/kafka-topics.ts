import { PipelineError } from "@nonet/proto/errors.ts";
import { Admin, ConfigResourceTypes, findErrorBy } from "@platformatic/kafka";
import { buildClientOptions, type KafkaConnectionConfig } from "./kafka-connection.ts";

export interface KafkaTopicsConfig {
  /** Created where they are missing; one that exists is left as it is. */
  readonly names: readonly string[];
  /** Of topics that are created. -1 takes the cluster's default. */
  readonly partitionCount: number;
  /** Of topics that are created. -1 takes the cluster's default. From 3 on `min.insync.replicas` is 2, so that one broker may be lost. */
  readonly replicationFactor: number;
  /** Largest key + value that must fit. */
  readonly recordBytesMax: number;
}

/** What a record batch of one record adds to it: its header, lengths, and what zstd adds to bytes that cannot be compressed. */
const batchOverheadBytesMax = 65_536;

/**
 * Creates the topics that are missing. Safe to run by several processes at once.
 *
 * @returns the largest key + value that all of them take: `recordBytesMax`, or less where a topic was made with a smaller `max.message.bytes`.
 * @throws PipelineError `LOG_UNAVAILABLE` when Kafka does not answer, or does not let us create or see a topic.
 */
export async function ensureKafkaTopics(connection: KafkaConnectionConfig, topics: KafkaTopicsConfig): Promise<number> {
  const admin = new Admin({
    ...buildClientOptions(connection, 0),
    retries: connection.brokers.length,
    retryDelay: 100,
  });
  try {
    for (const name of topics.names) await createTopic(admin, name, topics);
    const described = await admin.describeConfigs({
      resources: topics.names.map((resourceName) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName,
        configurationKeys: ["max.message.bytes"],
      })),
    });
    const messageBytesMax = described.flatMap(({ configs }) => configs.map(({ value }) => Number(value)));
    return Math.min(topics.recordBytesMax, ...messageBytesMax.map((bytes) => bytes - batchOverheadBytesMax));
  } catch (error) {
    throw new PipelineError("LOG_UNAVAILABLE", `the topics ${topics.names.join(", ")} cannot be made or seen`, {
      cause: error,
    });
  } finally {
    await admin.close();
  }
}

async function createTopic(admin: Admin, name: string, topics: KafkaTopicsConfig): Promise<void> {
  try {
    await admin.createTopics({
      topics: [name],
      partitions: topics.partitionCount,
      replicas: topics.replicationFactor,
      configs: [
        { name: "max.message.bytes", value: String(topics.recordBytesMax + batchOverheadBytesMax) },
        ...(topics.replicationFactor >= 3 ? [{ name: "min.insync.replicas", value: "2" }] : []),
      ],
    });
  } catch (error) {
    const exists = error instanceof Error && findErrorBy(error, "apiId", "TOPIC_ALREADY_EXISTS") !== null;
    if (!exists) throw error;
  }
}
