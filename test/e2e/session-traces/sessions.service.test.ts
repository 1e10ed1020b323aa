/** Sessions, traces, children and metrics over HTTP, on the worked example of session-traces.md and a real store. */
import type { SessionMetrics } from "@nonet/query-api/session-traces/metrics.ts";
import {
  childrenSchema,
  metricsSchema,
  sessionDetailSchema,
  sessionListSchema,
  tracesSchema,
} from "@nonet/query-api/session-traces/response-schemas.ts";
import {
  exampleProjectId,
  exampleRequest,
  exampleTenantId,
  firstTurnSpans,
  secondTraceId,
  secondTurnSpans,
} from "@nonet/query-api/session-traces/testdata/worked-example.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const token = "test-token-of-acme-0001";
const base = `/api/projects/${exampleProjectId}/sessions`;
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  const owner = { tenantId: exampleTenantId, projectId: exampleProjectId };
  api.addToken(token, owner);
  await api.ingest(exampleRequest(firstTurnSpans), owner);
  await api.ingest(exampleRequest(secondTurnSpans), owner);
});

afterAll(() => api?.close());

async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(api.url + path, { headers: { authorization: `Bearer ${token}`, ...headers } });
}

// biome-ignore lint/suspicious/noExplicitAny: bodies are checked by schema and by value
async function getJson(path: string): Promise<any> {
  const response = await get(path);
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}

describe("session list", () => {
  it("gives the body of section 3", async () => {
    const body = await getJson(base);
    sessionListSchema.parse(body);
    const { revision, ...session } = body.data[0];
    expect(revision).toBeGreaterThan(0);
    expect(session).toEqual({
      id: "sess_42",
      projectId: "prj_7f3k",
      idReported: true,
      status: "idle",
      agent: "triage",
      agents: ["triage", "billing"],
      environment: "production",
      channel: "web",
      userId: "u_118",
      startedAt: "2026-05-04T09:00:00.000Z",
      lastActivityAt: "2026-05-04T09:01:06.000Z",
      durationMs: 66000,
      turnCount: 2,
      messageCount: 4,
      traceCount: 2,
      eventCount: 24,
      llmCallCount: 4,
      toolCallCount: 5,
      handoffCount: 1,
      guardrailCount: 2,
      errorCount: 2,
      tokens: { input: 6100, output: 295, total: 6395 },
      cost: { amount: 0.0182, currency: "USD", unpricedCalls: 0 },
      models: ["gpt-4o-2024-08-06"],
      tags: ["production", "support"],
      metadata: { customer_id: "cust_9", plan: "gold", channel: "web" },
    });
    expect(body.page).toEqual({ limit: 50, count: 1, total: null, hasMore: false, nextCursor: null });
  });

  it("agrees with the detail, and the detail's turns with those of the tree", async () => {
    const list = await getJson(base);
    const { turns, turnsTruncated, ...session } = await getJson(`${base}/sess_42`);
    sessionDetailSchema.parse({ ...session, turns, turnsTruncated });
    expect(session).toEqual(list.data[0]);
    const tree = await getJson(`${base}/sess_42/traces?view=tree`);
    tracesSchema.parse(tree);
    expect(tree.data.map((entry: { turn: unknown }) => entry.turn)).toEqual(turns);
  });
});

describe("traces", () => {
  it("gives the page of 5.1", async () => {
    const body = await getJson(`${base}/sess_42/traces?turn=1&limit=4`);
    tracesSchema.parse(body);
    expect(body.session).toMatchObject({ id: "sess_42", projectId: "prj_7f3k", status: "idle" });
    expect(body.view).toBe("flat");
    expect(body.data.map((event: { id: string }) => event.id)).toEqual([
      "ev_1d3de72eda9ad32640ac713a21855da7",
      "ev_300aceb7ce6998c915072cc8cfdcff59",
      "ev_2fa39fe1954d2fa03b7b355c6aa0e728",
      "ev_35e44b9079df641376d26ba7193527d2",
    ]);
    expect(body.page).toMatchObject({ limit: 4, count: 4, total: 14, hasMore: true });
    expect(body.data[0].data.cost.amount).toBe(0.00465);
  });

  it("K27: tree and flat hold the same events", async () => {
    const flat = await getJson(`${base}/sess_42/traces`);
    for (const structure of ["omit", "ancestors", "all"]) {
      const tree = await getJson(`${base}/sess_42/traces?view=tree&structure=${structure}`);
      const byId = new Map(collect(tree).map((event) => [event.id, event]));
      expect(byId.size).toBe(flat.data.length);
      for (const event of flat.data) expect(byId.get(event.id)).toEqual(event);
    }
  });

  it("K28: include=metrics equals /metrics, with and without filters", async () => {
    const metrics: SessionMetrics = await getJson(`${base}/sess_42/metrics`);
    metricsSchema.parse(metrics);
    expect((await getJson(`${base}/sess_42/traces?include=metrics`)).metrics).toEqual(metrics);
    expect((await getJson(`${base}/sess_42/traces?include=metrics&eventType=error&limit=1`)).metrics).toEqual(metrics);
  });

  it("K24: filters by type and decision kind", async () => {
    const handoffs = await getJson(`${base}/sess_42/traces?decisionKind=handoff`);
    expect(handoffs.data.map((event: { type: string }) => event.type)).toEqual(["decision"]);
    expect((await getJson(`${base}/sess_42/traces?decisionKind=handoff&eventType=llm_call`)).data).toEqual([]);
    expect((await getJson(`${base}/sess_42/traces?decisionKind=no_such_kind`)).data).toEqual([]);
    const two = await getJson(`${base}/sess_42/traces?eventType=error,handoff&eventType=response`);
    expect(new Set(two.data.map((event: { type: string }) => event.type))).toEqual(
      new Set(["error", "handoff", "response"]),
    );
  });
});

describe("children", () => {
  it("gives the body of section 6", async () => {
    const body = await getJson(`${base}/sess_42/traces/B4C5D6E7F8091A2B/children`);
    childrenSchema.parse(body);
    expect(body.span.traceId).toBe(secondTraceId);
    expect(body.page).toEqual({ limit: 1000, count: 9, total: 9, hasMore: false, nextCursor: null });
  });
});

describe("the document", () => {
  it("is OpenAPI 3.1 and names every path", async () => {
    // biome-ignore lint/suspicious/noExplicitAny: a document to look into
    const document: any = await (await fetch(`${api.url}/openapi.json`)).json();
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toContain(
      "/api/projects/{projectId}/sessions/{sessionId}/traces/{spanId}/children",
    );
    expect(await (await fetch(`${api.url}/docs`)).text()).toContain("getSpanChildren");
  });
});

interface AnyNode {
  kind: string;
  event?: { id: string };
  children: AnyNode[];
}

function collect(tree: { data: { nodes: AnyNode[] }[] }): { id: string }[] {
  const open = tree.data.flatMap((entry) => entry.nodes);
  const events: { id: string }[] = [];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.event !== undefined) events.push(node.event);
    open.push(...node.children);
  }
  return events;
}
