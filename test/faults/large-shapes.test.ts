/**
 * Large traces and sessions: all is stored, a late span costs what it changes and not what there is, and the verifier finds nothing. Small here;
 * `pnpm test:large` takes the sizes that are promised: 10,000 spans in a trace, 1,000 traces and 100,000 spans in a session.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { plainStamps } from "@nonet/processor/consume/testdata/plain-stamps.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import type { TableName } from "@nonet/proto/tables.ts";
import { verify } from "@nonet/standalone/verify/verify.ts";
import type { VerifyLine } from "@nonet/standalone/verify/verify-lines.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FixtureSpan } from "./otlp-fixture.ts";
import { openMemoryLog, startProcessorUnderTest, toRecord } from "./processor-under-test.ts";

const isFull = process.env["NONET_TEST_LARGE"] === "full";
const sizes = isFull
  ? { traceSpans: 10_000, sessionTraces: 1_000, sessionSpans: 100_000 }
  : { traceSpans: 2_000, sessionTraces: 100, sessionSpans: 3_000 };

const directory = mkdtempSync(join(tmpdir(), "nonet-large-"));
const log = openMemoryLog();
let engine: ChdbServer;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startChdbServer({ dataDirectory: directory });
  client = createStoreClient(engine);
  await migrateClickhouse(client);
});
afterAll(async () => {
  log.close();
  await client?.close();
  await engine?.close();
  rmSync(directory, { recursive: true, force: true });
});

const spanId = (index: number) => (index + 1).toString(16).padStart(16, "0");
const traceId = (group: string, index: number) => group.repeat(12) + index.toString(16).padStart(8, "0");

/** An agent with calls below it, ten deep now and then. */
function largeTrace(id: string, count: number, options: { sessionId?: string; fromMs?: number } = {}): FixtureSpan[] {
  const fromMs = options.fromMs ?? 0;
  return Array.from({ length: count }, (_, index) => ({
    traceId: id,
    spanId: spanId(index),
    ...(index === 0 ? {} : { parentSpanId: spanId(index % 10 === 1 ? 0 : index - 1) }),
    name: index === 0 ? "invoke_agent shop" : index % 3 === 0 ? "execute_tool refund" : "chat gpt-4o",
    startMs: fromMs + index * 20,
    endMs: fromMs + index * 20 + 15,
    attributes: {
      ...(index === 0 && options.sessionId !== undefined ? { "session.id": options.sessionId } : {}),
      ...(index === 0
        ? { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop" }
        : index % 3 === 0
          ? { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund" }
          : { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 3 }),
    },
  }));
}

async function processAll(projectId: string, batches: readonly (readonly FixtureSpan[])[]): Promise<void> {
  const under = await startProcessorUnderTest(client, { log, projectIds: [projectId] });
  for (const spans of batches) {
    log.append([spans.map((span) => toRecord(projectId, span))], 0);
    await under.settled(isFull ? 600_000 : 60_000);
  }
  await under.close();
}

async function select<T>(query: string, parameters: Record<string, unknown>): Promise<T[]> {
  const answer = await client.query({ query, query_params: parameters, format: "JSONEachRow" });
  return await answer.json<T>();
}

async function countOf(table: TableName, projectId: string): Promise<number> {
  const [row] = await select<{ count: string }>(
    `SELECT count() AS count FROM ${table} FINAL WHERE project_id = {project:String}`,
    { project: projectId },
  );
  return Number(row?.count);
}

/** Copies of rows that stand in the parts, with those that are replaced: what was written since is the difference. */
async function writtenOf(projectId: string): Promise<number> {
  let sum = 0;
  for (const table of ["events", "spans", "sessions", "metric_points"]) {
    const [row] = await select<{ count: string }>(
      `SELECT uniqExact(version, cityHash64(*)) AS count FROM ${table} WHERE project_id = {project:String}
       AND version = (SELECT max(version) FROM ${table} WHERE project_id = {project:String})`,
      { project: projectId },
    );
    sum += Number(row?.count);
  }
  return sum;
}

async function expectVerified(projectId: string): Promise<void> {
  const differences: VerifyLine[] = [];
  const deps = { client, stamps: plainStamps, positions: async () => [], pause: async () => undefined };
  for await (const line of verify({ projectId }, deps, new AbortController().signal)) {
    if (line.kind === "difference") differences.push(line);
  }
  expect(differences).toEqual([]);
}

function lateTool(id: string, parent: number, startMs: number): FixtureSpan {
  return {
    traceId: id,
    spanId: "ffffffffffffffff",
    parentSpanId: spanId(parent),
    name: "execute_tool late",
    startMs,
    endMs: startMs + 5,
    attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "late" },
  };
}

test(`a trace of ${sizes.traceSpans} spans takes a late one without being written again`, async () => {
  const projectId = "large-trace";
  const id = traceId("a1", 1);
  const spans = largeTrace(id, sizes.traceSpans, { sessionId: "one" });
  const under = await startProcessorUnderTest(client, { log, projectIds: [projectId] });
  // Children first, in some batches.
  const reversed = spans.toReversed();
  for (let first = 0; first < reversed.length; first += 1_000) {
    log.append([reversed.slice(first, first + 1_000).map((span) => toRecord(projectId, span))], 0);
    await under.settled(isFull ? 600_000 : 60_000);
  }
  expect(await countOf("spans", projectId)).toBe(sizes.traceSpans);
  expect(await countOf("sessions", projectId)).toBe(1);
  log.append([[toRecord(projectId, lateTool(id, 5, 150))]], 0);
  await under.settled(isFull ? 600_000 : 60_000);
  expect(await writtenOf(projectId)).toBeLessThan(20);
  expect(await countOf("spans", projectId)).toBe(sizes.traceSpans + 1);
  await under.close();
  await expectVerified(projectId);
});

test(`a session of ${sizes.sessionTraces} traces and ${sizes.sessionSpans} spans takes a late one by one row of its own`, async () => {
  const projectId = "large-session";
  const each = Math.floor(sizes.sessionSpans / sizes.sessionTraces);
  const traces = Array.from({ length: sizes.sessionTraces }, (_, index) =>
    largeTrace(traceId("b2", index), each, { sessionId: "large", fromMs: index * 100 }),
  );
  const batches: FixtureSpan[][] = [];
  for (let first = 0; first < traces.length; first += 50) batches.push(traces.slice(first, first + 50).flat());
  await processAll(projectId, batches);
  expect(await countOf("spans", projectId)).toBe(sizes.sessionTraces * each);
  expect(await countOf("sessions", projectId)).toBe(sizes.sessionTraces);
  // By a processor that has only just started: one trace is read back, not the session.
  await processAll(projectId, [[lateTool(traceId("b2", 7), 5, 850)]]);
  const [sum] = await select<{ spans: string; events: string; traces: string }>(
    `SELECT sum(JSONExtractUInt(part, 'spanCount')) AS spans, sum(JSONExtractUInt(part, 'eventCount')) AS events, count() AS traces
     FROM sessions FINAL WHERE project_id = {project:String} AND session_id = 'large'`,
    { project: projectId },
  );
  expect(Number(sum?.spans)).toBe(sizes.sessionTraces * each + 1);
  expect(Number(sum?.traces)).toBe(sizes.sessionTraces);
  expect(Number(sum?.events)).toBe(await countOf("events", projectId));
  await expectVerified(projectId);
});

test("a session id that arrives late moves a trace, and both sessions are right", async () => {
  const projectId = "moves";
  const count = isFull ? 10_000 : 500;
  const id = traceId("c3", 1);
  const [root, ...others] = largeTrace(id, count, { sessionId: "named" });
  if (root === undefined) throw new Error("no root");
  const neighbour = largeTrace(traceId("c3", 2), 10, { sessionId: "named" });
  await processAll(projectId, [[...others, ...neighbour]]);
  const sessions = () =>
    select<{ session_id: string; traces: string; spans: string }>(
      `SELECT session_id, count() AS traces, sum(JSONExtractUInt(part, 'spanCount')) AS spans FROM sessions FINAL
       WHERE project_id = {project:String} GROUP BY session_id ORDER BY session_id`,
      { project: projectId },
    );
  const before = await sessions();
  expect(before).toContainEqual({ session_id: "named", traces: "1", spans: "10" });
  expect(before.reduce((sum, row) => sum + Number(row.spans), 0)).toBe(count - 1 + 10);
  await processAll(projectId, [[root]]);
  expect(await sessions()).toEqual([{ session_id: "named", traces: "2", spans: String(count + 10) }]);
  const [left] = await select<{ events: string }>(
    "SELECT count() AS events FROM events FINAL WHERE project_id = {project:String} AND session_id != 'named'",
    { project: projectId },
  );
  expect(left?.events).toBe("0");
  await expectVerified(projectId);
});
