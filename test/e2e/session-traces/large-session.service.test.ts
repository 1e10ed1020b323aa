/** Sessions too large to be mapped whole: paging and export give what small ones give. Source: session-traces.md 2.6, 9; checklist K10, K42. */
import { type SpanInput, toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const token = "test-token-large-00001";
const owner = { tenantId: "acme", projectId: "large" };
const base = "/api/projects/large/sessions";
const traceCount = 22;
const callsPerTrace = 999;
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(token, owner);
  for (let trace = 1; trace <= traceCount; trace += 1) await api.ingest(turn(trace), owner);
});

afterAll(() => api?.close());

function hex(number: number, length: number): string {
  return number.toString(16).padStart(length, "0");
}

function turn(trace: number): object {
  const start = 1_777_885_200_000_000_000n + BigInt(trace) * 10_000_000_000n;
  const root = { traceId: hex(trace, 32), spanId: hex(trace * 1_000_000, 16) };
  const calls = Array.from(
    { length: callsPerTrace },
    (_, index): SpanInput => ({
      traceId: root.traceId,
      spanId: hex(trace * 1_000_000 + index + 1, 16),
      parentSpanId: root.spanId,
      name: "chat m",
      start: start + BigInt(index * 1000),
      end: start + BigInt(index * 1000 + 900),
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" },
    }),
  );
  const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "session.id": "big" };
  return toExportRequest([
    { ...root, name: "invoke_agent a", start, end: start + 9_000_000_000n, attributes },
    ...calls,
  ]);
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind
async function get(path: string): Promise<any> {
  const response = await fetch(api.url + base + path, { headers: { authorization: `Bearer ${token}` } });
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}

it("K10: a walk over all pages gives every event once, with its turn", async () => {
  const seen: { id: string; turnIndex: number; traceId: string }[] = [];
  let cursor = "";
  do {
    const body = await get(`/big/traces?limit=5000&content=none${cursor}`);
    expect(body.page.total).toBe(traceCount * (callsPerTrace + 1));
    seen.push(...body.data);
    cursor = body.page.nextCursor === null ? "" : `&cursor=${body.page.nextCursor}`;
  } while (cursor !== "");
  expect(new Set(seen.map((event) => event.id)).size).toBe(traceCount * (callsPerTrace + 1));
  for (const event of seen) expect(event.turnIndex).toBe(Number.parseInt(event.traceId, 16) - 1);
  // With a filter that leaves nothing out the session is read whole: the same events, in the same order.
  const whole = await get("/big/traces?limit=5000&content=none&status=ok,unset,error");
  expect(whole.data).toEqual(seen.slice(0, 5000));
});

it("K42: an export of it is whole and begins before all is read", async () => {
  const response = await fetch(`${api.url}${base}/export?columns=eventId,turnIndex`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const lines = (await response.text()).trim().split("\r\n");
  expect(lines).toHaveLength(traceCount * (callsPerTrace + 1) + 1);
  expect(lines.at(-1)?.endsWith(`,${traceCount - 1}`)).toBe(true);
});

it("K42: a store that goes away half-way leaves a body that is known to be incomplete", async () => {
  const response = await fetch(`${api.url}${base}/export?format=ndjson`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  await api.stopStore();
  const drain = async (): Promise<void> => {
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read());
  };
  await expect(drain()).rejects.toThrow();
});
