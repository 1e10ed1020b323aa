/** Starts ingest of the distributed shape; the only file of it that reads the environment. */
import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import { startAdminServer } from "@nonet/proto/admin-server.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { runService } from "@nonet/proto/run-service.ts";
import { pino } from "pino";
import { ingestProcessSchema } from "./config.ts";
import type { IngestProcessConfig } from "./ingest-process.ts";
import { runWorker } from "./workers/run-worker.ts";
import { shareOf, workerCountFor } from "./workers/share-limits.ts";
import { startWorkerPool } from "./workers/worker-pool.ts";

/** Loaded where requests are served: the process that only holds the ports does without the libraries of Kafka and PostgreSQL. */
const loadIngest = () => import("./ingest-process.ts");

if (cluster.isWorker) {
  // A signal to the group (Ctrl-C) also reaches the process that holds the ports, which tells its workers to drain.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  // The configuration was read aloud once already.
  const config = parseConfig(ingestProcessSchema, process.env, () => {});
  const log = pino({ name: "ingest", level: config.NONET_LOG_LEVEL });
  const workerCount = workerCountFor(config, availableParallelism());
  const outcome = await runWorker(async (onPaid) => {
    const { startIngestProcess } = await loadIngest();
    return startIngestProcess(shareOf(config, workerCount), { log, onPaid });
  });
  process.exit(outcome === "drained" ? 0 : 1);
} else {
  await runService(async () => {
    const config = parseConfig(ingestProcessSchema, process.env);
    const workerCount = workerCountFor(config, availableParallelism());
    return workerCount === 1 ? startAlone(config) : startWorkers(config, workerCount);
  });
}

async function startAlone(config: IngestProcessConfig) {
  const log = pino({ name: "ingest", level: config.NONET_LOG_LEVEL });
  const { startIngestProcess } = await loadIngest();
  const { ingest, registry, close } = await startIngestProcess(config, { log });
  const admin = await startAdminServer(
    { ...config.NONET_ADMIN_ADDRESS, setting: "NONET_ADMIN_ADDRESS" },
    { isReady: () => ingest.isReady(), metrics: () => registry.metrics() },
  );
  log.info({ grpc: ingest.receiver.grpcAddresses, http: ingest.receiver.httpAddresses }, "ingest is ready");
  return {
    async close() {
      await close();
      await admin.close();
    },
  };
}

async function startWorkers(config: IngestProcessConfig, workerCount: number) {
  const log = pino({ name: "ingest", level: config.NONET_LOG_LEVEL });
  const pool = await startWorkerPool(workerCount, { log });
  const admin = await startAdminServer(
    { ...config.NONET_ADMIN_ADDRESS, setting: "NONET_ADMIN_ADDRESS" },
    { isReady: pool.isReady, metrics: pool.metrics },
  );
  return {
    async close() {
      await pool.close();
      await admin.close();
    },
  };
}
