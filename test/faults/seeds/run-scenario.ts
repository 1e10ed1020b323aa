/**
 * One scenario from the first request to the oracle:
 *
 *     every span that was acknowledged is stored, no event twice, every answer of the APIs and every rolling metric is that of a clean run on
 *     the same spans, and the verifier finds nothing
 */
import { isDeepStrictEqual } from "node:util";
import { sendAll } from "../../e2e/sender.ts";
import { eventually } from "../../e2e/service-process.ts";
import { eventIdsOf, type ProjectAnswers, readProject } from "../oracle.ts";
import { settledClean } from "../settled.ts";
import { type FaultTarget, startStandaloneTarget } from "./fault-target.ts";
import type { Scenario } from "./scenario.ts";
import { createScenarioWorkload, range, toSendOrder } from "./scenario-workload.ts";

export interface ScenarioResult {
  readonly faults: number;
  /** Processes that were killed. */
  readonly kills: number;
  readonly spans: number;
  readonly lost: number;
  readonly doubled: number;
  /** Empty when the oracle is content. */
  readonly failures: readonly string[];
}

const sendWithinMs = 180_000;
const settleWithinMs = 90_000;

export async function runScenario(
  scenario: Scenario,
  target: FaultTarget,
  clean: ProjectAnswers,
): Promise<ScenarioResult> {
  const { spanCount, bodies } = createScenarioWorkload(scenario.workload, scenario.spansPerRequest);
  const order = toSendOrder(scenario, bodies);
  const failures: string[] = [];
  let acknowledged = 0;
  let isSending = true;
  const sending = sendAll(target.api.httpUrl, order, {
    concurrency: scenario.concurrency,
    withinMs: sendWithinMs,
    apiKey: target.api.apiKey,
    onAcknowledged() {
      acknowledged += 1;
    },
  })
    .catch((caught) => void failures.push(`not all was acknowledged: ${String(caught)}`))
    .finally(() => {
      isSending = false;
    });
  for (const { at, fault } of scenario.faults) {
    await eventually(() => !isSending || acknowledged >= order.length * at, {
      withinMs: sendWithinMs,
      what: `a share of ${at} acknowledged`,
    });
    await target.apply(fault);
  }
  await sending;

  const wanted = JSON.stringify(clean).replaceAll("default", target.projectId);
  const expected = JSON.parse(wanted) as ProjectAnswers;
  let answers: ProjectAnswers | undefined;
  await eventually(
    async () => {
      answers = await readProject(target.api, range, target.projectId);
      return isDeepStrictEqual(answers, expected);
    },
    { withinMs: settleWithinMs, what: "answers are those of a clean run", everyMs: 500 },
  ).catch((caught) => {
    failures.push(
      answers === undefined ? `no answers: ${String(caught)}` : `answers differ: ${firstDifference(answers, expected)}`,
    );
  });
  const ids = answers === undefined ? [] : eventIdsOf(answers);
  const verified = await target.verify().catch((caught) => ({ lines: [String(caught)], isClean: false }));
  if (!verified.isClean) failures.push(...verified.lines.slice(0, 20).map((line) => `verify: ${line}`));
  const stored = Number(/(\d+) spans/.exec(verified.lines.at(-1) ?? "")?.[1] ?? 0);
  if (stored !== spanCount) failures.push(`${stored} of ${spanCount} acknowledged spans are stored`);
  return {
    faults: scenario.faults.length,
    kills: scenario.faults.reduce((sum, { fault }) => sum + killsOf(fault), 0),
    spans: spanCount,
    lost: Math.max(0, spanCount - stored),
    doubled: ids.length - new Set(ids).size,
    failures,
  };
}

/** What a workload answers where nothing happens. */
export async function cleanAnswersOf(workload: number): Promise<ProjectAnswers> {
  const target = await startStandaloneTarget({ smallDisk: false });
  try {
    const { traceCount, bodies } = createScenarioWorkload(workload, 100);
    await sendAll(target.api.httpUrl, bodies, { concurrency: 4, withinMs: sendWithinMs });
    const answers = await settledClean(target.api, { traceCount, range, withinMs: settleWithinMs });
    const verified = await target.verify();
    if (!verified.isClean) throw new Error(`the clean run is not clean:\n${verified.lines.join("\n")}`);
    return answers;
  } finally {
    await target.close();
  }
}

function killsOf(fault: Scenario["faults"][number]["fault"]): number {
  if (fault.kind === "rebalance") return fault.kill ? fault.times : 0;
  return fault.kind === "kill" ? 1 : 0;
}

function firstDifference(a: unknown, b: unknown, path = ""): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference(
        (a as Record<string, unknown>)[key],
        (b as Record<string, unknown>)[key],
        `${path}/${key}`,
      );
      if (found !== undefined) return found;
    }
  }
  return `${path} is ${shortOf(a)}, clean ${shortOf(b)}`;
}

function shortOf(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 200);
}
