/** The canonical workload until it is queryable, 256 spans a request, four requests in flight, gRPC: as the peers were measured. */
import { constants, zstdCompressSync } from "node:zlib";
import { startDistributedFixture } from "../../e2e/distributed-fixture.ts";
import type { ShapeUnderTest } from "../../e2e/shape-under-test.ts";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { cost, type Figure, observed, percentile, rate } from "../figure.ts";
import { engineOf, treeOf, usageOf, usageOfTree } from "../process-usage.ts";
import { sendLoad } from "../send-load.ts";
import { createWorkload } from "../workload.ts";
import { untilWhole, warmUp } from "./queryable.ts";
import { storedBytesOf } from "./stored-bytes.ts";

const spanCount = 20_004;

export async function measurePipeline(): Promise<Figure[]> {
  const figures: Figure[] = [];
  const standalone = await startStandaloneFixture();
  try {
    const [own = 0, engine = 0] = treeOf(standalone.process().pid);
    figures.push(...(await measure(standalone, { standalone: own, engine })));
  } finally {
    // The store is measured when nobody writes to it.
    await standalone.stop();
  }
  try {
    figures.push(...(await storedBytesOf(standalone.dataDirectory, spanCount)));
  } finally {
    await standalone.close();
  }
  const distributed = await startDistributedFixture();
  try {
    const roots = {
      ingest: distributed.ingest.pid,
      ...Object.fromEntries(distributed.processors.map((each, n) => [`processor-${n + 1}`, each.current().pid])),
      engine: engineOf(process.pid),
    };
    figures.push(...(await measure(distributed, roots)));
  } finally {
    await distributed.close();
  }
  return figures;
}

async function measure(shape: ShapeUnderTest, roots: Record<string, number>): Promise<Figure[]> {
  const scenario = `pipeline ${shape.name}`;
  await warmUp(shape);
  const workload = createWorkload({ seed: 2, spanCount, startMs: Date.now() });
  const bodies = [...workload.requests(256)];
  const pids = Object.entries(roots);
  // Standalone's tree has the engine in it, which is a row of its own; only `ingest` has workers.
  const usage = (name: string, pid: number) => (name === "ingest" ? usageOfTree(pid) : usageOf(pid));
  const before = pids.map(([name, pid]) => usage(name, pid).cpuSeconds);
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(
      peak,
      pids.reduce((sum, [name, pid]) => sum + usage(name, pid).megabytes, 0),
    );
  }, 100);
  const started = performance.now();
  const ackMs = await sendLoad(shape, bodies, { inFlight: 4 });
  const ackedSeconds = (performance.now() - started) / 1_000;
  await untilWhole(shape, workload);
  const seconds = (performance.now() - started) / 1_000;
  clearInterval(sampling);
  const used = pids.map(([name, pid], index) => usage(name, pid).cpuSeconds - (before[index] ?? 0));
  const per1000 = (cpuSeconds: number) => cpuSeconds / (workload.spanCount / 1_000);
  const all = used.reduce((sum, each) => sum + each, 0);
  const isStandalone = shape.name === "standalone";
  const text = Buffer.concat(bodies);
  const level3 = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
  return [
    rate(scenario, "acknowledged", workload.spanCount / ackedSeconds, "spans/s"),
    rate(scenario, "until queryable", workload.spanCount / seconds, "spans/s", isStandalone ? 6_000 : undefined),
    cost(scenario, "CPU, all processes", per1000(all), "s/1,000 spans", isStandalone ? 0.15 : undefined),
    ...pids.map(([name], index) => cost(scenario, `CPU, ${name}`, per1000(used[index] ?? 0), "s/1,000 spans")),
    observed(scenario, "ack p50", percentile(ackMs, 0.5), "ms"),
    observed(scenario, "ack p99", percentile(ackMs, 0.99), "ms"),
    observed(scenario, "peak memory, all processes", peak, "MB"),
    cost(scenario, "workload, as sent", text.length / workload.spanCount, "bytes/span"),
    cost(scenario, "workload, zstd level 3", zstdCompressSync(text, level3).length / workload.spanCount, "bytes/span"),
  ];
}
