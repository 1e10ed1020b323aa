/**
 * `pnpm bench:query [directory]`: p50 and p99 of the reads of issue 8 on a store that `pnpm bench:load` filled, each over another session, trace or
 * page, one request at a time, after one round that is not counted. Trust ratios; the machine is shared.
 */
import { performance } from "node:perf_hooks";
import { type ApiClient, createApiClient } from "@nonet/query-api/client/api-client.ts";
import { benchDirectory, startBenchStandalone } from "./bench-standalone.ts";
import { residentMegabytesOf, treeOf } from "./process-usage.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 60);
const standalone = await startBenchStandalone(benchDirectory(process.argv[2]));
const client = createApiClient({ url: standalone.apiUrl, token: standalone.apiKey });
const project = { projectId: "default" };
const tenant = { tenantId: "default" };

const sessionsPath = "/api/projects/{projectId}/sessions";
const sessionPath = "/api/projects/{projectId}/sessions/{sessionId}";
const generationsPath = "/api/projects/{projectId}/sessions/generations";
const tracesPath = "/tenants/{tenantId}/traces";

/** Sessions and traces from all over the time that the store has. */
const places = await findPlaces(client);
const at = <T>(list: readonly T[], round: number): T => {
  const item = list[(round * 7919) % list.length];
  if (item === undefined) throw new Error("the store is empty");
  return item;
};

type Read = (round: number) => Promise<{ readonly response: Response }>;

const ofSession = (round: number) => ({ path: { ...project, sessionId: at(places.sessions, round).id } });
const from = (round: number) => at(places.sessions, round).startedAt;

const reads: readonly (readonly [name: string, targetMs: number | undefined, read: Read])[] = [
  ["session detail", 100, (n) => client.GET(sessionPath, { params: ofSession(n) })],
  [
    "a trace's events",
    50,
    (n) =>
      client.GET("/tenants/{tenantId}/traces/{traceId}", {
        params: { path: { ...tenant, traceId: at(places.traces, n) }, query: { include: ["events"] } },
      }),
  ],
  ["sessions list, newest", 100, () => client.GET(sessionsPath, { params: { path: project } })],
  [
    "sessions list, to a time",
    100,
    (n) => client.GET(sessionsPath, { params: { path: project, query: { to: from(n) } } }),
  ],
  [
    "sessions list, an agent",
    undefined,
    () => client.GET(sessionsPath, { params: { path: project, query: { agent: ["billing"] } } }),
  ],
  [
    "sessions list, no match",
    undefined,
    (n) => client.GET(sessionsPath, { params: { path: project, query: { q: `none ${n}` } } }),
  ],
  [
    "sessions list, total",
    undefined,
    () => client.GET(sessionsPath, { params: { path: project, query: { include: ["total"] } } }),
  ],
  ["generations page", 200, () => client.GET(generationsPath, { params: { path: project } })],
  [
    "generations page, to a time",
    200,
    (n) => client.GET(generationsPath, { params: { path: project, query: { to: from(n) } } }),
  ],
  ["session traces", undefined, (n) => client.GET(`${sessionPath}/traces`, { params: ofSession(n) })],
  ["session metrics", undefined, (n) => client.GET(`${sessionPath}/metrics`, { params: ofSession(n) })],
  ["tenant list", undefined, () => client.GET(tracesPath, { params: { path: tenant } })],
  ["tenant list, page 5", undefined, () => client.GET(tracesPath, { params: { path: tenant, query: { page: 5 } } })],
  [
    "tenant list, no match",
    undefined,
    (n) => client.GET(tracesPath, { params: { path: tenant, query: { search: `none ${n}` } } }),
  ],
];

console.log("| read | p50 ms | p99 ms | target p50 ms |\n| --- | --- | --- | --- |");
for (const [name, targetMs, read] of reads) {
  await timed(read, 0);
  const times: number[] = [];
  for (let round = 1; round <= rounds; round += 1) times.push(await timed(read, round));
  times.sort((a, b) => a - b);
  const quantile = (share: number) =>
    Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  console.log(`| ${name} | ${quantile(0.5)} | ${quantile(0.99)} | ${targetMs ?? ""} |`);
}
const [own = 0, engine = 0] = treeOf(standalone.pid).map(residentMegabytesOf);
console.log(`\nResident afterwards: standalone ${Math.round(own)} MB, engine ${Math.round(engine)} MB.`);
await standalone.close();

async function timed(read: Read, round: number): Promise<number> {
  const started = performance.now();
  const { response } = await read(round);
  if (response.status !== 200) throw new Error(`${response.url} answered ${response.status}`);
  return performance.now() - started;
}

async function findPlaces(
  api: ApiClient,
): Promise<{ sessions: { id: string; startedAt: string }[]; traces: string[] }> {
  const sessions: { id: string; startedAt: string }[] = [];
  const traces: string[] = [];
  const oldest = await api.GET(sessionsPath, { params: { path: project, query: { sort: "startedAt", limit: 1 } } });
  const newest = await api.GET(sessionsPath, { params: { path: project, query: { limit: 1 } } });
  const first = Date.parse(oldest.data?.data[0]?.startedAt ?? "");
  const last = Date.parse(newest.data?.data[0]?.startedAt ?? "");
  for (let part = 1; part <= 20; part += 1) {
    const to = new Date(first + ((last - first) * part) / 20 + 1).toISOString();
    const listed = await api.GET(sessionsPath, { params: { path: project, query: { to, limit: 20 } } });
    sessions.push(...(listed.data?.data ?? []).map(({ id, startedAt }) => ({ id, startedAt })));
    const page = await api.GET(tracesPath, { params: { path: tenant, query: { to, per_page: 20 } } });
    traces.push(...(page.data?.data ?? []).map((trace) => trace.traceId));
  }
  return { sessions, traces };
}
