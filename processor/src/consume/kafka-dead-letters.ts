/**
 * Keeps records that will never be processed in the dead-letter topic: each as it came, with why and whence in its headers.
 *
 * One record a send, so one partition a send: the case in which this client's producer loses nothing when a leader dies (docs/adr/0001).
 */
import { PipelineError } from "@nonet/proto/errors.ts";
import kafkajs from "kafkajs";
import type { KafkaSourceConfig } from "./kafka-source.ts";
import type { SourceRecord } from "./record-source.ts";

export interface KafkaDeadLetters {
  /** Resolves once all replicas have it. Throws PipelineError `LOG_UNAVAILABLE`: the batch must come again. */
  add(record: SourceRecord, reason: string): Promise<void>;
  /** Safe to call twice, and before the first record. */
  close(): Promise<void>;
}

const reasonCharactersMax = 1_000;

export function createKafkaDeadLetters(config: {
  connection: KafkaSourceConfig["connection"];
  topic: string;
  /** Topic of the records. */
  sourceTopic: string;
}): KafkaDeadLetters {
  const { brokers, clientId, tls, sasl } = config.connection;
  const producer = new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    ...(tls === undefined ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl }),
  }).producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 });
  let connecting: Promise<void> | undefined;

  return {
    async add(record, reason) {
      try {
        connecting ??= producer.connect();
        await connecting;
        await producer.send({
          topic: config.topic,
          acks: -1,
          messages: [
            {
              key: Buffer.from(record.key),
              value: Buffer.from(record.value),
              headers: {
                reason: reason.slice(0, reasonCharactersMax),
                topic: config.sourceTopic,
                partition: String(record.partition),
                offset: record.offset.toString(),
                time: String(record.timestampMs),
              },
            },
          ],
        });
      } catch (caught) {
        connecting = undefined;
        throw PipelineError.from(caught, "LOG_UNAVAILABLE");
      }
    },
    async close() {
      if (connecting !== undefined) await producer.disconnect();
    },
  };
}
