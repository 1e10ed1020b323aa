/** What a session is made of, over HTTP: session-traces.md checklist K15, K22, K25, K29, K42, and the limits of section 11. */
import { type SpanInput, toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const token = "test-token-derivation-1";
const owner = { tenantId: "acme", projectId: "derived" };
const base = "/api/projects/derived/sessions";
const start = 1_777_885_200_000_000_000n;
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(token, owner);
});

afterAll(() => api?.close());

// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind
async function get(path: string): Promise<{ status: number; body: any }> {
  const response = await fetch(api.url + base + path, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}

function agent(trace: string, span: string, more: Partial<SpanInput> = {}): SpanInput {
  const { attributes, ...rest } = more;
  return {
    traceId: trace.repeat(32),
    spanId: span.repeat(16),
    name: "invoke_agent a",
    start,
    end: start + 1_000_000_000n,
    attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", ...attributes },
    ...rest,
  };
}

function chat(trace: string, span: string, more: Partial<SpanInput> = {}): SpanInput {
  const { attributes, ...rest } = more;
  return {
    traceId: trace.repeat(32),
    spanId: span.repeat(16),
    name: "chat m",
    start: start + 1000n,
    end: start + 2000n,
    attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", ...attributes },
    ...rest,
  };
}

interface EventBody {
  readonly type: string;
  readonly spanId: string;
  readonly sessionIdSource: string;
  readonly orphan: boolean;
  readonly turnId: string;
  readonly timeUnixNano: string;
}

async function events(sessionId: string, query = ""): Promise<EventBody[]> {
  const { status, body } = await get(`/${encodeURIComponent(sessionId)}/traces${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data;
}

describe("K15: which session", () => {
  it("shows a trace of two sessions in both, each with its part", async () => {
    await api.ingest(
      toExportRequest([
        agent("1", "1", { attributes: { "session.id": "outer" } }),
        chat("1", "2", { parentSpanId: "1".repeat(16) }),
        chat("1", "3", { parentSpanId: "1".repeat(16), attributes: { "session.id": "inner" } }),
      ]),
      owner,
    );
    const outer = await events("outer");
    expect(outer.map((event) => [event.spanId[0], event.sessionIdSource])).toEqual([
      ["2", "ancestor"],
      ["1", "span"],
    ]);
    const inner = await events("inner");
    expect(inner.map((event) => [event.spanId[0], event.sessionIdSource])).toEqual([["3", "span"]]);
    expect((await get("/inner")).body).toMatchObject({ eventCount: 1, turnCount: 1, traceCount: 1, idReported: true });
    // The root lies in the other session, so the turn reaches over the call alone.
    expect((await get("/inner")).body.turns[0]).toMatchObject({ rootSpanId: null, latencyMs: 0.001 });
  });

  it("lets the trace id stand in for a session that nobody named", async () => {
    await api.ingest(toExportRequest([chat("2", "1")]), owner);
    const id = "2".repeat(32);
    expect((await events(id))[0]?.sessionIdSource).toBe("fallback");
    expect((await get(`/${id}`)).body).toMatchObject({ id, idReported: false });
  });

  it("moves a trace when its session becomes known, and leaves nothing behind", async () => {
    await api.ingest(toExportRequest([chat("3", "2", { parentSpanId: "1".repeat(16) })]), owner);
    const standIn = "3".repeat(32);
    expect((await get(`/${standIn}`)).status).toBe(200);
    await api.ingest(toExportRequest([agent("3", "1", { attributes: { "session.id": "named" } })]), owner);
    expect((await get(`/${standIn}`)).status).toBe(404);
    expect((await events("named")).map((event) => event.type)).toEqual(["llm_call", "response"]);
    const list = await get("?limit=200");
    expect(list.body.data.map((session: { id: string }) => session.id)).not.toContain(standIn);
  });
});

describe("K22: orphans", () => {
  it("are events of the bare trace until their parent comes, then as if it had come first", async () => {
    const child = chat("4", "2", { parentSpanId: "1".repeat(16), attributes: { "session.id": "late" } });
    const root = agent("4", "1", { attributes: { "session.id": "late" } });
    await api.ingest(toExportRequest([child]), owner);
    expect((await events("late"))[0]).toMatchObject({ orphan: true, turnId: "4".repeat(32) });
    await api.ingest(toExportRequest([root]), owner);
    const arrivedLate = await events("late");
    expect(arrivedLate[0]).toMatchObject({ orphan: false, turnId: `${"4".repeat(32)}:${"1".repeat(16)}` });
    const inOrder = { tenantId: "acme", projectId: "in-order" };
    api.addToken("test-token-in-order-001", inOrder);
    await api.ingest(toExportRequest([root, child]), inOrder);
    const response = await fetch(`${api.url}/api/projects/in-order/sessions/late/traces`, {
      headers: { authorization: "Bearer test-token-in-order-001" },
    });
    expect((await response.json()) as object).toMatchObject({ data: arrivedLate });
  });
});

describe("K25: ranges", () => {
  it("are half open, to the nanosecond", async () => {
    await api.ingest(
      toExportRequest([
        agent("5", "1", { attributes: { "session.id": "range" } }),
        chat("5", "2", { parentSpanId: "1".repeat(16), start: start + 100n, end: start + 101n }),
        chat("5", "3", { parentSpanId: "1".repeat(16), start: start + 101n, end: start + 102n }),
        chat("5", "4", { parentSpanId: "1".repeat(16), start: start + 102n, end: start + 103n }),
      ]),
      owner,
    );
    const found = await events(
      "range",
      "?from=2026-05-04T09:00:00.000000101Z&to=2026-05-04T11:00:00.000000102%2B02:00",
    );
    expect(found.map((event) => event.spanId[0])).toEqual(["3"]);
    expect((await events("range", "?minDurationMs=0.000002")).map((event) => event.type)).toEqual(["response"]);
    expect((await events("range", "?order=desc&limit=1")).map((event) => event.type)).toEqual(["response"]);
  });
});

describe("K29: children", () => {
  it("of an event span, a structural span, a leaf, a span that never came, and an unknown one", async () => {
    await api.ingest(
      toExportRequest([
        agent("6", "1", { attributes: { "session.id": "family" } }),
        agent("6", "2", { parentSpanId: "1".repeat(16) }),
        chat("6", "3", { parentSpanId: "2".repeat(16) }),
        chat("6", "4", { parentSpanId: "9".repeat(16), attributes: { "session.id": "family" } }),
      ]),
      owner,
    );
    const children = (span: string, query = "") => get(`/family/traces/${span.repeat(16)}/children${query}`);
    expect((await children("1")).body).toMatchObject({
      self: [{ type: "response" }],
      data: [],
      childSpans: [{ spanId: "2".repeat(16), childCount: 1 }],
    });
    expect((await children("1", "?depth=2")).body.data).toHaveLength(1);
    expect((await children("1", "?depth=all")).body.data).toHaveLength(1);
    expect((await children("2")).body.data).toMatchObject([{ spanId: "3".repeat(16), type: "llm_call" }]);
    expect((await children("3")).body).toMatchObject({ childSpans: [], data: [], page: { total: 0 } });
    expect((await children("9")).body).toMatchObject({
      span: { received: false, name: null, class: null, durationMs: null, parentSpanId: null },
      data: [{ spanId: "4".repeat(16), orphan: true }],
    });
    expect((await children("8")).status).toBe(404);
    expect((await get("/family/traces/xyz/children")).body.errors[0]).toMatchObject({
      parameter: "spanId",
      code: "MALFORMED",
    });
    expect((await children("1", "?depth=0")).status).toBe(400);
  });

  it("asks which trace when the span id occurs in two", async () => {
    for (const trace of ["7", "8"]) {
      await api.ingest(
        toExportRequest([
          agent(trace, "1", { attributes: { "session.id": "twice" } }),
          chat(trace, "2", { parentSpanId: "1".repeat(16) }),
        ]),
        owner,
      );
    }
    const ambiguous = await get(`/twice/traces/${"1".repeat(16)}/children`);
    expect(ambiguous.status).toBe(409);
    expect(ambiguous.body).toMatchObject({ code: "AMBIGUOUS_SPAN", traceIds: ["7".repeat(32), "8".repeat(32)] });
    const one = await get(`/twice/traces/${"1".repeat(16)}/children?traceId=${"8".repeat(32)}`);
    expect(one.body.data).toHaveLength(1);
    expect((await get(`/twice/traces/${"1".repeat(16)}/children?traceId=${"9".repeat(32)}`)).status).toBe(404);
  });
});

describe("hostile spans", () => {
  it("come back as data, whatever they are called", async () => {
    const odd = "__proto__";
    await api.ingest(
      toExportRequest([
        agent("a", "1", {
          name: "<script>alert(1)</script>",
          attributes: {
            "session.id": odd,
            "gen_ai.agent.name": "constructor",
            metadata: JSON.parse('{"__proto__":{"polluted":true},"constructor":"x"}'),
          },
        }),
        chat("a", "2", {
          parentSpanId: "1".repeat(16),
          attributes: {
            "gen_ai.output.messages": `[{"role":"assistant","parts":[{"type":"text","content":"x"}],"finish_reason":"stop"`,
          },
        }),
      ]),
      owner,
    );
    const detail = await get(`/${odd}`);
    expect(detail.status).toBe(200);
    expect(Object.keys(detail.body.metadata).sort()).toEqual(["__proto__", "constructor"]);
    expect((await get(`/${odd}/traces?include=attributes,metrics`)).status).toBe(200);
    expect((await get(`/${odd}/analysis`)).status).toBe(200);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("with times at the ends of what OTLP can say", async () => {
    await api.ingest(
      toExportRequest([
        agent("b", "1", { start: 1n, end: 18_446_744_073_709_551_615n, attributes: { "session.id": "ends" } }),
        chat("b", "2", { parentSpanId: "1".repeat(16), start: 18_446_744_073_709_551_615n, end: 0n }),
      ]),
      owner,
    );
    for (const rest of ["", "/traces", "/traces?view=tree&structure=all", "/metrics", "/analysis"]) {
      expect((await get(`/ends${rest}`)).status, rest).toBe(200);
    }
    expect((await get("?limit=200")).status).toBe(200);
    expect((await get("/generations")).status).toBe(200);
  });
});

describe("limits", () => {
  it("answers 429 over the rate", async () => {
    const limited = await startApiFixture({ ratePerMinute: 3 });
    try {
      limited.addToken(token, owner);
      const statuses: number[] = [];
      let last: Response | undefined;
      for (let index = 0; index < 5; index += 1) {
        last = await fetch(limited.url + base, { headers: { authorization: `Bearer ${token}` } });
        statuses.push(last.status);
      }
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await last?.json()) as object).toMatchObject({
        code: "RATE_LIMIT_EXCEEDED",
        retryAfterMs: expect.any(Number),
      });
    } finally {
      await limited.close();
    }
  });

  it("answers 503 with a hint while the store is away", async () => {
    const away = await startApiFixture();
    try {
      away.addToken(token, owner);
      await away.stopStore();
      for (const rest of ["", "/s", "/s/traces", "/export", "/generations"]) {
        const response = await fetch(away.url + base + rest, { headers: { authorization: `Bearer ${token}` } });
        expect(response.status, rest).toBe(503);
        expect(response.headers.get("retry-after")).toBe("2");
        expect(response.headers.get("content-disposition")).toBeNull();
        expect((await response.json()) as object).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
      }
    } finally {
      await away.close();
    }
  });
});
