/**
 * What happens under a seed: which shape runs, what is sent and how, and which faults come when. A pure function, so a seed is a replay; only the
 * moments within a process are its own.
 */
import { createRandom, type Random } from "./random.ts";

export const shapes = ["standalone", "distributed"] as const;
export type Shape = (typeof shapes)[number];

export type Target = "standalone" | "engine" | "ingest" | "processor" | "query-api" | "redis" | "kafka" | "postgres";

export type Fault =
  /** SIGKILL; started again after `ms`. */
  | { readonly kind: "kill"; readonly target: Target; readonly index: number; readonly ms: number }
  /** SIGTERM under load, the end awaited; started again. */
  | { readonly kind: "stop"; readonly target: Target; readonly index: number }
  /** SIGSTOP for `ms`: connections stay open and nothing answers. */
  | { readonly kind: "freeze"; readonly target: Target; readonly index: number; readonly ms: number }
  /** What lies before the store refuses, answers late, breaks off in the middle of an answer, or says that its disk is full. */
  | { readonly kind: "store"; readonly mode: StoreMode; readonly ms: number }
  /** The disk under the log and the store has no byte left for `ms`. */
  | { readonly kind: "disk-full"; readonly ms: number }
  /** A processor joins and leaves again, by its own will or not, this many times. */
  | { readonly kind: "rebalance"; readonly times: number; readonly kill: boolean };

export const storeModes = ["refuse", "slow", "break", "full"] as const;
export type StoreMode = (typeof storeModes)[number];

export interface Scenario {
  readonly seed: number;
  readonly shape: Shape;
  /** Which of a few workloads; scenarios that share one share its clean run. */
  readonly workload: number;
  readonly spansPerRequest: number;
  readonly concurrency: number;
  /** Requests that are sent again after they were acknowledged. */
  readonly duplicateShare: number;
  readonly isShuffled: boolean;
  /** In order of `at`: the share of requests that is acknowledged when it comes. */
  readonly faults: readonly { readonly at: number; readonly fault: Fault }[];
}

export const workloadCount = 4;
const sizesOfRequests = [5, 12, 40, 100] as const;

export function createScenario(seed: number, shape: Shape): Scenario {
  const random = createRandom(seed * 2 + shapes.indexOf(shape));
  const faultCount = random.between(1, 4);
  const shares = Array.from({ length: faultCount }, () => 0.05 + random.next() * 0.85).sort((a, b) => a - b);
  return {
    seed,
    shape,
    workload: random.between(0, workloadCount - 1),
    spansPerRequest: random.pick(sizesOfRequests),
    concurrency: random.between(2, 8),
    duplicateShare: random.pick([0, 0.1, 0.5]),
    isShuffled: random.next() < 0.6,
    faults: shares.map((at) => ({ at: Math.round(at * 1000) / 1000, fault: makeFault(random, shape) })),
  };
}

function makeFault(random: Random, shape: Shape): Fault {
  const ms = random.between(50, 2_500);
  const index = random.between(0, 1);
  if (shape === "standalone") {
    const kind = random.pick(["kill", "kill", "kill", "stop", "freeze", "disk-full"] as const);
    const target = random.pick(["standalone", "standalone", "engine"] as const);
    if (kind === "disk-full") return { kind, ms: ms + 500 };
    if (kind === "stop") return { kind, target: "standalone", index: 0 };
    return { kind, target, index: 0, ms };
  }
  const kind = random.pick([
    "kill",
    "kill",
    "kill",
    "stop",
    "freeze",
    "freeze",
    "store",
    "store",
    "rebalance",
  ] as const);
  if (kind === "store") return { kind, mode: random.pick(storeModes), ms: ms * 2 };
  if (kind === "rebalance") return { kind, times: random.between(1, 3), kill: random.next() < 0.5 };
  if (kind === "stop") return { kind, target: random.pick(["ingest", "processor", "query-api"] as const), index };
  const targets = [
    "processor",
    "processor",
    "processor",
    "ingest",
    "query-api",
    "redis",
    "kafka",
    "engine",
    "postgres",
  ] as const;
  return { kind, target: random.pick(targets), index, ms };
}

export function tellScenario(scenario: Scenario): string {
  const { seed, shape, workload, spansPerRequest, concurrency, duplicateShare, isShuffled } = scenario;
  const sending = `workload ${workload}, ${spansPerRequest} spans a request, ${concurrency} senders, ${duplicateShare * 100}% sent twice${isShuffled ? ", shuffled" : ""}`;
  const faults = scenario.faults.map(({ at, fault }) => `  at ${at}: ${tellFault(fault)}`);
  return [`seed ${seed} ${shape}: ${sending}`, ...faults].join("\n");
}

function tellFault(fault: Fault): string {
  switch (fault.kind) {
    case "kill":
      return `kill -9 ${fault.target} ${fault.index}, again after ${fault.ms} ms`;
    case "stop":
      return `SIGTERM ${fault.target} ${fault.index} and start again`;
    case "freeze":
      return `freeze ${fault.target} ${fault.index} for ${fault.ms} ms`;
    case "store":
      return `store: ${fault.mode} for ${fault.ms} ms`;
    case "disk-full":
      return `disk full for ${fault.ms} ms`;
    case "rebalance":
      return `a processor joins and ${fault.kill ? "is killed" : "leaves"}, ${fault.times} times`;
    default:
      return fault satisfies never;
  }
}
