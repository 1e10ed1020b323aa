/**
 * The verifier finds nothing in what the pipeline stored, and finds each kind of tampering, named. On the real engine with the real API over it;
 * then by the command line against a running standalone.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { plainStamps } from "@nonet/processor/consume/testdata/plain-stamps.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { columnsOf } from "@nonet/processor/store/clickhouse/table-columns.ts";
import type { TableName } from "@nonet/proto/tables.ts";
import { verify } from "@nonet/standalone/verify/verify.ts";
import type { Difference, VerifySummary } from "@nonet/standalone/verify/verify-lines.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkload } from "../bench/workload.ts";
import { sendAll } from "../e2e/sender.ts";
import { eventually } from "../e2e/service-process.ts";
import { startStandaloneFixture } from "../e2e/standalone-fixture.ts";
import { type ProcessorUnderTest, startProcessorUnderTest, toRecord, turnSpans } from "./processor-under-test.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-verify-"));
let engine: ChdbServer;
let client: ClickHouseClient;
let under: ProcessorUnderTest;

beforeAll(async () => {
  engine = await startChdbServer({ dataDirectory: directory });
  client = createStoreClient(engine);
  await migrateClickhouse(client);
  under = await startProcessorUnderTest(client);
  const spans = Array.from({ length: 30 }, (_, index) =>
    turnSpans(index, { sessionId: `s${index % 4}`, startMs: index * 200_000 }),
  ).flat();
  under.log.append([spans.map((span) => toRecord("default", span))], 0);
  await under.settled();
});
afterAll(async () => {
  await under?.close();
  await client?.close();
  await engine?.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Found {
  readonly summary: VerifySummary;
  readonly differences: readonly Difference[];
}

async function run(options: { api?: { url: string; key: string }; committed?: bigint } = {}): Promise<Found> {
  const differences: Difference[] = [];
  let summary: VerifySummary | undefined;
  const deps = {
    client,
    stamps: plainStamps,
    ...(options.api === undefined ? {} : { api: options.api }),
    positions: async () => [{ partition: 0, committed: options.committed ?? 5n, end: 5n, stored: 5n }],
    pause: async () => undefined,
  };
  for await (const line of verify({}, deps, new AbortController().signal)) {
    if (line.kind === "summary") summary = line;
    if (line.kind === "difference") differences.push(line);
  }
  if (summary === undefined) throw new Error("no summary");
  return { summary, differences };
}

test("a store that only the pipeline wrote is as it must be", async () => {
  expect(await run()).toEqual({
    summary: { kind: "summary", traces: 30, spans: 90, events: 120, sessions: 0, differences: 0, olderTraces: 0 },
    differences: [],
  });
});

/** Writes over one row, in a way that nobody else would, and takes it back afterwards. */
async function tampered(
  table: TableName,
  change: Readonly<Record<string, string>>,
  work: () => Promise<void>,
): Promise<void> {
  const columns = columnsOf(table);
  const before = columns.map((column) => `before.${column} AS ${column}`);
  await client.command({
    query: `CREATE OR REPLACE TABLE saved ENGINE = Memory AS SELECT ${columns.join(", ")} FROM ${table} FINAL ORDER BY ALL LIMIT 1`,
  });
  const changed = columns.map((column) => `${change[column] ?? column} AS ${column}`);
  await client.command({
    query: `INSERT INTO ${table} (${columns.join(", ")}) SELECT * FROM (SELECT ${changed.join(", ")} FROM saved)`,
  });
  try {
    await work();
  } finally {
    const isNewKey = !("is_deleted" in change);
    const undone = columns.map((column) =>
      column === "version"
        ? "version + 1 AS version"
        : column === "is_deleted" && isNewKey
          ? "1 AS is_deleted"
          : (change[column] ?? column),
    );
    await client.command({
      query: `INSERT INTO ${table} (${columns.join(", ")}) SELECT * FROM (SELECT ${undone.join(", ")} FROM saved)`,
    });
    await client.command({
      query: `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${before.map((each) => each.replace("before.version AS", "before.version + 2 AS")).join(", ")} FROM saved AS before`,
    });
  }
}

test.each<[table: TableName, change: Record<string, string>, step: string, what: RegExp]>([
  ["events", { name: "'another'" }, "traces", /events .*: name is "another", and should be/],
  ["events", { duration_ms: "duration_ms + 0.5" }, "traces", /duration_ms is/],
  ["events", { event_id: "concat(event_id, '-old')" }, "traces", /stored, and follows from no span/],
  ["events", { is_deleted: "1" }, "traces", /events .*: missing/],
  ["events", { hour: "hour + 1" }, "keys", /is stored 2 times/],
  [
    "events",
    { trace_id: "'ffffffffffffffffffffffffffffffff'", event_id: "'ev_x'" },
    "keys",
    /1 rows in events, but no such trace/,
  ],
  ["sessions", { error_count: "error_count + 1" }, "traces", /sessions .*: error_count is 1, and should be 0/],
  ["sessions", { part: "replaceOne(part, '\"eventCount\":', '\"eventCount\":1')" }, "traces", /sessions .*: part is/],
  ["sessions", { session_id: "'left'" }, "traces", /sessions .*left.*: stored, and follows from no span/],
  ["metric_points", { count: "count + 1" }, "traces", /metric_points .*: count is/],
  ["metric_points", { duration_buckets: "map(toInt16(3), toUInt32(1))" }, "traces", /duration_buckets is/],
  ["traces", { event_count: "event_count + 1" }, "traces", /traces .*: event_count is/],
  ["traces", { summary: "'{}'" }, "traces", /traces .*: summary is/],
  ["spans", { class: "'tool'" }, "traces", /stored as tool by/],
  ["spans", { is_deleted: "1" }, "traces", /follows from no span/],
])("%s with %j is found", async (table, change, step, what) => {
  await tampered(table, change, async () => {
    const { differences, summary } = await run();
    expect(summary.differences).toBeGreaterThan(0);
    expect(differences.some((each) => each.step === step && what.test(each.what))).toBe(true);
  });
});

test("what was tampered with and put right is as it must be", async () => {
  expect((await run()).differences).toEqual([]);
});

test("a rolled row that is not the sum of its points is found", async () => {
  const hour = Math.floor(Date.UTC(2026, 4, 4, 9) / 60_000);
  const insert = (minute: number) =>
    client.command({
      query: `INSERT INTO rolling_metrics (project_id, window_minutes, minute, generation, rows) VALUES ('default', 60, ${minute}, 0, [])`,
    });
  await insert(hour);
  const { differences } = await run();
  expect(differences).toEqual([
    {
      kind: "difference",
      step: "metrics",
      where: "default, 60 minutes from 2026-05-04T09:00:00.000Z",
      what: "the rolled row is not the sum of the points",
    },
  ]);
  await client.command({
    query: `INSERT INTO rolling_touches VALUES ('default', 60, ${hour}, 1)`,
  });
  expect((await run()).differences).toEqual([]);
});

test("an offset ahead of the store is found", async () => {
  expect((await run({ committed: 6n })).differences.map((each) => each.what)).toEqual([
    "committed 6 is beyond the end 5",
    "committed 6 is ahead of what is stored, 5",
  ]);
});

test("an API that says something else than the store is found", async () => {
  const api = await lyingApi();
  try {
    const { differences } = await run({ api: { url: api.url, key: "any" } });
    const steps = new Set(differences.map((each) => each.step));
    expect(steps).toEqual(new Set(["metrics", "sessions"]));
    expect(differences.some((each) => /the API leaves out \d+ stored events/.test(each.what))).toBe(true);
    expect(differences.some((each) => each.what === "llmCallCount is 999, its traces have 8")).toBe(true);
  } finally {
    api.server.close();
  }
});

/** Knows every session, and nothing of any. */
async function lyingApi(): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const body = path.includes("/metrics")
      ? { data: [] }
      : path.includes("/traces?")
        ? { data: [], page: { nextCursor: null } }
        : { llmCallCount: 999 };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // `as`: a TCP server that listens has an AddressInfo.
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

test("by the command line: a running standalone, with its API, is as it must be; and the audit agrees", async () => {
  const shape = await startStandaloneFixture({ NONET_AUDIT_INTERVAL_SECONDS: "1", NONET_ROLL_SETTLE_SECONDS: "1" });
  try {
    const workload = createWorkload({
      seed: 21,
      spanCount: 1_200,
      startMs: Date.UTC(2026, 4, 4, 9),
      traceSpacingMs: 120_000,
    });
    await sendAll(shape.httpUrl, [...workload.requests(100)], { concurrency: 4, withinMs: 60_000 });
    const metric = async (name: string) => {
      const text = await (await fetch(`${shape.adminUrl}/metrics`)).text();
      const values = text
        .split("\n")
        .filter((line) => line.startsWith(name))
        .map((line) => Number(line.split(" ").at(-1)));
      return values.reduce((sum, value) => sum + value, 0);
    };
    await eventually(async () => (await metric("nonet_processor_records")) === workload.spanCount, {
      withinMs: 60_000,
      what: "all spans are stored",
    });
    await eventually(async () => (await metric("nonet_processor_rolled_windows")) > 3, {
      withinMs: 60_000,
      what: "closed hours are rolled",
      everyMs: 200,
    });
    const nonet = promisify(execFile)(process.execPath, ["deploy/standalone/src/cli.ts", "verify"], {
      cwd: new URL("../../", import.meta.url).pathname,
      env: { PATH: process.env["PATH"] ?? "", NONET_ADMIN_ADDRESS: new URL(shape.adminUrl).host },
    });
    const { stdout, stderr } = await nonet;
    const events = Number(/(\d+) events/.exec(stdout)?.[1]);
    expect(stdout).toBe(
      `${workload.traceIds.length} traces, ${workload.spanCount} spans, ${events} events, ${workload.sessionIds.length} sessions: all as it must be\n`,
    );
    expect(stderr).toContain(`sessions: ${workload.sessionIds.length} of ${workload.sessionIds.length}`);
    await eventually(async () => (await metric("nonet_processor_audited_hours")) > 3, {
      withinMs: 30_000,
      what: "an audit",
    });
    expect(await metric("nonet_processor_audit_drift")).toBe(0);
    expect(await metric("nonet_processor_audit_repairs")).toBe(0);
  } finally {
    await shape.close();
  }
});
