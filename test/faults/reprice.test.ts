/**
 * Laws 3 and 10: a price table, settings and a mapping of their time stay in force for what was received under them, whatever is in force now, until
 * somebody asks otherwise. On the real engine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import type { LogRecord } from "@nonet/ingest/publish/publisher.ts";
import { createRecordDecoder, type RefoldRecord, type SpanRecord } from "@nonet/processor/consume/decode-records.ts";
import { createHotTraces, type HotTraces } from "@nonet/processor/consume/hot-traces.ts";
import { materialize } from "@nonet/processor/consume/materialize.ts";
import { createStampMeanings } from "@nonet/processor/consume/stamp-meanings.ts";
import { installedPriceText } from "@nonet/processor/fold/price-rates.ts";
import { createClickhouseStore } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { columnsOf } from "@nonet/processor/store/clickhouse/table-columns.ts";
import { noSettings, projectSettingsSchema } from "@nonet/proto/control/project-settings.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import type { TableName } from "@nonet/proto/tables.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { type RemapRequest, remapTraces, type VersionsInForce } from "@nonet/standalone/remap-traces.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMaterializeDeps } from "./materialize-deps.ts";
import { encodeScope, encodeSpan, encodeText } from "./otlp-fixture.ts";

const oldTable = "genai-prices@0.0.1";
/** As an earlier release might have had it: everything cost twice as much. */
const oldText = installedPriceText().replaceAll(/"(input_mtok|output_mtok)":([\d.]+)/g, (_, rate, price) => {
  return `"${rate}":${2 * Number(price)}`;
});
const settings = [
  noSettings.settings,
  projectSettingsSchema.parse({ ignoredScopes: ["noise.*"] }),
  projectSettingsSchema.parse({ priceOverrides: [{ model: "gpt-4o", input: 1, output: 1 }] }),
];
const stamps = createStampMeanings({
  settings: { at: async (_projectId, version) => settings[version] ?? noSettings.settings },
  loadPriceTable: async (name) => (name === oldTable ? oldText : undefined),
});

const directory = mkdtempSync(join(tmpdir(), "nonet-reprice-"));
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

interface Receipt {
  readonly priceVersion?: string;
  readonly settingsVersion?: number;
  readonly mappingVersion?: number;
  readonly receivedMs?: number;
  readonly scopeName?: string;
}

const traceId = "000102030405060708090a0b0c0d0e0f";

/** A model call of 1,000 tokens in and out: 0.0125 USD by the installed table. */
function call(projectId: string, spanId: string, receipt: Receipt = {}, change: object = {}): SpanRecord {
  const { priceVersion = priceTable, settingsVersion = 0, scopeName = "sdk", receivedMs = 1_777_885_200_000 } = receipt;
  const decoded = decode(
    encodeRecord({
      kind: "span_events",
      tenantId: "acme",
      projectId,
      receivedUnixNano: BigInt(receivedMs) * 1_000_000n,
      mappingVersion: receipt.mappingVersion ?? mappingVersion,
      priceVersion,
      settingsVersion,
      resource: encodeText("service.name", "shop"),
      scope: encodeScope(scopeName),
      span: encodeSpan({
        traceId,
        spanId,
        name: "chat gpt-4o",
        startMs: 10,
        endMs: 800,
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "openai",
          "gen_ai.request.model": "gpt-4o",
          "gen_ai.usage.input_tokens": 1_000,
          "gen_ai.usage.output_tokens": 1_000,
          "gen_ai.response.id": spanId,
          "session.id": "s",
        },
        ...change,
      }),
      resourceSchemaUrl: "",
      scopeSchemaUrl: "",
      spanClass: "",
      ruleId: "",
      events: [],
    }),
  );
  if (decoded.kind !== "span") throw new Error("not a span");
  return decoded;
}

const cold = () => createHotTraces({ hotTraceCountMax: 1_000, hotTraceBytesMax: 1e9, hotTraceAgeMsMax: 1e9 });

async function process(records: readonly (SpanRecord | RefoldRecord)[], hot: HotTraces = cold()): Promise<void> {
  const store = createClickhouseStore({ client });
  const deps = { ...createMaterializeDeps(client, async () => undefined), store, hot, stamps, now: () => 0 };
  const nextVersion = () => {
    version += 1n;
    return version;
  };
  await materialize(records, nextVersion, { ...deps, onDefect: () => undefined });
}

/** @returns the commands. */
async function refold(request: RemapRequest, inForce: VersionsInForce, hot?: HotTraces): Promise<RefoldRecord[]> {
  const published: RefoldRecord[] = [];
  const publisher = {
    async publish(records: readonly LogRecord[]) {
      const commands = records.map((record) => decode(record.value)).filter((record) => record.kind === "refold");
      published.push(...commands);
      await process(commands, hot);
      return { topic: "t", partitions: [] };
    },
  };
  const deps = { client, publisher, inForce: async () => inForce, now: () => 1, patienceMs: 2_000 };
  for await (const _ of remapTraces(request, deps, new AbortController().signal));
  return published;
}

async function select<T>(query: string): Promise<T[]> {
  const answer = await client.query({ query, format: "JSONEachRow" });
  return answer.json<T>();
}

/** Everywhere a cost is stored, in USD. */
async function costs(projectId: string) {
  const where = `FINAL WHERE project_id = '${projectId}'`;
  const usd = (units: string) => Number(units) / 1e12;
  const events = await select<{ units: string; cost_source: string }>(
    `SELECT toString(cost_units) AS units, cost_source FROM events ${where} AND event_type = 'llm_call' ORDER BY span_id`,
  );
  const [points] = await select<{ units: string }>(
    `SELECT toString(sum(cost_units)) AS units FROM metric_points ${where}`,
  );
  const [trace] = await select<{ summary: string; price_version: string }>(
    `SELECT summary, price_version FROM traces ${where}`,
  );
  const [session] = await select<{ part: string }>(`SELECT part FROM sessions ${where}`);
  const sums = [
    points?.units,
    JSON.parse(trace?.summary ?? "{}").costUnits,
    JSON.parse(session?.part ?? "{}").costUnits,
  ];
  return {
    calls: events.map(({ units, cost_source }) => [usd(units), cost_source]),
    sums: [...new Set(sums.map((units) => usd(units)))],
    stamp: trace?.price_version,
  };
}

const installed = { settingsVersion: 0, priceVersion: priceTable };

test("a newer table changes no cost that is stored, not even of a call that changes later; repricing does", async () => {
  await process([call("old", "00000000000000a1", { priceVersion: oldTable })]);
  expect(await costs("old")).toEqual({ calls: [[0.025, oldTable]], sums: [0.025], stamp: oldTable });

  await refold({ projectId: "old", all: true }, installed);
  expect(await costs("old")).toEqual({ calls: [[0.025, oldTable]], sums: [0.025], stamp: oldTable });

  const later = { receivedMs: 1_777_885_300_000 };
  const more = { attributes: { ...usage(2_000), "session.id": "s" }, endMs: 900 };
  await process([call("old", "00000000000000a1", later, more), call("old", "00000000000000a2", later)]);
  const amended = [
    [0.05, oldTable],
    [0.025, oldTable],
  ];
  expect(await costs("old")).toEqual({ calls: amended, sums: [0.075], stamp: oldTable });

  expect(await refold({ projectId: "old", all: false, reason: "reprice" }, installed)).toHaveLength(1);
  const repriced = {
    calls: [
      [0.025, priceTable],
      [0.0125, priceTable],
    ],
    sums: [0.0375],
    stamp: priceTable,
  };
  expect(await costs("old")).toEqual(repriced);
  expect(await refold({ projectId: "old", all: false, reason: "reprice" }, installed)).toEqual([]);
  await refold({ projectId: "old", all: true }, installed);
  expect(await costs("old")).toEqual(repriced);
});

function usage(tokens: number) {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": tokens,
    "gen_ai.usage.output_tokens": tokens,
    "gen_ai.response.id": "r",
  };
}

test("what was priced by a table that is lost stays as it is stored until it is priced again", async () => {
  await process([call("lost", "00000000000000a1", { priceVersion: "gone@1" })]);
  expect(await costs("lost")).toMatchObject({ calls: [[0.0125, priceTable]], stamp: "gone@1" });
  const columns = columnsOf("events").filter((column) => column !== "version");
  const changed: Readonly<Record<string, string>> = { cost_units: "toInt64(7000000000000)", cost_source: "'gone@1'" };
  version += 1n;
  await client.command({
    query: `INSERT INTO events (version, ${columns.join(", ")}) SELECT ${version}, ${columns
      .map((column) => changed[column] ?? column)
      .join(", ")} FROM events FINAL WHERE project_id = 'lost' AND event_type = 'llm_call'`,
  });
  await refold({ projectId: "lost", all: true }, installed);
  expect(await costs("lost")).toEqual({ calls: [[7, "gone@1"]], sums: [7], stamp: "gone@1" });
  await refold({ projectId: "lost", all: false, reason: "reprice" }, installed);
  expect(await costs("lost")).toEqual({ calls: [[0.0125, priceTable]], sums: [0.0125], stamp: priceTable });
});

test("prices of a project are those of the settings of the receipt, or of now when priced again", async () => {
  const own = `${priceTable}+settings@2`;
  await process([call("own", "00000000000000a1", { priceVersion: own, settingsVersion: 2 })]);
  expect(await costs("own")).toEqual({ calls: [[0.002, own]], sums: [0.002], stamp: own });
  await process([call("none", "00000000000000a1")]);
  await refold({ projectId: "none", all: false, reason: "reprice" }, { settingsVersion: 2, priceVersion: own });
  expect(await costs("none")).toEqual({ calls: [[0.002, own]], sums: [0.002], stamp: own });
});

/** Every live row but for version and project. */
async function liveRows(projectId: string): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const table of [
    "traces",
    "spans",
    "events",
    "sessions",
    "metric_points",
  ] as const satisfies readonly TableName[]) {
    const columns = columnsOf(table).filter((column) => !["version", "is_deleted", "project_id"].includes(column));
    const texts = columns.map((column) =>
      /^(span|resource|scope)$/.test(column) ? `hex(${column}) AS ${column}` : column,
    );
    rows[table] = await select(
      `SELECT ${texts.join(", ")} FROM ${table} FINAL WHERE project_id = '${projectId}' ORDER BY ALL`,
    );
  }
  return rows;
}

test("scopes that are ignored now are hidden in history when it is asked for, and shown again; all rows are those of a fresh ingest", async () => {
  const spans = (projectId: string, settingsVersion: number) => [
    call(projectId, "00000000000000a1", { settingsVersion }),
    call(projectId, "00000000000000b1", { settingsVersion, scopeName: "noise.http" }),
  ];
  await process(spans("seen", 0));
  const seen = await liveRows("seen");
  await process(spans("hidden", 1));
  const hidden = await liveRows("hidden");
  expect(hidden["spans"]).toMatchObject([{ class: "llm" }, { class: "drop", rule_id: "IGNORED-SCOPE" }]);
  expect([seen["events"]?.length, hidden["events"]?.length]).toEqual([2, 1]);

  const hot = cold();
  await process(spans("history", 0), hot);
  await refold({ projectId: "history", all: true }, { ...installed, settingsVersion: 1 }, hot);
  expect(await liveRows("history")).toEqual(seen);
  const commands = await refold(
    { projectId: "history", all: false, reason: "settings" },
    { ...installed, settingsVersion: 1 },
    hot,
  );
  expect(commands).toHaveLength(1);
  expect(await liveRows("history")).toEqual(hidden);
  await refold({ projectId: "history", all: false, reason: "settings" }, installed, hot);
  expect(await liveRows("history")).toEqual(seen);

  // Spans and the command in one batch.
  await process([
    ...spans("batch", 0),
    ...commands.map((each) => ({ ...each, record: { ...each.record, projectId: "batch" } })),
  ]);
  expect(await liveRows("batch")).toEqual(hidden);
});

test("a remap brings the rows of spans along", async () => {
  await process([call("class", "00000000000000a1")]);
  const fresh = await liveRows("class");
  await process([call("stale", "00000000000000a1", { mappingVersion: mappingVersion + 1_000 })]);
  const columns = columnsOf("spans").filter((column) => column !== "version");
  const changed: Readonly<Record<string, string>> = { class: "'plain'", rule_id: "'PLAIN'" };
  version += 1n;
  await client.command({
    query: `INSERT INTO spans (version, ${columns.join(", ")}) SELECT ${version}, ${columns
      .map((column) => changed[column] ?? column)
      .join(", ")} FROM spans FINAL WHERE project_id = 'stale'`,
  });
  await refold({ projectId: "stale", all: false }, installed);
  expect(await liveRows("stale")).toEqual(fresh);
});

test("of two copies of a span the earlier receipt decides, whichever is kept and came first", async () => {
  const early = { settingsVersion: 0, scopeName: "noise.http", receivedMs: 1_777_885_200_000 };
  const late = { settingsVersion: 1, scopeName: "noise.http", receivedMs: 1_777_885_300_000 };
  const poorer = call("copies", "00000000000000b1", early, { endMs: 500 });
  const better = call("copies", "00000000000000b1", late);
  await process([poorer, better]);
  const rows = await liveRows("copies");
  expect(rows["spans"]).toMatchObject([{ class: "llm", settings_version: 0 }]);
  const apart = cold();
  const renamed = (record: SpanRecord) => ({ ...record, record: { ...record.record, projectId: "apart" } });
  await process([renamed(poorer)], apart);
  await process([renamed(better)], apart);
  expect(await liveRows("apart")).toEqual(rows);
});
