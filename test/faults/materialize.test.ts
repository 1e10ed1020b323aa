/**
 * Laws 2, 3 and 5 at the seam between fold and store, on the real engine: whatever way spans come, and wherever a batch dies, the live rows of all
 * tables are those of one clean batch.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createRecordDecoder, type SpanRecord } from "@nonet/processor/consume/decode-records.ts";
import { createHotTraces } from "@nonet/processor/consume/hot-traces.ts";
import { materialize } from "@nonet/processor/consume/materialize.ts";
import { type ClickhouseStore, createClickhouseStore } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMaterializeDeps } from "./materialize-deps.ts";
import { failingClient, liveRows, tables } from "./materialize-rows.ts";
import { encodeSpan, encodeText } from "./otlp-fixture.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-materialize-"));
let engine: ChdbServer;
let client: ClickHouseClient;

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

interface SpanShape {
  spanId: string;
  parentSpanId?: string;
  name: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number>;
}

/** A turn whose session is stated by one inner span only, an orphan whose parent comes too, a copy of a span that ended, and one moved by an hour. */
const shapes: readonly SpanShape[] = [
  span("a1", undefined, "invoke_agent shop", 0, 5_000, {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "shop",
  }),
  span("a2", "a1", "chat gpt-4o", 10, 900, chat({ "session.id": "late-session" })),
  span("a3", "a1", "execute_tool search", 1_000, 2_000, tool("search")),
  span("a4", "a3", "GET", 1_100, 1_900, { "http.request.method": "GET", "my.note": "which nothing reads" }),
  span("a4", "a3", "GET", 1_100, 1_900, { "http.request.method": "GET", "my.note": "which anyone may write" }),
  span("a5", "a1", "execute_tool refund", 2_100, 0, tool("refund")),
  span("a5", "a1", "execute_tool refund", 2_100, 3_000, tool("refund")),
  span("a6", "a1", "chat gpt-4o", 3_100, 4_900, chat({})),
  span("a7", "a9", "chat gpt-4o", 3_200, 0, chat({ "session.id": "other-session" })),
  span("a7", "a9", "chat gpt-4o", 3_700_000, 3_800_000, chat({ "session.id": "other-session" })),
];

function span(
  id: string,
  parent: string | undefined,
  name: string,
  startMs: number,
  endMs: number,
  attributes: Record<string, string | number>,
): SpanShape {
  return {
    spanId: id.padStart(16, "0"),
    ...(parent === undefined ? {} : { parentSpanId: parent.padStart(16, "0") }),
    name,
    startMs,
    endMs,
    attributes,
  };
}

function chat(extra: Record<string, string>): Record<string, string | number> {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "Done." }] }]),
    ...extra,
  };
}

function tool(name: string): Record<string, string | number> {
  return { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.call.arguments": '{"q":1}' };
}

const decoder = createRecordDecoder({
  onDefect(ruleId, error) {
    throw new Error(ruleId, { cause: error });
  },
});

/** The records of the shapes for one project, so that runs do not meet. */
function recordsOf(projectId: string): SpanRecord[] {
  return shapes.map((shape, index) => {
    const value = encodeRecord({
      kind: "span_events",
      tenantId: "acme",
      projectId,
      receivedUnixNano: 1_777_885_200_000_000_000n,
      mappingVersion,
      priceVersion: priceTable,
      settingsVersion: 0,
      resource: encodeText("service.name", "shop"),
      scope: new Uint8Array(),
      span: encodeSpan({ traceId: "c".repeat(32), ...shape }),
      resourceSchemaUrl: "",
      scopeSchemaUrl: "",
      spanClass: "",
      ruleId: "",
      events: [],
    });
    const decoded = decoder.decode({
      partition: 0,
      offset: BigInt(index),
      key: new Uint8Array(),
      value,
      timestampMs: 0,
    });
    if (decoded.kind !== "span") throw new Error(JSON.stringify(decoded));
    return decoded;
  });
}

const copyDeps = () => ({
  ...createMaterializeDeps(client, async () => undefined),
  now: () => 0,
  onDefect: () => undefined,
});

let version = 1n << 40n;
let projects = 0;

function newProject(): string {
  projects += 1;
  return `p-${projects}`;
}

function newHot() {
  return createHotTraces({ hotTraceCountMax: 100, hotTraceBytesMax: 1e9, hotTraceAgeMsMax: 1e9 });
}

/** Feeds batches of records; before each a crash may forget what is hot, and an insert may fail after so many tables. */
async function run(
  batches: { records: SpanRecord[]; forget: boolean; failAfter: number | undefined }[],
): Promise<void> {
  let hot = newHot();
  for (const batch of batches) {
    if (batch.forget) hot = newHot();
    const store = createClickhouseStore({
      client: batch.failAfter === undefined ? client : failingClient(client, batch.failAfter),
    });
    const attempt = (with_: ClickhouseStore) =>
      materialize(batch.records, () => ++version, { ...copyDeps(), store: with_, hot });
    await attempt(store).catch(async () => {
      // A kill rather than an error: memory is gone as well.
      if (batch.forget) hot = newHot();
      await attempt(createClickhouseStore({ client }));
    });
  }
}

async function cleanRows(): Promise<Record<string, unknown[]>> {
  const project = newProject();
  await run([{ records: recordsOf(project), forget: false, failAfter: undefined }]);
  return liveRows(client, project);
}

test("the clean run has every kind of row, and the trace lies in two sessions", async () => {
  const rows = await cleanRows();
  for (const table of tables) expect(rows[table]?.length, table).toBeGreaterThan(0);
  expect(rows["spans"]).toHaveLength(7);
  expect((rows["sessions"] as { session_id: string }[]).map((row) => row.session_id)).toEqual([
    "late-session",
    "other-session",
  ]);
});

test("any order, batching, repetition and forgetting of the same spans gives the same rows", async () => {
  const clean = await cleanRows();
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...shapes.keys()], { minLength: shapes.length }),
      fc.array(fc.nat({ max: shapes.length - 1 }), { maxLength: 4 }),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      async (order, repeats, forgets, batchSize) => {
        const project = newProject();
        const records = recordsOf(project);
        const sequence = [...order, ...repeats].map((index) => records[index] as SpanRecord);
        const batches = [];
        for (let first = 0; first < sequence.length; first += batchSize) {
          batches.push({
            records: sequence.slice(first, first + batchSize),
            forget: forgets[first % 12] ?? false,
            failAfter: undefined,
          });
        }
        await run(batches);
        expect(await liveRows(client, project)).toEqual(clean);
      },
    ),
    { numRuns: 15 },
  );
});

test.each([
  ["an error", false],
  ["a kill", true],
])("%s between any two writes of any batch leaves nothing behind", async (_name, forget) => {
  const clean = await cleanRows();
  for (let failAfter = 0; failAfter < tables.length; failAfter += 1) {
    const project = newProject();
    const records = recordsOf(project);
    await run([
      { records: records.slice(2, 5), forget, failAfter },
      { records: records.slice(5), forget, failAfter },
      { records: records.slice(0, 3), forget, failAfter },
    ]);
    expect(await liveRows(client, project), `after ${failAfter} inserts`).toEqual(clean);
  }
});

test("a writer with an older epoch changes nothing, whatever it still writes", async () => {
  const clean = await cleanRows();
  const project = newProject();
  const records = recordsOf(project);
  const store = createClickhouseStore({ client });
  const stale = newHot();
  const deps = { store, ...copyDeps(), hot: stale };
  await materialize(records.slice(0, 2), () => 5n, deps);
  await run([{ records, forget: false, failAfter: undefined }]);
  await materialize(records.slice(2, 3), () => 6n, deps);
  const rows = await liveRows(client, project);
  expect(rows["sessions"]).toEqual(clean["sessions"]);
  expect(rows["traces"]).toEqual(clean["traces"]);
  expect(rows["events"]).toEqual(clean["events"]);
});
