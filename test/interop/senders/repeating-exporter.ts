/**
 * Sends a batch again after an answer that OTLP says may be repeated. The gRPC exporter of the JS SDK takes every error for final, so an application
 * that must not lose spans during a restart needs this around it, or a Collector in between.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";

const repeatMs = 500;
const withinMs = 60_000;
/** CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. */
const repeatable = new Set([1, 4, 10, 11, 14, 15]);

type Result = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

export function createRepeatingExporter(exporter: SpanExporter): SpanExporter {
  async function exportUntilFinal(spans: Parameters<SpanExporter["export"]>[0]): Promise<Result> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const result = await new Promise<Result>((resolve) => exporter.export(spans, resolve));
      const isFinal =
        result.error === undefined || !("code" in result.error && repeatable.has(Number(result.error.code)));
      if (isFinal || Date.now() > deadline) return result;
      await delay(repeatMs);
    }
  }
  return {
    export: (spans, done) => void exportUntilFinal(spans).then(done),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
