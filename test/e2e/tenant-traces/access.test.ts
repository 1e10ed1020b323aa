/** Access and content: tenant-traces.md section 2, checklist T01 to T04. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Answered,
  agent,
  call,
  chat,
  newOwner,
  said,
  span,
  startTracesFixture,
  type TracesFixture,
  tool,
  traceIdOf,
} from "./traces-fixture.ts";

const own = { tenantId: "acme", projectId: "shop" };
const sibling = { tenantId: "acme", projectId: "bank" };
const foreign = { tenantId: "rival", projectId: "rival-shop" };
const path = "/tenants/acme/traces";
const secret = "the secret of the day";
let traces: TracesFixture;

beforeAll(async () => {
  traces = await startTracesFixture();
  for (const [owner, name] of [
    [own, "own"],
    [sibling, "sibling"],
    [foreign, "foreign"],
  ] as const) {
    await traces.store(owner, secretTrace(name));
  }
});

afterAll(() => traces?.close());

function secretTrace(trace: string) {
  return [
    span({
      trace,
      id: "root",
      times: [0, 900],
      attributes: agent("helper", { "session.id": `s-${trace}` }),
      status: { code: 2, message: secret },
    }),
    span({
      trace,
      id: "chat",
      parent: "root",
      times: [10, 400],
      attributes: chat({
        "gen_ai.input.messages": [said("system", secret), said("user", secret)],
        "gen_ai.output.messages": [
          { ...said("assistant", secret, call("find", { q: secret }, "call_1")), finish_reason: "tool_calls" },
        ],
        "gen_ai.tool.definitions": [
          { type: "function", function: { name: "find", description: secret, parameters: { secret } } },
        ],
        "llm.invocation_parameters": { user: secret },
      }),
    }),
    span({
      trace,
      id: "find",
      parent: "root",
      times: [410, 500],
      attributes: tool("find", { id: "call_1", args: { q: secret }, result: secret }),
      status: { code: 2, message: secret },
    }),
  ];
}

/** All that must not tell two answers apart. */
function comparable({ status, headers, text }: Answered): unknown {
  const kept = [...headers].filter(([name]) => !/^(x-request-id|date|x-ratelimit-.*)$/.test(name));
  return { status, headers: kept, text: text.replace(/"requestId":"[^"]+"/, "") };
}

describe("T01 a request without a good key", () => {
  it("is told that a key is needed when it has none, or one of another scheme", async () => {
    for (const answer of [
      await traces.get(undefined, path),
      await traces.get(undefined, path, { headers: { authorization: "Basic c2tfdGVzdDp4" } }),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.body.code).toBe("UNAUTHORIZED");
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="traces"');
    }
  });

  it("is answered alike for unknown, malformed, revoked and expired keys", async () => {
    const revoked = traces.tokenOf(own, ["traces:read"]);
    traces.api.removeToken(revoked);
    const unknown = await traces.get("sk_test_unknownunknownunknown00", path);
    expect(unknown.headers.get("www-authenticate")).toBe('Bearer realm="traces", error="invalid_token"');
    for (const token of [revoked, "short", "sk_live_neverexisted00000000000"]) {
      expect(comparable(await traces.get(token, path))).toEqual(comparable(unknown));
    }
  });
});

describe("T02 a key without traces:read", () => {
  it("is refused at its own tenant, and sees no other", async () => {
    const token = traces.tokenOf(own, ["traces:content"]);
    const refused = await traces.get(token, `${path}?page=0`);
    expect(refused.status).toBe(403);
    expect(refused.body.code).toBe("FORBIDDEN");
    expect(refused.headers.get("www-authenticate")).toBe(
      'Bearer realm="traces", error="insufficient_scope", scope="traces:read"',
    );
    expect((await traces.get(token, "/tenants/rival/traces")).status).toBe(404);
  });
});

describe("T03 what is not the key's own", () => {
  it("is answered as what never existed", async () => {
    const token = traces.tokenOf(own);
    const made = await traces.get(token, `${path}/${traceIdOf("made up")}`);
    expect(made.status).toBe(404);
    expect(made.body.code).toBe("NOT_FOUND");
    for (const other of [
      "/tenants/rival/traces",
      "/tenants/nobody/traces",
      `/tenants/rival/traces/${traceIdOf("foreign")}`,
      `${path}/${traceIdOf("sibling")}`,
      `${path}/${traceIdOf("foreign")}`,
      "/tenants/not%20an%20id/traces",
    ]) {
      expect(comparable(await traces.get(token, other)), other).toEqual(comparable(made));
    }
  });

  it("is in no list", async () => {
    expect((await traces.list(own)).body.data.map((trace: { traceId: string }) => trace.traceId)).toEqual([
      traceIdOf("own"),
    ]);
    expect((await traces.detail(sibling, traceIdOf("sibling"))).body.metadata.session_id).toBe("s-sibling");
  });

  it("keeps the same trace id of two projects apart", async () => {
    const [first, second] = [newOwner(), newOwner()];
    await traces.store(first, [span({ trace: "twin", id: "root", times: [0, 100], attributes: agent("one") })]);
    await traces.store(second, [span({ trace: "twin", id: "root", times: [0, 200], attributes: agent("two") })]);
    expect((await traces.detail(first, traceIdOf("twin"))).body).toMatchObject({ promptName: "one", duration: 100 });
    expect((await traces.detail(second, traceIdOf("twin"))).body).toMatchObject({ promptName: "two", duration: 200 });
  });
});

describe("T04 a key without traces:content", () => {
  it("gets no text, and no 304 against a full body's tag", async () => {
    const [full, bare] = [traces.tokenOf(own), traces.tokenOf(own, ["traces:read"])];
    const detailPath = `${path}/${traceIdOf("own")}?include=events`;
    const seen = await traces.get(full, detailPath);
    expect(seen.text).toContain(secret);
    expect(seen.body.contentWithheld).toBeUndefined();
    for (const each of [path, `${path}/${traceIdOf("own")}`, detailPath]) {
      const withheld = await traces.get(bare, each);
      expect(withheld.status).toBe(200);
      expect(withheld.text).not.toContain(secret);
      const tag = (await traces.get(full, each)).headers.get("etag") ?? "";
      expect((await traces.get(bare, each, { headers: { "if-none-match": tag } })).status).toBe(200);
    }
    const { body } = await traces.get(bare, detailPath);
    expect(body).toMatchObject({
      contentWithheld: true,
      messages: [],
      output: { message: null, success: false, toolCalls: [{ id: "call_1", name: "find", args: {} }] },
      error: { message: null },
      inputTokens: null,
      usage: { calls: 1 },
      tools: [{ name: "find", description: null, parameters: null, metadata: {} }],
    });
    expect(body.events.every((event: { contentWithheld?: boolean }) => event.contentWithheld)).toBe(true);
  });
});

describe("section 2.1", () => {
  it("answers HEAD as GET without a body, and other methods with 405", async () => {
    const token = traces.tokenOf(own);
    const get = await traces.get(token, path);
    const head = await traces.get(token, path, { method: "HEAD" });
    expect([head.status, head.text, head.headers.get("etag")]).toEqual([200, "", get.headers.get("etag")]);
    const post = await traces.get(token, path, { method: "POST" });
    expect([post.status, post.headers.get("allow"), post.body.code]).toEqual([405, "GET, HEAD", "METHOD_NOT_ALLOWED"]);
  });

  it("is documented", async () => {
    const { body } = await traces.get(undefined, "/openapi.json");
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(["/tenants/{tenantId}/traces", "/tenants/{tenantId}/traces/{traceId}"]),
    );
  });
});
