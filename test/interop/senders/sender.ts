/** A sender of the matrix as its cell sees it: started with a plan and an endpoint, it ends when all its spans were exported or given up. */
import { existsSync } from "node:fs";
import { runProgram } from "../child-process.ts";
import type { ExportReport } from "./reporting-exporter.ts";

export type Protocol = "grpc" | "http/protobuf" | "http/json";
export type Compression = "none" | "gzip" | "zstd";

export interface SendTask {
  readonly protocol: Protocol;
  readonly compression: Compression;
  readonly endpoint: string;
  readonly apiKey: string;
  readonly prefix: string;
  readonly spanCount: number;
  /** Between two traces. */
  readonly pauseMs: number;
}

export interface SendResult {
  /** Span ids. */
  readonly acknowledged: ReadonlySet<string>;
  /** Span ids that the sender gave up, with its last reason. */
  readonly failed: ReadonlySet<string>;
  readonly reason: string;
}

export type Sender = (task: SendTask) => Promise<SendResult>;

/** Time for one export with all its repetitions; 10 s by default, which a restart on a busy machine can take. Python reads seconds. */
const exportTimeoutSeconds = 60;
const milliseconds = { OTEL_EXPORTER_OTLP_TIMEOUT: String(exportTimeoutSeconds * 1_000) };
const seconds = { OTEL_EXPORTER_OTLP_TIMEOUT: String(exportTimeoutSeconds) };
const python = process.env["NONET_TEST_PYTHON"] ?? ".local/python/bin/python";

export const jsSender = programSender([process.execPath, "test/interop/senders/js-sender.ts"], milliseconds);
export const rawSender = programSender([process.execPath, "test/interop/senders/raw-sender.ts"], milliseconds);
export const pythonSender = programSender([python, "test/interop/senders/python_sender.py"], seconds);
export const goSender = programSender([".local/interop/sender"], milliseconds);

/** The environment variables are those of OpenTelemetry's specification, which every SDK reads. */
function programSender(command: readonly [string, ...string[]], timeout: Record<string, string>): Sender {
  return async (task) => {
    const collected = createCollectedReports();
    const program = runProgram(command, {
      environment: {
        ...timeout,
        OTEL_EXPORTER_OTLP_PROTOCOL: task.protocol,
        // Python's gRPC exporter does not know the value "none".
        ...(task.compression === "none" ? {} : { OTEL_EXPORTER_OTLP_COMPRESSION: task.compression }),
        OTEL_EXPORTER_OTLP_ENDPOINT: task.endpoint,
        OTEL_EXPORTER_OTLP_INSECURE: "true",
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${task.apiKey}`,
        // The queue holds everything: what is missing later was not lost there.
        OTEL_BSP_MAX_QUEUE_SIZE: String(2 * task.spanCount),
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "100",
        OTEL_BSP_SCHEDULE_DELAY: "50",
        OTEL_BSP_EXPORT_TIMEOUT: "60000",
        INTEROP_API_KEY: task.apiKey,
        INTEROP_PREFIX: task.prefix,
        INTEROP_SPANS: String(task.spanCount),
        INTEROP_PAUSE_MS: String(task.pauseMs),
      },
      // `as`: what the senders here print.
      onLine: (line) => collected.add(JSON.parse(line) as ExportReport),
    });
    const code = await program.exited;
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${program.errors()}`);
    return collected.result();
  };
}

export function createCollectedReports(): { add(report: ExportReport): void; result(): SendResult } {
  const acknowledged = new Set<string>();
  const failed = new Set<string>();
  let reason = "";
  return {
    add(report) {
      if ("acknowledged" in report) {
        for (const id of report.acknowledged) acknowledged.add(id);
      } else {
        for (const id of report.failed) failed.add(id);
        reason = report.reason;
      }
    },
    result: () => ({ acknowledged, failed, reason }),
  };
}

/** telemetrygen makes its own ids: a tap before the receiver must tell them. It reports no acknowledgements. */
export function telemetrygen(task: SendTask): Promise<SendResult> {
  const spansEach = 2;
  const program = runProgram(
    [
      ".local/interop/telemetrygen",
      "traces",
      "--otlp-endpoint",
      new URL(task.endpoint).host,
      "--otlp-insecure",
      ...(task.protocol === "grpc" ? [] : ["--otlp-http"]),
      "--otlp-header",
      `authorization="Bearer ${task.apiKey}"`,
      "--traces",
      String(task.spanCount / spansEach),
      "--rate",
      String(Math.round(10_000 / Math.max(task.pauseMs, 1))),
      "--batch-size",
      "100",
      "--telemetry-attributes",
      `gen_ai.conversation.id="interop-${task.prefix}"`,
    ],
    { environment: { ...milliseconds, OTEL_BSP_MAX_QUEUE_SIZE: String(2 * task.spanCount) } },
  );
  return program.exited.then((code) => {
    if (code !== 0) throw new Error(`telemetrygen ended with ${code}: ${program.errors()}`);
    return createCollectedReports().result();
  });
}

/** Whether `pnpm test:interop` has built the Go programs. */
export function hasGoPrograms(): boolean {
  return ["sender", "telemetrygen", "collector"].every((name) => existsSync(`.local/interop/${name}`));
}
