/** Starting, and doing nothing. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { type Figure, observed } from "../figure.ts";
import { treeOf, usageOf } from "../process-usage.ts";

const idleMs = 20_000;
const settleMs = 5_000;

export async function measureStart(): Promise<Figure[]> {
  // As the command of the README starts it (deploy/standalone/start.sh): with the compiled sources of an earlier start.
  const fixture = await startStandaloneFixture({
    NODE_COMPILE_CACHE: join(tmpdir(), "nonet-bench-compile-cache"),
    NODE_OPTIONS: "--max-semi-space-size=8",
  });
  try {
    const warmMs = await restartOf(fixture);
    const pids = treeOf(fixture.process().pid);
    const used = () => pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0);
    await delay(settleMs);
    const before = used();
    await delay(idleMs);
    return [
      observed("start", "until ready, warm", warmMs, "ms", 3_000),
      observed("start", "idle CPU", ((used() - before) / (idleMs / 1_000)) * 100, "% of a core", 1),
      observed(
        "start",
        "idle memory, all processes",
        pids.reduce((sum, pid) => sum + usageOf(pid).megabytes, 0),
        "MB",
        450,
      ),
    ];
  } finally {
    await fixture.close();
  }
}

async function restartOf(fixture: Awaited<ReturnType<typeof startStandaloneFixture>>): Promise<number> {
  await fixture.stop();
  return fixture.restart();
}
