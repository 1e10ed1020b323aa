/** Until the durable ack: transports, compression and sizes of requests, against standalone's log and against Kafka. */
import { startDistributedFixture } from "../../e2e/distributed-fixture.ts";
import type { ShapeUnderTest } from "../../e2e/shape-under-test.ts";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { cost, type Figure, observed, percentile, rate } from "../figure.ts";
import { usageOfTree } from "../process-usage.ts";
import { type SendOptions, sendLoad } from "../send-load.ts";
import { createWorkload } from "../workload.ts";

interface Case extends SendOptions {
  readonly spansPerRequest: number;
  readonly spanCount: number;
}

const cases: readonly Case[] = [
  { transport: "grpc", spansPerRequest: 1, spanCount: 4_800, inFlight: 64 },
  { transport: "grpc", spansPerRequest: 32, spanCount: 12_000, inFlight: 16 },
  { transport: "grpc", spansPerRequest: 256, spanCount: 20_004, inFlight: 4 },
  { transport: "grpc", spansPerRequest: 2_048, spanCount: 20_004, inFlight: 2 },
  { transport: "grpc", spansPerRequest: 256, spanCount: 20_004, inFlight: 4, gzip: true },
  { transport: "http", spansPerRequest: 256, spanCount: 20_004, inFlight: 4 },
  { transport: "http", spansPerRequest: 256, spanCount: 20_004, inFlight: 4, gzip: true },
];

export async function measureIngest(): Promise<Figure[]> {
  const figures: Figure[] = [];
  // In standalone the processor works in the same process, so its CPU says nothing here.
  const standalone = await startStandaloneFixture();
  try {
    for (const each of cases) figures.push(...(await measureCase("standalone", standalone, each)));
  } finally {
    await standalone.close();
  }
  const distributed = await startDistributedFixture();
  try {
    // Only ingest: what the topic holds is nobody's work meanwhile.
    for (const processor of distributed.processors) await processor.current().kill();
    for (const each of cases) figures.push(...(await measureCase("kafka", distributed, each, distributed.ingest.pid)));
    figures.push(
      observed("ingest kafka", "resident memory afterwards", usageOfTree(distributed.ingest.pid).megabytes, "MB", 400),
    );
  } finally {
    await distributed.close();
  }
  return figures;
}

let seed = 100;

async function measureCase(log: string, target: ShapeUnderTest, each: Case, pid?: number): Promise<Figure[]> {
  const name = `${each.transport} ${each.gzip ? "gzip" : "plain"}, ${each.spansPerRequest} spans a request`;
  await sendLoad(target, bodiesOf({ ...each, spanCount: Math.ceil(each.spanCount / 4) }), each);
  const bodies = bodiesOf(each);
  const before = pid === undefined ? undefined : usageOfTree(pid);
  const started = performance.now();
  const ackMs = await sendLoad(target, bodies, each);
  const seconds = (performance.now() - started) / 1_000;
  const canonical = log === "kafka" && name === "grpc plain, 256 spans a request";
  const figures = [
    rate(`ingest ${log}`, `${name}: spans acknowledged`, each.spanCount / seconds, "spans/s"),
    observed(`ingest ${log}`, `${name}: ack p50`, percentile(ackMs, 0.5), "ms"),
    observed(`ingest ${log}`, `${name}: ack p99`, percentile(ackMs, 0.99), "ms"),
  ];
  if (pid === undefined || before === undefined) return figures;
  const us = ((usageOfTree(pid).cpuSeconds - before.cpuSeconds) / each.spanCount) * 1e6;
  // 20,000 spans a second on one core.
  return [...figures, cost(`ingest ${log}`, `${name}: CPU`, us, "us/span", canonical ? 50 : undefined)];
}

function bodiesOf(each: Case): Uint8Array[] {
  seed += 1;
  const workload = createWorkload({ seed, spanCount: each.spanCount, startMs: Date.now() });
  return [...workload.requests(each.spansPerRequest)];
}
