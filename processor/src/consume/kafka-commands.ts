/**
 * Puts commands of processors into the topic they consume.
 *
 * One partition a send: the case in which this client's producer loses nothing when a leader dies (docs/adr/0001). So the partition of each
 * key is computed here, by the function that everyone shares.
 */
import { PipelineError } from "@nonet/proto/errors.ts";
import { partitionOf } from "@nonet/proto/topics.ts";
import kafkajs from "kafkajs";
import type { KafkaSourceConfig } from "./kafka-source.ts";

export interface KafkaCommands {
  /** Resolves once all replicas have them. Throws PipelineError `LOG_UNAVAILABLE`: the batch must come again. */
  publish(commands: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): Promise<void>;
  /** Safe to call twice, and before the first command. */
  close(): Promise<void>;
}

interface Connected {
  readonly producer: kafkajs.Producer;
  readonly partitionCount: number;
}

/** Of one send; a command is some hundred bytes. */
const commandsPerSend = 1_000;

export function createKafkaCommands(config: {
  connection: KafkaSourceConfig["connection"];
  topic: string;
}): KafkaCommands {
  const { brokers, clientId, tls, sasl } = config.connection;
  const { topic } = config;
  const kafka = new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    ...(tls === undefined ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl }),
  });
  let connecting: Promise<Connected> | undefined;

  async function connect(): Promise<Connected> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 });
      await producer.connect();
      return { producer, partitionCount: topics[0]?.partitions.length ?? 1 };
    } finally {
      await admin.disconnect();
    }
  }

  async function disconnect(): Promise<void> {
    const connected = connecting;
    connecting = undefined;
    await connected?.then(({ producer }) => producer.disconnect()).catch(() => undefined);
  }

  return {
    async publish(commands) {
      try {
        connecting ??= connect();
        const { producer, partitionCount } = await connecting;
        const byPartition = Map.groupBy(commands, ({ key }) => partitionOf(key, partitionCount));
        for (const [partition, own] of byPartition) {
          for (let first = 0; first < own.length; first += commandsPerSend) {
            const messages = own.slice(first, first + commandsPerSend).map(({ key, value }) => ({
              partition,
              key: Buffer.from(key),
              value: Buffer.from(value),
            }));
            await producer.send({ topic, acks: -1, messages });
          }
        }
      } catch (caught) {
        await disconnect();
        throw PipelineError.from(caught, "LOG_UNAVAILABLE");
      }
    },
    close: disconnect,
  };
}
