/** The audit sees what was tampered with in the store or in the projection, and it is right again afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { type Audit, createAudit, type DriftKind } from "@nonet/processor/store/audit.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { columnsOf } from "@nonet/processor/store/clickhouse/table-columns.ts";
import { requestRemap } from "@nonet/processor/store/request-remap.ts";
import { createRolledWindows, type RolledWindow, type RolledWindows } from "@nonet/processor/store/rolled-windows.ts";
import { createRollingWindows, type RollingWindows } from "@nonet/processor/store/rolling-windows.ts";
import { validRolledRows } from "@nonet/proto/metric-sums.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../e2e/service-process.ts";
import { type ProcessorUnderTest, startProcessorUnderTest, toRecord, turnSpans } from "./processor-under-test.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-audit-"));
const log = pino({ level: "silent" });
let engine: ChdbServer;
let client: ClickHouseClient;
let under: ProcessorUnderTest;
let rolled: RolledWindows;
let windows: RollingWindows;
let audit: Audit;
let drift: Record<DriftKind, number>;

const startMinute = Date.UTC(2026, 4, 4, 9) / 60_000;

beforeAll(async () => {
  engine = await startChdbServer({ dataDirectory: directory });
  client = createStoreClient(engine);
  await migrateClickhouse(client);
  under = await startProcessorUnderTest(client);
  windows = createRollingWindows(
    { refreshMs: 10 },
    { client, projection: under.projection, log, onFailure: () => undefined },
  );
  let elapsedMs = 0;
  rolled = createRolledWindows(
    { afterMs: 0, settleMs: 30, intervalMs: 2 ** 30 },
    {
      client,
      log,
      now: Date.now,
      elapsed: () => (elapsedMs += 31),
      onRolled: () => undefined,
      onFailure: () => undefined,
    },
  );
  audit = createAudit(
    { intervalMs: 0, confirmMs: 0 },
    {
      client,
      projection: under.projection,
      remap: (projectId, traceIds) =>
        requestRemap(projectId, traceIds, {
          client,
          async publish(commands) {
            under.log.append(
              [
                commands.map((command) => ({
                  key: partitionKey(projectId, command.traceId),
                  value: encodeRecord(command),
                })),
              ],
              0,
            );
          },
          now: () => 0,
        }),
      renewRolled: rolled.renew,
      touchWindows: windows.touch,
      pause: async () => undefined,
      onChecked: () => undefined,
      onDrift(kind, count) {
        drift[kind] = count;
      },
      log,
    },
  );
  under.log.append(
    [
      Array.from({ length: 20 }, (_, index) =>
        turnSpans(index, { sessionId: `s${index % 3}`, startMs: index * 4_000 }).map((span) =>
          toRecord("default", span),
        ),
      ).flat(),
    ],
    0,
  );
  await under.settled();
  for (let round = 0; round < 4; round += 1) await rolled.roll();
  windows.touch("default", new Set([startMinute, startMinute + 1]));
  await windows.flush();
});
afterAll(async () => {
  await audit?.close();
  await windows?.close();
  await rolled?.close();
  await under?.close();
  await client?.close();
  await engine?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function points(): Promise<unknown> {
  const answer = await client.query({
    query: `SELECT ${columnsOf("metric_points").slice(2).join(", ")} FROM metric_points FINAL ORDER BY ALL`,
    format: "JSONEachRow",
  });
  return await answer.json();
}

const hour: RolledWindow = { projectId: "default", width: 60, minute: startMinute };

async function rolledRows(): Promise<unknown> {
  const answer = await client.query({
    query: validRolledRows,
    query_params: { project: "default", width: 60, from: startMinute, to: startMinute + 60 },
    format: "JSONEachRow",
  });
  return await answer.json();
}

/** One round, and all that it has others do. */
async function run(): Promise<Record<DriftKind, number>> {
  drift = { points: -1, rolled: -1, projected: -1 };
  await audit.run();
  await under.settled();
  await windows.flush();
  await rolled.roll();
  return drift;
}

/** The processor's own windows follow its batches a moment later. */
async function untilClean(): Promise<void> {
  await eventually(async () => Object.values(await run()).every((count) => count === 0), {
    withinMs: 20_000,
    what: "the audit finds nothing",
    everyMs: 100,
  });
}

const clean = { points: 0, rolled: 0, projected: 0 };

/** The newest copy of a row, with something else in one column. */
function tamper(change: string, where: string): Promise<unknown> {
  const columns = columnsOf("metric_points");
  const [column, value] = change.split(" = ");
  return client.command({
    query: `INSERT INTO metric_points (${columns.join(", ")})
            SELECT ${columns.map((each) => (each === column ? `${value} AS ${each}` : each)).join(", ")} FROM metric_points FINAL WHERE ${where} LIMIT 1`,
  });
}

test("nothing has drifted after a clean run", async () => {
  expect(await run()).toEqual(clean);
});

test.each([
  ["count = count + 7", "kind = 'llm_call'"],
  ["error_count = 1", "kind = 'tool'"],
  ["input_tokens = 0", "kind = 'llm_call'"],
  ["cost_units = cost_units + 1", "kind = 'llm_call'"],
  ["duration_us_sum = duration_us_sum + 1", "kind = 'llm_call'"],
  ["is_deleted = 1", "kind = 'tool'"],
  ["subject = 'another'", "kind = 'tool'"],
])("a point with %s is found and is right again", async (change, where) => {
  const before = await points();
  await tamper(change, where);
  const found = await run();
  expect(found.points).toBe(1);
  await untilClean();
  expect(await points()).toEqual(before);
});

test("a rolled row with other sums is found and is right again", async () => {
  await rolled.renew(hour);
  await rolled.roll();
  await untilClean();
  const before = await rolledRows();
  await client.command({
    query: `INSERT INTO rolling_metrics SELECT project_id, window_minutes, minute, generation, arraySlice(rows, 2) FROM rolling_metrics FINAL
            WHERE window_minutes = 60`,
  });
  expect(await rolledRows()).not.toEqual(before);
  expect(await run()).toEqual({ ...clean, rolled: 1 });
  await untilClean();
  expect(await rolledRows()).toEqual(before);
});

test("a window of the projection with other sums is found and is right again", async () => {
  const starts = [startMinute * 60];
  const before = await under.projection.readWindows("default", 60, starts);
  expect(before.size).toBe(1);
  const queryStartedAt = BigInt(Date.now()) * 1_000_000n;
  await under.projection.writeWindows([
    { projectId: "default", windowSeconds: 60, windowStartSeconds: startMinute * 60, queryStartedAt, body: "[]" },
  ]);
  expect(await run()).toEqual({ ...clean, projected: 1 });
  await untilClean();
  expect(await under.projection.readWindows("default", 60, starts)).toEqual(before);
});
