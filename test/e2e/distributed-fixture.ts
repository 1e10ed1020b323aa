/** The distributed shape: ingest, two processors and query-api as processes, on real Kafka, Redis and PostgreSQL and the embedded ClickHouse. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { startKafka } from "@nonet/local/kafka.ts";
import { startPostgres } from "@nonet/local/postgres.ts";
import { startRedis } from "@nonet/local/redis.ts";
import { freePort } from "./free-port.ts";
import { eventually, type ServiceProcess, startProcess } from "./service-process.ts";
import { createReader, type ShapeUnderTest } from "./shape-under-test.ts";
import { testApiKey } from "./standalone-fixture.ts";

export interface DistributedFixture extends ShapeUnderTest {
  readonly ingest: ServiceProcess;
  readonly processors: readonly RestartableProcess[];
  readonly adminUrls: readonly string[];
  readonly kafkaBrokers: readonly string[];
  /** How every process reaches what all share. */
  readonly environment: Readonly<Record<string, string>>;
  /** A further ingest process on ports of its own. */
  startIngest(environment: Record<string, string>): Promise<ServiceProcess>;
}

export interface RestartableProcess {
  current(): ServiceProcess;
  restart(): Promise<void>;
}

export async function startDistributedFixture(options: { partitions?: number } = {}): Promise<DistributedFixture> {
  const directory = mkdtempSync(join(tmpdir(), "nonet-distributed-"));
  const closers: (() => Promise<unknown>)[] = [async () => rmSync(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    return await start(directory, options.partitions ?? 4, closers, close);
  } catch (caught) {
    await close();
    throw caught;
  }
}

async function start(
  directory: string,
  partitions: number,
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<DistributedFixture> {
  const [kafka, redis, postgres, engine] = await Promise.all([
    startKafka({ nodes: 1 }),
    startRedis(),
    startPostgres(),
    startChdbServer({ dataDirectory: join(directory, "clickhouse") }),
  ]);
  for (const service of [kafka, redis, postgres, engine]) closers.push(() => service.close());
  const clickhouseUrl = new URL(engine.url);
  clickhouseUrl.username = engine.username;
  clickhouseUrl.password = engine.password;
  const [grpc, http, api] = [await freePort(), await freePort(), await freePort()];
  const shared = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    KAFKA_TOPIC_PARTITIONS: String(partitions),
    KAFKA_TOPIC_REPLICATION: "1",
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    CLICKHOUSE_URL: clickhouseUrl.href,
  };

  async function run(
    script: string,
    environment: Record<string, string>,
  ): Promise<{ process: ServiceProcess; adminUrl: string }> {
    const admin = await freePort();
    const process = startProcess(script, { ...shared, ...environment, NONET_ADMIN_ADDRESS: `127.0.0.1:${admin}` });
    closers.push(() => process.kill());
    const adminUrl = `http://127.0.0.1:${admin}`;
    const failed = process.exited.then((code) => {
      throw new Error(`${script} ended with ${code}:\n${process.output()}`);
    });
    failed.catch(() => undefined);
    const ready = eventually(async () => (await fetch(`${adminUrl}/ready`)).ok, {
      withinMs: 60_000,
      what: `${script} ready`,
    });
    await Promise.race([ready, failed]);
    return { process, adminUrl };
  }

  const ingest = await run("ingest/src/main.ts", {
    NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${grpc}`,
    NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${http}`,
    NONET_API_KEY: testApiKey,
  });
  const processors: RestartableProcess[] = [];
  const adminUrls = [ingest.adminUrl];
  for (let n = 0; n < 2; n += 1) {
    let running = await run("processor/src/main.ts", { NONET_SESSION_TIMEOUT_MS: "6000" });
    adminUrls.push(running.adminUrl);
    processors.push({
      current: () => running.process,
      async restart() {
        running = await run("processor/src/main.ts", { NONET_SESSION_TIMEOUT_MS: "6000" });
      },
    });
  }
  const queryApi = await run("query-api/src/main.ts", { NONET_API_ADDRESS: `127.0.0.1:${api}` });
  adminUrls.push(queryApi.adminUrl);
  const apiUrl = `http://127.0.0.1:${api}`;
  return {
    name: "distributed",
    grpcUrl: `http://127.0.0.1:${grpc}`,
    httpUrl: `http://127.0.0.1:${http}`,
    apiUrl,
    apiKey: testApiKey,
    freshMs: 2_000,
    get: createReader(apiUrl, testApiKey),
    ingest: ingest.process,
    processors,
    adminUrls,
    kafkaBrokers: kafka.brokers,
    environment: shared,
    async startIngest(environment) {
      const defaults = {
        // Beside the one that has the machine's cores already.
        NONET_INGEST_WORKERS: "1",
        NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${await freePort()}`,
        NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${await freePort()}`,
      };
      return (await run("ingest/src/main.ts", { ...defaults, ...environment })).process;
    },
    close,
  };
}
