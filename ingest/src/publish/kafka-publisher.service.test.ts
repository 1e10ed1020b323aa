import { randomUUID } from "node:crypto";
import { isPipelineError, type PipelineError } from "@nonet/proto/errors.ts";
import { partitionKey, partitionOf } from "@nonet/proto/topics.ts";
import { compatibilityPartitioner } from "@platformatic/kafka";
import { Kafka } from "kafkajs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type LocalKafka, startKafka } from "../../../deploy/local/src/kafka.ts";
import { createKafkaPublisher, type KafkaPublisherConfig } from "./kafka-publisher.ts";
import { ensureKafkaTopics } from "./kafka-topics.ts";
import { publisherConformance } from "./publisher.conformance.ts";
import type { LogRecord, Publisher } from "./publisher.ts";
import { readKafkaTopic } from "./read-kafka-topic.ts";

let kafka: LocalKafka;
const opened: Publisher[] = [];

beforeAll(async () => {
  kafka = await startKafka();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((publisher) => publisher.close()));
});
afterAll(() => kafka.close());

function open(changes: Partial<KafkaPublisherConfig> = {}, topic = `t-${randomUUID()}`) {
  const errors: PipelineError[] = [];
  const publisher = createKafkaPublisher(
    {
      connection: { brokers: kafka.brokers, clientId: "test" },
      topic,
      topics: { names: [topic], partitionCount: 4, replicationFactor: 1, recordBytesMax: 8_388_608 },
      publishTimeoutMs: 7_500,
      batchBytesMax: 1_048_576,
      queueBytesMax: 67_108_864,
      ...changes,
    },
    { onError: (error) => errors.push(error) },
  );
  opened.push(publisher);
  return { publisher, topic, errors };
}

function record(trace: number, value: string | Buffer): LogRecord {
  return { key: partitionKey("default", trace.toString(16).padStart(32, "0")), value: Buffer.from(value) };
}

async function readValues(topic: string): Promise<string[]> {
  return (await readKafkaTopic(kafka.brokers, topic)).map(({ value }) => value);
}

describe("conformance", () => {
  publisherConformance(async () => {
    const { publisher, topic } = open();
    return {
      publisher,
      async valuesOf(key) {
        const stored = await readKafkaTopic(kafka.brokers, topic);
        return stored.filter((each) => each.key.equals(key)).map(({ value }) => value);
      },
    };
  });
});

test("records lie where Java's client would put them, and at the offsets that were told", async () => {
  const { publisher, topic } = open();
  const records = Array.from({ length: 200 }, (_, n) => record(n, `v${n}`));
  const published = await publisher.publish(records);
  const stored = await readKafkaTopic(kafka.brokers, topic);
  expect(stored).toHaveLength(200);
  for (const { key, partition } of stored) {
    expect(partition).toBe(compatibilityPartitioner({ topic, key, value: key }, key) % 4);
    expect(partition).toBe(partitionOf(key, 4));
  }
  for (const { partition, lastOffset } of published.partitions) {
    expect(stored.findLast((each) => each.partition === partition)?.offset).toBe(lastOffset);
  }
});

test("calls that wait share requests, split by bytes, and a record of the largest size passes", async () => {
  const { publisher, topic } = open({ batchBytesMax: 65_536 });
  const largest = record(1, Buffer.alloc(publisher.recordBytesMax - 40, "x"));
  const many = Array.from({ length: 3_000 }, (_, n) => publisher.publish([record(2, `v${n}`)]));
  await Promise.all([publisher.publish([largest]), ...many]);
  const values = await readValues(topic);
  expect(values.filter((value) => value.startsWith("v"))).toEqual(Array.from({ length: 3_000 }, (_, n) => `v${n}`));
  expect(values.some((value) => value.length === largest.value.length)).toBe(true);
});

test("incompressible records of the largest size pass", async () => {
  const { publisher, topic } = open();
  await publisher.publish([record(1, randomBytesOf(publisher.recordBytesMax - 40))]);
  expect(await readKafkaTopic(kafka.brokers, topic)).toHaveLength(1);
});

test("a topic with a smaller limit lowers recordBytesMax, and batches are split to fit it", async () => {
  const topic = `t-${randomUUID()}`;
  await ensureKafkaTopics(
    { brokers: kafka.brokers, clientId: "test" },
    { names: [topic], partitionCount: 1, replicationFactor: 1, recordBytesMax: 200_000 },
  );
  const { publisher } = open({}, topic);
  await publisher.publish(Array.from({ length: 20 }, (_, n) => record(n, randomBytesOf(100_000))));
  expect(publisher.recordBytesMax).toBe(200_000);
  expect(await readKafkaTopic(kafka.brokers, topic)).toHaveLength(20);
  await expect(publisher.publish([record(1, randomBytesOf(200_001))])).rejects.toMatchObject({
    code: "RECORD_TOO_LARGE",
    retryable: false,
  });
});

test("a queue at its limit refuses at once and takes again when it has drained", async () => {
  const { publisher, topic } = open({ queueBytesMax: 500_000 });
  const calls = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) => publisher.publish([record(n, Buffer.alloc(200_000, "q"))])),
  );
  const refused = calls.filter(({ status }) => status === "rejected");
  expect(refused.length).toBe(8);
  for (const call of refused) expect(call).toMatchObject({ reason: { code: "OVERLOADED", retryable: true } });
  await publisher.publish([record(1, "after")]);
  expect(await readKafkaTopic(kafka.brokers, topic)).toHaveLength(3);
});

test("while Kafka is down calls end quickly with LOG_UNAVAILABLE, and it goes on by itself within 5 s of the return", {
  retry: 2,
}, async () => {
  const { publisher, topic, errors } = open();
  await publisher.publish([record(1, "before")]);
  await kafka.kill();

  const startedMs = performance.now();
  const down = await publisher.publish([record(1, "during")]).catch((error: unknown) => error);
  expect(down).toSatisfy(isPipelineError);
  expect(down).toMatchObject({ retryable: true });
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  await expect.poll(() => publishOutcome(publisher, "during")).toBe("LOG_UNAVAILABLE");
  expect(errors).toHaveLength(1);

  await kafka.restart();
  const returnedMs = performance.now();
  await expect.poll(() => publishOutcome(publisher, "after"), { timeout: 10_000, interval: 20 }).toBe("ok");
  expect(performance.now() - returnedMs).toBeLessThan(5_000);
  expect(publisher.isHealthy()).toBe(true);
  const values = await readValues(topic);
  expect(values[0]).toBe("before");
  expect(values).toContain("after");
});

test("a frozen Kafka is answered for within 8 s, memory stays bounded, and it goes on after the thaw", {
  retry: 2,
}, async () => {
  const { publisher, topic } = open({ queueBytesMax: 1_000_000 });
  await publisher.publish([record(1, "before")]);
  kafka.pause();
  const startedMs = performance.now();
  const calls = await Promise.allSettled(
    Array.from({ length: 50 }, (_, n) => publisher.publish([record(n, Buffer.alloc(100_000, "f"))])),
  );
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  const codes = calls.map((call) => (call.status === "rejected" ? call.reason.code : "ok"));
  expect(new Set(codes)).toEqual(new Set(["OVERLOADED", "LOG_TIMEOUT"]));
  expect(codes.filter((code) => code === "LOG_TIMEOUT").length).toBeLessThan(10);

  kafka.resume();
  const returnedMs = performance.now();
  await expect.poll(() => publishOutcome(publisher, "after"), { timeout: 10_000, interval: 20 }).toBe("ok");
  expect(performance.now() - returnedMs).toBeLessThan(5_000);
  expect(await readValues(topic)).toContain("after");
});

test("partitions that are added are used, without a restart", async () => {
  const { publisher, topic } = open();
  await publisher.publish([record(1, "before")]);
  const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: 0 }).admin();
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic, count: 16 }] });
  await admin.disconnect();
  await expect
    .poll(
      async () => (await publisher.publish(Array.from({ length: 200 }, (_, n) => record(n, "x")))).partitions.length,
      { timeout: 45_000, interval: 1_000 },
    )
    .toBe(16);
}, 60_000);

test("a publisher that starts before Kafka is healthy once Kafka is there", async () => {
  await kafka.kill();
  const { publisher } = open();
  expect(publisher.isHealthy()).toBe(false);
  await expect(publisher.publish([record(1, "early")])).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  await kafka.restart();
  await expect.poll(() => publisher.isHealthy(), { timeout: 10_000 }).toBe(true);
  await publisher.publish([record(1, "later")]);
});

function publishOutcome(publisher: Publisher, value: string): Promise<string> {
  return publisher.publish([record(1, value)]).then(
    () => "ok",
    (error: PipelineError) => error.code,
  );
}

/** Bytes that do not compress, the same in every run. */
function randomBytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
