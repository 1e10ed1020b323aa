/** Kafka as a second door: what a Collector's Kafka exporter writes becomes sessions, and receipts answer in the distributed shape too. */
import { randomBytes } from "node:crypto";
import { registerKafkaCodecs } from "@nonet/ingest/kafka-door/kafka-codecs.ts";
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import kafkajs, { CompressionTypes, type IHeaders, type Producer } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DistributedFixture, startDistributedFixture } from "./distributed-fixture.ts";
import { exportJson, modelCall, requestOf, untilQueryable } from "./export-client.ts";
import { eventually, type ServiceProcess } from "./service-process.ts";

const door = { NONET_OTLP_KAFKA_TOPICS: "otlp_spans=default" };
const jsonDoor = {
  NONET_OTLP_KAFKA_TOPICS: "otlp_json_spans=default",
  NONET_OTLP_KAFKA_ENCODING: "otlp_json",
  NONET_OTLP_KAFKA_GROUP: "nonet-ingest-json",
};

let distributed: DistributedFixture;
let ingest: ServiceProcess;
let kafka: kafkajs.Kafka;
let producer: Producer;

beforeAll(async () => {
  distributed = await startDistributedFixture();
  ingest = await distributed.startIngest(door);
  registerKafkaCodecs();
  kafka = new kafkajs.Kafka({ brokers: [...distributed.kafkaBrokers], logLevel: kafkajs.logLevel.NOTHING });
  producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await waitForTopic("otlp_spans");
});

afterAll(async () => {
  await producer?.disconnect();
  await distributed?.close();
});

const id = (bytes: number) => randomBytes(bytes).toString("hex");
const newCall = (sessionId: string) => modelCall({ traceId: id(16), spanId: id(8), sessionId });

async function waitForTopic(topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await eventually(async () => (await admin.listTopics()).includes(topic), { withinMs: 30_000, what: topic });
  await admin.disconnect();
}

function toProto(request: object): Buffer {
  const encoded = exportRequestFromJson(JSON.stringify(request));
  if (encoded.outcome !== "encoded") throw new Error(encoded.reason);
  return Buffer.from(encoded.bytes);
}

function send(
  values: readonly Buffer[],
  options: { topic?: string; compression?: CompressionTypes; headers?: IHeaders } = {},
): Promise<unknown> {
  return producer.send({
    topic: options.topic ?? "otlp_spans",
    compression: options.compression ?? CompressionTypes.None,
    messages: values.map((value) => ({ value, headers: options.headers ?? {} })),
  });
}

const inSession = (sessionId: string, withinMs = 30_000) =>
  eventually(async () => (await distributed.get(`/api/projects/default/sessions/${sessionId}`)).status === 200, {
    withinMs,
    what: `session ${sessionId}`,
  });

test.each([
  ["none", CompressionTypes.None],
  ["gzip", CompressionTypes.GZIP],
  ["snappy", CompressionTypes.Snappy],
  ["lz4", CompressionTypes.LZ4],
  ["zstd", CompressionTypes.ZSTD],
])("protobuf requests with compression %s become sessions", async (name, compression) => {
  const sessionIds = [1, 2, 3].map((n) => `s-${name}-${n}-${id(4)}`);
  await send(
    sessionIds.map((sessionId) => toProto(requestOf([newCall(sessionId), newCall(sessionId)]))),
    { compression },
  );
  for (const sessionId of sessionIds) await inSession(sessionId);
});

test("the project is the topic's: headers and attributes decide nothing", async () => {
  const sessionId = `s-${id(4)}`;
  const request = requestOf([newCall(sessionId)]);
  await send([toProto(request)], { headers: { project: "other", "x-tenant": "other", authorization: "Bearer x" } });
  await inSession(sessionId);
});

test("JSON requests come in as well, where the setting says so", async () => {
  const json = await distributed.startIngest(jsonDoor);
  await waitForTopic("otlp_json_spans");
  const sessionId = `s-${id(4)}`;
  await send([Buffer.from(JSON.stringify(requestOf([newCall(sessionId)])))], { topic: "otlp_json_spans" });
  await inSession(sessionId);
  json.signal("SIGTERM");
  expect(await json.exited).toBe(0);
});

test("what cannot be read goes to the dead letters, is found in the quarantine, masked, and holds nobody up", async () => {
  const secret = "s3cr3t-that-must-not-stay";
  const sessionId = `s-${id(4)}`;
  const request = requestOf([
    {
      ...newCall(`s-${id(4)}`),
      attributes: [{ key: "http.request.header.authorization", value: { stringValue: secret } }],
    },
  ]);
  // JSON where protobuf is expected: a Collector with the wrong encoding.
  const unreadable = Buffer.from(JSON.stringify(request));
  await send([unreadable, toProto(requestOf([newCall(sessionId)]))]);
  await inSession(sessionId);

  const letter = await eventually(() => readDeadLetter(unreadable), { withinMs: 20_000, what: "the dead letter" });
  expect(letter).toMatchObject({ topic: "otlp_spans", reason: expect.stringContaining("[INVALID_BODY]") });
  expect(Object.keys(letter).sort()).toEqual(["offset", "partition", "reason", "time", "topic"]);

  const path = "/api/projects/default/quarantine";
  const [entry] = await eventually(
    async () => {
      const { body } = await distributed.get(`${path}?kind=dead_letter`);
      const { data } = body as { data: { id: string; reason: string; source: string }[] };
      return data.length > 0 && data;
    },
    { withinMs: 10_000, what: "the entry" },
  );
  expect(entry).toMatchObject({ reason: "invalid_body", source: expect.stringMatching(/^otlp_spans\/\d+\/\d+$/) });
  const { body } = await distributed.get(`${path}/${entry?.id}`);
  expect(body).toMatchObject({ form: "unreadable_proto", text: expect.stringContaining("chat gpt-5-mini") });
  expect(JSON.stringify(body)).not.toContain(secret);
  const stored = Buffer.from((body as { bytes: string }).bytes, "base64").toString();
  expect(stored).not.toContain(secret);
});

async function readDeadLetter(value: Buffer): Promise<Record<string, string> | undefined> {
  const consumer = kafka.consumer({ groupId: `test-${id(4)}` });
  await consumer.connect();
  await consumer.subscribe({ topic: "agent-events-dead-letter", fromBeginning: true });
  const found = Promise.withResolvers<Record<string, string> | undefined>();
  const timer = setTimeout(() => found.resolve(undefined), 5_000);
  await consumer.run({
    async eachMessage({ message }) {
      if (message.value === null || !message.value.equals(value)) return;
      found.resolve(
        Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, text]) => [name, String(text)])),
      );
    },
  });
  const result = await found.promise;
  clearTimeout(timer);
  await consumer.disconnect();
  return result;
}

test("killed while it reads, it loses nothing", async () => {
  const sessionIds = Array.from({ length: 300 }, () => `s-${id(6)}`);
  const values = sessionIds.map((sessionId) => toProto(requestOf([newCall(sessionId)])));
  await send(values.slice(0, 150));
  const sending = (async () => {
    for (const value of values.slice(150)) await send([value]);
  })();
  await inSession(sessionIds[20] ?? "");
  await ingest.kill();
  ingest = await distributed.startIngest(door);
  await sending;
  // A session that Kafka gives up of the killed member after its session timeout.
  for (const sessionId of sessionIds) await inSession(sessionId, 90_000);
});

test("spans rejected there are in the quarantine", async () => {
  const traceId = id(3);
  await send([toProto(requestOf([{ ...newCall("s"), traceId }]))]);
  const found = await eventually(
    async () => {
      const { body } = await distributed.get("/api/projects/default/quarantine?reason=invalid_trace_id");
      return (body as { data: { traceId: string }[] }).data.find((entry) => entry.traceId === traceId);
    },
    // The member killed above may hold its partitions until its session has timed out.
    { withinMs: 90_000, what: "the rejected span" },
  );
  expect(found).toMatchObject({ kind: "rejected_span", reason: "invalid_trace_id" });
});

test("a receipt of the distributed shape becomes queryable, also after its processors were killed", async () => {
  const sessionIds = Array.from({ length: 8 }, () => `s-${id(6)}`);
  const { receipt } = await exportJson(distributed, requestOf(sessionIds.map((sessionId) => newCall(sessionId))));
  const body = await untilQueryable(distributed, receipt);
  expect(body.log.topic).toBe("agent-events");
  expect(body.log.partitions.length).toBeGreaterThan(1);
  for (const sessionId of sessionIds) {
    expect((await distributed.get(`/api/projects/default/sessions/${sessionId}`)).status).toBe(200);
  }
  for (const processor of distributed.processors) await processor.current().kill();
  const waiting = await exportJson(distributed, requestOf(sessionIds.map((sessionId) => newCall(sessionId))));
  expect(await distributed.get(`/api/receipts/${waiting.receipt}`)).toMatchObject({ body: { state: "logged" } });
  for (const processor of distributed.processors) await processor.restart();
  await untilQueryable(distributed, waiting.receipt, 60_000);
});
