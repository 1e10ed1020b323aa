/** The trap that chose the producer (ADR 1): when a leader dies, what was acknowledged must be there. */
import { randomUUID } from "node:crypto";
import type { PipelineError } from "@nonet/proto/errors.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { Kafka, type PartitionMetadata } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalKafka, startKafka } from "../../../deploy/local/src/kafka.ts";
import { createKafkaPublisher } from "./kafka-publisher.ts";
import type { LogRecord } from "./publisher.ts";
import { readKafkaTopic } from "./read-kafka-topic.ts";

let kafka: LocalKafka;

beforeAll(async () => {
  kafka = await startKafka({ nodes: 3 });
});
afterAll(() => kafka.close());

test("leaders that are killed, frozen and brought back lose nothing that was acknowledged", async () => {
  const topic = `t-${randomUUID()}`;
  const publisher = createKafkaPublisher(
    {
      connection: { brokers: kafka.brokers, clientId: "test" },
      topic,
      topics: { names: [topic], partitionCount: 6, replicationFactor: 3, recordBytesMax: 1_048_576 },
      publishTimeoutMs: 7_500,
      batchBytesMax: 1_048_576,
      queueBytesMax: 67_108_864,
    },
    { onError: () => undefined },
  );
  const load = startLoad((records) => publisher.publish(records));
  try {
    await load.untilAcknowledged(500);
    for (const disturb of [kafka.kill, kafka.pause, kafka.kill]) {
      const leader = await leaderOf(topic, 0);
      await disturb(leader);
      // The other two brokers go on for all partitions: every one is acknowledged again while this one is away.
      await load.untilEachPartitionGoesOn();
      kafka.resume(leader);
      await kafka.restart(leader);
      await load.untilEachPartitionGoesOn();
      // With two of three in sync the loss of one more would rightly stop a partition (min.insync.replicas).
      await expect.poll(() => replicasOutOfSync(topic), { timeout: 60_000, interval: 200 }).toBe(0);
    }
  } finally {
    await load.stop();
    await publisher.close();
  }

  expect(load.slowestMs()).toBeLessThan(8_000);
  const stored = await readKafkaTopic(kafka.brokers, topic);
  const counts = new Map<string, number>();
  for (const { value } of stored) counts.set(value.slice(0, 36), (counts.get(value.slice(0, 36)) ?? 0) + 1);
  const lost = load.acknowledged.filter((id) => !counts.has(id));
  expect(lost).toEqual([]);
  expect(load.acknowledged.length).toBeGreaterThan(1_000);
  // Only what was in a request when its broker went away may be there twice.
  const doubled = [...counts.values()].filter((count) => count > 1).length;
  expect(doubled).toBeLessThan(load.acknowledged.length / 10);
  expect(load.failures.every((code) => code === "LOG_TIMEOUT" || code === "LOG_UNAVAILABLE")).toBe(true);
}, 180_000);

/** Twenty senders, each one call of a few records after the other, for as many traces as reach all partitions. */
function startLoad(publish: (records: LogRecord[]) => Promise<{ partitions: readonly { partition: number }[] }>) {
  const acknowledged: string[] = [];
  const failures: string[] = [];
  const acknowledgedOf = new Map<number, number>();
  let slowestMs = 0;
  let running = true;
  const senders = Array.from({ length: 20 }, async () => {
    while (running) {
      const ids = Array.from({ length: 5 }, () => randomUUID());
      const startedMs = performance.now();
      try {
        const { partitions } = await publish(
          ids.map((id) => ({
            key: partitionKey("default", id.replaceAll("-", "")),
            value: Buffer.from(id + "x".repeat(1_000)),
          })),
        );
        acknowledged.push(...ids);
        for (const { partition } of partitions) {
          acknowledgedOf.set(partition, (acknowledgedOf.get(partition) ?? 0) + 1);
        }
      } catch (error) {
        failures.push((error as PipelineError).code);
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  return {
    acknowledged,
    failures,
    slowestMs: () => slowestMs,
    async untilAcknowledged(count: number) {
      await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(count);
    },
    async untilEachPartitionGoesOn() {
      const before = new Map(acknowledgedOf);
      const waiting = () =>
        [...before].filter(([partition, count]) => (acknowledgedOf.get(partition) ?? 0) <= count + 5);
      await expect.poll(() => waiting().length, { timeout: 30_000 }).toBe(0);
    },
    async stop() {
      running = false;
      await Promise.all(senders);
    },
  };
}

async function leaderOf(topic: string, partition: number): Promise<number> {
  const partitions = await describePartitions(topic);
  return partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? 0;
}

async function replicasOutOfSync(topic: string): Promise<number> {
  const partitions = await describePartitions(topic);
  return partitions.reduce((sum, { replicas, isr }) => sum + replicas.length - isr.length, 0);
}

async function describePartitions(topic: string): Promise<PartitionMetadata[]> {
  const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: 0, retry: { retries: 10 } }).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions ?? [];
  } finally {
    await admin.disconnect();
  }
}
