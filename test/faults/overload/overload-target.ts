/** What is overloaded: an ingest process with its log, on a core of its own. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { treeOf } from "../../bench/process-usage.ts";
import { startStandaloneFixture } from "../../e2e/standalone-fixture.ts";
import { pinTo, unpin } from "./cores.ts";
import { startIngestFixture } from "./ingest-fixture.ts";

export interface OverloadTarget {
  readonly name: string;
  readonly pid: number;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly apiKey: string;
  /** From now on the log takes nothing. */
  stopLog(): void;
  resumeLog(): void;
  close(): Promise<void>;
}

export async function startKafkaTarget(environment: Record<string, string>): Promise<OverloadTarget> {
  // What is started from here on stays beside us, ingest apart.
  pinTo(1, process.pid);
  const fixture = await startIngestFixture({ ...environment });
  pinTo(0, fixture.process.pid);
  return {
    name: "ingest on Kafka",
    pid: fixture.process.pid,
    httpPort: fixture.httpPort,
    grpcPort: fixture.grpcPort,
    apiKey: fixture.apiKey,
    stopLog: () => fixture.kafka.pause(),
    resumeLog: () => fixture.kafka.resume(),
    async close() {
      fixture.kafka.resume();
      await fixture.close();
      unpin(process.pid);
    },
  };
}

/** The engine and the processor share the core with the receiver. */
export async function startStandaloneTarget(environment: Record<string, string>): Promise<OverloadTarget> {
  pinTo(1, process.pid);
  const fixture = await startStandaloneFixture(environment);
  const { pid } = fixture.process();
  for (const each of treeOf(pid)) pinTo(0, each);
  let lock: DatabaseSync | undefined;
  return {
    name: "standalone",
    pid,
    httpPort: Number(new URL(fixture.httpUrl).port),
    grpcPort: Number(new URL(fixture.grpcUrl).port),
    apiKey: fixture.apiKey,
    stopLog() {
      lock = new DatabaseSync(join(fixture.dataDirectory, "log.db"), { timeout: 10_000 });
      lock.exec("BEGIN IMMEDIATE");
    },
    resumeLog() {
      lock?.close();
      lock = undefined;
    },
    async close() {
      lock?.close();
      await fixture.close();
      unpin(process.pid);
    },
  };
}
