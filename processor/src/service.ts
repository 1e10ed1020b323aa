/** The processor as a service: from a source of records to the store and the projection. Wiring only. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { ProcessorConfig } from "./config.ts";
import { createConsumeLoop } from "./consume/consume-loop.ts";
import { createProcessorMetrics } from "./consume/processor-metrics.ts";
import type { RecordSource, SourceRecord } from "./consume/record-source.ts";
import { createClickhouseStore } from "./store/clickhouse/clickhouse-store.ts";
import { createRollingWindows } from "./store/rolling-windows.ts";

export interface ProcessorDeps {
  readonly source: RecordSource;
  /** Of a migrated store. */
  readonly clickhouse: ClickHouseClient;
  readonly projection: Projection;
  nextOwnerEpoch(topic: string, partition: number): Promise<bigint>;
  listProjectIds(): Promise<readonly string[]>;
  deadLetter(record: SourceRecord, reason: string): Promise<void>;
  readonly registry: Registry;
  readonly log: Logger;
  now(): number;
}

export interface Processor {
  /** Source and store answer. */
  isReady(): boolean;
  /** Ends after the running batch; safe to call twice. */
  close(): Promise<void>;
}

export async function startProcessor(config: ProcessorConfig, deps: ProcessorDeps): Promise<Processor> {
  const metrics = createProcessorMetrics(deps.registry);
  const store = createClickhouseStore({ client: deps.clickhouse });
  const windows = createRollingWindows(
    { refreshMs: config.NONET_WINDOW_REFRESH_MS },
    {
      client: deps.clickhouse,
      projection: deps.projection,
      log: deps.log,
      now: deps.now,
      onFailure: () => metrics.projectionFailures.inc(),
    },
  );
  const loop = createConsumeLoop(
    {
      hotTraceCountMax: config.NONET_HOT_TRACES_MAX,
      hotTraceBytesMax: config.NONET_HOT_BYTES_MAX,
      hotTraceAgeMsMax: config.NONET_HOT_AGE_SECONDS_MAX * 1000,
    },
    {
      store,
      nextOwnerEpoch: deps.nextOwnerEpoch,
      deadLetter: deps.deadLetter,
      touchWindows: windows.touch,
      async forgetWindows() {
        const before = BigInt(deps.now()) * 1_000_000n;
        for (const projectId of await deps.listProjectIds()) await deps.projection.forgetWindows(projectId, before);
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
      await deps.source.close();
      await windows.close();
    },
  };
}
