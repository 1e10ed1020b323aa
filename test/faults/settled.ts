/** Waits until a deployment has processed a workload, and reads all that it says. */
import { eventually } from "../e2e/service-process.ts";
import { type ApiReader, type ProjectAnswers, readProject, readSessionList } from "./oracle.ts";

export interface Expected {
  readonly traceCount: number;
  readonly range: { readonly from: string; readonly to: string };
  readonly withinMs: number;
}

/** Every trace of the workload is in a session, and a second later nothing has changed. */
export async function settledClean(shape: ApiReader, expected: Expected): Promise<ProjectAnswers> {
  let before = "";
  await eventually(
    async () => {
      const sessions = await readSessionList(shape);
      const now = JSON.stringify(sessions);
      const unchanged = now === before;
      before = now;
      return unchanged && sumOf(sessions, "traceCount") === expected.traceCount;
    },
    { withinMs: expected.withinMs, what: "all traces are there and nothing changes", everyMs: 1_000 },
  );
  return readProject(shape, expected.range);
}

/** The list of sessions is that of the clean run; if it does not become so in time, the answers show what differs. */
export async function settledLike(
  shape: ApiReader,
  clean: ProjectAnswers,
  expected: Expected,
): Promise<ProjectAnswers> {
  const wanted = JSON.stringify(clean.sessions);
  await eventually(async () => JSON.stringify(await readSessionList(shape)) === wanted, {
    withinMs: expected.withinMs,
    what: "the list of sessions is that of the clean run",
    everyMs: 1_000,
  }).catch(() => undefined);
  return readProject(shape, expected.range);
}

function sumOf(sessions: readonly Record<string, unknown>[], member: string): number {
  return sessions.reduce((sum, session) => sum + Number(session[member]), 0);
}
