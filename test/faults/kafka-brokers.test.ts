/** One publisher and two members of a group on three brokers, each of which is killed or frozen and brought back under load. */
import { randomUUID } from "node:crypto";
import { createKafkaPublisher } from "@nonet/ingest/publish/kafka-publisher.ts";
import { type LocalKafka, startKafka } from "@nonet/local/kafka.ts";
import { createKafkaSource } from "@nonet/processor/consume/kafka-source.ts";
import type { RecordSource, SourceHandlers } from "@nonet/processor/consume/record-source.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";

let kafka: LocalKafka;

beforeAll(async () => {
  kafka = await startKafka({ nodes: 3 });
});
afterAll(() => kafka.close());

test("what was acknowledged is handled, and nothing is committed that was not, through the loss of any broker", async () => {
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
  const gaps: string[] = [];
  const handled = new Set<string>();
  let members: RecordSource[] = [];
  try {
    await load.untilMore(500);
    members = [0, 1].map(() =>
      createKafkaSource(
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
        },
        { onError: () => undefined, onGap: (partition, from, to) => gaps.push(`${partition}: ${from}-${to}`) },
      ),
    );
    await Promise.all(members.map((member) => member.run(collectInto(handled))));
    // Each node in turn leads partitions, and one of them is the group's coordinator.
    for (const [index, disturb] of [kafka.kill, kafka.pause, kafka.kill].entries()) {
      const node = index + 1;
      await disturb(node);
      await load.untilMore(500);
      await untilHandled(load.acknowledged, handled);
      kafka.resume(node);
      await kafka.restart(node);
      await load.untilMore(500);
      await untilHandled(load.acknowledged, handled);
      // With two of three in sync the loss of one more would rightly stop a partition (min.insync.replicas).
      await expect.poll(() => replicasOutOfSync(topic), { timeout: 60_000, interval: 200 }).toBe(0);
    }
    await load.stop();
    await untilHandled(load.acknowledged, handled);
    await expect.poll(() => lagOf(members), { timeout: 20_000 }).toBe(0n);
  } finally {
    await load.stop();
    await publisher.close();
    await Promise.all(members.map((member) => member.close()));
  }
  expect(gaps).toEqual([]);
  expect(load.slowestMs()).toBeLessThan(8_000);
});

function collectInto(handled: Set<string>): SourceHandlers {
  return {
    async assigned() {},
    async revoked() {},
    async batch(_, records) {
      for (const { value } of records) handled.add(Buffer.from(value).toString());
    },
  };
}

/** All that is acknowledged now; the load goes on meanwhile. */
async function untilHandled(acknowledged: readonly string[], handled: ReadonlySet<string>): Promise<void> {
  const now = [...acknowledged];
  await expect.poll(() => now.filter((id) => !handled.has(id)).length, { timeout: 30_000 }).toBe(0);
}

async function lagOf(members: readonly RecordSource[]): Promise<bigint> {
  const positions = (await members[0]?.positions()) ?? [];
  return positions.reduce((lag, { committed, end }) => lag + end - committed, 0n);
}

async function replicasOutOfSync(topic: string): Promise<number> {
  const admin = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return (topics[0]?.partitions ?? []).reduce((sum, { replicas, isr }) => sum + replicas.length - isr.length, 0);
  } finally {
    await admin.disconnect();
  }
}

/** Ten senders, each one call after the other. */
function startLoad(publish: (records: { key: Buffer; value: Buffer }[]) => Promise<unknown>) {
  const acknowledged: string[] = [];
  let slowestMs = 0;
  let running = true;
  const senders = Array.from({ length: 10 }, async () => {
    while (running) {
      const ids = Array.from({ length: 5 }, () => randomUUID());
      const startedMs = performance.now();
      try {
        await publish(
          ids.map((id) => ({ key: partitionKey("default", id.replaceAll("-", "")), value: Buffer.from(id) })),
        );
        acknowledged.push(...ids);
      } catch {
        // Not acknowledged: nothing is promised.
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  return {
    acknowledged,
    slowestMs: () => slowestMs,
    async untilMore(count: number) {
      const before = acknowledged.length;
      await expect.poll(() => acknowledged.length - before, { timeout: 30_000 }).toBeGreaterThan(count);
    },
    async stop() {
      running = false;
      await Promise.all(senders);
    },
  };
}
