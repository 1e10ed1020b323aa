/**
 * The cells of the Kafka exporter, on real Kafka: into the second door of ingest, and through a consuming Collector into OTLP. In the middle the
 * process that reads the topic is killed.
 */
import { setTimeout as delay } from "node:timers/promises";
import kafkajs from "kafkajs";
import { type DistributedFixture, startDistributedFixture } from "../e2e/distributed-fixture.ts";
import { eventually } from "../e2e/service-process.ts";
import { startCollector } from "./collector-process.ts";
import { type MatrixRow, toRow } from "./matrix-row.ts";
import { newPrefix, type Sent } from "./run-cell.ts";
import { goSender } from "./senders/sender.ts";
import { plannedKeys } from "./span-plan.ts";
import { startStandaloneReceiver } from "./standalone-receiver.ts";
import { readStoredSpans } from "./stored-spans.ts";

interface Load {
  readonly spanCount: number;
  readonly pauseMs: number;
}

const sender = "OpenTelemetry Collector";
const topics = { door: "otlp_spans", collector: "otlp_spans_for_collector" };

export async function runKafkaCells(load: Load, compressions: readonly string[]): Promise<MatrixRow[]> {
  const distributed = await startDistributedFixture();
  try {
    const rows: MatrixRow[] = [];
    for (const compression of compressions) rows.push(await runDoorCell(distributed, load, compression));
    rows.push(await runConsumerCell(distributed, load));
    return rows;
  } finally {
    await distributed.close();
  }
}

async function runDoorCell(distributed: DistributedFixture, load: Load, compression: string): Promise<MatrixRow> {
  const door = { NONET_OTLP_KAFKA_TOPICS: `${topics.door}=default` };
  const store = { url: distributed.environment["CLICKHOUSE_URL"] ?? "" };
  let ingest = await distributed.startIngest(door);
  await waitForTopic(distributed, topics.door);
  const before = (await readStoredSpans(store)).keys.size;
  const sending = sendThroughProducer(distributed, load, { compression, topic: topics.door });
  await eventually(async () => (await readStoredSpans(store)).keys.size - before >= load.spanCount * 0.3, {
    withinMs: 120_000,
    what: "a third of the spans is stored",
    everyMs: 100,
  });
  const startedMs = performance.now();
  await ingest.kill();
  ingest = await distributed.startIngest(door);
  const awayMs = performance.now() - startedMs;
  const sent = { ...(await sending), awayMs };
  // Kafka waits for the killed member until its session has ended.
  await eventually(
    async () => {
      const { keys } = await readStoredSpans(store);
      return [...sent.keys].every((key) => keys.has(key));
    },
    { withinMs: 120_000, what: "every span is stored", everyMs: 500 },
  ).catch(() => undefined);
  ingest.signal("SIGTERM");
  await ingest.exited;
  const wire = `\`kafka\` exporter, ${compression}, into the second door`;
  return toRow({ sender, wire, restart: "SIGKILL of ingest" }, sent, await readStoredSpans(store));
}

/** Kafka to standalone by a Collector; both it and standalone are killed. */
async function runConsumerCell(distributed: DistributedFixture, load: Load): Promise<MatrixRow> {
  await createTopic(distributed, topics.collector);
  const receiver = await startStandaloneReceiver();
  const consumer = await startCollector("kafka-consumer", {
    KAFKA_BROKERS: `[${distributed.kafkaBrokers.join(", ")}]`,
    NONET_OTLP_KAFKA_TOPIC: topics.collector,
    NONET_API_KEY: receiver.apiKey,
    NONET_OTLP_GRPC_ENDPOINT: new URL(receiver.grpcUrl).host,
    NONET_OTLP_INSECURE: "true",
  });
  try {
    const sending = sendThroughProducer(distributed, load, { compression: "zstd", topic: topics.collector });
    await eventually(async () => (await receiver.accepted()) >= load.spanCount * 0.3, {
      withinMs: 120_000,
      what: "a third of the spans was accepted",
    });
    const startedMs = performance.now();
    const restarting = receiver.restart("SIGKILL");
    await delay(500);
    await Promise.all([consumer.restart(), restarting]);
    const awayMs = performance.now() - startedMs;
    const sent = { ...(await sending), awayMs };
    await eventually(async () => (await readLag(distributed, topics.collector, "nonet-collector")) === 0, {
      withinMs: 180_000,
      what: "the consumer group has caught up",
      everyMs: 500,
    }).catch(() => undefined);
    await receiver.settle();
    const wire = "`kafka` exporter and receiver, then `otlp` zstd";
    return toRow({ sender, wire, restart: "SIGKILL of standalone and Collector" }, sent, await receiver.stored());
  } finally {
    await consumer.close();
    await receiver.close();
  }
}

async function sendThroughProducer(
  distributed: DistributedFixture,
  load: Load,
  options: { compression: string; topic: string },
): Promise<Omit<Sent, "awayMs">> {
  const collector = await startCollector("kafka-producer", {
    KAFKA_BROKERS: `[${distributed.kafkaBrokers.join(", ")}]`,
    NONET_OTLP_KAFKA_TOPIC: options.topic,
    KAFKA_COMPRESSION: options.compression,
  });
  try {
    const plan = { prefix: newPrefix(), spanCount: load.spanCount };
    const result = await goSender({
      ...plan,
      pauseMs: load.pauseMs,
      protocol: "grpc",
      compression: "none",
      endpoint: collector.grpcUrl,
      apiKey: "",
    });
    await eventually(async () => (await collector.sentSpans()) >= result.acknowledged.size, {
      withinMs: 60_000,
      what: "the Collector has written what it took",
    });
    return { keys: plannedKeys(plan), plan, ...result };
  } finally {
    await collector.close();
  }
}

async function withAdmin<T>(distributed: DistributedFixture, use: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const kafka = new kafkajs.Kafka({ brokers: [...distributed.kafkaBrokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

function waitForTopic(distributed: DistributedFixture, topic: string): Promise<true> {
  return withAdmin(distributed, (admin) =>
    eventually(async () => (await admin.listTopics()).includes(topic) || undefined, { withinMs: 30_000, what: topic }),
  );
}

function createTopic(distributed: DistributedFixture, topic: string): Promise<boolean> {
  return withAdmin(distributed, (admin) =>
    admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] }),
  );
}

/** Records that the group has not committed. */
function readLag(distributed: DistributedFixture, topic: string, groupId: string): Promise<number> {
  return withAdmin(distributed, async (admin) => {
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    return ends.reduce((sum, { partition, offset }) => {
      const at = committed?.partitions.find((each) => each.partition === partition)?.offset ?? "-1";
      return sum + Number(offset) - Math.max(Number(at), 0);
    }, 0);
  });
}
