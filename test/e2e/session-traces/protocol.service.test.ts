/** Access and protocol: session-traces.md section 2, checklist K01 to K11 and K45. */
import { createHash } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type SpanInput, toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiFixture, startApiFixture } from "./api-fixture.ts";

const tokenA = "test-token-project-a-01";
const tokenB = "test-token-project-b-01";
const noContent = "test-token-no-content-1";
const noRead = "test-token-no-reading-1";
const exporter = "test-token-exporting-01";
const a = { tenantId: "acme", projectId: "project-a" };
const b = { tenantId: "acme", projectId: "project-b" };
const startMs = Date.parse("2026-05-04T09:00:00Z");
const baseA = "/api/projects/project-a/sessions";
const baseB = "/api/projects/project-b/sessions";
let api: ApiFixture;

beforeAll(async () => {
  api = await startApiFixture();
  api.addToken(tokenA, a);
  api.addToken(tokenB, b);
  api.addToken(noContent, a, ["traces:read"]);
  api.addToken(noRead, a, ["traces:export"]);
  api.addToken(exporter, a, ["traces:export", "traces:content"]);
  await api.ingest(agentRun("shared", 0), a);
  await api.ingest(agentRun("shared", 1), b);
  await api.ingest(agentRun("only-b", 2), b);
});

afterAll(() => api?.close());

function idOf(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** An agent with one model call that says something, in a session. */
function agentRun(sessionId: string, index: number, options: { at?: number; calls?: number } = {}): object {
  const traceId = idOf(`trace ${sessionId} ${index}`, 32);
  const rootId = idOf(`root ${sessionId} ${index}`, 16);
  const base = BigInt(startMs + (options.at ?? index * 1000)) * 1_000_000n;
  const spans: SpanInput[] = [
    {
      traceId,
      spanId: rootId,
      name: "invoke_agent helper",
      start: base,
      end: base + 900_000_000n,
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "helper",
        "session.id": sessionId,
        metadata: { secretPlan: "gold" },
      },
    },
  ];
  for (let call = 0; call < (options.calls ?? 1); call += 1) {
    spans.push({
      traceId,
      spanId: idOf(`call ${sessionId} ${index} ${call}`, 16),
      parentSpanId: rootId,
      name: "chat gpt-4o",
      start: base + BigInt(call) * 1000n,
      end: base + BigInt(call) * 1000n + 500n,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: "the secret question" }] }],
        "gen_ai.output.messages": [{ role: "assistant", parts: [{ type: "text", content: "the secret answer" }] }],
      },
    });
  }
  return toExportRequest(spans);
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every kind
  readonly body: any;
}

async function call(
  path: string,
  init: { token?: string; headers?: Record<string, string>; method?: string } = {},
): Promise<Answered> {
  const headers = { ...(init.token === undefined ? {} : { authorization: `Bearer ${init.token}` }), ...init.headers };
  const response = await fetch(api.url + path, { method: init.method ?? "GET", headers });
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== "" ? JSON.parse(text) : undefined,
  };
}

/** As it comes over the wire: `fetch` would decode it. */
async function raw(
  path: string,
  headers: Record<string, string>,
  method = "GET",
): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  const sent = httpRequest(api.url + path, { method, headers: { authorization: `Bearer ${tokenA}`, ...headers } });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve).on("error", reject).end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

function decoded(body: Buffer, encoding: string): Buffer {
  return encoding === "br" ? brotliDecompressSync(body) : encoding === "gzip" ? gunzipSync(body) : body;
}

/** What must not tell one answer from another: all but ids, dates and limits. */
function comparable({ status, headers, body }: Answered): unknown {
  const kept = [...headers].filter(([name]) => !/^(x-request-id|date|x-ratelimit-.*)$/.test(name));
  const { requestId: _requestId, ...rest } = body;
  return { status, headers: Object.fromEntries(kept), rest };
}

describe("access", () => {
  it("K01: refuses what is no valid token, alike", async () => {
    const none = await call(baseA);
    expect(none.status).toBe(401);
    expect(none.headers.get("www-authenticate")).toBe('Bearer realm="traces"');
    expect(none.headers.get("content-type")).toContain("application/problem+json");
    for (const authorization of ["", "Basic dXNlcjpwYXNz"]) {
      expect((await call(baseA, { headers: { authorization } })).status).toBe(401);
    }
    const answers = [];
    for (const token of ["unknown-token-000001", "revoked-token-000001", "short", "expired token with blanks"]) {
      const answer = await call(baseA, { token });
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="traces", error="invalid_token"');
      answers.push(comparable(answer));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("takes the same key in X-API-Key and refuses two that differ", async () => {
    expect((await call(baseA, { headers: { "x-api-key": tokenA } })).status).toBe(200);
    expect((await call(baseA, { token: tokenA, headers: { "x-api-key": tokenB } })).status).toBe(401);
    expect((await call(`${baseA}?token=${tokenA}`)).status).toBe(401);
  });

  it("K02: a foreign project is one that never existed, whatever is asked of it", async () => {
    for (const rest of ["", "?limit=5", "?limit=x&nonsense=1", "/only-b", "/only-b/traces", "/%E0%A4%A/traces"]) {
      const foreign = await call(baseB + rest, { token: tokenA });
      const never = await call(`/api/projects/never-was/sessions${rest}`, { token: tokenA });
      const malformed = await call(`/api/projects/${encodeURIComponent("no id!")}/sessions${rest}`, { token: tokenA });
      expect(foreign.status).toBe(404);
      expect(comparable(foreign)).toEqual(comparable(never));
      expect(comparable(foreign)).toEqual(comparable(malformed));
    }
  });

  it("K03: a session of another project is one that never existed", async () => {
    const spanId = idOf("root only-b 2", 16);
    for (const rest of ["", "/traces", "/metrics", `/traces/${spanId}/children`]) {
      const foreign = await call(`${baseA}/only-b${rest}`, { token: tokenA });
      const never = await call(`${baseA}/never-was${rest}`, { token: tokenA });
      expect(foreign.status).toBe(404);
      expect(comparable(foreign)).toEqual(comparable(never));
    }
    expect((await call(`${baseA}/shared/traces/${spanId}/children`, { token: tokenA })).status).toBe(404);
  });

  it("K04: a missing scope is a 403 in the own project and a 404 elsewhere", async () => {
    const own = await call(`${baseA}?nonsense=1`, { token: noRead });
    expect(own.status).toBe(403);
    expect(own.headers.get("www-authenticate")).toBe(
      'Bearer realm="traces", error="insufficient_scope", scope="traces:read"',
    );
    expect((await call(baseB, { token: noRead })).status).toBe(404);
  });

  it("K05: without traces:content nobody learns what was said", async () => {
    const path = `${baseA}/shared/traces?include=attributes`;
    const full = await call(path, { token: tokenA });
    expect(full.text).toContain("secret question");
    const spanId = idOf("root shared 0", 16);
    for (const query of [
      path,
      `${path}&content=full`,
      `${baseA}/shared/traces/${spanId}/children?include=attributes`,
    ]) {
      const withheld = await call(query, { token: noContent });
      expect(withheld.status).toBe(200);
      expect(withheld.text).not.toContain("secret");
      for (const event of withheld.body.data) expect(event.contentWithheld).toBe(true);
    }
    const conditional = await call(path, {
      token: noContent,
      headers: { "if-none-match": full.headers.get("etag") ?? "" },
    });
    expect(conditional.status).toBe(200);
  });

  it("K06: equal session ids in two projects never mix", async () => {
    const ofA = await call(`${baseA}/shared/traces`, { token: tokenA });
    const ofB = await call(`${baseB}/shared/traces`, { token: tokenB });
    expect(new Set(ofA.body.data.map((event: { traceId: string }) => event.traceId))).toEqual(
      new Set([idOf("trace shared 0", 32)]),
    );
    expect(new Set(ofB.body.data.map((event: { traceId: string }) => event.traceId))).toEqual(
      new Set([idOf("trace shared 1", 32)]),
    );
  });
});

describe("protocol", () => {
  it("K07, K08: lists all bad parameters in a problem", async () => {
    const answer = await call(
      `${baseA}/shared/traces?eventType=llmcall&limit=0&nonsense=1&content=full&content=none&turn=&from=2026-05-05T00:00:00Z&to=yesterday`,
      { token: tokenA, headers: { "x-request-id": "my-own-id-1" } },
    );
    expect(answer.status).toBe(400);
    expect(answer.headers.get("x-request-id")).toBe("my-own-id-1");
    expect(answer.body).toMatchObject({
      type: "urn:problem-type:trace:invalid-parameter",
      title: "Invalid request parameter",
      status: 400,
      code: "INVALID_PARAMETER",
      requestId: "my-own-id-1",
    });
    const codes = Object.fromEntries(
      answer.body.errors.map((error: { parameter: string; code: string }) => [error.parameter, error.code]),
    );
    expect(codes).toEqual({
      eventType: "UNKNOWN_VALUE",
      limit: "OUT_OF_RANGE",
      nonsense: "UNKNOWN_PARAMETER",
      content: "REPEATED",
      turn: "MALFORMED",
      to: "MALFORMED",
    });
    const conflict = await call(`${baseA}?from=2026-05-05T00:00:00Z&to=2026-05-05T00:00:00Z`, { token: tokenA });
    expect(conflict.body.errors[0].code).toBe("CONFLICT");
  });

  it("K08: POST is 405 with Allow", async () => {
    const answer = await call(`${baseA}/shared/traces`, { token: tokenA, method: "POST" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
  });

  it("answers 406, 414, and a path that is none", async () => {
    expect((await call(baseA, { token: tokenA, headers: { accept: "text/html" } })).status).toBe(406);
    expect((await call(baseA, { token: tokenA, headers: { accept: "text/html, application/*;q=0.1" } })).status).toBe(
      200,
    );
    expect((await call(`${baseA}?q=${"x".repeat(8200)}`, { token: tokenA })).status).toBe(414);
    expect((await call(`${baseA}/shared/nothing`, { token: tokenA })).status).toBe(404);
  });

  it("does not care for a trailing slash, and decodes a path once", async () => {
    expect((await call(`${baseA}/`, { token: tokenA })).status).toBe(200);
    const odd = 'a/b %41?&"ü';
    await api.ingest(agentRun(odd, 7), a);
    const answer = await call(`${baseA}/${encodeURIComponent(odd)}/traces/`, { token: tokenA });
    expect(answer.status).toBe(200);
    expect(answer.body.session.id).toBe(odd);
    expect((await call(`${baseA}/%zz`, { token: tokenA })).status).toBe(404);
  });

  it("K09: an entity tag is stable, answers 304, and changes with a span", async () => {
    await api.ingest(agentRun("tagged", 0), a);
    const first = await call(`${baseA}/tagged/traces`, { token: tokenA });
    const tag = first.headers.get("etag") ?? "";
    expect(tag).toMatch(/^W\/"/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    expect(first.headers.get("vary")).toBe("Authorization, Accept, Accept-Encoding");
    expect((await call(`${baseA}/tagged/traces`, { token: tokenA })).headers.get("etag")).toBe(tag);
    const unchanged = await call(`${baseA}/tagged/traces`, {
      token: tokenA,
      headers: { "if-none-match": `"x", ${tag}` },
    });
    expect(unchanged.status).toBe(304);
    expect(unchanged.text).toBe("");
    expect(unchanged.headers.get("etag")).toBe(tag);
    const before = await call(`${baseA}/tagged`, { token: tokenA });
    await api.ingest(agentRun("tagged", 1), a);
    const after = await call(`${baseA}/tagged`, { token: tokenA });
    expect(after.body.revision).toBeGreaterThan(before.body.revision);
    const changed = await call(`${baseA}/tagged/traces`, { token: tokenA, headers: { "if-none-match": tag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).not.toBe(tag);
  });

  it("K10: a walk by cursor neither skips nor repeats while spans arrive", async () => {
    await api.ingest(agentRun("walked", 0, { calls: 60 }), a);
    const all = await call(`${baseA}/walked/traces`, { token: tokenA });
    const wanted = all.body.data.map((event: { id: string }) => event.id);
    const seen: string[] = [];
    let path = `${baseA}/walked/traces?limit=7`;
    for (let page = 0; ; page += 1) {
      const answer = await call(path, { token: tokenA });
      expect(answer.status).toBe(200);
      seen.push(...answer.body.data.map((event: { id: string }) => event.id));
      if (!answer.body.page.hasMore) break;
      path = /<([^>]+)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1] ?? "no link";
      // Before and after what was read.
      if (page === 2) await api.ingest(agentRun("walked", 1, { at: -5000, calls: 5 }), a);
      if (page === 4) await api.ingest(agentRun("walked", 2, { at: 5000, calls: 3 }), a);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => wanted.includes(id))).toEqual(wanted);
    // What arrived later and sorts after the cursor appears: three calls and their response.
    expect(seen.length).toBe(wanted.length + 4);
  });

  it("K10: refuses a cursor of another request, or an altered one", async () => {
    const page = await call(`${baseA}/walked/traces?limit=1`, { token: tokenA });
    const cursor: string = page.body.page.nextCursor;
    expect((await call(`${baseA}/walked/traces?limit=3&cursor=${cursor}`, { token: tokenA })).status).toBe(200);
    const altered = `${cursor.slice(0, 20)}${cursor[20] === "A" ? "B" : "A"}${cursor.slice(21)}`;
    for (const path of [
      `${baseA}/walked/traces?eventType=error&cursor=${cursor}`,
      `${baseA}/shared/traces?cursor=${cursor}`,
      `${baseA}?cursor=${cursor}`,
      `${baseA}/walked/traces?cursor=${altered}`,
      `${baseA}/walked/traces?cursor=${cursor}A`,
      `${baseA}/walked/traces?cursor=`,
    ]) {
      const answer = await call(path, { token: tokenA });
      expect(answer.status, path).toBe(400);
      expect(answer.body.code).toBe("INVALID_CURSOR");
    }
    expect((await call(`${baseB}/shared/traces?cursor=${cursor}`, { token: tokenB })).body.code).toBe("INVALID_CURSOR");
  });

  it("K11: HEAD equals GET without a body", async () => {
    const get = await call(`${baseA}/shared/traces`, { token: tokenA });
    const head = await call(`${baseA}/shared/traces`, { token: tokenA, method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.text).toBe("");
    for (const name of ["etag", "content-type", "content-length", "cache-control"]) {
      expect(head.headers.get(name), name).toBe(get.headers.get(name));
    }
  });

  it.each(["br", "gzip", "identity"])(
    "K09, K11: an answer in %s has the same tag, length and headers by HEAD",
    async (encoding) => {
      const path = `${baseA}/shared/traces`;
      const headers = { "accept-encoding": encoding };
      const plain = await raw(path, { "accept-encoding": "identity" });
      const get = await raw(path, headers);
      const head = await raw(path, headers, "HEAD");
      expect(get.headers["content-encoding"]).toBe(encoding === "identity" ? undefined : encoding);
      expect(get.headers.vary).toBe("Authorization, Accept, Accept-Encoding");
      expect(Number(get.headers["content-length"])).toBe(get.body.length);
      expect(get.headers.etag).toBe(plain.headers.etag);
      expect(decoded(get.body, encoding)).toEqual(plain.body);
      expect(head.body).toHaveLength(0);
      for (const name of Object.keys(get.headers)) {
        if (!/^(x-request-id|date|x-ratelimit-.*)$/.test(name))
          expect(head.headers[name], name).toEqual(get.headers[name]);
      }
      const same = await raw(path, { ...headers, "if-none-match": plain.headers.etag ?? "" });
      expect([same.status, same.body.length, same.headers["content-encoding"]]).toEqual([304, 0, undefined]);
    },
  );

  it.each(["br", "gzip"])("K11, K41: an export in %s is the plain one", async (encoding) => {
    const path = `${baseA}/export?format=csv`;
    const key = { authorization: `Bearer ${exporter}` };
    const plain = await raw(path, { ...key, "accept-encoding": "identity" });
    const get = await raw(path, { ...key, "accept-encoding": encoding });
    const head = await raw(path, { ...key, "accept-encoding": encoding }, "HEAD");
    expect([get.status, get.headers["content-encoding"], get.headers.vary]).toEqual([200, encoding, "Accept-Encoding"]);
    expect([head.status, head.headers["content-encoding"]]).toEqual([200, encoding]);
    expect(decoded(get.body, encoding)).toEqual(plain.body);
  });

  it("tells the limit on every authenticated answer", async () => {
    for (const path of [baseA, `${baseA}/never-was`, `${baseA}?x=1`]) {
      const answer = await call(path, { token: tokenA });
      for (const name of ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]) {
        expect(answer.headers.get(name), `${path} ${name}`).toMatch(/^\d+$/);
      }
    }
  });

  it("answers a head that is too large to be read, and the next request", async () => {
    const answers = [];
    for (const characters of [70_000, 3_000_000]) {
      const { status, body } = await raw(`${baseA}?q=${"x".repeat(characters)}`, {});
      answers.push([status, JSON.parse(body.toString()).code]);
    }
    expect(answers).toEqual(Array(2).fill([431, "HEAD_TOO_LARGE"]));
    expect((await call(baseA, { token: tokenA })).status).toBe(200);
  });

  it("survives a target that is no URL", async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { hostname, port } = new URL(api.url);
      const sent = httpRequest(
        { hostname, port, path: "/api/projects/%/sessions/%ff?%=%", headers: { authorization: `Bearer ${tokenA}` } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      sent.on("error", reject).end();
    });
    expect(status).toBe(404);
  });
});

describe("K45: the list", () => {
  const other = { tenantId: "acme", projectId: "listed" };
  const token = "test-token-listed-00001";
  const base = "/api/projects/listed/sessions";

  beforeAll(async () => {
    api.addToken(token, other);
    for (let index = 0; index < 30; index += 1) await api.ingest(agentRun(`s${index % 10}`, index), other);
    await api.ingest(agentRun("old", 0, { at: -200 * 3_600_000 }), other);
  });

  async function ids(query: string): Promise<string[]> {
    const answer = await call(`${base}?${query}`, { token });
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data.map((session: { id: string }) => session.id);
  }

  it("sorts both ways by both times", async () => {
    const byStart = ["old", ...Array.from({ length: 10 }, (_, index) => `s${index}`)];
    expect(await ids("sort=startedAt")).toEqual(byStart);
    expect(await ids("sort=-startedAt")).toEqual(byStart.toReversed());
    expect(await ids("sort=lastActivityAt")).toEqual(byStart);
    expect(await ids("sort=-lastActivityAt")).toEqual(byStart.toReversed());
  });

  it("walks by cursor over windows of hours", async () => {
    for (const sort of ["startedAt", "-startedAt", "lastActivityAt", "-lastActivityAt"]) {
      const seen: string[] = [];
      let cursor = "";
      do {
        const answer = await call(`${base}?limit=3&sort=${sort}${cursor === "" ? "" : `&cursor=${cursor}`}`, { token });
        seen.push(...answer.body.data.map((session: { id: string }) => session.id));
        cursor = answer.body.page.nextCursor ?? "";
      } while (cursor !== "");
      expect(seen).toEqual(await ids(`sort=${sort}`));
    }
  });

  it("filters", async () => {
    expect(await ids("q=OL")).toEqual(["old"]);
    expect(await ids("q=HELP&limit=1")).toHaveLength(1);
    expect(await ids("agent=helper,other")).toHaveLength(11);
    expect(await ids("agent=other")).toEqual([]);
    expect(await ids("model=gpt-4o")).toHaveLength(11);
    expect(await ids("hasErrors=true")).toEqual([]);
    expect(await ids("hasErrors=false")).toHaveLength(11);
    expect(await ids("to=2026-05-04T09:00:00Z")).toEqual(["old"]);
    expect(await ids("from=2026-05-04T09:00:03Z&to=2026-05-04T09:00:05Z")).toEqual(["s4", "s3"]);
    expect(await ids("activeTo=2026-05-04T00:00:00Z")).toEqual(["old"]);
    // Times that no span can have are times all the same.
    expect(await ids("from=2600-01-01T00:00:00Z&activeFrom=9999-01-01T00:00:00Z")).toEqual([]);
    expect(await ids("to=9999-12-31T00:00:00Z&activeTo=2555-01-01T00:00:00Z")).toHaveLength(11);
    expect(await ids("environment=production")).toEqual([]);
  });

  it("counts on request", async () => {
    const answer = await call(`${base}?limit=2&include=total`, { token });
    expect(answer.body.page).toMatchObject({ count: 2, total: 11, hasMore: true });
  });

  it("judges the status in the store as in memory", async () => {
    for (const minutes of [-1, 0, 0.9, 1.1, 20, 29, 31, 60 * 24 * 30]) {
      api.setNow(startMs + minutes * 60_000);
      const all = await call(`${base}?limit=200`, { token });
      const byStatus = Map.groupBy(all.body.data as { id: string; status: string }[], (session) => session.status);
      let found = 0;
      for (const [status, sessions] of byStatus) {
        const filtered = await call(`${base}?limit=200&include=total&status=${status}`, { token });
        expect(filtered.body.data.map((session: { id: string }) => session.id)).toEqual(
          sessions.map((session) => session.id),
        );
        expect(filtered.body.page.total).toBe(sessions.length);
        found += sessions.length;
      }
      expect(found).toBe(11);
    }
  });
});
