import { randomUUID } from "node:crypto";
import { PipelineError } from "@nonet/proto/errors.ts";
import kafkajs, { type Admin, type Producer } from "kafkajs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type LocalKafka, startKafka } from "../../../deploy/local/src/kafka.ts";
import { createKafkaSource, type KafkaSourceConfig } from "./kafka-source.ts";
import { registerKafkaZstd } from "./kafka-zstd.ts";
import type { PartitionLease, RecordSource, SourceHandlers, SourceRecord } from "./record-source.ts";

let kafka: LocalKafka;
let admin: Admin;
let producer: Producer;
const opened: RecordSource[] = [];
const gates: PromiseWithResolvers<void>[] = [];

beforeAll(async () => {
  kafka = await startKafka();
  registerKafkaZstd();
  const client = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
  admin = client.admin();
  producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);
});
afterEach(async () => {
  // A test that failed half-way may hold a handler, and with it `close`.
  for (const gate of gates.splice(0)) gate.resolve();
  await Promise.all(opened.splice(0).map((source) => source.close()));
});
afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  await kafka.close();
});

async function createTopic(partitions: number): Promise<string> {
  const topic = `t-${randomUUID()}`;
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
  return topic;
}

function write(topic: string, partition: number, values: readonly string[]) {
  return producer.send({
    topic,
    compression: kafkajs.CompressionTypes.ZSTD,
    messages: values.map((value) => ({ partition, key: `k${partition}`, value })),
  });
}

function open(topic: string, changes: Partial<KafkaSourceConfig> = {}) {
  const errors: PipelineError[] = [];
  const gaps: string[] = [];
  const source = createKafkaSource(
    {
      connection: { brokers: kafka.brokers, clientId: "test" },
      topic,
      consumerGroup: `g-${topic}`,
      sessionTimeoutMs: 6_000,
      fetchBytesMax: 524_288,
      batchCountMax: 5_000,
      batchBytesMax: 16_777_216,
      lingerMs: 5,
      retryMs: 50,
      retryMsMax: 500,
      ...changes,
    },
    {
      onError: (error) => errors.push(error),
      onGap: (partition, from, to) => gaps.push(`${partition}: ${from}-${to}`),
    },
  );
  opened.push(source);
  return { source, errors, gaps };
}

/** Records what the handlers see; `onBatch` may hold a batch up or fail it. */
function recordHandlers(
  onBatch?: (partition: number, records: readonly SourceRecord[], lease: PartitionLease) => Promise<void>,
) {
  const owned = new Set<number>();
  const seen: SourceRecord[] = [];
  const log: string[] = [];
  const handlers: SourceHandlers = {
    async assigned(partitions) {
      for (const each of partitions) owned.add(each);
      log.push(`assigned ${[...partitions].sort().join()}`);
    },
    async revoked(partitions) {
      for (const each of partitions) owned.delete(each);
      log.push(`revoked ${[...partitions].sort().join()}`);
    },
    async batch(partition, records, lease) {
      if (!owned.has(partition)) throw new Error(`batch of partition ${partition}, which is not assigned`);
      await onBatch?.(partition, records, lease);
      seen.push(...records);
    },
  };
  const valuesOf = (partition: number) =>
    seen.filter((each) => each.partition === partition).map(({ value }) => Buffer.from(value).toString());
  return { handlers, owned, seen, log, valuesOf };
}

/** Holds handlers until it is resolved, at the latest at the end of the test. */
function openGate(): PromiseWithResolvers<void> {
  const gate = Promise.withResolvers<void>();
  gates.push(gate);
  return gate;
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${n}`);
}

async function committedOf(source: RecordSource): Promise<string> {
  const positions = await source.positions();
  return positions
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ committed, end }) => `${committed}/${end}`)
    .join(" ");
}

test("zstd records of every partition come in order, are committed, and are not read again", async () => {
  const topic = await createTopic(3);
  for (const partition of [0, 1, 2]) await write(topic, partition, numbered(`p${partition}-`, 500));
  const first = open(topic);
  // Polled: a new cluster makes the group's topic at the first question.
  await expect.poll(() => committedOf(first.source), { timeout: 15_000 }).toBe("0/500 0/500 0/500");
  const seen = recordHandlers();
  await first.source.run(seen.handlers);
  await expect.poll(() => seen.seen.length, { timeout: 15_000 }).toBe(1_500);
  for (const partition of [0, 1, 2]) expect(seen.valuesOf(partition)).toEqual(numbered(`p${partition}-`, 500));
  expect(seen.seen[0]?.timestampMs).toBeGreaterThan(Date.now() - 60_000);
  expect(first.source.isHealthy()).toBe(true);
  await first.source.close();
  await first.source.close();
  expect(first.source.isHealthy()).toBe(false);
  expect(seen.log[0]).toBe("assigned 0,1,2");
  expect(seen.owned.size).toBe(0);

  await write(topic, 1, ["later"]);
  const second = open(topic);
  expect(await committedOf(second.source)).toBe("500/500 500/501 500/500");
  const again = recordHandlers();
  await second.source.run(again.handlers);
  await expect.poll(() => again.valuesOf(1), { timeout: 15_000 }).toEqual(["later"]);
  expect(again.seen).toHaveLength(1);
  await expect.poll(() => committedOf(second.source)).toBe("500/500 501/501 500/500");
});

test("a batch that fails comes again and is not committed, while other partitions go on", async () => {
  const topic = await createTopic(2);
  await write(topic, 0, numbered("a", 10));
  await write(topic, 1, numbered("b", 10));
  let broken = true;
  const attempts: number[] = [];
  const { source, errors } = open(topic);
  const seen = recordHandlers(async (partition, records) => {
    if (partition !== 0) return;
    attempts.push(records.length);
    if (broken) throw new PipelineError("STORE_UNAVAILABLE", "away");
  });
  await source.run(seen.handlers);
  await expect.poll(() => attempts.length, { timeout: 15_000 }).toBeGreaterThan(3);
  await write(topic, 1, ["more"]);
  await expect.poll(() => seen.valuesOf(1), { timeout: 15_000 }).toEqual([...numbered("b", 10), "more"]);
  await expect.poll(() => committedOf(source)).toBe("0/10 11/11");
  expect(errors.map(({ code }) => code)).toContain("STORE_UNAVAILABLE");

  broken = false;
  await expect.poll(() => seen.valuesOf(0), { timeout: 15_000 }).toEqual(numbered("a", 10));
  await expect.poll(() => committedOf(source)).toBe("10/10 11/11");
  expect(new Set(attempts)).toEqual(new Set([10]));
});

test("a handler slower than the session timeout keeps its partition and the others go on", async () => {
  const topic = await createTopic(2);
  await write(topic, 0, ["slow"]);
  const gate = openGate();
  const { source } = open(topic, { sessionTimeoutMs: 1_500 });
  let lease: PartitionLease | undefined;
  const seen = recordHandlers(async (partition, _, given) => {
    if (partition !== 0) return;
    lease = given;
    await gate.promise;
  });
  await source.run(seen.handlers);
  await expect.poll(() => lease, { timeout: 15_000 }).toBeDefined();
  const startedMs = performance.now();
  let count = 0;
  while (performance.now() - startedMs < 5_000) {
    await write(topic, 1, [`n${count}`]);
    count += 1;
    await expect.poll(() => seen.valuesOf(1).length, { timeout: 5_000 }).toBe(count);
  }
  expect(lease?.isLost()).toBe(false);
  expect(await committedOf(source)).toBe(`0/1 ${count}/${count}`);
  gate.resolve();
  await expect.poll(() => committedOf(source), { timeout: 5_000 }).toBe(`1/1 ${count}/${count}`);
  await write(topic, 0, ["next"]);
  await expect.poll(() => seen.valuesOf(0), { timeout: 5_000 }).toEqual(["slow", "next"]);
  expect(seen.log).toEqual(["assigned 0,1"]);
});

test("a second member takes its share; a batch whose partition was lost is not committed, and the new owner gets it", async () => {
  const topic = await createTopic(4);
  for (const partition of [0, 1, 2, 3]) await write(topic, partition, [`v${partition}`]);
  const gate = openGate();
  const leases = new Map<number, PartitionLease>();
  const first = open(topic);
  const one = recordHandlers(async (partition, _, lease) => {
    leases.set(partition, lease);
    await gate.promise;
  });
  await first.source.run(one.handlers);
  await expect.poll(() => leases.size, { timeout: 15_000 }).toBe(4);

  const second = open(topic);
  const two = recordHandlers();
  await second.source.run(two.handlers);
  await expect.poll(() => two.seen.length, { timeout: 15_000 }).toBe(2);
  const moved = [...two.owned].sort();
  expect(moved).toHaveLength(2);
  const kept = [0, 1, 2, 3].filter((partition) => !moved.includes(partition));
  for (const partition of moved) expect(leases.get(partition)?.isLost()).toBe(true);
  for (const partition of kept) expect(leases.get(partition)?.isLost()).toBe(false);
  // What it lost is revoked only when its batch has ended.
  expect(one.log).toEqual(["assigned 0,1,2,3"]);
  for (const partition of moved) await write(topic, partition, ["by the new owner"]);
  await expect.poll(() => two.seen.length, { timeout: 15_000 }).toBe(4);

  gate.resolve();
  await expect.poll(() => one.owned.size, { timeout: 5_000 }).toBe(2);
  expect([...one.owned].sort()).toEqual(kept);
  await expect
    .poll(() => committedOf(first.source), { timeout: 5_000 })
    .toBe([0, 1, 2, 3].map((partition) => (moved.includes(partition) ? "2/2" : "1/1")).join(" "));
  // The partitions that stayed were handled once, though the rejoin put their position back.
  for (const partition of kept) await write(topic, partition, ["after"]);
  for (const partition of kept) {
    await expect.poll(() => one.valuesOf(partition), { timeout: 5_000 }).toEqual([`v${partition}`, "after"]);
  }

  await second.source.close();
  await expect.poll(() => one.owned.size, { timeout: 15_000 }).toBe(4);
  for (const partition of moved) await write(topic, partition, ["back"]);
  for (const partition of moved) {
    await expect.poll(() => one.valuesOf(partition).at(-1), { timeout: 15_000 }).toBe("back");
    expect(one.valuesOf(partition)).toEqual([`v${partition}`, "back"]);
  }
});

test("close waits for the running batch and commits it", async () => {
  const topic = await createTopic(1);
  await write(topic, 0, ["v"]);
  const gate = openGate();
  const { source } = open(topic);
  let started = false;
  const seen = recordHandlers(async () => {
    started = true;
    await gate.promise;
  });
  await source.run(seen.handlers);
  await expect.poll(() => started, { timeout: 15_000 }).toBe(true);
  const closing = source.close();
  gate.resolve();
  await closing;
  expect(seen.log).toEqual(["assigned 0", "revoked 0"]);
  expect(await committedOf(open(topic).source)).toBe("1/1");
});

test("an assignment that fails is tried again before any batch", async () => {
  const topic = await createTopic(1);
  await write(topic, 0, ["v"]);
  const { source, errors } = open(topic);
  const seen = recordHandlers();
  let failures = 0;
  await source.run({
    ...seen.handlers,
    async assigned(partitions) {
      failures += 1;
      if (failures < 4) throw new PipelineError("CONTROL_UNAVAILABLE", "away");
      await seen.handlers.assigned(partitions);
    },
  });
  await expect.poll(() => seen.valuesOf(0), { timeout: 15_000 }).toEqual(["v"]);
  expect(errors.map(({ code }) => code)).toEqual(Array(3).fill("CONTROL_UNAVAILABLE"));
});

test("records that were deleted before they were read are told as a gap, and what is left is read", async () => {
  const topic = await createTopic(1);
  await write(topic, 0, numbered("a", 10));
  const gate = openGate();
  const { source, gaps } = open(topic);
  let started = false;
  const seen = recordHandlers(() => {
    started = true;
    return gate.promise;
  });
  await source.run(seen.handlers);
  await expect.poll(() => started, { timeout: 15_000 }).toBe(true);
  await write(topic, 0, numbered("b", 10));
  // Asked first, because kafkajs deletes only in topics whose leaders it knows.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "15" }] });
  gate.resolve();
  await expect
    .poll(() => seen.valuesOf(0), { timeout: 15_000 })
    .toEqual([...numbered("a", 10), ...numbered("b", 10).slice(5)]);
  expect(gaps).toEqual(["0: 10-15"]);
});

test("what retention deleted while nobody consumed is named when the partition is assigned, also when nothing is left", async () => {
  const topic = await createTopic(2);
  for (const partition of [0, 1]) await write(topic, partition, numbered("read-", 10));
  const first = open(topic);
  await first.source.run(recordHandlers().handlers);
  await expect.poll(() => committedOf(first.source), { timeout: 15_000 }).toBe("10/10 10/10");
  await first.source.close();

  for (const partition of [0, 1]) await write(topic, partition, numbered("lost-", 15));
  await write(topic, 0, numbered("kept-", 5));
  // Deleting looks for leaders among the topics that the client has met.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({
    topic,
    partitions: [0, 1].map((partition) => ({ partition, offset: "25" })),
  });
  const second = open(topic);
  const { handlers, valuesOf } = recordHandlers();
  await second.source.run(handlers);
  await expect.poll(() => valuesOf(0), { timeout: 15_000 }).toEqual(numbered("kept-", 5));
  expect(second.gaps.sort()).toEqual(["0: 10-25", "1: 10-25"]);
});

test("a topic that appears later is consumed, and large batches are split", async () => {
  const topic = `t-${randomUUID()}`;
  const { source } = open(topic, { batchCountMax: 7 });
  const sizes: number[] = [];
  const seen = recordHandlers(async (_, records) => {
    sizes.push(records.length);
  });
  await source.run(seen.handlers);
  expect(source.isHealthy()).toBe(false);
  await expect(source.positions()).rejects.toMatchObject({ code: "LOG_UNAVAILABLE", retryable: true });
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });
  await write(topic, 0, numbered("v", 100));
  await expect.poll(() => seen.valuesOf(0), { timeout: 15_000 }).toEqual(numbered("v", 100));
  expect(Math.max(...sizes)).toBe(7);
  await expect.poll(() => committedOf(source)).toBe("100/100");
});

test("Kafka frozen, and Kafka killed: consuming goes on by itself within 5 s of the return, nothing is left out", {
  retry: 2,
}, async () => {
  const topic = await createTopic(2);
  const { source } = open(topic, { sessionTimeoutMs: 3_000 });
  const seen = recordHandlers();
  await source.run(seen.handlers);
  const sent: string[] = [];
  const writeAndAwait = async (value: string) => {
    sent.push(value);
    await write(topic, 0, [value]);
    await expect.poll(() => new Set(seen.valuesOf(0)), { timeout: 10_000, interval: 20 }).toEqual(new Set(sent));
  };
  await writeAndAwait("before");

  kafka.pause();
  await expect.poll(() => source.isHealthy(), { timeout: 15_000 }).toBe(false);
  kafka.resume();
  let returnedMs = performance.now();
  await writeAndAwait("after the thaw");
  expect(performance.now() - returnedMs).toBeLessThan(5_000);

  await kafka.kill();
  await expect.poll(() => source.isHealthy(), { timeout: 15_000 }).toBe(false);
  await kafka.restart();
  returnedMs = performance.now();
  await writeAndAwait("after the restart");
  expect(performance.now() - returnedMs).toBeLessThan(5_000);
  await expect.poll(() => source.isHealthy(), { timeout: 5_000 }).toBe(true);
});
