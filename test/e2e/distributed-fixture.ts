/** The distributed shape: ingest, two processors and query-api as processes, on real Kafka, Redis and PostgreSQL and the embedded ClickHouse. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChdbServer, startChdbServer } from "@nonet/chdb-server/chdb-server.ts";
import { type LocalKafka, startKafka } from "@nonet/local/kafka.ts";
import { type LocalPostgres, startPostgres } from "@nonet/local/postgres.ts";
import { type LocalRedis, startRedis } from "@nonet/local/redis.ts";
import { freePort } from "./free-port.ts";
import { eventually, type ServiceProcess, startProcess } from "./service-process.ts";
import { createReader, type ShapeUnderTest } from "./shape-under-test.ts";
import { testApiKey } from "./standalone-fixture.ts";

export interface DistributedFixture extends ShapeUnderTest {
  readonly ingest: ServiceProcess;
  readonly ingests: readonly RestartableProcess[];
  readonly queryApis: readonly RestartableProcess[];
  /** What all processes share, to be killed, frozen and started again. */
  readonly services: {
    readonly kafka: LocalKafka;
    readonly redis: LocalRedis;
    readonly postgres: LocalPostgres;
    readonly engine: ChdbServer;
  };
  readonly processors: readonly RestartableProcess[];
  readonly adminUrls: readonly string[];
  readonly kafkaBrokers: readonly string[];
  /** How every process reaches what all share. */
  readonly environment: Readonly<Record<string, string>>;
  /** A further processor of the group; ready. */
  startProcessor(): Promise<ServiceProcess>;
  /** A further ingest process on ports of its own. */
  startIngest(environment: Record<string, string>): Promise<ServiceProcess>;
}

export interface RestartableProcess {
  current(): ServiceProcess;
  restart(): Promise<void>;
}

export interface DistributedOptions {
  readonly partitions?: number;
  /** Puts something between the services and the store: takes the store's URL and gives the one they are told. */
  readonly proxyStore?: (url: string) => Promise<{ url: string; close(): Promise<void> }>;
  /** Of the processors. */
  readonly processorEnvironment?: Readonly<Record<string, string>>;
}

export async function startDistributedFixture(options: DistributedOptions = {}): Promise<DistributedFixture> {
  const directory = mkdtempSync(join(tmpdir(), "nonet-distributed-"));
  const closers: (() => Promise<unknown>)[] = [async () => rmSync(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    return await start(directory, options, closers, close);
  } catch (caught) {
    await close();
    throw caught;
  }
}

async function start(
  directory: string,
  options: DistributedOptions,
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
  const proxied = await options.proxyStore?.(clickhouseUrl.href);
  if (proxied !== undefined) closers.push(proxied.close);
  const [grpc, http, api] = [await freePort(), await freePort(), await freePort()];
  const shared = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    KAFKA_TOPIC_PARTITIONS: String(options.partitions ?? 4),
    KAFKA_TOPIC_REPLICATION: "1",
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    CLICKHOUSE_URL: proxied?.url ?? clickhouseUrl.href,
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

  /** On the same ports after a restart. */
  async function restartable(script: string, environment: Record<string, string>): Promise<RestartableProcess> {
    let running = await run(script, environment);
    adminUrls.push(running.adminUrl);
    return {
      current: () => running.process,
      async restart() {
        running = await run(script, environment);
      },
    };
  }

  const adminUrls: string[] = [];
  const ingest = await restartable("ingest/src/main.ts", {
    NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${grpc}`,
    NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${http}`,
    NONET_API_KEY: testApiKey,
  });
  const processorEnvironment = { NONET_SESSION_TIMEOUT_MS: "6000", ...options.processorEnvironment };
  const processors: RestartableProcess[] = [];
  for (let n = 0; n < 2; n += 1) processors.push(await restartable("processor/src/main.ts", processorEnvironment));
  const queryApi = await restartable("query-api/src/main.ts", { NONET_API_ADDRESS: `127.0.0.1:${api}` });
  const apiUrl = `http://127.0.0.1:${api}`;
  return {
    name: "distributed",
    grpcUrl: `http://127.0.0.1:${grpc}`,
    httpUrl: `http://127.0.0.1:${http}`,
    apiUrl,
    apiKey: testApiKey,
    freshMs: 2_000,
    get: createReader(apiUrl, testApiKey),
    ingest: ingest.current(),
    ingests: [ingest],
    queryApis: [queryApi],
    services: { kafka, redis, postgres, engine },
    processors,
    adminUrls,
    kafkaBrokers: kafka.brokers,
    environment: shared,
    startProcessor: async () => (await run("processor/src/main.ts", processorEnvironment)).process,
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
