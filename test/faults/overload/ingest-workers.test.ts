/** Ingest on several cores: workers behind the same ports. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { readKafkaTopic } from "@nonet/ingest/publish/read-kafka-topic.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { decodeRecord } from "@nonet/proto/record-codec.ts";
import { agentEventsTopic } from "@nonet/proto/topics.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { childrenOf } from "../../bench/process-usage.ts";
import { createWorkload } from "../../bench/workload.ts";
import { freePort } from "../../e2e/free-port.ts";
import { sendAll } from "../../e2e/sender.ts";
import { eventually, startProcess } from "../../e2e/service-process.ts";
import { type IngestFixture, startIngestFixture } from "./ingest-fixture.ts";

let ingest: IngestFixture;
beforeAll(async () => {
  ingest = await startIngestFixture({ NONET_INGEST_WORKERS: "2", NONET_OTLP_RATE_SPANS_PER_SECOND: "1000000" });
});
afterAll(() => ingest?.close());

const workers = () => childrenOf(ingest.process.pid);
const httpUrl = () => `http://127.0.0.1:${ingest.httpPort}`;
const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

test("connections are handed to the workers in turn", async () => {
  expect(workers()).toHaveLength(2);
  const before = workers().map(openFiles);
  const sockets = Array.from({ length: 20 }, () => connect(ingest.httpPort, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  await eventually(async () => (await ingest.metric("nonet_receive_open_connections")) >= 20, {
    withinMs: 10_000,
    what: "20 connections",
  });
  const more = workers().map((pid, index) => openFiles(pid) - (before[index] ?? 0));
  for (const socket of sockets) socket.destroy();
  for (const each of more) expect(each).toBeGreaterThanOrEqual(5);
});

test("metrics are the sum, and a worker that is killed costs nobody an acknowledged span", async () => {
  const workload = createWorkload({ seed: 11, spanCount: 4_800, startMs: Date.now() });
  const bodies = [...workload.requests(24)];
  const sent = bodies.flatMap(spanIdsOf);
  let acknowledged = 0;
  const sending = sendAll(httpUrl(), bodies, {
    concurrency: 8,
    withinMs: 60_000,
    onAcknowledged: () => {
      acknowledged += 1;
    },
  });
  await eventually(() => acknowledged > bodies.length / 3, { withinMs: 30_000, what: "a third" });
  const [victim = 0] = workers();
  process.kill(victim, "SIGKILL");
  await sending;

  await eventually(async () => (await ingest.metric("nonet_ingest_workers")) === 2, {
    withinMs: 20_000,
    what: "another worker",
  });
  expect(await ingest.metric("nonet_ingest_worker_restarts")).toBe(1);
  expect(workers()).not.toContain(victim);
  await eventually(async () => (await fetch(`${ingest.adminUrl}/ready`)).ok, { withinMs: 20_000, what: "ready again" });
  const records = await readKafkaTopic(ingest.kafka.brokers, agentEventsTopic);
  const stored = new Set(records.flatMap(({ bytes }) => spanIdsOfRecord(bytes)));
  expect(sent.filter((id) => !stored.has(id))).toEqual([]);

  const before = await ingest.metric("nonet_receive_spans_accepted");
  const again = [...createWorkload({ seed: 12, spanCount: 480, startMs: Date.now() }).requests(12)];
  await sendAll(httpUrl(), again, { concurrency: 4, withinMs: 30_000 });
  expect((await ingest.metric("nonet_receive_spans_accepted")) - before).toBe(480);
});

test("a port in use ends all of it, naming the setting", async () => {
  const second = startProcess("ingest/src/main.ts", {
    ...ingest.environment,
    NONET_ADMIN_ADDRESS: `127.0.0.1:${await freePort()}`,
  });
  expect(await second.exited).toBe(1);
  expect(second.output()).toContain("set NONET_OTLP_GRPC_ADDRESS");
});

test("SIGTERM drains all workers, and the process ends with 0", async () => {
  const [pid = 0] = workers();
  ingest.process.signal("SIGTERM");
  expect(await ingest.process.exited).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

function spanIdsOf(request: Uint8Array): string[] {
  const walked = walkExportRequest(request);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked.groups.flatMap((group) => group.spans.map((span) => `${span.traceId} ${span.spanId}`));
}

function spanIdsOfRecord(bytes: Buffer): string[] {
  const record = decodeRecord(bytes);
  if (record.kind !== "span_events") return [];
  return spanIdsOf(wrap(record.span));
}

/** A request with one span, of its bytes. */
function wrap(span: Uint8Array): Uint8Array {
  const field = (number: number, value: Uint8Array) =>
    Buffer.concat([Uint8Array.of(number * 8 + 2), varint(value.length), value]);
  return field(1, field(2, field(2, span)));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Uint8Array.from([...bytes, rest]);
}
