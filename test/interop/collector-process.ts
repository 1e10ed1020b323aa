/** A real Collector on a configuration of deploy/collector, exactly as it stands there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../e2e/free-port.ts";
import { eventually } from "../e2e/service-process.ts";
import { type RunningProgram, runProgram } from "./child-process.ts";

export type CollectorConfig = "otlp-grpc" | "otlp-http" | "kafka-producer" | "kafka-consumer";

export interface RunningCollector {
  /** Where applications send. */
  readonly grpcUrl: string;
  /** Spans that its exporter has handed over since this process started. */
  sentSpans(): Promise<number>;
  /** SIGKILL, and again on the same queue. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startCollector(
  config: CollectorConfig,
  environment: Record<string, string>,
): Promise<RunningCollector> {
  const queueDirectory = mkdtempSync(join(tmpdir(), "nonet-collector-"));
  const [grpc, http, metrics] = [await freePort(), await freePort(), await freePort()];
  let current: RunningProgram;

  async function readSentSpans(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    const [, count] = /^otelcol_exporter_sent_spans(?:_total)?\{.*\} (\d+)/m.exec(text) ?? [];
    return Number(count ?? 0);
  }

  async function start(): Promise<void> {
    current = runProgram([".local/interop/collector", "--config", `deploy/collector/${config}.yaml`], {
      environment: {
        ...environment,
        COLLECTOR_QUEUE_DIR: queueDirectory,
        COLLECTOR_GRPC_ENDPOINT: `127.0.0.1:${grpc}`,
        COLLECTOR_HTTP_ENDPOINT: `127.0.0.1:${http}`,
        COLLECTOR_METRICS_PORT: String(metrics),
      },
    });
    const failed = current.exited.then((code) => {
      throw new Error(`the Collector ended with ${code}: ${current.errors()}`);
    });
    failed.catch(() => undefined);
    const ready = eventually(
      async () => {
        await readSentSpans();
        return current.errors().includes("Everything is ready");
      },
      { withinMs: 30_000, what: "the Collector is ready" },
    );
    await Promise.race([ready, failed]);
  }

  await start();
  return {
    grpcUrl: `http://127.0.0.1:${grpc}`,
    sentSpans: readSentSpans,
    async restart() {
      current.signal("SIGKILL");
      await current.exited;
      await start();
    },
    async close() {
      current.signal("SIGTERM");
      await current.exited;
      rmSync(queueDirectory, { recursive: true, force: true });
    },
  };
}
