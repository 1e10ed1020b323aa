import { startApiFixture } from "./api-fixture.ts";
import { exampleRequest, firstTurnSpans, secondTurnSpans } from "@nonet/query-api/session-traces/testdata/worked-example.ts";
const api = await startApiFixture();
const owner = { tenantId: "acme", projectId: "prj" };
api.addToken("test-token-project-a-01", owner);
await api.ingest(exampleRequest([...firstTurnSpans, ...secondTurnSpans]), owner);
const ch = api.clickhouse;
const t0 = performance.now();
const days = Number(process.argv[2] ?? 30);
await ch.command({ query: `INSERT INTO sessions SELECT project_id, toUInt32(intDiv(at, 3600000000000)) AS hour, concat('s', toString(intDiv(number,2))) AS session_id, lower(hex(MD5(toString(number)))) AS trace_id, version, 0 AS is_deleted, at AS start_unix_nano, at + 5000000000 AS end_unix_nano, id_reported, agents, environment, channel, user_id, models, tags, error_count,
 replaceAll(part, '1777885260000000000', toString(at)) AS part
 FROM (SELECT *, toUInt64(1777885200000000000 - number * ${Math.round(days*86400*1e9/830000)}) AS at FROM numbers(830000) AS n CROSS JOIN (SELECT * FROM sessions FINAL WHERE trace_id='7c1d2a9e0b5f4c38915e6d2a7f80c4b3') AS one)`, clickhouse_settings: { max_execution_time: 500 } });
console.log("fill", Math.round(performance.now() - t0));
console.log(await (await ch.query({ query: "SELECT count() c, uniq(session_id) s, uniq(hour) h FROM sessions", format: "JSONEachRow" })).json());
const base = `${api.url}/api/projects/prj/sessions`;
async function time(name: string, path: string) {
  const ms: number[] = []; let body = "";
  for (let i = 0; i < 6; i++) { const t = performance.now(); const r = await fetch(base + path, { headers: { authorization: "Bearer test-token-project-a-01" } }); body = await r.text(); ms.push(Math.round(performance.now() - t)); if (r.status !== 200) { console.log(name, r.status, body.slice(0, 300)); return ""; } }
  console.log(name, ms.join(" "), body.length);
  return body;
}
const first = JSON.parse(await time("list", ""));
await time("list p2", `?cursor=${first.page.nextCursor}`);
await time("list agent", "?agent=billing");
await time("list agent none", "?agent=nobody");
await time("list q", "?q=s99");
await time("list asc", "?sort=startedAt");
await time("list -last", "?sort=-lastActivityAt");
await time("list status completed", "?status=completed");
await time("list total", "?include=total");
await time("detail", "/sess_42");
await time("detail s5", "/s5");
await time("traces", "/sess_42/traces");
await time("metrics", "/sess_42/metrics");
await time("generations", "/generations");
await api.close();
