/**
 * `pnpm soak [--minutes 10] [--spans-per-second 200] [--seed 1]`: standalone under steady load with small faults, memory, handles and lag sampled,
 * then the verifier. Ends with 1 when a span is missing, an answer is wrong, the lag does not drain, or memory or handles keep growing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createWorkload } from "../bench/workload.ts";
import { sendAll } from "../e2e/sender.ts";
import { eventually } from "../e2e/service-process.ts";
import { startStandaloneTarget } from "../faults/seeds/fault-target.ts";
import { createRandom } from "../faults/seeds/random.ts";
import type { Fault } from "../faults/seeds/scenario.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    "spans-per-second": { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});
const durationMs = Number(values.minutes) * 60_000;
const spansPerSecond = Number(values["spans-per-second"]);
const random = createRandom(Number(values.seed));
const sampleMs = 5_000;
/** A chunk is one workload, sent in about a second. */
const spansPerRequest = 50;
const drainWithinMs = 120_000;
/** Of the mean of the last third over that of the middle one: more is growth. */
const growthMax = 1.15;

interface Sample {
  readonly second: number;
  readonly rssMb: number;
  readonly engineRssMb: number;
  readonly handles: number;
  readonly lagSpans: number;
}

const target = await startStandaloneTarget({ smallDisk: false });
const failures: string[] = [];
const samples: Sample[] = [];
let sent = 0;
let faults = 0;
try {
  const startedAt = performance.now();
  const isOver = () => performance.now() - startedAt > durationMs;
  await Promise.all([load(), disturb(), watch()]);
  await eventually(async () => (await stored()) >= sent, {
    withinMs: drainWithinMs,
    what: "all is stored",
    everyMs: 500,
  }).catch((caught) => failures.push(String(caught)));
  const { lines, isClean } = await target.verify();
  for (const line of lines) console.log(line);
  if (!isClean) failures.push("the verifier found differences");
  const spans = Number(/(\d+) spans/.exec(lines.at(-1) ?? "")?.[1]);
  if (spans !== sent) failures.push(`${spans} of ${sent} acknowledged spans are stored`);
  judgeGrowth("rssMb");
  judgeGrowth("handles");
  console.log(
    `${values.minutes} minutes, ${sent} spans, ${faults} faults; resident ${rangeOf("rssMb")} MB and ${rangeOf("engineRssMb")} MB in the engine, ${rangeOf("handles")} handles, lag up to ${Math.max(...samples.map((each) => each.lagSpans))} spans`,
  );

  async function load(): Promise<void> {
    for (let chunk = 0; !isOver(); chunk += 1) {
      const dueAt = startedAt + (chunk + 1) * 1_000;
      const workload = createWorkload({
        seed: Number(values.seed) * 1_000_000 + chunk,
        spanCount: spansPerSecond,
        startMs: Date.now() - 1_000,
      });
      await sendAll(target.api.httpUrl, [...workload.requests(spansPerRequest)], { concurrency: 4, withinMs: 120_000 });
      sent += workload.spanCount;
      await delay(Math.max(0, dueAt - performance.now()));
    }
  }

  async function disturb(): Promise<void> {
    while (!isOver()) {
      await delay(random.between(10_000, 30_000));
      if (isOver()) return;
      const ms = random.between(100, 1_500);
      const fault: Fault = random.pick([
        { kind: "freeze", target: "engine", index: 0, ms },
        { kind: "freeze", target: "engine", index: 0, ms },
        { kind: "freeze", target: "standalone", index: 0, ms },
        { kind: "freeze", target: "standalone", index: 0, ms },
        { kind: "kill", target: "engine", index: 0, ms },
      ]);
      await target.apply(fault);
      faults += 1;
    }
  }

  async function watch(): Promise<void> {
    while (!isOver()) {
      await delay(sampleMs);
      const [pid, engine] = target.pids();
      samples.push({
        second: Math.round((performance.now() - startedAt) / 1000),
        rssMb: residentMb(pid),
        engineRssMb: engine === undefined ? 0 : residentMb(engine),
        handles: handlesOf(pid),
        lagSpans: Math.max(0, sent - (await stored())),
      });
      const last = samples.at(-1);
      if (samples.length % 6 === 0) console.log(JSON.stringify(last));
    }
  }
} finally {
  await target.close();
}
for (const failure of failures) console.log(`FAILED: ${failure}`);
if (failures.length > 0) process.exitCode = 1;

async function stored(): Promise<number> {
  const text = await (await fetch(`${target.adminUrl}/metrics`)).text();
  return Number(/^nonet_processor_records (\d+)/m.exec(text)?.[1] ?? 0);
}

/** 0 for a process that is just being started again. */
function residentMb(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function handlesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function judgeGrowth(name: "rssMb" | "handles"): void {
  const third = Math.floor(samples.length / 3);
  if (third < 3) return;
  const mean = (some: readonly Sample[]) => some.reduce((sum, each) => sum + each[name], 0) / some.length;
  const growth = mean(samples.slice(-third)) / mean(samples.slice(-2 * third, -third));
  if (growth > growthMax)
    failures.push(`${name} of the last third is ${growth.toFixed(2)} times that of the third before`);
}

function rangeOf(name: "rssMb" | "engineRssMb" | "handles"): string {
  const seen = samples.map((each) => each[name]);
  return `${Math.min(...seen)} to ${Math.max(...seen)}`;
}
