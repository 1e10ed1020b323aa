/** Ingest of the distributed shape alone: real Kafka and PostgreSQL, and one process on a core of its own. */
import { type LocalKafka, startKafka } from "@nonet/local/kafka.ts";
import { startPostgres } from "@nonet/local/postgres.ts";
import { freePort } from "../../e2e/free-port.ts";
import { eventually, type ServiceProcess, startProcess } from "../../e2e/service-process.ts";
import { testApiKey } from "../../e2e/standalone-fixture.ts";

export interface IngestFixture {
  readonly process: ServiceProcess;
  readonly kafka: LocalKafka;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The value of a metric without labels, or the sum over its labels. */
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

export async function startIngestFixture(overrides: Record<string, string> = {}): Promise<IngestFixture> {
  const [kafka, postgres] = await Promise.all([startKafka({ nodes: 1 }), startPostgres()]);
  const [grpcPort, httpPort, admin] = [await freePort(), await freePort(), await freePort()];
  const adminUrl = `http://127.0.0.1:${admin}`;
  const environment = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    KAFKA_TOPIC_PARTITIONS: "4",
    KAFKA_TOPIC_REPLICATION: "1",
    DATABASE_URL: postgres.url,
    NONET_OTLP_GRPC_ADDRESS: `127.0.0.1:${grpcPort}`,
    NONET_OTLP_HTTP_ADDRESS: `127.0.0.1:${httpPort}`,
    NONET_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    NONET_API_KEY: testApiKey,
    NONET_LOG_LEVEL: "warn",
    ...overrides,
  };
  const process = startProcess("ingest/src/main.ts", environment);
  const close = async () => {
    await process.kill();
    await Promise.all([kafka.close(), postgres.close()]);
  };
  try {
    const failed = process.exited.then((code) => {
      throw new Error(`ingest ended with ${code}:\n${process.output()}`);
    });
    failed.catch(() => undefined);
    const ready = eventually(async () => (await fetch(`${adminUrl}/ready`)).ok, { withinMs: 60_000, what: "ready" });
    await Promise.race([ready, failed]);
  } catch (caught) {
    await close();
    throw caught;
  }
  return {
    process,
    kafka,
    grpcPort,
    httpPort,
    adminUrl,
    apiKey: testApiKey,
    environment,
    async metric(name) {
      const text = await (await fetch(`${adminUrl}/metrics`)).text();
      const values = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"));
      return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
    },
    close,
  };
}
