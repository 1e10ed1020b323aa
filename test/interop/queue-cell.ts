/** The persistent queue of the Collector: it is killed while Nonet is away, and still delivers everything that it had acknowledged. */
import { eventually } from "../e2e/service-process.ts";
import { startCollector } from "./collector-process.ts";
import { type MatrixRow, toRow } from "./matrix-row.ts";
import { newPrefix } from "./run-cell.ts";
import { goSender } from "./senders/sender.ts";
import { plannedKeys } from "./span-plan.ts";
import { startStandaloneReceiver } from "./standalone-receiver.ts";

export async function runQueueCell(load: { spanCount: number; pauseMs: number }): Promise<MatrixRow> {
  const receiver = await startStandaloneReceiver();
  const collector = await startCollector("otlp-grpc", {
    NONET_API_KEY: receiver.apiKey,
    NONET_OTLP_GRPC_ENDPOINT: new URL(receiver.grpcUrl).host,
    NONET_OTLP_INSECURE: "true",
  });
  try {
    const plan = { prefix: newPrefix(), spanCount: load.spanCount };
    const sending = goSender({
      ...plan,
      pauseMs: load.pauseMs,
      protocol: "grpc",
      compression: "none",
      endpoint: collector.grpcUrl,
      apiKey: "",
    });
    await eventually(async () => (await receiver.accepted()) >= load.spanCount * 0.3, {
      withinMs: 120_000,
      what: "a third of the spans was accepted",
    });
    const startedMs = performance.now();
    const restarting = receiver.restart("SIGKILL");
    await collector.restart();
    await restarting;
    const awayMs = performance.now() - startedMs;
    const result = await sending;
    const keys = plannedKeys(plan);
    // It counts what it has sent since its restart: with what it sent before, that is more than all when nothing is left.
    await waitUntilQuiet(() => collector.sentSpans());
    await receiver.settle();
    const sent = { keys, plan, ...result, awayMs };
    const cell = {
      sender: "OpenTelemetry Collector",
      wire: "`otlp` zstd, persistent queue",
      restart: "SIGKILL of standalone and Collector",
    };
    return toRow(cell, sent, await receiver.stored());
  } finally {
    await collector.close();
    await receiver.close();
  }
}

/** Resolves when the number has not changed for five seconds. */
async function waitUntilQuiet(read: () => Promise<number>): Promise<void> {
  let last = -1;
  let sinceMs = performance.now();
  await eventually(
    async () => {
      const now = await read();
      if (now !== last) sinceMs = performance.now();
      last = now;
      return performance.now() - sinceMs > 5_000;
    },
    { withinMs: 120_000, what: "the Collector has nothing more to send", everyMs: 200 },
  );
}
