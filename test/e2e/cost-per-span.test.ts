/**
 * What the canonical workload costs wherever it runs: inserts, questions, rows, bytes and parts. Times are left to `pnpm bench`; these figures are the
 * same on every machine, so a change that makes spans dearer fails here. The limits are the figures of the day they were set plus a tenth.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkload } from "../bench/workload.ts";
import { startProcessorUnderTest } from "../faults/processor-under-test.ts";

const spanCount = 4_992;
const directory = mkdtempSync(join(tmpdir(), "nonet-cost-"));
let engine: ChdbServer;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startChdbServer({ dataDirectory: directory });
  client = createStoreClient(engine);
  await migrateClickhouse(client);
});

afterAll(async () => {
  await client.close();
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
});

test("the inserts, rows, bytes and parts of the canonical workload", async () => {
  const { counted, client: countingClient } = counting(client);
  const under = await startProcessorUnderTest(countingClient);
  try {
    under.log.append([canonicalRecords()], 1);
    await under.settled();
  } finally {
    await under.close();
  }
  const tables = await sizes();
  const rowsPerSpan = Object.fromEntries(tables.map((each) => [each.table, each.rows / spanCount]));
  expect(counted.inserts).toBe(5);
  expect(counted.bytes / spanCount).toBeLessThan(3_200);
  expect(rowsPerSpan["spans"]).toBe(1);
  expect(rowsPerSpan["events"]).toBeLessThan(1.5);
  expect(rowsPerSpan["metric_points"]).toBeLessThan(0.85);
  expect(rowsPerSpan["sessions"]).toBe(1 / 12);
  expect(rowsPerSpan["traces"]).toBe(1 / 12);
  expect(tables.reduce((sum, each) => sum + each.bytes, 0) / spanCount).toBeLessThan(525);
  expect(tables.reduce((sum, each) => sum + each.parts, 0)).toBe(6);
});

function canonicalRecords() {
  const workload = createWorkload({ seed: 9, spanCount, startMs: Date.UTC(2026, 4, 4, 9) });
  return [...workload.requests(256)].flatMap((request) => {
    const walked = walkExportRequest(request);
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    return walked.groups.flatMap((group) =>
      group.spans.map((span) => ({
        key: partitionKey("default", Buffer.from(span.traceId).toString("hex")),
        value: encodeRecord({
          kind: "span_events",
          tenantId: "default",
          projectId: "default",
          receivedUnixNano: 1_777_885_200_000_000_000n,
          mappingVersion,
          priceVersion: priceTable,
          settingsVersion: 0,
          resource: group.resourceBytes,
          scope: group.scopeBytes,
          span: span.bytes,
          resourceSchemaUrl: "",
          scopeSchemaUrl: "",
          spanClass: "",
          ruleId: "",
          events: [],
        }),
      })),
    );
  });
}

/** Of the tables that grow with the spans. */
async function sizes(): Promise<{ table: string; rows: number; bytes: number; parts: number }[]> {
  const found = await client.query({
    query: `SELECT table, count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
            WHERE active AND database = currentDatabase()
              AND table IN ('traces', 'trace_ages', 'spans', 'events', 'sessions', 'metric_points')
            GROUP BY table`,
    format: "JSONEachRow",
  });
  const tables = await found.json<Record<"table" | "parts" | "rows" | "bytes", string>>();
  return tables.map((each) => ({
    table: each.table,
    rows: Number(each.rows),
    bytes: Number(each.bytes),
    parts: Number(each.parts),
  }));
}

/** Counts what the store inserts, and passes it on. */
function counting(inner: ClickHouseClient): { counted: { inserts: number; bytes: number }; client: ClickHouseClient } {
  const counted = { inserts: 0, bytes: 0 };
  const exec = async (parameters: Parameters<ClickHouseClient["exec"]>[0] & { values?: Readable }) => {
    const chunks: Buffer[] = [];
    for await (const chunk of parameters.values ?? []) chunks.push(Buffer.from(chunk));
    const body = Buffer.concat(chunks);
    counted.inserts += 1;
    counted.bytes += body.length;
    return inner.exec({ ...parameters, values: Readable.from([body], { objectMode: false }) });
  };
  const client = new Proxy(inner, {
    get(target, name) {
      if (name === "exec") return exec;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { counted, client };
}
