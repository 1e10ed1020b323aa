/** Runs in the page: the OpenTelemetry SDK for browsers, exporting JSON across origins. The page is given its task and reports as it goes. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, WebTracerProvider } from "@opentelemetry/sdk-trace-web";
import { createPlannedIds, emitTrace, sessionIdOf, spansPerTrace } from "../span-plan.ts";
import { createReportingExporter, type ExportReport } from "./reporting-exporter.ts";

interface PageTask {
  readonly url: string;
  readonly apiKey: string;
  readonly prefix: string;
  readonly spanCount: number;
  readonly pauseMs: number;
}

interface PageGlobals {
  reportExport(report: ExportReport): Promise<void>;
  runInterop?: (task: PageTask) => Promise<void>;
}

// `as`: the functions that the test put there.
const page = globalThis as unknown as PageGlobals;
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

page.runInterop = async (task) => {
  const reports: Promise<void>[] = [];
  const exporter = createReportingExporter(
    new OTLPTraceExporter({
      url: task.url,
      headers: { authorization: `Bearer ${task.apiKey}` },
      timeoutMillis: 60_000,
    }),
    (report) => reports.push(page.reportExport(report)),
  );
  const provider = new WebTracerProvider({
    idGenerator: createPlannedIds(task.prefix),
    resource: resourceFromAttributes({ "service.name": "interop-browser" }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: 2 * task.spanCount,
        maxExportBatchSize: 100,
        scheduledDelayMillis: 50,
        exportTimeoutMillis: 60_000,
      }),
    ],
  });
  const tracer = provider.getTracer("interop");
  for (let number = 1; number <= task.spanCount / spansPerTrace; number += 1) {
    emitTrace(tracer, sessionIdOf(task.prefix, number));
    await delay(task.pauseMs);
  }
  while (exporter.reported() < task.spanCount) await delay(20);
  await Promise.all(reports);
  await provider.shutdown();
};
