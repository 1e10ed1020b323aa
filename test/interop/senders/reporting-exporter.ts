/** Says what became of each export, as the SDK sees it. Bundled for the browser too. */
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";

/** What a sender reports, one object an export. */
export type ExportReport =
  | { readonly acknowledged: readonly string[] }
  | { readonly failed: readonly string[]; readonly reason: string };

export function createReportingExporter(
  exporter: SpanExporter,
  report: (line: ExportReport) => void,
): SpanExporter & { readonly reported: () => number } {
  let reported = 0;
  return {
    reported: () => reported,
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        const ids = spans.map((span) => span.spanContext().spanId);
        reported += ids.length;
        report(result.code === 0 ? { acknowledged: ids } : { failed: ids, reason: String(result.error) });
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
