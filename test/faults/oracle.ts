/**
 * Everything the APIs say about a project, as one value: two runs on the same spans must say the same, whatever happened on the way (law 3).
 * Exempt, and named here: `revision`, which counts writes, `status` of a session, which depends on the clock, and ids of requests.
 */
export interface ApiReader {
  get(path: string): Promise<{ status: number; body: unknown }>;
}

interface Page {
  data: Record<string, unknown>[];
  page: { nextCursor: string | null };
}

export interface ProjectAnswers {
  sessions: Record<string, unknown>[];
  details: Record<string, unknown>;
  events: Record<string, unknown[]>;
  metrics: Record<string, unknown>;
  rolling: unknown;
}

export async function readProject(
  api: ApiReader,
  range: { from: string; to: string },
  projectId = "default",
): Promise<ProjectAnswers> {
  const base = `/api/projects/${projectId}`;
  const sessions = await readSessionList(api, projectId);
  const answers: ProjectAnswers = {
    sessions,
    details: {},
    events: {},
    metrics: {},
    rolling: null,
  };
  let next = 0;
  const reader = async () => {
    while (next < sessions.length) {
      const id = String(sessions[next]?.["id"]);
      next += 1;
      const path = `${base}/sessions/${encodeURIComponent(id)}`;
      answers.details[id] = withoutExempt(await readOk(api, path));
      answers.metrics[id] = withoutExempt(await readOk(api, `${path}/metrics`));
      answers.events[id] = withoutExempt(await readPages(api, `${path}/traces?limit=5000`)) as unknown[];
    }
  };
  await Promise.all(Array.from({ length: 4 }, reader));
  answers.rolling = await readOk(
    api,
    `${base}/metrics?from=${range.from}&to=${range.to}&step=60&groupBy=agent,model,tool`,
  );
  return answers;
}

/** The list of sessions alone: when it no longer changes, all that was acknowledged has been processed. */
export async function readSessionList(api: ApiReader, projectId = "default"): Promise<Record<string, unknown>[]> {
  const sessions = await readPages(api, `/api/projects/${projectId}/sessions?limit=200&sort=startedAt`);
  // `as`: leaving members out of objects leaves them objects.
  return withoutExempt(sessions) as Record<string, unknown>[];
}

/** Ids of all events, to find duplicates. */
export function eventIdsOf(answers: ProjectAnswers): string[] {
  return Object.values(answers.events).flatMap((events) => events.map((event) => String((event as { id: string }).id)));
}

async function readPages(api: ApiReader, path: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
    const page = (await readOk(api, next)) as Page;
    items.push(...page.data);
    cursor = page.page.nextCursor;
  } while (cursor !== null);
  return items;
}

async function readOk(api: ApiReader, path: string): Promise<unknown> {
  const { status, body } = await api.get(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

const exempt = new Set(["revision", "requestId"]);

function withoutExempt(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutExempt);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key, member]) => !exempt.has(key) && !isSessionStatus(key, member));
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutExempt(member)]));
}

const clockStatuses = new Set(["active", "idle", "completed", "failed", "abandoned", "escalated", "archived"]);

/** `ok`, `error` and `unset` are statuses of spans and events, and never change with the clock. */
function isSessionStatus(key: string, value: unknown): boolean {
  return key === "status" && typeof value === "string" && clockStatuses.has(value);
}
