/** The query API over a real embedded store that the processor's own code fills. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createRecordDecoder, type RefoldRecord, type SpanRecord } from "@nonet/processor/consume/decode-records.ts";
import { createHotTraces } from "@nonet/processor/consume/hot-traces.ts";
import { materialize } from "@nonet/processor/consume/materialize.ts";
import { createClickhouseStore } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import type { Credential } from "@nonet/proto/control/credentials.ts";
import type { Scope } from "@nonet/proto/control/scopes.ts";
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { createMemoryProjection } from "@nonet/proto/projection/memory-projection.ts";
import { encodeRecord, type Refold } from "@nonet/proto/record-codec.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { queryApiConfigSchema } from "@nonet/query-api/config.ts";
import { startQueryApi } from "@nonet/query-api/service.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createMaterializeDeps } from "../../faults/materialize-deps.ts";

export interface Owner {
  readonly tenantId: string;
  readonly projectId: string;
}

export interface ApiFixture {
  readonly url: string;
  readonly clickhouse: ClickHouseClient;
  /** Adds a key; `scopes` default to reading with content and export. */
  addToken(token: string, owner: Owner, scopes?: readonly Scope[]): void;
  removeToken(token: string): void;
  /** Stores spans as the processor does, in one batch. */
  ingest(request: object, owner: Owner): Promise<void>;
  setNow(ms: number): void;
  stopStore(): Promise<void>;
  close(): Promise<void>;
}

export async function startApiFixture(options: { ratePerMinute?: number } = {}): Promise<ApiFixture> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "nonet-api-"));
  const chdb = await startChdbServer({ dataDirectory });
  const clickhouse = createStoreClient(chdb);
  await migrateClickhouse(clickhouse);
  const tokens = new Map<string, Credential>();
  let nowMs = Date.parse("2026-05-04T09:03:00Z");
  const projection = createMemoryProjection();
  const control = openControlDatabase({ url: "sqlite::memory:" });
  await control.migrate();
  const api = await startQueryApi(
    queryApiConfigSchema.parse({
      NONET_API_ADDRESS: "127.0.0.1:0",
      NONET_API_RATE_PER_MINUTE: options.ratePerMinute ?? 0,
    }),
    {
      clickhouse,
      credentials: { lookup: async (token) => tokens.get(token) },
      projection,
      cursorSecret: randomBytes(32),
      receiptSecret: randomBytes(32),
      positionsOf: async () => new Map(),
      quarantine: control.quarantine,
      settings: { control, onChanged: () => undefined },
      registry: new Registry(),
      log: pino({ level: "silent" }),
      now: () => nowMs,
    },
  );
  const store = createClickhouseStore({ client: clickhouse });
  const hot = createHotTraces({
    hotTraceCountMax: 1000,
    hotTraceBytesMax: 64 * 1024 ** 2,
    hotTraceAgeMsMax: 3_600_000,
  });
  let version = 0n;
  const nextVersion = () => {
    version += 1n;
    return version;
  };
  const commands: Refold[] = [];
  const copies = createMaterializeDeps(clickhouse, async (published) => void commands.push(...published));
  const process = (records: readonly (SpanRecord | RefoldRecord)[]) =>
    materialize(records, nextVersion, { store, hot, ...copies, now: () => nowMs, onDefect: fail });
  return {
    url: `http://${api.address}`,
    clickhouse,
    addToken(token, owner, scopes = ["traces:read", "traces:content", "traces:export"]) {
      tokens.set(token, { keyId: token, ...owner, projectNumber: 1, scopes: new Set(scopes) });
    },
    removeToken: (token) => void tokens.delete(token),
    async ingest(request, owner) {
      await process(toRecords(request, owner));
      for (let command = commands.shift(); command !== undefined; command = commands.shift()) {
        await process([{ kind: "refold", source: noSource, record: command }]);
      }
    },
    setNow: (ms) => {
      nowMs = ms;
    },
    stopStore: () => chdb.close(),
    async close() {
      await api.close();
      await control.close();
      await clickhouse.close();
      await chdb.close();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

const noSource = { partition: 0, offset: 0n, key: new Uint8Array(), value: new Uint8Array(), timestampMs: 0 };

function fail(ruleId: string, error: unknown): never {
  throw new Error(`rule ${ruleId} threw`, { cause: error });
}

/** As they come from the log. */
function toRecords(request: object, owner: Owner): SpanRecord[] {
  const encoded = exportRequestFromJson(JSON.stringify(request));
  if (encoded.outcome !== "encoded") throw new Error(encoded.reason);
  const walked = walkExportRequest(encoded.bytes);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  const decoder = createRecordDecoder({ onDefect: fail });
  return walked.groups.flatMap((group) =>
    group.spans.map((span) => {
      const value = encodeRecord({
        kind: "span_events",
        ...owner,
        receivedUnixNano: 1n,
        mappingVersion,
        priceVersion: priceTable,
        settingsVersion: 1,
        resource: group.resourceBytes,
        scope: group.scopeBytes,
        span: span.bytes,
        resourceSchemaUrl: group.resourceSchemaUrl,
        scopeSchemaUrl: group.scopeSchemaUrl,
        spanClass: "",
        ruleId: "",
        events: [],
      });
      const decoded = decoder.decode({ partition: 0, offset: 0n, key: new Uint8Array(), value, timestampMs: 0 });
      if (decoded.kind !== "span") throw new Error("a span came back as something else");
      return decoded;
    }),
  );
}
