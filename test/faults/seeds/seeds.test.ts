/** A fixed handful of the scenarios of `pnpm test:faults:seeds`; that command plays any number of others, and a single one again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ProjectAnswers } from "../oracle.ts";
import { type DistributedTargets, startDistributedTargets, startStandaloneTarget } from "./fault-target.ts";
import { cleanAnswersOf, runScenario } from "./run-scenario.ts";
import { createScenario, shapes, tellScenario } from "./scenario.ts";

/** Of one workload, so that they share its clean run. */
const standaloneSeeds = [78];
const distributedSeeds = [184];

/** A whole run on the spans of the scenarios comes first. */
const hookTimeoutMs = 480_000;

let clean: ProjectAnswers;
let distributed: DistributedTargets | undefined;
beforeAll(async () => {
  clean = await cleanAnswersOf(0);
}, hookTimeoutMs);
afterAll(() => distributed?.close());

test("a seed is a replay", () => {
  for (const shape of shapes) {
    for (const seed of [1, 2, 3]) expect(createScenario(seed, shape)).toEqual(createScenario(seed, shape));
  }
});

test.each(standaloneSeeds)("standalone under seed %i", async (seed) => {
  const scenario = createScenario(seed, "standalone");
  const needsDisk = scenario.faults.some(({ fault }) => fault.kind === "disk-full");
  const target = await startStandaloneTarget({ smallDisk: needsDisk });
  try {
    const result = await runScenario(scenario, target, clean);
    expect(result, tellScenario(scenario)).toMatchObject({ failures: [], lost: 0, doubled: 0 });
  } finally {
    await target.close();
  }
});

test.each(distributedSeeds)("the distributed shape under seed %i", async (seed) => {
  const scenario = createScenario(seed, "distributed");
  distributed ??= await startDistributedTargets();
  const target = await distributed.startTarget(`seed-${seed}`);
  const result = await runScenario(scenario, target, clean);
  expect(result, tellScenario(scenario)).toMatchObject({ failures: [], lost: 0, doubled: 0 });
});
