/** What the API says of a session is the sum of what its traces contribute, and its events are those that are stored. */
import type { ApiReader } from "./api-reader.ts";
import { confirm } from "./confirm.ts";
import type { StoredTables } from "./stored-tables.ts";
import type { Difference, VerifyProgress } from "./verify-lines.ts";

export interface VerifySessionsDeps {
  readonly tables: StoredTables;
  readonly api: ApiReader;
  pause(ms: number): Promise<void>;
}

const sessionsPerPage = 200;
const eventsPerPage = 5_000;

interface StoredSession {
  readonly session_id: string;
  readonly traces: string;
  readonly events: string;
  readonly llm_calls: string;
  readonly tool_calls: string;
  readonly handoffs: string;
  readonly guardrails: string;
  readonly errors: string;
}

/** Everything but the page itself and the ids of one session's events stays in the store. */
export async function* verifySessions(
  projectId: string,
  deps: VerifySessionsDeps,
): AsyncGenerator<Difference | VerifyProgress> {
  const [counted] = await deps.tables.select<{ total: string }>(
    "SELECT uniqExact(session_id) AS total FROM sessions FINAL WHERE project_id = {project:String}",
    { project: projectId },
  );
  const total = Number(counted?.total ?? 0);
  let after: string | undefined;
  for (let done = 0; ; ) {
    const page = await loadSessions(projectId, { after, only: "" }, deps);
    const last = page.at(-1);
    if (last === undefined) return;
    for (const session of page) {
      const found = await compareSession(projectId, session, deps);
      if (found.length > 0) {
        yield* await confirm(async () => {
          const [again] = await loadSessions(projectId, { after: undefined, only: session.session_id }, deps);
          return again === undefined ? [] : compareSession(projectId, again, deps);
        }, deps.pause);
      }
    }
    done += page.length;
    after = last.session_id;
    yield { kind: "progress", step: "sessions", done, total: Math.max(total, done) };
  }
}

function loadSessions(
  projectId: string,
  { after, only }: { after: string | undefined; only: string },
  { tables }: VerifySessionsDeps,
): Promise<StoredSession[]> {
  const count = (member: string) => `sum(JSONExtractUInt(part, '${member}'))`;
  return tables.select<StoredSession>(
    `SELECT session_id, count() AS traces, ${count("eventCount")} AS events, ${count("llmCallCount")} AS llm_calls,
            ${count("toolCallCount")} AS tool_calls, ${count("handoffCount")} AS handoffs, ${count("guardrailCount")} AS guardrails,
            ${count("errorCount")} AS errors
     FROM sessions FINAL
     WHERE project_id = {project:String} AND session_id > {after:String} ${only === "" ? "" : "AND session_id = {only:String}"}
     GROUP BY session_id ORDER BY session_id LIMIT ${sessionsPerPage}`,
    { project: projectId, after: after ?? "", only },
  );
}

async function compareSession(
  projectId: string,
  stored: StoredSession,
  deps: VerifySessionsDeps,
): Promise<Difference[]> {
  const path = `/api/projects/${projectId}/sessions/${encodeURIComponent(stored.session_id)}`;
  const where = `${projectId}/${stored.session_id}`;
  const detail = (await deps.api.get(path)) as Readonly<Record<string, unknown>> | undefined;
  if (detail === undefined)
    return [{ kind: "difference", step: "sessions", where, what: "is stored, and the API has no such session" }];
  const found: Difference[] = [];
  for (const [member, wanted] of [
    ["traceCount", stored.traces],
    ["eventCount", stored.events],
    ["llmCallCount", stored.llm_calls],
    ["toolCallCount", stored.tool_calls],
    ["handoffCount", stored.handoffs],
    ["guardrailCount", stored.guardrails],
    ["errorCount", stored.errors],
  ] as const) {
    if (member in detail && Number(detail[member]) !== Number(wanted)) {
      found.push({
        kind: "difference",
        step: "sessions",
        where,
        what: `${member} is ${detail[member]}, its traces have ${wanted}`,
      });
    }
  }
  return [...found, ...(await compareEvents(projectId, stored.session_id, deps))];
}

async function compareEvents(projectId: string, sessionId: string, deps: VerifySessionsDeps): Promise<Difference[]> {
  const where = `${projectId}/${sessionId}`;
  const path = `/api/projects/${projectId}/sessions/${encodeURIComponent(sessionId)}/traces?limit=${eventsPerPage}`;
  const told = new Set<string>();
  let twice = 0;
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
    // `as`: the 200 body of the session traces API.
    const page = (await deps.api.get(next)) as
      | { data: { id: string }[]; page: { nextCursor: string | null } }
      | undefined;
    for (const { id } of page?.data ?? []) {
      if (told.has(id)) twice += 1;
      told.add(id);
    }
    cursor = page?.page.nextCursor ?? null;
  } while (cursor !== null);
  const rows = await deps.tables.select<{ event_id: string }>(
    "SELECT event_id FROM events FINAL WHERE project_id = {project:String} AND session_id = {session:String}",
    { project: projectId, session: sessionId },
  );
  const missing = rows.filter((row) => !told.delete(row.event_id)).map((row) => row.event_id);
  const what = [
    ...(missing.length === 0 ? [] : [`the API leaves out ${missing.length} stored events, the first is ${missing[0]}`]),
    ...(told.size === 0 ? [] : [`the API has ${told.size} events that are not stored, the first is ${[...told][0]}`]),
    ...(twice === 0 ? [] : [`the API has ${twice} events twice`]),
  ];
  return what.map((each) => ({ kind: "difference", step: "sessions", where, what: each }));
}
