/**
 * `pnpm test:faults:seeds [--count N] [--from SEED] [--seed SEED --shape SHAPE]`: scenarios by seed, half of them in each shape, each ending in
 * the oracle. Ends with 1 when one of them fails; every failure says how to play it again.
 */
import { parseArgs } from "node:util";
import type { ProjectAnswers } from "../oracle.ts";
import { type DistributedTargets, startDistributedTargets, startStandaloneTarget } from "./fault-target.ts";
import { canMount } from "./full-disk.ts";
import { cleanAnswersOf, runScenario } from "./run-scenario.ts";
import { createScenario, type Scenario, type Shape, shapes, tellScenario } from "./scenario.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    shape: { type: "string" },
  },
});
const shape = shapes.find((each) => each === values.shape);
if (values.shape !== undefined && shape === undefined) throw new Error(`--shape is one of ${shapes.join(", ")}`);

function chosen(): Scenario[] {
  if (values.seed !== undefined) return [createScenario(Number(values.seed), shape ?? "standalone")];
  const first = Number(values.from);
  return Array.from({ length: Number(values.count) }, (_, index) =>
    createScenario(first + index, shape ?? shapeOf(first + index)),
  );
}

function shapeOf(seed: number): Shape {
  return seed % 2 === 0 ? "distributed" : "standalone";
}

// Then what was started ends too, and what was mounted is taken away.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const clean = new Map<number, ProjectAnswers>();
let distributed: DistributedTargets | undefined;
const total = { seeds: 0, failed: 0, faults: 0, kills: 0, spans: 0, lost: 0, doubled: 0 };
const startedAt = performance.now();
if (!canMount) console.log("not root: the disk of standalone cannot be filled; that fault is a pause");

try {
  for (const scenario of chosen()) {
    console.log(tellScenario(scenario));
    const scenarioStartedAt = performance.now();
    const failures = await play(scenario).catch((caught) => [String(caught instanceof Error ? caught.stack : caught)]);
    total.seeds += 1;
    const seconds = Math.round((performance.now() - scenarioStartedAt) / 1000);
    if (failures.length === 0) console.log(`  passed in ${seconds} s`);
    else {
      total.failed += 1;
      console.log(
        `  FAILED in ${seconds} s; again: pnpm test:faults:seeds --seed ${scenario.seed} --shape ${scenario.shape}`,
      );
      for (const failure of failures) console.log(`    ${failure}`);
      // What failed may have left the installation that all share in pieces.
      await distributed?.close();
      distributed = undefined;
    }
  }
} finally {
  await distributed?.close();
}
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
console.log(
  `${total.seeds} seeds, ${total.failed} failed: ${total.faults} faults, ${total.kills} kills, ${total.spans} spans, ${total.lost} lost, ${total.doubled} doubled, ${minutes} minutes`,
);
if (total.failed > 0) process.exitCode = 1;

async function play(scenario: Scenario): Promise<readonly string[]> {
  const answers = clean.get(scenario.workload) ?? (await cleanAnswersOf(scenario.workload));
  clean.set(scenario.workload, answers);
  if (scenario.shape === "distributed") distributed ??= await startDistributedTargets();
  const target =
    distributed === undefined || scenario.shape === "standalone"
      ? await startStandaloneTarget({ smallDisk: scenario.faults.some(({ fault }) => fault.kind === "disk-full") })
      : await distributed.startTarget(`seed-${scenario.seed}`);
  try {
    const result = await runScenario(scenario, target, answers);
    total.faults += result.faults;
    total.kills += result.kills;
    total.spans += result.spans;
    total.lost += result.lost;
    total.doubled += result.doubled;
    return result.failures;
  } finally {
    await target.close();
  }
}
