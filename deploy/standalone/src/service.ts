/**
 * Every service in one process, with the embedded engine as its one child. The loops are those of the distributed shape: only the log (SQLite
 * for Kafka), the projection (memory for Redis) and the control database (SQLite for PostgreSQL) are others.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { createSqlitePublisher } from "@nonet/ingest/publish/sqlite-publisher.ts";
import { type Ingest, startIngest } from "@nonet/ingest/service.ts";
import { createGapReporter } from "@nonet/processor/consume/report-gaps.ts";
import { createSqliteSource } from "@nonet/processor/consume/sqlite-source.ts";
import { createStampMeanings } from "@nonet/processor/consume/stamp-meanings.ts";
import { startProcessor } from "@nonet/processor/service.ts";
import { migrateClickhouse } from "@nonet/processor/store/clickhouse/migrate.ts";
import { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { startAdminServer } from "@nonet/proto/admin-server.ts";
import { createApiKey } from "@nonet/proto/control/api-key-format.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createCredentialCache } from "@nonet/proto/control/credentials.ts";
import type { ProcessedPosition } from "@nonet/proto/control/processed-positions.ts";
import { createSettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { createMemoryProjection } from "@nonet/proto/projection/memory-projection.ts";
import { openSqliteLog, type SqliteLog } from "@nonet/proto/sqlite-log.ts";
import { agentEventsTopic } from "@nonet/proto/topics.ts";
import { startQueryApi } from "@nonet/query-api/service.ts";
import type { Logger } from "pino";
import { Counter, Registry } from "prom-client";
import type { StandaloneConfig } from "./config.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory.ts";
import { remapPath, remapRequestOf } from "./remap-request.ts";
import { remapTraces } from "./remap-traces.ts";
import { verify } from "./verify/verify.ts";
import { verifyPath } from "./verify-command.ts";
import { loadVersionsInForce } from "./versions-in-force.ts";

const megabyte = 1_048_576;
/** Requests that wait for the next transaction; the receiver's bytes in flight bound it anyway. */
const publishQueueBytesMax = 256 * megabyte;
/** The engine of a standalone that was killed finishes its writes first, within 10 s; then the next one may have the directory. */
const predecessorLimits = { lockWaitMs: 15_000, readyMsMax: 40_000 };
/** One consumer takes all: more partitions would only make smaller batches. */
const partitionCount = 1;
const consumerGroup = "processor";

export interface Standalone {
  readonly ingest: Ingest;
  readonly apiAddress: string;
  readonly adminAddress: string;
  readonly apiKey: string;
  /** Drains: what was acknowledged is in the log, the running batch is stored. Safe to call twice. */
  close(): Promise<void>;
}

export interface StandaloneDeps {
  readonly log: Logger;
  onFirstSpan(): void;
  now(): number;
}

/** @throws PipelineError `DIRECTORY_IN_USE`, `ADDRESS_IN_USE`, `CONFIG_INVALID`: nothing is left running. */
export async function startStandalone(config: StandaloneConfig, deps: StandaloneDeps): Promise<Standalone> {
  const opened: (() => unknown)[] = [];
  const closeAll = async () => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    return await start(config, deps, opened, closeAll);
  } catch (caught) {
    await closeAll();
    throw caught;
  }
}

/** @param opened how to close what is open, in the order of opening. */
async function start(
  config: StandaloneConfig,
  deps: StandaloneDeps,
  opened: (() => unknown)[],
  close: () => Promise<void>,
): Promise<Standalone> {
  const directory = openDataDirectory(config.NONET_DATA_DIR);
  opened.push(() => directory.close());
  // The engine takes longest to start: everything else is made ready beside it.
  const engineStarting = startChdbServer(
    { dataDirectory: directory.file("clickhouse"), ...predecessorLimits },
    { log: (level, message, fields) => deps.log[level](fields, message) },
  );
  opened.push(async () => (await engineStarting.catch(() => undefined))?.close());

  const control = openControlDatabase({ url: `sqlite:${directory.file("control.db")}`, now: deps.now });
  opened.push(() => control.close());
  await control.migrate();
  const apiKey = await firstKey(directory, config, control);
  const credentials = createCredentialCache(control, { now: deps.now });
  const settings = createSettingsCache(control, { now: deps.now });
  const log = openSqliteLog({
    path: directory.file("log.db"),
    partitionCount,
    synchronous: config.NONET_LOG_SYNCHRONOUS,
    backlogBytesMax: config.NONET_LOG_BACKLOG_BYTES_MAX,
  });
  opened.push(() => log.close());
  const projection = createMemoryProjection();
  opened.push(() => projection.close());

  const engine = await engineStarting;
  const clickhouse = createStoreClient(engine);
  opened.push(() => clickhouse.close());
  await migrateClickhouse(clickhouse);

  const registry = new Registry();
  const deadLettersDropped = new Counter({
    name: "nonet_log_dead_letters_dropped",
    help: "Older dead letters that had to go, by the limit they were beyond",
    labelNames: ["limit"],
    registers: [registry],
  });
  const processor = await startProcessor(config, {
    source: createSqliteSource(
      {
        consumerGroup,
        batchCountMax: config.NONET_BATCH_RECORDS_MAX,
        batchBytesMax: config.NONET_BATCH_BYTES_MAX,
        lingerMs: config.NONET_BATCH_LINGER_MS,
        retryMs: 100,
        retryMsMax: 5_000,
      },
      {
        log,
        onError: (error) => deps.log.error({ err: error }, "a batch was not stored; it will be tried again"),
        onGap: createGapReporter(registry, deps.log),
      },
    ),
    clickhouse,
    projection,
    nextOwnerEpoch: async (topic, partition) => BigInt(await control.nextOwnerEpoch(topic, partition)),
    listProjectIds: async () => (await control.listProjects()).map((project) => project.id),
    async deadLetter(record, reason) {
      const dropped = log.deadLetter({ ...record, offset: Number(record.offset) }, reason, deps.now());
      for (const [limit, count] of Object.entries(dropped)) deadLettersDropped.inc({ limit }, count);
    },
    async publishCommands(commands) {
      log.appendCommands(commands, deps.now());
    },
    knownScopesLeaseMs: 0,
    settings,
    priceTables: control,
    quarantine: control.quarantine,
    topic: agentEventsTopic,
    registry,
    log: deps.log,
    now: deps.now,
  });
  opened.push(() => processor.close());

  const receiptSecret = secretOf(directory, "receipt-secret");
  const api = await startQueryApi(config, {
    clickhouse,
    credentials,
    projection,
    cursorSecret: secretOf(directory, "cursor-secret"),
    receiptSecret,
    positionsOf: async () => new Map(partitionsOf(log)),
    quarantine: control.quarantine,
    settings: { control, onChanged: settings.forget },
    registry,
    log: deps.log,
    now: deps.now,
  });
  opened.push(() => api.close());

  const publisher = createSqlitePublisher(
    { recordBytesMax: config.NONET_RECORD_BYTES_MAX, queueBytesMax: publishQueueBytesMax },
    { log, now: deps.now },
  );
  const ingest = await startIngest(config, {
    publisher,
    credentials,
    control,
    receiptSecret,
    settings,
    registry,
    log: deps.log,
    recordEvents: false,
    onFirstSpan: deps.onFirstSpan,
    now: deps.now,
  });
  opened.push(() => ingest.close());

  const admin = await startAdminServer(
    { ...config.NONET_ADMIN_ADDRESS, setting: "NONET_ADMIN_ADDRESS" },
    {
      isReady: () => ingest.isReady() && processor.isReady(),
      metrics: () => registry.metrics(),
      commands: {
        [verifyPath]: (query, signal) => {
          const projectId = query.get("project");
          return verify(
            projectId === null ? {} : { projectId },
            {
              client: clickhouse,
              stamps: createStampMeanings({ settings, loadPriceTable: control.loadPriceTable }),
              api: { url: `http://${api.address}`, key: apiKey },
              positions: async () =>
                Array.from({ length: partitionCount }, (_, partition) => ({
                  partition,
                  committed: BigInt(log.committed(consumerGroup, partition)),
                  end: BigInt(log.end(partition)),
                  stored: undefined,
                })),
              // Aborted when the caller has gone: the verifier ends at its next step.
              pause: (ms) => delay(ms, undefined, { signal }).catch(() => undefined),
            },
            signal,
          );
        },
        [remapPath]: (query, signal) =>
          remapTraces(
            remapRequestOf(query),
            {
              client: clickhouse,
              publisher,
              inForce: (projectId) => loadVersionsInForce(control, projectId),
              now: deps.now,
            },
            signal,
          ),
      },
    },
  );
  opened.push(() => admin.close());
  return { ingest, apiAddress: api.address, adminAddress: admin.address, apiKey, close };
}

/** The first key, kept where only the owner of the directory reads it: on disk before it is in the database, so that a crash cannot lose it. */
async function firstKey(
  directory: DataDirectory,
  config: StandaloneConfig,
  control: ReturnType<typeof openControlDatabase>,
): Promise<string> {
  const file = directory.file("api-key");
  const kept = existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
  const apiKey = config.NONET_API_KEY ?? kept ?? createApiKey();
  if (apiKey !== kept) writeSecret(file, apiKey);
  await control.ensureFirstCredential({ apiKey });
  return apiKey;
}

/** The cursor moves when a batch is stored and projected: what it has passed is queryable. */
function* partitionsOf(log: SqliteLog): Generator<[partition: number, position: ProcessedPosition]> {
  for (let partition = 0; partition < log.partitionCount; partition += 1) {
    const next = BigInt(log.committed(consumerGroup, partition));
    yield [partition, { stored: next, queryable: next }];
  }
}

function secretOf(directory: DataDirectory, name: string): Buffer {
  const file = directory.file(name);
  if (!existsSync(file)) writeSecret(file, randomBytes(32).toString("hex"));
  return Buffer.from(readFileSync(file, "utf8").trim(), "hex");
}

function writeSecret(file: string, secret: string): void {
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  // `mode` holds for a new file only.
  chmodSync(file, 0o600);
}
