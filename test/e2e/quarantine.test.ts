/** What was received and not stored can be found by its reason, read, and sent through the log again. */
import { randomBytes } from "node:crypto";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { openSqliteLog } from "@nonet/proto/sqlite-log.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportJson, modelCall, requestOf, untilQueryable } from "./export-client.ts";
import { eventually } from "./service-process.ts";
import { createReader } from "./shape-under-test.ts";
import { type StandaloneFixture, startStandaloneFixture } from "./standalone-fixture.ts";

let standalone: StandaloneFixture;
beforeAll(async () => {
  standalone = await startStandaloneFixture({
    NONET_RECORD_BYTES_MAX: "1048576",
    NONET_QUARANTINE_ENTRY_BYTES_MAX: "2000000",
  });
});
afterAll(() => standalone?.close());

const path = "/api/projects/default/quarantine";
const secret = "s3cr3t-that-must-not-stay";
const id = (bytes: number) => randomBytes(bytes).toString("hex");
const newCall = (sessionId = `s-${id(4)}`, extra: object = {}) =>
  modelCall({ traceId: id(16), spanId: id(8), sessionId }, extra);

interface Entry {
  readonly id: string;
  readonly reason: string;
  readonly state: string;
  readonly outcome: string | null;
  readonly spanId: string;
  readonly truncated: boolean;
  readonly bytes: string | null;
  readonly decoded: { readonly span: { readonly name: string } } | null;
}

async function list(query = ""): Promise<{ data: Entry[]; reasons: object[]; page: { nextCursor: string | null } }> {
  const { status, body } = await standalone.get(`${path}${query}`);
  expect(status).toBe(200);
  // `as`: the members are looked at one by one.
  return body as Awaited<ReturnType<typeof list>>;
}

async function read(entryId: string, key = standalone.apiKey): Promise<Entry> {
  const { status, body } = await createReader(standalone.apiUrl, key)(`${path}/${entryId}`);
  expect(status).toBe(200);
  return body as Entry;
}

async function replay(body: unknown, options: { key?: string; type?: string } = {}) {
  const response = await fetch(`${standalone.apiUrl}${path}/replay`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${options.key ?? standalone.apiKey}`,
      "content-type": options.type ?? "application/json",
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const held = (query: string, count: number) =>
  eventually(
    async () => {
      const found = await list(query);
      return found.data.length >= count && found.data;
    },
    { withinMs: 10_000, what: `${count} entries of ${query}` },
  );

describe("rejected spans", () => {
  test("are listed by reason and read with their bytes, masked", async () => {
    const attributes = [{ key: "http.request.header.authorization", value: { stringValue: secret } }];
    const spans = [1, 2, 3].map((n) => newCall("s", { name: `bad ${n}`, traceId: "", attributes }));
    await exportJson(standalone, requestOf([newCall(), ...spans]));
    const entries = await held("?reason=invalid_trace_id", 3);
    expect(entries).toHaveLength(3);
    expect(await list("?reason=no_ids")).toMatchObject({ data: [] });
    const entry = await read(entries[0]?.id ?? "");
    expect(entry.decoded).toMatchObject({
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scope: { name: "test" },
      span: { name: "bad 3", attributes: [{ value: { stringValue: "[masked]" } }] },
    });
    expect(Buffer.from(entry.bytes ?? "", "base64").includes(secret)).toBe(false);
    expect((await list()).reasons).toContainEqual({ reason: "invalid_trace_id", count: 3 });
  });

  test("are paged, newest first, without a gap or a repeat", async () => {
    const all = (await list("?limit=500")).data.map((entry) => entry.id);
    const paged: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await list(`?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      paged.push(...page.data.map((entry) => entry.id));
      cursor = page.page.nextCursor;
    }
    expect(paged).toEqual(all);
    expect(all).toEqual(all.toSorted().reverse());
  });

  test("include log records sent to the trace path, masked as well", async () => {
    const { request } = logsRequest(secret);
    const response = await fetch(`${standalone.httpUrl}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf", authorization: `Bearer ${standalone.apiKey}` },
      body: request,
    });
    expect(response.status).toBe(200);
    const [entry] = await held("?reason=no_ids", 1);
    const bytes = Buffer.from((await read(entry?.id ?? "")).bytes ?? "", "base64");
    expect(bytes.includes("hello from a log record")).toBe(true);
    expect(bytes.includes(secret)).toBe(false);
  });

  test("are seen by keys of their project, and read by those that may read content", async () => {
    const control = openControlDatabase({ url: `sqlite:${standalone.dataDirectory}/control.db` });
    await control.createProject({ tenantId: "other", id: "other", actor: "cli" });
    const key = async (projectId: string, scopes: ("traces:read" | "traces:content" | "ingest:write")[]) =>
      (await control.createKey({ projectId, scopes, actor: "cli" })).apiKey;
    const [foreign, narrow, writer] = [
      await key("other", ["traces:read", "ingest:write"]),
      await key("default", ["traces:read"]),
      await key("default", ["ingest:write"]),
    ];
    await control.close();
    const [entry] = (await list()).data;
    expect(await createReader(standalone.apiUrl, foreign)(path)).toMatchObject({ status: 404 });
    const own = createReader(standalone.apiUrl, foreign);
    expect(await own(`/api/projects/other/quarantine/${entry?.id}`)).toMatchObject({ status: 404 });
    expect(await own("/api/projects/other/quarantine")).toMatchObject({ status: 200, body: { data: [], reasons: [] } });
    expect(await read(entry?.id ?? "", narrow)).toMatchObject({ contentWithheld: true, bytes: null, decoded: null });
    expect(await createReader(standalone.apiUrl, writer)(path)).toMatchObject({ status: 403 });
    expect(await replay({ reason: "no_ids" }, { key: narrow })).toMatchObject({ status: 403 });
    expect(await replay({ reason: "no_ids" }, { key: foreign })).toMatchObject({ status: 404 });
  });

  test.each([
    ["?reason=A B", 400],
    ["?limit=0", 400],
    ["?limit=501", 400],
    ["?cursor=x", 400],
    ["?state=gone", 400],
    ["?colour=red", 400],
    ["/00000000-0000-7000-8000-000000000000", 404],
    ["/%00", 404],
    ["/replay", 405],
  ])("GET quarantine%s is %i", async (suffix, status) => {
    expect((await standalone.get(`${path}${suffix}`)).status).toBe(status);
  });
});

describe("replay", () => {
  test.each([
    ["{", 400, "INVALID_BODY"],
    [{}, 400, "INVALID_BODY"],
    [{ ids: [] }, 400, "INVALID_BODY"],
    [{ ids: ["a"], reason: "no_ids" }, 400, "INVALID_BODY"],
    [{ reason: "A B" }, 400, "INVALID_BODY"],
    [null, 400, "INVALID_BODY"],
    [{ ids: Array.from({ length: 1_001 }, () => "a") }, 400, "INVALID_BODY"],
    [{ ids: ["x".repeat(70_000)] }, 413, "PAYLOAD_TOO_LARGE"],
  ])("of a bad body is refused (%#)", async (body, status, code) => {
    expect(await replay(body)).toMatchObject({ status, body: { code } });
  });

  test("of another media type is refused, and of nothing does nothing", async () => {
    expect(await replay({ reason: "no_ids" }, { type: "text/plain" })).toMatchObject({ status: 415 });
    expect(await replay({ ids: ["unknown"] })).toEqual({ status: 202, body: { requested: 0, notReplayable: 0 } });
  });

  test("of what is still wrong holds it again, and says why", async () => {
    const [entry] = (await list("?reason=invalid_trace_id")).data;
    expect(await replay({ ids: [entry?.id] })).toEqual({ status: 202, body: { requested: 1, notReplayable: 0 } });
    const again = await eventually(
      async () => {
        const found = await read(entry?.id ?? "");
        return found.outcome !== null && found;
      },
      { withinMs: 10_000, what: "the outcome" },
    );
    expect(again).toMatchObject({ state: "held", outcome: "still rejected: invalid_trace_id" });
  });

  test("of a span that was too large brings it into its session, once the limit is higher", async () => {
    const sessionId = `s-${id(4)}`;
    const text = { key: "large", value: { stringValue: "x".repeat(1_100_000) } };
    const span = newCall(sessionId);
    const large = { ...span, attributes: [...span.attributes, text] };
    const huge = newCall(sessionId, { attributes: [{ ...text, value: { stringValue: "y".repeat(2_100_000) } }] });
    const { body, receipt } = await exportJson(standalone, requestOf([large, huge]));
    expect(body.partialSuccess?.rejectedSpans).toBe("2");
    const entries = await held("?reason=record_too_large", 2);
    expect(entries.map((entry) => entry.truncated).sort()).toEqual([false, true]);
    await untilQueryable(standalone, receipt);
    expect((await standalone.get(`/api/projects/default/sessions/${sessionId}`)).status).toBe(404);

    standalone.process().signal("SIGTERM");
    expect(await standalone.process().exited).toBe(0);
    standalone.environment["NONET_RECORD_BYTES_MAX"] = "8388608";
    await standalone.restart();
    expect(await replay({ reason: "record_too_large" })).toEqual({
      status: 202,
      body: { requested: 1, notReplayable: 1 },
    });
    await eventually(async () => (await standalone.get(`/api/projects/default/sessions/${sessionId}`)).status === 200, {
      withinMs: 15_000,
      what: "the session of the replayed span",
    });
    expect((await list("?state=replayed")).data).toMatchObject([{ spanId: span.spanId }]);
  });
});

test("a record that cannot be read is dead-lettered, listed with its bytes, and dead-lettered again when replayed", async () => {
  standalone.process().signal("SIGTERM");
  await standalone.process().exited;
  const log = openSqliteLog({
    path: `${standalone.dataDirectory}/log.db`,
    partitionCount: 1,
    synchronous: "FULL",
    backlogBytesMax: 1_000_000_000,
  });
  const traceId = id(16);
  const value = Buffer.from("this is no record");
  log.append([[{ key: partitionKey("default", traceId), value }]], Date.now());
  log.close();
  await standalone.restart();
  const [entry] = await held("?kind=dead_letter", 1);
  expect(entry).toMatchObject({
    reason: "record_unreadable",
    traceId,
    form: "agent_record",
    source: expect.stringMatching(/^agent-events\/0\//),
  });
  expect(await read(entry?.id ?? "")).toMatchObject({ bytes: value.toString("base64"), text: "this is no record" });
  expect(await replay({ reason: "record_unreadable" })).toMatchObject({ body: { requested: 1 } });
  expect((await held("?kind=dead_letter", 2)).map((each) => each.state).sort()).toEqual(["held", "replayed"]);
  // What stands behind it in the log is not held up.
  const { receipt } = await exportJson(standalone, requestOf([newCall()]));
  await untilQueryable(standalone, receipt);
});

/** A request of log records: time at 1, body at 5, attributes at 6, in the envelopes that spans have. */
function logsRequest(value: string): { request: Buffer<ArrayBuffer> } {
  const field = (number: number, ...payload: Buffer[]): Buffer => {
    const bytes = Buffer.concat(payload);
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
  };
  const text = (content: string) => field(1, Buffer.from(content));
  const time = Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8]);
  const attribute = field(6, text("api_key"), field(2, text(value)));
  const record = Buffer.concat([time, field(5, text("hello from a log record")), attribute]);
  return { request: Buffer.from(field(1, field(2, field(2, record)))) };
}
