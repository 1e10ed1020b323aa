import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createClickhouseStore } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import {
  liveLine,
  type RowContent,
  tombstoneLine,
  toRowKey,
  toRowText,
} from "@nonet/processor/store/clickhouse/row-text.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import type { SpanRow } from "@nonet/proto/tables.ts";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "nonet-store-"));
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

const everyByte = Uint8Array.from({ length: 512 }, (_, at) => at % 256);
const hostileTexts = ["\\N", "a\tb\nc\\d\r\0", "", " ", "🙂 é", "\\t", '"', "NULL"];

function spanRow(traceId: string, name: string): RowContent<"spans"> {
  return {
    project_id: "p\t1",
    hour: 493_840,
    trace_id: traceId,
    span_id: "00f067aa0ba902b7",
    start_unix_nano: "1777824000000000001",
    end_unix_nano: "1777824000000000002",
    received_unix_nano: "1777824000000000003",
    name,
    service_name: name,
    class: "plain",
    rule_id: "",
    agent_name: name,
    status_code: 2,
    mapping_version: 1,
    price_version: "",
    settings_version: 0,
    span: everyByte,
    resource: Uint8Array.of(0x0a, 0x09, 0x5c),
    scope: new Uint8Array(),
  };
}

async function insertSpans(...spans: string[]): Promise<void> {
  const store = createClickhouseStore({ client });
  await store.insert({ traces: [], spans, events: [], sessions: [], metric_points: [] });
}

test("bytes and texts of a span come back from the store as they were, whatever is in them", async () => {
  const rows = hostileTexts.map((name, index) => spanRow(`trace-${index}`, name));
  await insertSpans(...rows.map((row) => liveLine(1n, "spans", toRowText("spans", row))));
  const answer = await client.query({
    query: `SELECT trace_id, name, service_name, agent_name, hex(span) AS span, hex(resource) AS resource, hex(scope) AS scope, start_unix_nano
            FROM spans FINAL WHERE project_id = {project:String} ORDER BY trace_id`,
    query_params: { project: "p\t1" },
    format: "JSONEachRow",
  });
  expect(await answer.json<Partial<SpanRow>>()).toEqual(
    hostileTexts.map((name, index) => ({
      trace_id: `trace-${index}`,
      name,
      service_name: name,
      agent_name: name,
      span: Buffer.from(everyByte).toString("hex").toUpperCase(),
      resource: "0A095C",
      scope: "",
      start_unix_nano: "1777824000000000001",
    })),
  );
});

test("a tombstone hides the row with its key, and an older line does not bring it back", async () => {
  const row = spanRow("trace-hidden", "x");
  const key = toRowKey("spans", { ...row });
  expect(key).toBe(toRowText("spans", row).key);
  await insertSpans(liveLine(5n, "spans", toRowText("spans", row)));
  await insertSpans(tombstoneLine(6n, "spans", key));
  await insertSpans(liveLine(4n, "spans", toRowText("spans", row)));
  const answer = await client.query({
    query: "SELECT count() AS count FROM spans FINAL WHERE trace_id = 'trace-hidden'",
    format: "JSONEachRow",
  });
  expect(await answer.json()).toEqual([{ count: "0" }]);
});
