/** The processor as a service: from a source of records to the store and the projection. Wiring only. */
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import type { ControlDatabase } from "@nonet/proto/control/control-database.ts";
import type { OwnedPosition } from "@nonet/proto/control/processed-positions.ts";
import type { QuarantineStore } from "@nonet/proto/control/quarantine.ts";
import { createQuarantineWriter } from "@nonet/proto/control/quarantine-writer.ts";
import type { SettingsCache } from "@nonet/proto/control/settings-cache.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import { encodeRecord, type Refold } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { priceTable } from "@nonet/proto/versions.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { ProcessorConfig } from "./config.ts";
import { createCallScopes } from "./consume/call-scopes.ts";
import { createConsumeLoop } from "./consume/consume-loop.ts";
import { holdDeadLetter } from "./consume/hold-dead-letter.ts";
import { createProcessorMetrics } from "./consume/processor-metrics.ts";
import type { RecordSource, SourceRecord } from "./consume/record-source.ts";
import { createPositionReporter } from "./consume/report-positions.ts";
import { createStampMeanings } from "./consume/stamp-meanings.ts";
import { installedPriceText } from "./fold/price-rates.ts";
import { createAudit, driftKinds } from "./store/audit.ts";
import { createCallReports } from "./store/clickhouse/call-reports.ts";
import { createClickhouseStore } from "./store/clickhouse/clickhouse-store.ts";
import { createSpanDigests } from "./store/clickhouse/span-digests.ts";
import { requestRemap } from "./store/request-remap.ts";
import { createRolledWindows } from "./store/rolled-windows.ts";
import { createRollingWindows } from "./store/rolling-windows.ts";

export interface ProcessorDeps {
  readonly source: RecordSource;
  /** Of a migrated store. */
  readonly clickhouse: ClickHouseClient;
  readonly projection: Projection;
  nextOwnerEpoch(topic: string, partition: number): Promise<bigint>;
  listProjectIds(): Promise<readonly string[]>;
  /** Where the log keeps them: the place of record. */
  deadLetter(record: SourceRecord, reason: string): Promise<void>;
  /** Puts commands to owners of traces into the log. Throws PipelineError `LOG_UNAVAILABLE`: the batch comes again. */
  publishCommands(commands: readonly CommandRecord[]): Promise<void>;
  /** How long what is known of a project may be believed while other processors write to the store; 0 where there is none. */
  readonly knownScopesLeaseMs: number;
  /** What projects set, by version. */
  readonly settings: Pick<SettingsCache, "at">;
  /** Price tables of earlier versions of the program, and where the one of this version is kept for later ones. */
  readonly priceTables: Pick<ControlDatabase, "loadPriceTable" | "savePriceTable">;
  /** Where people find them. */
  readonly quarantine: Pick<QuarantineStore, "add">;
  /** Of the records; the source's. */
  readonly topic: string;
  /** Writes how far partitions are processed, for readers that cannot ask the source; left out where they can. */
  savePositions?(positions: readonly OwnedPosition[]): Promise<void>;
  readonly registry: Registry;
  readonly log: Logger;
  now(): number;
}

export interface CommandRecord {
  /** `partitionKey(projectId, traceId)`. */
  readonly key: Uint8Array;
  /** An encoded `nonet.v1.AgentRecord`. */
  readonly value: Uint8Array;
}

export interface Processor {
  /** Source and store answer. */
  isReady(): boolean;
  /** Ends after the running batch; safe to call twice. */
  close(): Promise<void>;
}

/** How soon a receipt follows what was stored. */
const positionIntervalMs = 500;
/** Longer than a batch takes from its first insert to its windows. */
const auditConfirmMs = 5_000;
/** How soon a rolled hour that was touched late is computed again; until then its points are summed on each read. */
const rollIntervalMs = 15_000;

export async function startProcessor(config: ProcessorConfig, deps: ProcessorDeps): Promise<Processor> {
  const metrics = createProcessorMetrics(deps.registry);
  // Before the first trace is priced by it.
  await deps.priceTables.savePriceTable(priceTable, installedPriceText());
  const store = createClickhouseStore({ client: deps.clickhouse });
  const reports = createCallReports({ client: deps.clickhouse });
  const windows = createRollingWindows(
    { refreshMs: config.NONET_WINDOW_REFRESH_MS },
    {
      client: deps.clickhouse,
      projection: deps.projection,
      log: deps.log,
      onFailure: () => metrics.projectionFailures.inc(),
    },
  );
  const rolled = createRolledWindows(
    {
      afterMs: config.NONET_ROLL_AFTER_SECONDS * 1000,
      settleMs: config.NONET_ROLL_SETTLE_SECONDS * 1000,
      intervalMs: rollIntervalMs,
    },
    {
      client: deps.clickhouse,
      log: deps.log,
      now: deps.now,
      elapsed: () => performance.now(),
      onRolled: (count) => metrics.rolledWindows.inc(count),
      onFailure: () => metrics.rollFailures.inc(),
    },
  );
  const publishCommands = (commands: readonly Refold[]) =>
    deps.publishCommands(
      commands.map((command) => ({
        key: partitionKey(command.projectId, command.traceId),
        value: encodeRecord(command),
      })),
    );
  for (const kind of driftKinds) metrics.auditDrift.set({ kind }, 0);
  const audit = createAudit(
    { intervalMs: config.NONET_AUDIT_INTERVAL_SECONDS * 1000, confirmMs: auditConfirmMs },
    {
      client: deps.clickhouse,
      projection: deps.projection,
      remap: (projectId, traceIds) =>
        requestRemap(projectId, traceIds, { client: deps.clickhouse, publish: publishCommands, now: deps.now }),
      renewRolled: rolled.renew,
      touchWindows: windows.touch,
      // Aborted by close: the audit ends at its next step.
      pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
      onChecked: () => metrics.auditedHours.inc(),
      onDrift(kind, count) {
        metrics.auditDrift.set({ kind }, count);
        metrics.auditRepairs.inc({ kind }, count);
      },
      log: deps.log,
    },
  );
  const quarantine = createQuarantineWriter(config, {
    store: deps.quarantine,
    onHeld: (count) => metrics.quarantineHeld.inc(count),
    onDropped: (cause, count) => metrics.quarantineDropped.inc({ cause }, count),
    onError: (error) => deps.log.warn({ err: error }, "the quarantine cannot be written; it will be tried again"),
  });
  const { savePositions } = deps;
  const positions =
    savePositions === undefined
      ? undefined
      : createPositionReporter(positionIntervalMs, {
          save: savePositions,
          committed: () => deps.source.positions(),
          onError: (error) => deps.log.warn({ err: error }, "positions are not told; receipts lag behind"),
        });
  const loop = createConsumeLoop(
    {
      hotTraceCountMax: config.NONET_HOT_TRACES_MAX,
      hotTraceBytesMax: config.NONET_HOT_BYTES_MAX,
      hotTraceAgeMsMax: config.NONET_HOT_AGE_SECONDS_MAX * 1000,
    },
    {
      store,
      stamps: createStampMeanings({ settings: deps.settings, loadPriceTable: deps.priceTables.loadPriceTable }),
      reports,
      digests: createSpanDigests({ client: deps.clickhouse }),
      copies: {
        reports,
        scopes: createCallScopes({ leaseMs: deps.knownScopesLeaseMs }, { reports, elapsed: () => performance.now() }),
        async publish(commands) {
          await publishCommands(commands);
          metrics.copyCommands.inc(commands.length);
        },
        now: deps.now,
      },
      nextOwnerEpoch: deps.nextOwnerEpoch,
      async deadLetter(record, reason) {
        await deps.deadLetter(record, reason);
        holdDeadLetter(quarantine, record, { reason, topic: deps.topic, atMs: deps.now() });
      },
      ...(positions === undefined ? {} : { positions }),
      async touchWindows(traces) {
        for (const { projectId, minutes } of traces) windows.touch(projectId, minutes);
        await rolled.touch(traces);
      },
      async forgetWindows() {
        windows.forget(await deps.listProjectIds());
      },
      async project(traces, notices) {
        const written = await deps.projection.writeTraces(traces);
        const told = await deps.projection.notify(notices);
        metrics.projectionFailures.inc(written.failed + written.skipped + told.failed + told.skipped);
      },
      metrics,
      log: deps.log,
      now: deps.now,
    },
  );
  await deps.source.run(loop);

  return {
    isReady: () => deps.source.isHealthy() && store.isHealthy(),
    async close() {
      await audit.close();
      await deps.source.close();
      await windows.close();
      await rolled.close();
      await positions?.close();
      await quarantine.close();
    },
  };
}
