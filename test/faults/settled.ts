/** Waits until a deployment has processed a workload, and reads all that it says. */
import { eventually } from "../e2e/service-process.ts";
import type { ShapeUnderTest } from "../e2e/shape-under-test.ts";
import { type ProjectAnswers, readProject, readSessionList } from "./oracle.ts";

const spansPerSession = 72;

/** All sessions of the workload are there, and nothing changes any more. */
export async function settled(
  shape: ShapeUnderTest,
  workload: { spanCount: number; range: { from: string; to: string }; withinMs: number },
): Promise<ProjectAnswers> {
  let before = "";
  await eventually(
    async () => {
      const sessions = await readSessionList(shape);
      const now = JSON.stringify(sessions);
      const unchanged = now === before && sessions.length === Math.ceil(workload.spanCount / spansPerSession);
      before = now;
      return unchanged;
    },
    { withinMs: workload.withinMs, what: "the list of sessions no longer changes" },
  );
  return readProject(shape, workload.range);
}
