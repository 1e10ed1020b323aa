/** When a workload can be read whole: its last sessions show all their turns. */
import { eventually } from "../../e2e/service-process.ts";
import type { ShapeUnderTest } from "../../e2e/shape-under-test.ts";
import { sendLoad } from "../send-load.ts";
import { createWorkload, type Workload } from "../workload.ts";

export async function isWhole(shape: ShapeUnderTest, workload: Workload): Promise<boolean> {
  const last = workload.sessionIds.length - 1;
  const turns = workload.traceIds.length - last * 6;
  for (const [index, expected] of [
    [last - 1, 6],
    [last, turns],
  ] as const) {
    const { status, body } = await shape.get(`/api/projects/default/sessions/${workload.sessionIds[index]}`);
    const { turnCount, eventCount } = body as { turnCount: number; eventCount: number };
    if (status !== 200 || turnCount !== expected || eventCount === 0) return false;
  }
  return true;
}

/** Seldom enough that asking is no load. */
export async function untilWhole(shape: ShapeUnderTest, workload: Workload): Promise<void> {
  await eventually(() => isWhole(shape, workload), { withinMs: 240_000, everyMs: 100, what: "the workload is whole" });
}

/** Compiles what will run and fills caches, with spans of an hour ago. */
export async function warmUp(shape: ShapeUnderTest): Promise<number> {
  const workload = createWorkload({ seed: 1, spanCount: 2_400, startMs: Date.now() - 3_600_000 });
  await sendLoad(shape, [...workload.requests(256)], { inFlight: 4 });
  await untilWhole(shape, workload);
  return workload.spanCount;
}
