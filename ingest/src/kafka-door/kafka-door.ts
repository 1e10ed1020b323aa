/**
 * The second way in: topics that the OpenTelemetry Collector's Kafka exporter writes to. Each record is a request; its spans go through the same
 * decoding, masking and publishing as those of gRPC and HTTP. The project is the topic's, as configured; headers and keys decide nothing.
 *
 * At least once: an offset is committed after the log has acknowledged everything before it. While the log is away the same records are tried
 * again; nothing is skipped. A record that cannot be read is a dead letter and holds nobody up.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { PipelineError } from "@nonet/proto/errors.ts";
import kafkajs, { type Consumer, type EachBatchPayload, type SASLOptions } from "kafkajs";
import type { Sender } from "../receive/receive-export.ts";
import type { DoorRecord } from "./door-records.ts";
import { registerKafkaCodecs } from "./kafka-codecs.ts";

export interface KafkaDoorConfig {
  readonly connection: {
    readonly brokers: readonly string[];
    readonly clientId: string;
    readonly tls?: TlsOptions;
    readonly sasl?: {
      readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
      readonly username: string;
      readonly password: string;
    };
  };
  readonly consumerGroup: string;
  /** At least one; by topic whose spans they are. */
  readonly senders: ReadonlyMap<string, Sender>;
}

export interface KafkaDoorDeps {
  /** Makes topics that are missing, so that one of them does not keep the others from being read. */
  ensureTopics(): Promise<void>;
  /** Resolves when the record is durable; PipelineError otherwise. */
  handle(record: DoorRecord, sender: Sender): Promise<void>;
  /** At each failed attempt. */
  onError(error: PipelineError): void;
}

export interface KafkaDoor {
  /** Ends after the running records; safe to call twice. */
  close(): Promise<void>;
}

/** Handled side by side, then committed together. */
const windowCountMax = 32;
const windowBytesMax = 8_388_608;
const fetchBytesMax = 8_388_608;
const sessionTimeoutMs = 30_000;
const heartbeatMs = 3_000;
const retryMs = 200;
const retryMsMax = 5_000;
const closeTimeoutMs = 10_000;
const kafkaRetry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 6, restartOnFailure: async () => false };

export function startKafkaDoor(config: KafkaDoorConfig, deps: KafkaDoorDeps): KafkaDoor {
  registerKafkaCodecs();
  const { connection } = config;
  const kafka = new kafkajs.Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: kafkaRetry,
    logLevel: kafkajs.logLevel.NOTHING,
    ...(connection.tls === undefined ? {} : { ssl: connection.tls }),
    ...(connection.sasl === undefined ? {} : { sasl: toSaslOptions(connection.sasl) }),
  });
  const stop = new AbortController();

  async function sleep(failures: number): Promise<void> {
    const ms = Math.min(retryMsMax, retryMs * 2 ** failures) * (0.5 + Math.random() / 2);
    // Aborted by close: the caller ends at its next check.
    await delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  }

  /** Hands in what is not yet taken, until it is, or this consumer has lost it. @returns whether everything was taken. */
  async function takeAll(records: readonly DoorRecord[], sender: Sender, payload: EachBatchPayload): Promise<boolean> {
    let open = records;
    for (let failures = 0; ; failures += 1) {
      const results = await Promise.allSettled(open.map((record) => deps.handle(record, sender)));
      const left = open.filter((_, index) => results[index]?.status === "rejected");
      if (left.length === 0) return true;
      const failed = results.find((result) => result.status === "rejected");
      deps.onError(PipelineError.from(failed?.reason));
      open = left;
      if (stop.signal.aborted || payload.isStale() || !payload.isRunning()) return false;
      await sleep(failures);
    }
  }

  async function takeBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const sender = config.senders.get(topic);
    if (sender === undefined) throw new PipelineError("INTERNAL", `topic ${topic} was not subscribed to`);
    // kafkajs sends heartbeats between batches only, and the log may be away for longer than a session lasts.
    const heart = setInterval(() => void payload.heartbeat().catch(() => undefined), heartbeatMs);
    try {
      for (const records of windowsOf(payload)) {
        if (stop.signal.aborted || payload.isStale() || !payload.isRunning()) return;
        if (!(await takeAll(records, sender, payload))) return;
        const last = records.at(-1)?.offset ?? "-1";
        payload.resolveOffset(last);
        await commit(payload, { topic, partition, offset: String(BigInt(last) + 1n) });
      }
    } finally {
      clearInterval(heart);
    }
  }

  async function consume(consumer: Consumer): Promise<void> {
    const ended = Promise.withResolvers<void>();
    consumer.on(consumer.events.CRASH, (event) => ended.reject(event.payload.error));
    const onStop = () => ended.resolve();
    stop.signal.addEventListener("abort", onStop);
    try {
      await deps.ensureTopics();
      await consumer.connect();
      await consumer.subscribe({ topics: [...config.senders.keys()], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: takeBatch,
      });
      if (!stop.signal.aborted) await ended.promise;
    } finally {
      stop.signal.removeEventListener("abort", onStop);
      await Promise.race([
        consumer.disconnect().catch(() => undefined),
        delay(closeTimeoutMs, undefined, { ref: false }),
      ]);
    }
  }

  async function supervise(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; failures += 1) {
      const startedMs = performance.now();
      try {
        await consume(
          kafka.consumer({
            groupId: config.consumerGroup,
            sessionTimeout: sessionTimeoutMs,
            heartbeatInterval: heartbeatMs,
            rebalanceTimeout: sessionTimeoutMs,
            maxBytesPerPartition: fetchBytesMax,
            maxWaitTimeInMs: 500,
            metadataMaxAge: 30_000,
            allowAutoTopicCreation: false,
            retry: kafkaRetry,
          }),
        );
      } catch (caught) {
        deps.onError(PipelineError.from(caught, "LOG_UNAVAILABLE"));
        if (performance.now() - startedMs > sessionTimeoutMs) failures = 0;
        await sleep(failures);
      }
    }
  }

  const running = supervise();
  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}

async function commit(
  payload: EachBatchPayload,
  { topic, partition, offset }: { topic: string; partition: number; offset: string },
): Promise<void> {
  try {
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
  } catch {
    // The partition moved, or the coordinator is away: the records may come again, which changes nothing. kafkajs finds out by itself.
  }
}

function* windowsOf({ batch }: EachBatchPayload): Generator<readonly DoorRecord[]> {
  let window: DoorRecord[] = [];
  let bytes = 0;
  for (const { key, value, offset, timestamp } of batch.messages) {
    // A record without a value is how a compacted topic deletes: it says nothing. As an empty request it is taken and counted.
    const record = {
      topic: batch.topic,
      partition: batch.partition,
      offset,
      key: key ?? Buffer.alloc(0),
      value: value ?? Buffer.alloc(0),
      timestampMs: Number(timestamp),
    };
    if (window.length === windowCountMax || (window.length > 0 && bytes + record.value.length > windowBytesMax)) {
      yield window;
      window = [];
      bytes = 0;
    }
    window.push(record);
    bytes += record.value.length;
  }
  if (window.length > 0) yield window;
}

function toSaslOptions(sasl: NonNullable<KafkaDoorConfig["connection"]["sasl"]>): SASLOptions {
  const { username, password } = sasl;
  switch (sasl.mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password };
    default:
      return sasl.mechanism satisfies never;
  }
}
