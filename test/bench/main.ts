/**
 * `pnpm bench [standalone|distributed]`: the canonical workload from end to end, measured from outside.
 *
 * Prints, for each shape: spans/s acknowledged and until queryable, CPU per 1,000 spans by process (the sender's own is left out), p50 and p99
 * of the ack, memory, and what is stored. Machines are noisy: trust CPU per unit and ratios; rates are "at least".
 */
import { execFileSync } from "node:child_process";
import { constants, zstdCompressSync } from "node:zlib";
import { type DistributedFixture, startDistributedFixture } from "../e2e/distributed-fixture.ts";
import { eventually } from "../e2e/service-process.ts";
import type { ShapeUnderTest } from "../e2e/shape-under-test.ts";
import { startStandaloneFixture } from "../e2e/standalone-fixture.ts";
import { cpuSecondsOf, residentMegabytesOf, treeOf } from "./process-usage.ts";
import { startSender } from "./send-load.ts";
import { createWorkload, type Workload } from "./workload.ts";

const spanCount = Number(process.env["BENCH_SPANS"] ?? 20_004);
const spansPerRequest = 256;
const inFlight = 4;

interface Measured {
  shape: string;
  spans: number;
  ackedPerSecond: number;
  queryablePerSecond: number;
  ackP50Ms: number;
  ackP99Ms: number;
  cpuSecondsPer1000: Record<string, number>;
  cpuSecondsPer1000Total: number;
  peakMegabytes: number;
  storedBytesPerSpan: number | undefined;
  workloadBytesPerSpan: number;
  workloadZstdBytesPerSpan: number;
}

async function measure(
  shape: ShapeUnderTest,
  roots: Record<string, number>,
  dataDirectory?: string,
): Promise<Measured> {
  const warm = createWorkload({ seed: 1, spanCount: 2_400, startMs: Date.now() - 3_600_000 });
  await load(shape, warm);
  const workload = createWorkload({ seed: 2, spanCount, startMs: Date.now() });
  const bodies = [...workload.requests(spansPerRequest)];
  const before = usage(roots);
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, memory(roots));
  }, 100);
  const started = performance.now();
  const ackMs = await startSender(shape, bodies, inFlight);
  const acked = performance.now();
  await queryable(shape, workload);
  const done = performance.now();
  clearInterval(sampling);
  const after = usage(roots);
  const cpu = Object.fromEntries(
    Object.keys(roots).map((name) => [
      name,
      round(((after[name] ?? 0) - (before[name] ?? 0)) / (workload.spanCount / 1000)),
    ]),
  );
  const all = Buffer.concat(bodies);
  ackMs.sort((a, b) => a - b);
  return {
    shape: shape.name,
    spans: workload.spanCount,
    ackedPerSecond: Math.round(workload.spanCount / ((acked - started) / 1000)),
    queryablePerSecond: Math.round(workload.spanCount / ((done - started) / 1000)),
    ackP50Ms: round(ackMs[Math.floor(ackMs.length * 0.5)] ?? 0),
    ackP99Ms: round(ackMs[Math.floor(ackMs.length * 0.99)] ?? 0),
    cpuSecondsPer1000: cpu,
    cpuSecondsPer1000Total: round(Object.values(cpu).reduce((sum, each) => sum + each, 0)),
    peakMegabytes: Math.round(peak),
    storedBytesPerSpan:
      dataDirectory === undefined
        ? undefined
        : Math.round(storedBytes(dataDirectory) / (workload.spanCount + warm.spanCount)),
    workloadBytesPerSpan: Math.round(all.length / workload.spanCount),
    workloadZstdBytesPerSpan: Math.round(
      zstdCompressSync(all, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }).length / workload.spanCount,
    ),
  };
}

async function load(shape: ShapeUnderTest, workload: Workload): Promise<void> {
  await startSender(shape, [...workload.requests(spansPerRequest)], inFlight);
  await queryable(shape, workload);
}

/** Until the last sessions of the workload show all their turns. */
async function queryable(shape: ShapeUnderTest, workload: Workload): Promise<void> {
  const last = workload.sessionIds.length - 1;
  const turns = workload.traceIds.length - last * 6;
  for (const [index, expected] of [
    [last - 1, 6],
    [last, turns],
  ] as const) {
    const path = `/api/projects/default/sessions/${workload.sessionIds[index]}`;
    await eventually(
      async () => {
        const { status, body } = await shape.get(path);
        const { turnCount, eventCount } = body as { turnCount: number; eventCount: number };
        return status === 200 && turnCount === expected && eventCount > 0;
      },
      { withinMs: 120_000, what: `${path} is whole` },
    );
  }
}

function usage(roots: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(roots).map(([name, pid]) => [name, cpuSecondsOf(pid)]));
}

function memory(roots: Record<string, number>): number {
  return Object.values(roots).reduce((sum, pid) => sum + residentMegabytesOf(pid), 0);
}

function storedBytes(directory: string): number {
  return Number(execFileSync("du", ["-sb", directory]).toString().split("\t")[0]);
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

async function measureStandalone(): Promise<Measured> {
  const fixture = await startStandaloneFixture();
  try {
    const [own = 0, engine = 0] = treeOf(fixture.process().pid);
    return await measure(fixture, { standalone: own, engine }, `${fixture.dataDirectory}/clickhouse`);
  } finally {
    await fixture.close();
  }
}

async function measureDistributed(): Promise<Measured> {
  const fixture: DistributedFixture = await startDistributedFixture();
  try {
    const engine = treeOf(process.pid).find((pid) => isEngine(pid)) ?? process.pid;
    return await measure(fixture, {
      ...Object.fromEntries(
        treeOf(fixture.ingest.pid).map((pid, n) => [n === 0 ? "ingest" : `ingest-worker-${n}`, pid]),
      ),
      ...Object.fromEntries(fixture.processors.map((each, n) => [`processor-${n + 1}`, each.current().pid])),
      engine,
    });
  } finally {
    await fixture.close();
  }
}

function isEngine(pid: number): boolean {
  return execFileSync("ps", ["-o", "args=", "-p", String(pid)])
    .toString()
    .includes("chdb-server");
}

const wanted = process.argv.slice(2);
const results: Measured[] = [];
if (wanted.length === 0 || wanted.includes("standalone")) results.push(await measureStandalone());
if (wanted.length === 0 || wanted.includes("distributed")) results.push(await measureDistributed());
console.log(JSON.stringify(results, null, 2));
process.exit(0);
