/** Sessions too large to be mapped whole: paging, filters, trees, metrics and export give what small ones give. Source: session-traces.md 2.6, 5, 7, 9. */
import { type ApiClient, type ApiSchema, createApiClient } from "@nonet/query-api/client/api-client.ts";
import type { operations } from "@nonet/query-api/client/gen/api-types.ts";
import { toTraceEvent } from "@nonet/query-api/session-traces/event-shape.ts";
import { sessionMetrics } from "@nonet/query-api/session-traces/metrics.ts";
import type { Session } from "@nonet/query-api/session-traces/session.ts";
import type { SessionView } from "@nonet/query-api/session-traces/session-view.ts";
import {
  decodeRequest,
  type SpanInput,
  toExportRequest,
} from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { viewOf } from "@nonet/query-api/session-traces/testdata/view-of.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

type TraceEvent = ApiSchema<"TraceEvent">;
type TracesQuery = NonNullable<operations["getSessionTraces"]["parameters"]["query"]>;

const token = "test-token-large-00001";
const owner = { tenantId: "acme", projectId: "large" };
const base = "/api/projects/large/sessions";
const params = { path: { projectId: "large", sessionId: "big" } };
const traceCount = 21;
const callsPerTrace = 999;
let api: ApiFixture;
let client: ApiClient;
/** What mapping all its spans at once gives. */
let whole: SessionView;
let all: readonly TraceEvent[];

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(token, owner);
  client = createApiClient({ url: api.url, token });
  for (let trace = 1; trace <= traceCount; trace += 1) await api.ingest(toExportRequest(spansOf(trace)), owner);
  const spans = Array.from({ length: traceCount }, (_, index) => spansOf(index + 1)).flat();
  whole = viewOf(decodeRequest(toExportRequest(spans)), { ...owner, sessionId: "big" });
  const shape = { content: "none", attributes: false, mayReadContent: true } as const;
  all = JSON.parse(JSON.stringify(whole.events.map((event) => toTraceEvent(whole, event, shape))));
});

afterAll(() => api?.close());

function hex(number: number, length: number): string {
  return number.toString(16).padStart(length, "0");
}

/** One agent run of many calls; every second one still runs when the next begins. */
function spansOf(trace: number): SpanInput[] {
  const start = 1_777_885_200_000_000_000n + BigInt(trace) * 10_000_000_000n;
  const root = { traceId: hex(trace, 32), spanId: hex(trace * 1_000_000, 16) };
  const attributes = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": `a${trace % 3}`,
    "session.id": "big",
  };
  const end = start + (trace % 2 === 0 ? 12_000_000_000n : 9_000_000_000n);
  const calls = Array.from({ length: callsPerTrace }, (_, index): SpanInput => {
    const from = start + BigInt(index * 9_000_000);
    return {
      traceId: root.traceId,
      spanId: hex(trace * 1_000_000 + index + 1, 16),
      parentSpanId: root.spanId,
      name: `call ${index}`,
      start: from,
      end: from + BigInt((index % 7) * 1_000_000),
      ...callOf(index),
    };
  });
  return [{ ...root, name: "invoke_agent a", start, end, attributes }, ...calls];
}

function callOf(index: number): Pick<SpanInput, "attributes" | "status"> {
  if (index % 10 === 3) {
    const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": `t${index % 4}` };
    return index % 100 === 3 ? { attributes, status: { code: 2, message: "no" } } : { attributes };
  }
  if (index % 50 === 7) {
    const result = index % 100 === 7 ? "fail" : "pass";
    return { attributes: { "gen_ai.guardrail.name": "pii", "gen_ai.guardrail.result": result } };
  }
  return {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": index % 2 === 0 ? "gpt-4o" : "gpt-4o-mini",
      "gen_ai.usage.input_tokens": index,
      "gen_ai.usage.output_tokens": 3,
    },
  };
}

async function page(query: TracesQuery): Promise<ApiSchema<"SessionTraces">> {
  const answer = await client.GET("/api/projects/{projectId}/sessions/{sessionId}/traces", {
    params: { ...params, query: { content: "none", ...query } },
  });
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

async function walk(query: TracesQuery): Promise<{ items: readonly object[]; total: number | null }> {
  const items: object[] = [];
  let cursor: string | null = null;
  for (;;) {
    const { data, page: end } = await page(cursor === null ? query : { ...query, cursor });
    items.push(...data);
    if (end.nextCursor === null) return { items, total: end.total };
    cursor = end.nextCursor;
  }
}

it("K10: a walk over all pages gives every event once, in order, with its turn", async () => {
  expect(await walk({ limit: 5000 })).toEqual({ items: all, total: all.length });
});

it("K10: a walk backwards gives them in the opposite order", async () => {
  expect(await walk({ limit: 4999, order: "desc" })).toEqual({ items: all.toReversed(), total: all.length });
});

it.each<[string, TracesQuery, (event: TraceEvent) => boolean]>([
  ["eventType", { eventType: ["tool_result", "guardrail_eval"] }, (e) => /tool_result|guardrail_eval/.test(e.type)],
  ["status unset", { status: ["unset"] }, (e) => e.status === "unset"],
  ["status error", { status: ["error"] }, (e) => e.status === "error"],
  ["agent", { agent: ["a1"] }, (e) => e.agentName === "a1"],
  [
    "name",
    { name: ["t3", "gpt-4o-mini"], agent: ["a2"] },
    (e) => /^(t3|gpt-4o-mini)$/.test(e.name) && e.agentName === "a2",
  ],
  ["turn", { turn: ["3", "20", "999999999"] }, (e) => e.turnIndex === 3 || e.turnIndex === 20],
  ["traceId", { traceId: [hex(5, 32)] }, (e) => e.traceId === hex(5, 32)],
  ["minDurationMs", { minDurationMs: 6 }, (e) => (e.durationMs ?? -1) >= 6],
  ["decisionKind", { decisionKind: ["handoff"] }, () => false],
  [
    "from and to",
    { from: "2026-05-04T09:00:40Z", to: "2026-05-04T09:01:10.000000001Z" },
    ({ timeUnixNano: time }) => time >= "1777885240000000000" && time <= "1777885270000000000",
  ],
  ["to", { to: "9999-01-01T00:00:00Z", eventType: ["response"] }, (e) => e.type === "response"],
  ["from", { from: "9999-01-01T00:00:00Z" }, () => false],
])("K24, K25: the filter %s gives what is left of all events", async (_name, query, matches) => {
  const expected = all.filter(matches);
  expect(await walk({ ...query, limit: 5000 })).toEqual({ items: expected, total: expected.length });
  const backwards = await page({ ...query, order: "desc", limit: 500 });
  expect(backwards.data).toEqual(expected.toReversed().slice(0, backwards.page.count));
  expect(backwards.page.hasMore).toBe(backwards.page.count < expected.length);
});

it("K27: its tree holds the same events, turn by turn", async () => {
  const { items, total } = await walk({ view: "tree", limit: 7 });
  // `as`: a tree was asked for.
  const turns = items as { turn: ApiSchema<"Turn">; nodes: ApiSchema<"Node">[] }[];
  expect(total).toBe(traceCount);
  expect(turns.map(({ turn }) => turn.index)).toEqual(Array.from({ length: traceCount }, (_, index) => index));
  const inTree = turns.flatMap(({ nodes }) => eventsBelow(nodes));
  expect(new Map(inTree.map((event) => [event.id, event]))).toEqual(new Map(all.map((event) => [event.id, event])));
  const failed = await walk({ view: "tree", eventType: ["error"], agent: ["a2"] });
  const filtered = failed.items as typeof turns;
  expect(filtered.map(({ turn }) => turn.index)).toEqual([1, 4, 7, 10, 13, 16, 19]);
  expect(filtered.flatMap(({ nodes }) => eventsBelow(nodes)).filter((event) => event.type === "error")).toHaveLength(
    70,
  );
});

function eventsBelow(nodes: readonly ApiSchema<"Node">[]): TraceEvent[] {
  return nodes.flatMap((node) => [...(node.kind === "event" ? [node.event] : []), ...eventsBelow(node.children)]);
}

it("K28: its metrics are those of all its events together", async () => {
  const { data: metrics } = await client.GET("/api/projects/{projectId}/sessions/{sessionId}/metrics", { params });
  const { data: session } = await client.GET("/api/projects/{projectId}/sessions/{sessionId}", { params });
  // `as`: the session of the API is the one that metrics are made for.
  expect(metrics).toEqual(JSON.parse(JSON.stringify(sessionMetrics(whole, session as Session))));
  expect((await page({ include: ["metrics"], limit: 1 })).metrics).toEqual(metrics);
});

it("K42: an export of it is whole, event by event", async () => {
  const response = await fetch(`${api.url}${base}/export?columns=eventId,turnIndex`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const lines = (await response.text()).trim().split("\r\n");
  expect(lines.slice(1)).toEqual(all.map((event) => `${event.id},${event.turnIndex}`));
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
