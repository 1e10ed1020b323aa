/** The list: tenant-traces.md section 3, checklist T05 to T11. */
import { traceListSchema } from "@nonet/query-api/tenant-traces/response-schemas.ts";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  agent,
  chat,
  newOwner,
  type Owner,
  type SpanInput,
  said,
  span,
  startMs,
  startTracesFixture,
  type TracesFixture,
  tool,
  traceIdOf,
} from "./traces-fixture.ts";

let traces: TracesFixture;

beforeAll(async () => {
  traces = await startTracesFixture();
});

afterAll(() => traces?.close());

/** One agent run with one model call. */
function run(
  trace: string,
  ms: number,
  extra: Record<string, string | number | readonly string[] | object> = {},
): SpanInput[] {
  return [
    span({ trace, id: "root", times: [ms, ms + 100], attributes: agent("helper", { "session.id": `s-${trace}` }) }),
    span({
      trace,
      id: "chat",
      parent: "root",
      times: [ms + 1, ms + 90],
      attributes: chat({ "gen_ai.output.messages": [said("assistant", "Yes.")], ...extra }),
    }),
  ];
}

function idsOf(body: { data: { traceId: string }[] }): string[] {
  return body.data.map((trace) => trace.traceId);
}

function idsNamed(...names: string[]): string[] {
  return names.map(traceIdOf);
}

describe("T05 defaults", () => {
  it("are page 1 of 20, newest first, with the published keys", async () => {
    const owner = newOwner();
    await traces.store(owner, [
      ...run("old", 0, {
        "gen_ai.usage.input_tokens": 820,
        "gen_ai.usage.output_tokens": 60,
        "gen_ai.request.temperature": 0.2,
      }),
      ...run("new", 5000),
      // Of one time to the nanosecond: by trace id.
      ...run("tie-a", 2000),
      ...run("tie-b", 2000),
    ]);
    const { body, headers } = await traces.list(owner);
    traceListSchema.parse(body);
    expect(Object.keys(body)).toEqual(["data", "page", "per_page", "has_more", "next_cursor"]);
    expect({ ...body, data: [] }).toEqual({ data: [], page: 1, per_page: 20, has_more: false, next_cursor: null });
    expect(idsOf(body)).toEqual([traceIdOf("new"), ...idsNamed("tie-a", "tie-b").sort(), traceIdOf("old")]);
    expect(Object.keys(body.data[0])).toEqual([
      "traceId",
      "promptName",
      "status",
      "tags",
      "inputTokens",
      "outputTokens",
      "totalTokens",
      "cost",
      "duration",
      "modelConfig",
      "createdAt",
    ]);
    expect(body.data[3]).toEqual({
      traceId: traceIdOf("old"),
      promptName: "helper",
      status: "completed",
      tags: [],
      inputTokens: 820,
      outputTokens: 60,
      totalTokens: 880,
      cost: 0.00265,
      duration: 100,
      modelConfig: { model: "gpt-4o", provider: "openai", temperature: 0.2 },
      createdAt: "2026-05-04T09:00:00.000Z",
    });
    expect(body.data[0]).toMatchObject({
      inputTokens: null,
      cost: null,
      modelConfig: { model: "gpt-4o", provider: "openai" },
    });
    expect(headers.get("link")).toBe(`</tenants/acme/traces?page=1>; rel="first"`);
  });

  it("leave out traces without events", async () => {
    const owner = newOwner();
    await traces.store(owner, [
      span({ trace: "plain", id: "GET", times: [0, 10], attributes: { "http.request.method": "GET" } }),
      ...run("agentic", 20),
    ]);
    expect(idsOf((await traces.list(owner)).body)).toEqual(idsNamed("agentic"));
    expect((await traces.detail(owner, traceIdOf("plain"))).status).toBe(404);
  });
});

describe("T06 the end of the list", () => {
  it("is told by has_more", async () => {
    const owner = newOwner();
    expect((await traces.list(owner)).body).toEqual({
      data: [],
      page: 1,
      per_page: 20,
      has_more: false,
      next_cursor: null,
    });
    await traces.store(owner, Array.from({ length: 20 }, (_, index) => run(`many ${index}`, index)).flat());
    expect((await traces.list(owner)).body).toMatchObject({ has_more: false, next_cursor: null });
    await traces.store(owner, run("one more", 50));
    const first = (await traces.list(owner)).body;
    expect([first.data.length, first.has_more, typeof first.next_cursor]).toEqual([20, true, "string"]);
    const second = (await traces.list(owner, "?page=2")).body;
    expect([idsOf(second), second.page, second.has_more]).toEqual([idsNamed("many 0"), 2, false]);
    const past = await traces.list(owner, "?page=3");
    expect([past.status, past.body.data, past.body.has_more]).toEqual([200, [], false]);
  });
});

describe("T07 bad parameters", () => {
  const bad: [string, Record<string, string>][] = [
    ["page=0", { page: "OUT_OF_RANGE" }],
    ["page=-1", { page: "OUT_OF_RANGE" }],
    ["page=x", { page: "MALFORMED" }],
    ["page=1.5", { page: "MALFORMED" }],
    ["page=", { page: "MALFORMED" }],
    ["page=1&page=2", { page: "REPEATED" }],
    ["per_page=0", { per_page: "OUT_OF_RANGE" }],
    ["per_page=101", { per_page: "OUT_OF_RANGE" }],
    ["page=200&per_page=100", { page: "OUT_OF_RANGE" }],
    ["page=99999999999999999999999", { page: "OUT_OF_RANGE" }],
    ["status=done", { status: "UNKNOWN_VALUE" }],
    ["perpage=5", { perpage: "UNKNOWN_PARAMETER" }],
    ["from=yesterday", { from: "MALFORMED" }],
    ["from=2026-05-04T10:00:00Z&to=2026-05-04T09:00:00Z", { from: "CONFLICT" }],
    [
      "page=0&per_page=1000&status=done&x=1",
      { page: "OUT_OF_RANGE", per_page: "OUT_OF_RANGE", status: "UNKNOWN_VALUE", x: "UNKNOWN_PARAMETER" },
    ],
  ];
  it.each(bad)("%s is refused, each by name", async (query, codes) => {
    const { status, body, headers } = await traces.list(newOwner(), `?${query}`);
    expect([status, body.code, headers.get("content-type")]).toEqual([
      400,
      "INVALID_PARAMETER",
      "application/problem+json; charset=utf-8",
    ]);
    const told = body.errors.map((error: { parameter: string; code: string }) => [error.parameter, error.code]);
    expect(Object.fromEntries(told)).toEqual(codes);
  });

  it("are told as in the contract", async () => {
    const { body } = await traces.list(newOwner(), "?page=0&per_page=0");
    expect(body).toMatchObject({
      type: "urn:problem-type:trace:invalid-parameter",
      title: "Invalid request parameter",
      status: 400,
      detail: "2 query parameters are not valid.",
      errors: [
        { parameter: "page", code: "OUT_OF_RANGE", detail: "page must be an integer of at least 1." },
        { parameter: "per_page", code: "OUT_OF_RANGE", detail: "per_page must be an integer from 1 to 100." },
      ],
    });
  });

  it("do not include the last page that numbers reach", async () => {
    expect((await traces.list(newOwner(), "?page=100&per_page=100")).status).toBe(200);
  });
});

describe("T08 search", () => {
  const owner = newOwner();
  const prompts = { a: "Order_Support 100%", b: "order-support", c: "ｆｕｌｌ ＷＩＤＴＨ", d: "other" } as const;

  beforeAll(async () => {
    await traces.store(
      owner,
      Object.entries(prompts).flatMap(([name, prompt], index) =>
        run(`search ${name}`, index * 10, {
          "gen_ai.prompt.name": prompt,
          "gen_ai.request.model": name === "d" ? "claude-3-5-haiku" : "gpt-4o",
          ...(name === "b" ? { "gen_ai.response.model": "gpt-4o-2024-08-06" } : {}),
        }),
      ),
    );
  });

  const cases: [string, string, string[]][] = [
    ["part of a prompt name", "support", ["b", "a"]],
    ["another case", "ORDER_S", ["a"]],
    ["a response model", "2024-08", ["b"]],
    ["a request model", "Haiku", ["d"]],
    ["a percent sign", "100%", ["a"]],
    ["a percent sign alone", "%", ["a"]],
    ["an underscore", "order_support", ["a"]],
    ["an asterisk", "order*", []],
    ["a full-width name by plain letters", "full width", ["c"]],
    ["a full-width text", "ＯＲＤＥＲ", ["b", "a"]],
    ["blanks around", "  haiku  ", ["d"]],
    ["nothing", "   ", ["d", "c", "b", "a"]],
    ["two names with what is between them in the store", "other\0claude", []],
    ["200 characters", "x".repeat(200), []],
    ["200 characters and blanks", ` ${"é".repeat(200)} `, []],
  ];
  it.each(cases)("%s", async (_name, text, found) => {
    const { status, body } = await traces.list(owner, `?search=${encodeURIComponent(text)}`);
    expect([status, idsOf(body)]).toEqual([200, idsNamed(...found.map((name) => `search ${name}`))]);
  });

  it("201 characters are too many", async () => {
    const { status, body } = await traces.list(owner, `?search=${"x".repeat(201)}`);
    expect([status, body.errors[0].parameter, body.errors[0].code]).toEqual([400, "search", "OUT_OF_RANGE"]);
  });
});

describe("T09 filters", () => {
  const owner = newOwner();

  beforeAll(async () => {
    const [first, second] = [
      run("f1", 0, { "gen_ai.prompt.name": "greet", "gen_ai.response.model": "gpt-4o-2024-08-06" }),
      run("f2", 1000),
    ];
    await traces.store(owner, [
      ...first,
      ...second,
      span({
        trace: "f3",
        id: "root",
        times: [2000, 2100],
        attributes: agent("helper", { "tag.tags": ["red", "blue"] }),
        status: { code: 2 },
      }),
      span({
        trace: "f4",
        id: "root",
        times: [3000],
        attributes: agent("helper", { "tag.tags": ["blue"], "session.id": "common" }),
      }),
      span({ trace: "f4", id: "tool", parent: "root", times: [3001, 3002], attributes: tool("find", { result: "x" }) }),
      // The session of a span without events: no event lies in it.
      span({
        trace: "f1",
        id: "step",
        parent: "root",
        times: [1, 2],
        attributes: { "traceloop.span.kind": "task", "session.id": "quiet" },
      }),
      span({
        trace: "f2",
        id: "inner",
        parent: "root",
        times: [1001, 1002],
        attributes: tool("find", { result: "x" }),
      }),
    ]);
  });

  const cases: [string, string[]][] = [
    ["status=failed", ["f3"]],
    ["status=running", ["f4"]],
    ["status=completed,failed", ["f3", "f2", "f1"]],
    ["model=gpt-4o-2024-08-06", ["f1"]],
    ["model=gpt-4o,none", ["f2", "f1"]],
    ["model=gpt", []],
    ["prompt=greet", ["f1"]],
    ["prompt=gree", []],
    ["tag=red", ["f3"]],
    ["tag=red,blue", ["f4", "f3"]],
    ["tag=red&tag=blue", ["f4", "f3"]],
    ["session_id=common", ["f4"]],
    ["session_id=s-f1", ["f1"]],
    ["session_id=quiet", []],
    ["from=2026-05-04T09:00:01Z&to=2026-05-04T09:00:03Z", ["f3", "f2"]],
    ["from=2026-05-04T09:00:01.000000001Z", ["f4", "f3"]],
    ["to=2026-05-04T09:00:01Z", ["f1"]],
    ["to=1970-01-01T00:00:00Z", []],
    ["from=9999-01-01T00:00:00Z", []],
    ["to=9999-01-01T00:00:00Z&from=2026-05-04T11:00:03%2B02:00", ["f4"]],
    ["tag=blue&status=failed", ["f3"]],
    ["tag=blue&status=failed&search=zzz", []],
    ["search=helper&model=gpt-4o&from=2026-05-04T09:00:00.5Z", ["f2"]],
  ];
  it.each(cases)("%s", async (query, found) => {
    const { status, body } = await traces.list(owner, `?${query}`);
    expect([status, idsOf(body)]).toEqual([200, idsNamed(...found)]);
  });

  it("cursor with page is a conflict", async () => {
    const { next_cursor } = (await traces.list(owner, "?per_page=1")).body;
    const { status, body } = await traces.list(owner, `?per_page=1&page=1&cursor=${next_cursor}`);
    expect([status, body.errors[0].code]).toEqual([400, "CONFLICT"]);
  });

  it("follow the trace as its spans arrive", async () => {
    const late = newOwner();
    const [root, ...inner] = run("late", 100, { "gen_ai.prompt.name": "greet" });
    await traces.store(late, inner);
    expect((await traces.list(late)).body.data).toMatchObject([
      { promptName: "greet", createdAt: "2026-05-04T09:00:00.101Z" },
    ]);
    await traces.store(late, [
      ...(root === undefined ? [] : [root]),
      span({
        trace: "late",
        id: "chat",
        parent: "root",
        times: [101, 191],
        attributes: chat({ "gen_ai.prompt.name": "welcome", "gen_ai.x": 1, "gen_ai.y": 2 }),
      }),
    ]);
    const { data } = (await traces.list(late)).body;
    expect(data).toMatchObject([{ promptName: "welcome", createdAt: "2026-05-04T09:00:00.100Z" }]);
    expect((await traces.list(late, "?prompt=greet")).body.data).toEqual([]);
    expect(idsOf((await traces.list(late, "?prompt=welcome")).body)).toEqual(idsNamed("late"));
  });
});

describe("T10 a walk", () => {
  it("by cursor neither skips nor repeats while traces arrive and change", async () => {
    const owner = newOwner();
    await traces.store(
      owner,
      Array.from({ length: 30 }, (_, index) => run(`walk ${index}`, Math.floor(index / 3) * 10)).flat(),
    );
    const expected = new Set(idsNamed(...Array.from({ length: 30 }, (_, index) => `walk ${index}`)));
    const seen: string[] = [];
    let query = "?per_page=4";
    for (let step = 1; query !== ""; step += 1) {
      const { body, headers } = await traces.list(owner, query);
      expect(body.page).toBe(step);
      seen.push(...idsOf(body));
      const link = headers.get("link") ?? "";
      expect(link).toContain('rel="first"');
      query = body.next_cursor === null ? "" : `?per_page=${(step % 5) + 1}&cursor=${body.next_cursor}`;
      expect(link.includes('rel="next"')).toBe(body.has_more);
      // Newer ones, and new spans of ones that were or will be seen.
      await traces.store(owner, [
        ...run(`newer ${step}`, 1000 + step),
        span({
          trace: `walk ${step}`,
          id: "extra",
          parent: "root",
          times: [95, 96],
          attributes: tool("find", { result: "x" }),
        }),
      ]);
    }
    expect(seen.filter((id) => expected.has(id))).toHaveLength(30);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("by number gives the same traces, and links that lead through all pages", async () => {
    const owner = newOwner();
    await traces.store(owner, Array.from({ length: 7 }, (_, index) => run(`number ${index}`, index * 10)).flat());
    const all = idsOf((await traces.list(owner)).body);
    const seen: string[] = [];
    let path: string | undefined = "/tenants/acme/traces?per_page=3&search=helper";
    const rels: string[][] = [];
    while (path !== undefined) {
      const { body, headers } = await traces.get(traces.tokenOf(owner), path);
      seen.push(...idsOf(body));
      const links = new Map(
        [...(headers.get("link") ?? "").matchAll(/<([^>]+)>; rel="(\w+)"/g)].map((match) => [match[2], match[1]]),
      );
      rels.push([...links.keys()].map(String));
      path = links.get("next");
    }
    expect(seen).toEqual(all);
    expect(rels).toEqual([
      ["first", "next"],
      ["first", "prev", "next"],
      ["first", "prev"],
    ]);
  });

  it("refuses a cursor of another project, filter or letter", async () => {
    const [owner, other] = [newOwner(), newOwner()];
    for (const each of [owner, other]) await traces.store(each, [...run("c1", 0), ...run("c2", 10)]);
    const { next_cursor: cursor } = (await traces.list(owner, "?per_page=1")).body;
    expect((await traces.list(owner, `?per_page=1&cursor=${cursor}`)).status).toBe(200);
    for (const [each, query] of [
      [other, `?per_page=1&cursor=${cursor}`],
      [owner, `?per_page=1&search=gpt&cursor=${cursor}`],
      [owner, `?cursor=${cursor.slice(0, -1)}${cursor.endsWith("A") ? "B" : "A"}`],
      [owner, "?cursor=nonsense"],
    ] as [Owner, string][]) {
      const { status, body } = await traces.list(each, query);
      expect([status, body.code]).toEqual([400, "INVALID_CURSOR"]);
    }
  });
});

describe("T11 conditional requests", () => {
  it("give 304 until something changes", async () => {
    const owner = newOwner();
    await traces.store(owner, run("tag", 0));
    for (const path of ["/tenants/acme/traces", `/tenants/acme/traces/${traceIdOf("tag")}`]) {
      const first = await traces.get(traces.tokenOf(owner), path);
      const tag = first.headers.get("etag") ?? "";
      expect(tag).toMatch(/^W\/"/);
      expect(first.headers.get("cache-control")).toBe("private, no-cache");
      expect(first.headers.get("vary")).toBe("Authorization, Accept, Accept-Encoding");
      const again = await traces.get(traces.tokenOf(owner), path, { headers: { "if-none-match": tag } });
      expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", tag]);
    }
    const { headers } = await traces.list(owner);
    await traces.store(owner, run("tag 2", 10));
    const changed = await traces.get(traces.tokenOf(owner), "/tenants/acme/traces", {
      headers: { "if-none-match": headers.get("etag") ?? "" },
    });
    expect(changed.status).toBe(200);
  });
});

describe("the list of any traces", () => {
  it("is what sorting and filtering them gives, whatever the order of arrival and the page", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            ms: fc.integer({ min: 0, max: 6 }),
            prompt: fc.constantFrom("alpha", "beta", "Alphabet"),
            tag: fc.constantFrom("x", "y"),
          }),
          { minLength: 1, maxLength: 12 },
        ),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom("", "alpha", "zzz"),
        async (described, perPage, page, search) => {
          const owner = newOwner();
          const named = described.map((each, index) => ({ ...each, name: `any ${owner.projectId} ${index}` }));
          for (const { name, ms, prompt, tag } of named) {
            const [root, inner] = run(name, ms, { "gen_ai.prompt.name": prompt, "tag.tags": [tag] });
            // The root last: until then the trace begins later.
            if (inner !== undefined) await traces.store(owner, [inner]);
            if (root !== undefined) await traces.store(owner, [root]);
          }
          const expected = named
            .filter((each) => each.prompt.toLowerCase().includes(search))
            .map((each) => ({ ...each, id: traceIdOf(each.name) }))
            .sort((a, b) => b.ms - a.ms || (a.id < b.id ? -1 : 1))
            .map((each) => each.id);
          const { body } = await traces.list(owner, `?per_page=${perPage}&page=${page}&search=${search}`);
          expect(idsOf(body)).toEqual(expected.slice((page - 1) * perPage, page * perPage));
          expect(body.has_more).toBe(expected.length > page * perPage);
        },
      ),
      { numRuns: 10 },
    );
  });

  it("has the created time of the clock it was sent with", async () => {
    const owner = newOwner();
    await traces.store(owner, run("clock", 0.999_999));
    expect((await traces.list(owner)).body.data[0].createdAt).toBe(new Date(startMs).toISOString());
  });
});
