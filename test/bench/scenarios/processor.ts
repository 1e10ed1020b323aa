/** From the topic to the store: what was acknowledged while no processor ran is worked off. */
import { type DistributedFixture, startDistributedFixture } from "../../e2e/distributed-fixture.ts";
import { eventually } from "../../e2e/service-process.ts";
import { cost, type Figure, rate } from "../figure.ts";
import { engineOf, usageOf } from "../process-usage.ts";
import { sendLoad } from "../send-load.ts";
import { createWorkload } from "../workload.ts";
import { isWhole, warmUp } from "./queryable.ts";

const spanCount = 40_008;

export async function measureProcessor(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const partitions of [1, 2, 4]) figures.push(...(await measure(partitions)));
  const [one, two] = figures.filter((each) => each.unit === "spans/s").map((each) => each.value);
  if (one !== undefined && two !== undefined) {
    figures.push(rate("processor", "2 partitions against 1", (100 * two) / one, "%"));
  }
  return figures;
}

/** As many processors as partitions, at most two: the machine has two cores. */
async function measure(partitions: number): Promise<Figure[]> {
  const fixture: DistributedFixture = await startDistributedFixture({ partitions });
  try {
    await warmUp(fixture);
    for (const processor of fixture.processors) await processor.current().kill();
    const workload = createWorkload({ seed: 20 + partitions, spanCount, startMs: Date.now() });
    await sendLoad(fixture, [...workload.requests(256)], { inFlight: 4 });
    const working = fixture.processors.slice(0, Math.min(2, partitions));
    await Promise.all(working.map((processor) => processor.restart()));
    const engine = engineOf(process.pid);
    const pids = [...working.map((processor) => processor.current().pid), engine];
    const before = pids.map((pid) => usageOf(pid).cpuSeconds);
    const started = performance.now();
    await eventually(async () => isWhole(fixture, workload), {
      withinMs: 240_000,
      everyMs: 200,
      what: "the topic is worked off",
    });
    const seconds = (performance.now() - started) / 1_000;
    const used = pids.map((pid, index) => usageOf(pid).cpuSeconds - (before[index] ?? 0));
    const all = used.reduce((sum, each) => sum + each, 0);
    const name = partitions === 1 ? "1 partition" : `${partitions} partitions, 2 processors`;
    return [
      rate("processor", `${name}: topic to store`, workload.spanCount / seconds, "spans/s"),
      // 10,000 spans a second and core.
      cost("processor", `${name}: CPU with engine`, (all / workload.spanCount) * 1e6, "us/span", 100),
      cost("processor", `${name}: of which engine`, ((used.at(-1) ?? 0) / workload.spanCount) * 1e6, "us/span"),
    ];
  } finally {
    await fixture.close();
  }
}
