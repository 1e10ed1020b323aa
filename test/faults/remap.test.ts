/** Law 10: what another mapping left in the store is, after a remap, what a fresh ingest gives. On the real engine, then by the command line. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import type { LogRecord } from "@nonet/ingest/publish/publisher.ts";
import { createRecordDecoder, type RefoldRecord, type SpanRecord } from "@nonet/processor/consume/decode-records.ts";
import { createHotTraces } from "@nonet/processor/consume/hot-traces.ts";
import { materialize } from "@nonet/processor/consume/materialize.ts";
import { createClickhouseStore } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { columnsOf } from "@nonet/processor/store/clickhouse/table-columns.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import type { TableName } from "@nonet/proto/tables.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { toExportRequest } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { type RemapProgress, type RemapRequest, remapTraces } from "@nonet/standalone/remap-traces.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDistributedFixture } from "../e2e/distributed-fixture.ts";
import { eventually } from "../e2e/service-process.ts";
import { startStandaloneFixture, testApiKey } from "../e2e/standalone-fixture.ts";
import { createMaterializeDeps } from "./materialize-deps.ts";
import { encodeSpan, encodeText } from "./otlp-fixture.ts";

const derivedTables: readonly TableName[] = ["traces", "events", "sessions", "metric_points"];
const oldVersion = mappingVersion + 1_000;
const directory = mkdtempSync(join(tmpdir(), "nonet-remap-"));
let engine: ChdbServer;
let client: ReturnType<typeof createStoreClient>;
let version = 1n;

beforeAll(async () => {
  engine = await startChdbServer({ dataDirectory: directory });
  client = createStoreClient(engine);
  await migrateClickhouse(client);
});
afterAll(async () => {
  await client?.close();
  await engine?.close();
  rmSync(directory, { recursive: true, force: true });
});

const decoder = createRecordDecoder({
  onDefect(ruleId, error) {
    throw new Error(ruleId, { cause: error });
  },
});

function decode(value: Uint8Array): SpanRecord | RefoldRecord {
  const decoded = decoder.decode({ partition: 0, offset: 0n, key: new Uint8Array(), value, timestampMs: 0 });
  if (decoded.kind === "unreadable") throw new Error("unreadable");
  return decoded;
}

function traceIdOf(index: number): string {
  return index.toString(16).padStart(32, "0");
}

/** An agent with one call, in a session of its own. */
function recordsOf(projectId: string, index: number, stamp: number): (SpanRecord | RefoldRecord)[] {
  const ids = { traceId: traceIdOf(index), spanId: "00000000000000a1" };
  const spans = [
    {
      ...ids,
      name: "invoke_agent shop",
      startMs: 0,
      endMs: 900,
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "shop",
        "session.id": `session-${index}`,
      },
    },
    {
      ...ids,
      spanId: "00000000000000a2",
      parentSpanId: ids.spanId,
      name: "chat gpt-4o",
      startMs: 10,
      endMs: 800,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
      },
    },
  ];
  return spans.map((span) =>
    decode(
      encodeRecord({
        kind: "span_events",
        tenantId: "acme",
        projectId,
        receivedUnixNano: 1_777_885_200_000_000_000n,
        mappingVersion: stamp,
        priceVersion: priceTable,
        settingsVersion: 3,
        resource: encodeText("service.name", "shop"),
        scope: new Uint8Array(),
        span: encodeSpan(span),
        resourceSchemaUrl: "",
        scopeSchemaUrl: "",
        spanClass: "",
        ruleId: "",
        events: [],
      }),
    ),
  );
}

/** One batch of a processor that has just started. */
async function process(records: readonly (SpanRecord | RefoldRecord)[]): Promise<void> {
  version += 1n;
  const hot = createHotTraces({ hotTraceCountMax: 1_000, hotTraceBytesMax: 1e9, hotTraceAgeMsMax: 1e9 });
  const store = createClickhouseStore({ client });
  const copies = createMaterializeDeps(client, async () => undefined);
  const deps = { store, hot, ...copies, now: () => 0, onDefect: () => undefined };
  await materialize(records, () => version, deps);
}

async function ingest(projectId: string, count: number, stamp: number): Promise<void> {
  await process(Array.from({ length: count }, (_, index) => recordsOf(projectId, index, stamp)).flat());
}

/**
 * What an older mapping might have left: other names, an event more, a session more. Its rows have the version of a batch before the next one,
 * as those of a processor before an upgrade do.
 */
async function tamper(projectId: string): Promise<void> {
  version += 1n;
  const copy = (table: TableName, changed: Readonly<Record<string, string>>) => {
    const columns = columnsOf(table).filter((column) => column !== "version");
    return client.command({
      query: `INSERT INTO ${table} (version, ${columns.join(", ")})
              SELECT ${version}, ${columns.map((column) => changed[column] ?? column).join(", ")}
              FROM ${table} FINAL WHERE project_id = {project:String}`,
      query_params: { project: projectId },
    });
  };
  await copy("events", { name: "'a name of old'" });
  await copy("events", { event_id: "concat(event_id, '-old')" });
  await copy("sessions", { session_id: "concat(session_id, '-old')" });
}

/** Live derived rows without version and project. Spans are left out: they keep the stamps of their receipt, and everything else follows from them. */
async function liveRows(projectId: string): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const table of derivedTables) {
    const columns = columnsOf(table).filter((column) => !["version", "is_deleted", "project_id"].includes(column));
    const answer = await client.query({
      query: `SELECT ${columns.join(", ")} FROM ${table} FINAL WHERE project_id = {project:String} ORDER BY ALL`,
      query_params: { project: projectId },
      format: "JSONEachRow",
    });
    rows[table] = await answer.json();
  }
  return rows;
}

/** Takes what is published to the processor at once, or fails now and then. */
function publisherOf(published: RefoldRecord[], options: { failFirst?: boolean; deaf?: boolean } = {}) {
  let failed = options.failFirst !== true;
  return {
    async publish(records: readonly LogRecord[]) {
      if (!failed) {
        failed = true;
        throw new PipelineError("OVERLOADED", "come back");
      }
      const refolds = records.map((record) => decode(record.value)).filter((record) => record.kind === "refold");
      published.push(...refolds);
      if (options.deaf !== true) await process(refolds);
      return { topic: "t", partitions: [] };
    },
  };
}

/** What a span would be stamped with now. */
const inForce = async () => ({ settingsVersion: 7, priceVersion: priceTable });

async function remap(request: RemapRequest, published: RefoldRecord[], options: { failFirst?: boolean } = {}) {
  const seen: RemapProgress[] = [];
  const deps = { client, publisher: publisherOf(published, options), inForce, now: () => 1 };
  for await (const progress of remapTraces(request, deps, new AbortController().signal)) seen.push(progress);
  return seen;
}

test("what another mapping left becomes what a fresh ingest gives, and stamps of price and settings stay", async () => {
  await ingest("fresh", 3, mappingVersion);
  const fresh = await liveRows("fresh");
  await ingest("history", 3, oldVersion);
  await tamper("history");
  const tampered = await liveRows("history");
  expect(tampered["events"]?.length).toBe(2 * (fresh["events"]?.length ?? 0));

  const published: RefoldRecord[] = [];
  const seen = await remap({ projectId: "history", all: false }, published, { failFirst: true });
  expect(await liveRows("history")).toEqual(fresh);
  expect(seen.at(-1)).toEqual({ done: 3, total: 3, after: `history/${traceIdOf(2)}`, finished: true });
  expect(published.map(({ record }) => [record.priceVersion, record.settingsVersion, record.reason])).toEqual(
    Array(3).fill([priceTable, 3, "remap"]),
  );

  expect(await remap({ projectId: "history", all: false }, published)).toMatchObject([{ done: 0, finished: true }]);
  expect(await remap({ projectId: "history", all: true }, published)).toMatchObject([{ done: 3 }, { done: 3 }]);
  expect(await liveRows("history")).toEqual(fresh);
});

test("it goes page by page over all projects, and goes on behind a key", async () => {
  await ingest("page-a", 150, oldVersion);
  await ingest("page-b", 100, oldVersion);
  const published: RefoldRecord[] = [];
  const deps = { client, publisher: publisherOf(published), inForce, now: () => 1 };
  const walk = remapTraces({ all: false }, deps, new AbortController().signal);
  const first = (await walk.next()).value as RemapProgress;
  await walk.return(undefined);
  expect(first).toEqual({ done: 200, total: 250, after: `page-b/${traceIdOf(49)}`, finished: false });
  const rest = await remap({ all: true, after: first.after, projectId: "page-b" }, published);
  expect(rest.at(-1)).toMatchObject({ done: 50, total: 50, finished: true });
  expect(new Set(published.map(({ record }) => `${record.projectId}/${record.traceId}`)).size).toBe(250);
});

test("a processor that does not answer is told of, and a key that is none", async () => {
  await ingest("deaf", 2, oldVersion);
  const publisher = publisherOf([], { deaf: true });
  const walk = remapTraces(
    { projectId: "deaf", all: false },
    { client, publisher, inForce, now: () => 1, patienceMs: 300 },
    new AbortController().signal,
  );
  await expect(walk.next()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await expect(remap({ all: true, after: "nonsense" }, [])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

const promisedExecFile = promisify(execFile);

/** What `nonet remap` needs to be told in each shape. */
const shapes = {
  async standalone() {
    const shape = await startStandaloneFixture();
    expect((await fetch(`${shape.adminUrl}/remap`, { method: "POST" })).status).toBe(405);
    return { shape, environment: { NONET_ADMIN_ADDRESS: new URL(shape.adminUrl).host } };
  },
  async distributed() {
    const shape = await startDistributedFixture();
    return { shape, environment: shape.environment };
  },
};

test.each(["standalone", "distributed"] as const)("by the command line: %s", async (name) => {
  await using stack = new AsyncDisposableStack();
  const { shape, environment } = await shapes[name]();
  stack.defer(() => shape.close());
  const start = 1_777_885_200_000_000_000n;
  const body = JSON.stringify(
    toExportRequest([
      {
        traceId: traceIdOf(7),
        spanId: "00000000000000a1",
        name: "chat gpt-4o",
        start,
        end: start + 1_000n,
        attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "session.id": "s" },
      },
    ]),
  );
  const headers = { "content-type": "application/json", authorization: `Bearer ${testApiKey}` };
  const sent = await fetch(`${shape.httpUrl}/v1/traces`, { method: "POST", headers, body });
  expect(sent.status).toBe(200);
  const readEvents = async () => (await shape.get("/api/projects/default/sessions/s/traces")).body;
  await eventually(async () => (await shape.get("/api/projects/default/sessions/s")).status === 200, {
    withinMs: 30_000,
    what: "the session",
  });
  const before = await readEvents();

  const nonet = (...args: string[]) =>
    promisedExecFile(globalThis.process.execPath, ["deploy/standalone/src/cli.ts", "remap", ...args], {
      cwd: new URL("../../", import.meta.url).pathname,
      env: { PATH: globalThis.process.env["PATH"] ?? "", ...environment },
    });
  expect((await nonet()).stdout).toBe("nothing to map again\n");
  const all = await nonet("--all");
  expect(all.stdout).toBe("traces mapped again: 1\n");
  expect(all.stderr).toContain(`1 of 1 traces, up to default/${traceIdOf(7)}`);
  await expect(nonet("--after", "nonsense")).rejects.toMatchObject({ code: 1 });
  expect(await readEvents()).toMatchObject({ data: (before as { data: unknown[] }).data });
});
