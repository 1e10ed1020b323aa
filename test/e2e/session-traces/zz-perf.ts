import { type SpanInput, toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { startApiFixture } from "./api-fixture.ts";

const api = await startApiFixture();
const owner = { tenantId: "acme", projectId: "prj" };
api.addToken("test-token-project-a-01", owner);
const hex = (n: number, l: number) => n.toString(16).padStart(l, "0");
const traces = Number(process.argv[2]),
  per = Number(process.argv[3]);
for (let t = 1; t <= traces; t++) {
  const spans: SpanInput[] = [];
  const s0 = 1777885200000000000n + BigInt(t) * 10_000_000_000n;
  spans.push({
    traceId: hex(t, 32),
    spanId: hex(t * 1000000, 16),
    name: "invoke_agent a",
    start: s0,
    end: s0 + 9_000_000_000n,
    attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "session.id": "big" },
  });
  for (let i = 1; i < per; i++)
    spans.push({
      traceId: hex(t, 32),
      spanId: hex(t * 1000000 + i, 16),
      parentSpanId: hex(t * 1000000, 16),
      name: "chat m",
      start: s0 + BigInt(i * 1000),
      end: s0 + BigInt(i * 1000 + 900),
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: "x".repeat(500) }] }],
      },
    });
  await api.ingest(toExportRequest(spans), owner);
}
globalThis.gc?.();
console.log("ingested", Math.round(process.memoryUsage().rss / 1e6), "MB rss");
const base = `${api.url}/api/projects/prj/sessions`;
const h = { authorization: "Bearer test-token-project-a-01" };
async function stream(path: string) {
  const t = performance.now();
  const r = await fetch(base + path, { headers: h });
  let first = 0,
    bytes = 0,
    peak = 0;
  for await (const chunk of r.body!) {
    first ||= performance.now() - t;
    bytes += chunk.length;
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  console.log(
    path,
    r.status,
    "first",
    Math.round(first),
    "total",
    Math.round(performance.now() - t),
    "bytes",
    bytes,
    "peak rss",
    Math.round(peak / 1e6),
  );
}
await stream("/export?sessionId=big");
await stream("/export?format=ndjson&content=none");
for (const p of [
  "/big",
  "/big/traces?limit=5000&content=none",
  "/big/traces?limit=10",
  "/big/traces?limit=10",
  "/big/metrics",
  "/big/traces?view=tree&limit=5",
  "/big/analysis",
  "/generations?limit=1000",
]) {
  const t = performance.now();
  const r = await fetch(base + p, { headers: h });
  const b = await r.text();
  console.log(p, r.status, Math.round(performance.now() - t), b.length, Math.round(process.memoryUsage().rss / 1e6));
}
await api.close();
