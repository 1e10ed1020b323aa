/** Export and generations: session-traces.md sections 9 and 10, checklist K41 to K44. */
import { get as httpGet } from "node:http";
import { generationsSchema } from "@nonet/query-api/session-traces/response-schemas.ts";
import { toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import {
  exampleProjectId,
  exampleRequest,
  exampleTenantId,
  firstTurnSpans,
  secondTurnSpans,
} from "@nonet/query-api/session-traces/testdata/worked-example.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const token = "test-token-of-acme-0001";
const readOnly = "test-token-read-only-01";
const owner = { tenantId: exampleTenantId, projectId: exampleProjectId };
const base = `/api/projects/${exampleProjectId}/sessions`;
const startNano = 1_777_885_000_000_000_000n;
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(token, owner);
  api.addToken(readOnly, owner, ["traces:read"]);
  await api.ingest(exampleRequest([...firstTurnSpans, ...secondTurnSpans]), owner);
  await api.ingest(hostileRun(), owner);
});

afterAll(() => api?.close());

/** Text that a spreadsheet would run, or a careless parser would break on. */
const hostile = '=HYPERLINK("http://x","y"),\r\n"quoted" 😀';

function hostileRun(): object {
  const traceId = "ab".repeat(16);
  return toExportRequest([
    {
      traceId,
      spanId: "ab".repeat(8),
      name: "invoke_agent odd",
      start: startNano,
      end: startNano + 5_000_000n,
      attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "-odd", "session.id": '+sess, "1"' },
    },
    {
      traceId,
      spanId: "ac".repeat(8),
      parentSpanId: "ab".repeat(8),
      name: "execute_tool t",
      start: startNano,
      end: startNano + 1_000_000n,
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "t",
        "gen_ai.tool.call.arguments": JSON.stringify({ text: hostile }),
      },
      status: { code: 2 },
      events: [
        {
          name: "exception",
          time: startNano + 500_000n,
          attributes: { "exception.type": "E", "exception.message": hostile },
        },
      ],
    },
  ]);
}

async function call(path: string, bearer = token): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(api.url + path, { headers: { authorization: `Bearer ${bearer}` } });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind
async function callJson(path: string): Promise<any> {
  const answer = await call(path);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text);
}

/** RFC 4180, written apart from the writer: null for a field that is nothing at all. */
function parseCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = [];
  let record: (string | null)[] = [];
  let index = 0;
  while (index < text.length) {
    if (text[index] === '"') {
      let field = "";
      index += 1;
      for (;;) {
        if (text[index] !== '"') field += text[index++];
        else if (text[index + 1] === '"') {
          field += '"';
          index += 2;
        } else break;
      }
      index += 1;
      record.push(field);
    } else {
      const end = /[,\r]/.exec(text.slice(index))?.index ?? 0;
      record.push(end === 0 ? null : text.slice(index, index + end));
      index += end;
    }
    if (text[index] === ",") {
      index += 1;
      if (text[index] === "\r") record.push(null);
    }
    if (text.startsWith("\r\n", index)) {
      records.push(record);
      record = [];
      index += 2;
    }
  }
  expect(record).toEqual([]);
  return records;
}

async function allEvents(): Promise<Map<string, { id: string; sessionId: string; data: object }>> {
  const list = await callJson(base);
  const events = new Map();
  for (const session of list.data) {
    const traces = await callJson(`${base}/${encodeURIComponent(session.id)}/traces`);
    for (const event of traces.data) events.set(event.id, event);
  }
  return events;
}

describe("export", () => {
  it("K41, K43: CSV read again by another parser agrees with /traces on every event", async () => {
    const answer = await call(`${base}/export`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("etag")).toBeNull();
    expect(answer.headers.get("content-disposition")).toMatch(
      /^attachment; filename="traces-prj_7f3k-\d{8}T\d{6}Z\.csv"$/,
    );
    expect(answer.text.endsWith("\r\n")).toBe(true);
    const [header = [], ...rows] = parseCsv(answer.text);
    expect(header.join()).toBe(
      "sessionId,turnIndex,eventId,parentId,traceId,spanId,parentSpanId,type,decisionKind,name,agentName,timestamp,durationMs,status,provider,model,inputTokens,outputTokens,totalTokens,cost,costCurrency,toolName,callId,guardrailResult,guardrailAction,handoffFrom,handoffTo,errorType,errorMessage,data",
    );
    const events = await allEvents();
    expect(rows.map((row) => row[2])).toEqual([...events.keys()].toSorted(byRows(rows)));
    expect(rows).toHaveLength(events.size);
    for (const row of rows) {
      const event = events.get(row[2] ?? "");
      expect(JSON.parse(row[header.indexOf("data")] ?? "")).toEqual(event?.data);
    }
    const error = rows.find(
      (row) => row[header.indexOf("errorType")] === "E" && row[header.indexOf("type")] === "error",
    );
    expect(error?.[header.indexOf("errorMessage")]).toBe(`'${hostile.replace("\r\n", "\n")}`);
    expect(error?.[header.indexOf("sessionId")]).toBe(`'+sess, "1"`);
  });

  it("orders by session start, and by 1.11 within", async () => {
    const lines = (await call(`${base}/export?format=ndjson`)).text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toEqual({ kind: "end", rows: lines.length - 1 });
    const first = await callJson(`${base}/${encodeURIComponent('+sess, "1"')}/traces`);
    const second = await callJson(`${base}/sess_42/traces`);
    const expected = [...first.data, ...second.data].map((event) => ({ kind: "event", ...event }));
    expect(lines.slice(0, -1)).toEqual(expected);
    const json = await callJson(`${base}/export?format=json`);
    expect(json.rows).toBe(lines.length - 1);
    expect(json.data).toEqual([...first.data, ...second.data]);
  });

  it("filters by session, type, model, time; gives chosen columns, a mark, and a header alone", async () => {
    const count = async (query: string): Promise<number> =>
      parseCsv((await call(`${base}/export?${query}`)).text).length - 1;
    expect(await count("sessionId=sess_42,unknown")).toBe(24);
    expect(await count("sessionId=sess_42&eventType=error,handoff")).toBe(3);
    expect(await count("model=gpt-4o-2024-08-06")).toBe(4);
    expect(await count("environment=production")).toBe(24);
    expect(await count("channel=web&agent=billing")).toBeGreaterThan(0);
    expect(await count("sessionStatus=archived")).toBe(0);
    expect(await count("from=2026-05-04T09:01:00.950Z&to=2026-05-04T09:01:01Z")).toBe(2);
    const none = await call(`${base}/export?sessionId=unknown&columns=name,eventId&bom=true`);
    expect(none.status).toBe(200);
    expect(none.text).toBe("name,eventId\r\n");
    expect((await call(`${base}/export?columns=nonsense`)).status).toBe(400);
  });

  it("K04, K05: needs its scope, and withholds content", async () => {
    expect((await call(`${base}/export`, readOnly)).status).toBe(403);
    expect((await call(`${base}/generations?format=csv`, readOnly)).status).toBe(403);
    const noContent = "test-token-no-content-1";
    api.addToken(noContent, owner, ["traces:export"]);
    const answer = await call(`${base}/export?format=ndjson`, noContent);
    expect(answer.text).not.toContain("Order 7731");
    expect(answer.text).not.toContain("HYPERLINK");
  });

  it("says in trailers that it is whole", async () => {
    const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
      httpGet(`${api.url}${base}/export`, { headers: { authorization: `Bearer ${token}` } }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.trailers));
      }).on("error", reject);
    });
    expect(trailers["x-export-status"]).toBe("complete");
    expect(Number(trailers["x-export-rows"])).toBeGreaterThan(24);
  });
});

/** The order of the rows themselves: the maps above are by session, the rows by start of session. */
function byRows(rows: readonly (string | null)[][]): (a: string, b: string) => number {
  const places = new Map(rows.map((row, place) => [row[2], place]));
  return (a, b) => (places.get(a) ?? -1) - (places.get(b) ?? -1);
}

describe("generations", () => {
  it("K44: gives the body of section 10", async () => {
    const body = await callJson(
      `${base}/generations?limit=1&include=aggregates,total&from=2026-05-04T00:00:00Z&to=2026-05-05T00:00:00Z`,
    );
    generationsSchema.parse(body);
    expect(body.data[0]).toMatchObject({
      id: "ev_2d7e00a2836fe346cde5661c87f7b2ea",
      sessionId: "sess_42",
      traceId: "7c1d2a9e0b5f4c38915e6d2a7f80c4b3",
      spanId: "f8091a2b3c4d5e6f",
      turnIndex: 1,
      agentName: "billing",
      timestamp: "2026-05-04T09:01:05.510Z",
      timeUnixNano: "1777885265510000000",
      usage: { inputTokens: 2100, outputTokens: 55, totalTokens: 2155 },
      usagePartial: false,
      cost: {
        amount: 0.0058,
        currency: "USD",
        input: 0.00525,
        output: 0.00055,
        source: "price_table",
        priceTable: "genai-prices@0.1.8",
      },
      latencyMs: 380,
      timeToFirstChunkMs: null,
      outputTokensPerSecond: 144.737,
      parameters: { temperature: 0.2 },
      finishReasons: ["stop"],
      stream: false,
      status: "ok",
      errorType: null,
      content: null,
    });
    expect(body.page).toMatchObject({ limit: 1, count: 1, total: 4, hasMore: true });
    expect(body.aggregates).toEqual({
      count: 4,
      errors: 0,
      sessions: 1,
      tokens: { input: 6100, output: 295, total: 6395, callsMissing: 0 },
      cost: { amount: 0.0182, currency: "USD", unpricedCalls: 0 },
      latency: { meanMs: 820, p50Ms: 850, p95Ms: 1155, maxMs: 1200 },
      byModel: [
        {
          provider: "openai",
          model: "gpt-4o-2024-08-06",
          count: 4,
          errors: 0,
          inputTokens: 6100,
          outputTokens: 295,
          totalTokens: 6395,
          costAmount: 0.0182,
          p50Ms: 850,
          p95Ms: 1155,
        },
      ],
    });
  });

  it("K44: filters, orders and pages", async () => {
    const count = async (query: string): Promise<number> =>
      (await callJson(`${base}/generations?${query}`)).data.length;
    expect(await count("model=gpt-4o")).toBe(4);
    expect(await count("model=other")).toBe(0);
    expect(await count("provider=openai&operation=chat&status=ok&environment=production")).toBe(4);
    expect(await count("promptName=order_support")).toBe(2);
    expect(await count("agent=billing")).toBe(1);
    expect(await count("sessionId=sess_42")).toBe(4);
    expect(await count("minDurationMs=900")).toBe(2);
    expect(await count("minTokens=1740")).toBe(2);
    expect(await count("from=2026-05-04T09:00:00.140Z&to=2026-05-04T09:01:00.100Z")).toBe(2);
    for (const order of ["asc", "desc"]) {
      const all = (await callJson(`${base}/generations?order=${order}`)).data.map((row: { id: string }) => row.id);
      const seen: string[] = [];
      let path = `${base}/generations?order=${order}&limit=1`;
      for (;;) {
        const body = await callJson(path);
        seen.push(...body.data.map((row: { id: string }) => row.id));
        if (!body.page.hasMore) break;
        path = `${base}/generations?order=${order}&limit=1&cursor=${body.page.nextCursor}`;
      }
      expect(seen).toEqual(all);
    }
  });

  it("K44: refuses aggregates over more than 31 days or without a range", async () => {
    const answer = await call(
      `${base}/generations?include=aggregates&from=2026-05-01T00:00:00Z&to=2026-06-02T00:00:00Z`,
    );
    expect(answer.status).toBe(400);
    expect((await call(`${base}/generations?include=aggregates`)).status).toBe(400);
    expect(
      (await call(`${base}/generations?include=aggregates&from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z`)).status,
    ).toBe(200);
  });

  it("gives content only when asked, and empty aggregates for nothing", async () => {
    const full = await callJson(`${base}/generations?content=full&promptName=order_support`);
    expect(full.data[0].content.output[0].parts[0].text).toContain("Order 7731");
    const empty = await callJson(
      `${base}/generations?model=none&include=aggregates&from=2026-05-04T00:00:00Z&to=2026-05-05T00:00:00Z`,
    );
    expect(empty.aggregates).toMatchObject({
      count: 0,
      tokens: { input: 0, output: 0, total: 0 },
      cost: { amount: 0 },
      latency: { meanMs: null, p50Ms: null, p95Ms: null, maxMs: null },
      byModel: [],
    });
  });

  it("streams as CSV and NDJSON", async () => {
    const csv = parseCsv((await call(`${base}/generations?format=csv&order=asc`)).text);
    expect(csv).toHaveLength(5);
    expect(csv[0]?.slice(0, 3)).toEqual(["id", "sessionId", "traceId"]);
    expect(csv[1]?.[csv[0]?.indexOf("inputTokens") ?? 0]).toBe("820");
    const lines = (await call(`${base}/generations?format=ndjson`)).text.trim().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({ kind: "end", rows: 4 });
  });
});
