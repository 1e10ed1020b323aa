/**
 * Rolled hours and days say what a sum over the points says, however processors that change points and processors that roll come in between each
 * other, die, and tell the time. On the real engine; each change counts another power of two, so a sum tells which changes it has.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { createRolledWindows, type RolledWindows } from "@nonet/processor/store/rolled-windows.ts";
import { validRolledRows } from "@nonet/proto/metric-sums.ts";
import { createMemoryProjection } from "@nonet/proto/projection/memory-projection.ts";
import { loadMetricRows, type MetricRow } from "@nonet/query-api/project-metrics/query.ts";
import { toMetricWindows } from "@nonet/query-api/project-metrics/shape.ts";
import { createClickhouseReader } from "@nonet/query-api/store/clickhouse-reader.ts";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "nonet-rolled-"));
let engine: ChdbServer;
let client: ClickHouseClient;
let projects = 0;

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

/** 2026-05-04T00:00:00Z. */
const dayMinute = Date.UTC(2026, 4, 4) / 60_000;
const longAfterMs = (dayMinute + 3 * 1_440) * 60_000;

interface Point {
  readonly minute: number;
  readonly traceId: string;
  readonly version: number;
  readonly count: number;
  readonly agent?: string;
  readonly deleted?: boolean;
}

async function insertPoints(projectId: string, points: readonly Point[]): Promise<void> {
  await client.insert({
    table: "metric_points",
    format: "JSONEachRow",
    values: points.map((point) => ({
      project_id: projectId,
      minute: point.minute,
      kind: "llm_call",
      agent_name: point.agent ?? "a",
      trace_id: point.traceId,
      version: point.version,
      is_deleted: point.deleted === true ? 1 : 0,
      count: point.count,
      input_tokens: String(2n ** 63n + BigInt(point.count)),
      cost_units: "-7",
      duration_count: 1,
      duration_us_sum: 1500,
      duration_buckets: { "84": 1 },
    })),
  });
}

interface Member {
  readonly client: Pick<ClickHouseClient, "query" | "insert" | "command">;
  now(): number;
  elapsed(): number;
}

function createMember(member: Member, settleMs = 30): RolledWindows {
  return createRolledWindows(
    { afterMs: 0, settleMs, intervalMs: 2 ** 30 },
    {
      // `as`: the three methods are all that it calls.
      client: member.client as ClickHouseClient,
      log: pino({ level: "silent" }),
      now: member.now,
      elapsed: member.elapsed,
      onRolled: () => undefined,
      onFailure: () => undefined,
    },
  );
}

async function select<T>(query: string, parameters: Record<string, unknown>): Promise<T[]> {
  const answer = await client.query({ query, query_params: parameters, format: "JSONEachRow" });
  return await answer.json<T>();
}

/** Sums of the rows that readers would take, by start. */
async function validSums(projectId: string, width: number): Promise<Map<number, number>> {
  const rows = await select<{ minute: number; count: string }>(validRolledRows, {
    project: projectId,
    width,
    from: 0,
    to: 2 ** 32 - 1,
  });
  return new Map(rows.map((row) => [row.minute, Number(row.count)]));
}

test("a valid row has every change that was answered, in any order of the steps of writers and rollers", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ minute: fc.constantFrom(30, 90, 1_470), dies: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 40, maxLength: 40 }),
      async (scheduler, changes, paces) => {
        for (const table of ["metric_points", "rolling_metrics", "rolling_touches", "rolling_horizon"]) {
          await client.command({ query: `TRUNCATE TABLE ${table}` });
        }
        projects += 1;
        const projectId = `order-${projects}`;
        let elapsedMs = projects * 1_000_000;
        let paceIndex = 0;
        let isChanged = false;
        const member = (clockMs: number): RolledWindows =>
          createMember({
            client: {
              query: scheduler.scheduleFunction(client.query.bind(client)) as ClickHouseClient["query"],
              insert: scheduler.scheduleFunction((...args: Parameters<ClickHouseClient["insert"]>) => {
                isChanged = true;
                return client.insert(...args);
              }) as ClickHouseClient["insert"],
              command: scheduler.scheduleFunction(client.command.bind(client)) as ClickHouseClient["command"],
            },
            now: () => clockMs,
            elapsed: () => {
              paceIndex += 1;
              elapsedMs += paces[paceIndex % paces.length] ?? 1;
              return elapsedMs;
            },
          });
        // One has the time right, one lives a day behind, one was started before anything was closed.
        const members = [member(longAfterMs), member(longAfterMs - 2 * 86_400_000), member(0)];
        const pick = (index: number) => members[index % members.length] ?? (members[0] as RolledWindows);
        const inserted = [0, 0];
        const answered = [0, 0];
        const dayOf = (minute: number) => (minute < 1_440 ? 0 : 1);
        const insert = scheduler.scheduleFunction((point: Point) => insertPoints(projectId, [point]));

        const writers = changes.map(async ({ minute, dies }, index) => {
          const bit = 2 ** index;
          const point = { minute: dayMinute + minute, traceId: `t${index}`, count: bit };
          const change = [{ projectId, minutes: new Set([point.minute]) }];
          inserted[dayOf(minute)] = (inserted[dayOf(minute)] ?? 0) + bit;
          await insert({ ...point, version: 1 });
          // Its batch was not committed: another owner does it again.
          if (dies) await insert({ ...point, version: 2 });
          await pick(index + (dies ? 1 : 0)).touch(change);
          answered[dayOf(minute)] = (answered[dayOf(minute)] ?? 0) + bit;
        });
        const rollers = [0, 1, 0, 1, 2].map(async (index) => {
          await pick(index).roll();
        });

        const check = async () => {
          const before = [...answered];
          const sums = await validSums(projectId, 1_440);
          for (const day of [0, 1]) {
            const sum = sums.get(dayMinute + day * 1_440);
            if (sum === undefined) continue;
            expect(sum & (before[day] ?? 0)).toBe(before[day]);
            expect(sum & ~(inserted[day] ?? 0)).toBe(0);
          }
        };
        let isDone = false;
        const all = Promise.all([...writers, ...rollers]).then(() => {
          isDone = true;
        });
        while (!isDone) {
          if (scheduler.count() > 0) await scheduler.waitOne();
          // What follows a step asks for the next one a little later.
          else await new Promise((resolve) => setImmediate(resolve));
          // A row that is wrong stays so: it is enough to look when a row or a touch was written.
          if (isChanged) await check();
          isChanged = false;
        }
        await all;
        for (let round = 0; round < 3; round += 1) {
          const done = Promise.all(members.map((each) => each.roll()));
          await scheduler.waitFor(done);
        }
        await check();
        const hours = await validSums(projectId, 60);
        for (const [start, sum] of hours) {
          const whole = changes.reduce(
            (bits, { minute }, index) => (dayMinute + minute - (minute % 60) === start ? bits + 2 ** index : bits),
            0,
          );
          expect(sum).toBe(whole);
        }
        await Promise.all(members.map((each) => each.close()));
      },
    ),
    { numRuns: Number(process.env["NONET_TEST_ORDERS"] ?? 2) },
  );
});

interface Answers {
  readonly rows: MetricRow[];
  readonly windows: unknown;
}

async function read(projectId: string, stepMinutes: number): Promise<Answers> {
  const reader = createClickhouseReader(client, { executionSecondsMax: 30, memoryBytesMax: 1_073_741_824 });
  const projection = createMemoryProjection();
  const rows = await loadMetricRows(
    { projectId, from: dayMinute, to: dayMinute + 2 * 1_440, stepMinutes },
    { reader, projection },
  );
  await projection.close();
  const options = { stepSeconds: stepMinutes * 60, groupBy: ["agent"] as const, filter: {} };
  return { rows, windows: toMetricWindows(rows, options) };
}

/** Rounds until nothing is left to do. */
async function rollAll(member: RolledWindows): Promise<void> {
  for (let rounds = 0; rounds < 4; rounds += 1) await member.roll();
}

test("answers by the hour and by the day are the same to the last digit with and without rolled rows, after late events, moves and withdrawals", async () => {
  const projectId = "late";
  let elapsedMs = 0;
  const member = createMember({ client, now: () => longAfterMs, elapsed: () => (elapsedMs += 31) });
  const store = async (points: readonly Point[]) => {
    await insertPoints(projectId, points);
    await member.touch([{ projectId, minutes: new Set(points.map((point) => point.minute)) }]);
  };
  const compare = async () => {
    for (const step of [60, 1_440]) {
      const { windows } = await read(projectId, step);
      const sums = await select<{ minute: number; count: string; tokens: string }>(
        `SELECT toUInt32(intDiv(minute, {step:UInt32}) * {step:UInt32}) AS first, first AS minute, agent_name, sum(count) AS count,
                toString(sum(toUInt128(input_tokens))) AS tokens
         FROM metric_points FINAL WHERE project_id = {project:String} GROUP BY first, agent_name ORDER BY first, agent_name`,
        { project: projectId, step },
      );
      expect(
        (windows as { start: string; llm: { calls: number }; tokens: { input: number } }[]).map((window) => [
          Date.parse(window.start) / 60_000,
          window.llm.calls,
          window.tokens.input,
        ]),
      ).toEqual(sums.map((row) => [row.minute, Number(row.count), Number(BigInt(row.tokens))]));
    }
  };
  await store(
    Array.from({ length: 16 }, (_, index) => ({
      minute: dayMinute + index * 170,
      traceId: `t${index}`,
      version: 1,
      count: index + 1,
      agent: `a${index % 3}`,
    })),
  );
  await compare();
  await rollAll(member);
  expect((await validSums(projectId, 60)).size).toBe(16);
  expect((await validSums(projectId, 1_440)).size).toBe(2);
  await compare();
  expect((await read(projectId, 1_440)).rows.length).toBe(6);

  // A late event, one that moves to another hour, and one that is withdrawn, of which the first is asked for before it is rolled again.
  await store([{ minute: dayMinute + 5, traceId: "late", version: 1, count: 100 }]);
  expect((await validSums(projectId, 60)).has(dayMinute)).toBe(false);
  await compare();
  await rollAll(member);
  expect((await validSums(projectId, 60)).has(dayMinute)).toBe(true);
  await compare();
  await store([
    { minute: dayMinute + 5, traceId: "late", version: 2, count: 0, deleted: true },
    { minute: dayMinute + 125, traceId: "late", version: 2, count: 100 },
    { minute: dayMinute + 170, traceId: "t1", version: 2, count: 0, agent: "a1", deleted: true },
  ]);
  await compare();
  await rollAll(member);
  await compare();

  // Another process, started later, finds what nobody rolled.
  await client.command({
    query: "ALTER TABLE rolling_metrics DELETE WHERE project_id = 'late' SETTINGS mutations_sync = 2",
  });
  expect((await validSums(projectId, 60)).size).toBe(0);
  const restarted = createMember({ client, now: () => longAfterMs, elapsed: () => (elapsedMs += 31) });
  await rollAll(restarted);
  expect((await validSums(projectId, 1_440)).size).toBe(2);
  await compare();
  await member.close();
  await restarted.close();
});

test("a touch that fails fails the batch, and is made up for when the batch comes again with nothing new", async () => {
  const projectId = "retry";
  let elapsedMs = 0;
  let refuse = false;
  const member = createMember({
    client: {
      query: client.query.bind(client) as ClickHouseClient["query"],
      command: client.command.bind(client) as ClickHouseClient["command"],
      insert: ((...args: Parameters<ClickHouseClient["insert"]>) => {
        if (refuse) throw new Error("connection refused");
        return client.insert(...args);
      }) as ClickHouseClient["insert"],
    },
    now: () => longAfterMs,
    elapsed: () => (elapsedMs += 31),
  });
  const point = { minute: dayMinute, traceId: "t", version: 1, count: 1 };
  await insertPoints(projectId, [point]);
  await rollAll(member);
  expect((await validSums(projectId, 60)).get(dayMinute)).toBe(1);

  await insertPoints(projectId, [{ ...point, version: 2, count: 2 }]);
  refuse = true;
  await expect(member.touch([{ projectId, minutes: new Set([dayMinute]) }])).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  refuse = false;
  await member.touch([{ projectId, minutes: new Set() }]);
  expect((await validSums(projectId, 60)).has(dayMinute)).toBe(false);
  await rollAll(member);
  expect((await validSums(projectId, 60)).get(dayMinute)).toBe(2);
  await member.close();
});
