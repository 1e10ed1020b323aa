/**
 * The OpenTelemetry JS SDK as a sender of the matrix: a process of its own, one line of JSON per export on standard output. Endpoint, headers,
 * compression and batches come from the SDK's own environment variables.
 */
import { setTimeout as delay } from "node:timers/promises";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { createPlannedIds, emitTrace, sessionIdOf, spansPerTrace } from "../span-plan.ts";
import { createRepeatingExporter } from "./repeating-exporter.ts";
import { createReportingExporter } from "./reporting-exporter.ts";

const prefix = process.env["INTEROP_PREFIX"] ?? "";
const spanCount = Number(process.env["INTEROP_SPANS"]);
const exporter = createReportingExporter(createExporter(), (line) => console.log(JSON.stringify(line)));
const provider = new BasicTracerProvider({
  idGenerator: createPlannedIds(prefix),
  resource: resourceFromAttributes({ "service.name": "interop-js" }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
const tracer = provider.getTracer("interop");
for (let number = 1; number <= spanCount / spansPerTrace; number += 1) {
  emitTrace(tracer, sessionIdOf(prefix, number));
  await delay(Number(process.env["INTEROP_PAUSE_MS"]));
}
// Shutting down exports what is left all at once; an application that runs on does not.
while (exporter.reported() < spanCount) await delay(20);
await provider.shutdown();

function createExporter(): SpanExporter {
  const protocol = process.env["OTEL_EXPORTER_OTLP_PROTOCOL"];
  if (protocol === "grpc") return createRepeatingExporter(new GrpcExporter());
  if (protocol === "http/protobuf") return new ProtoExporter();
  if (protocol === "http/json") return new JsonExporter();
  throw new Error(`OTEL_EXPORTER_OTLP_PROTOCOL ${protocol} is not one of this SDK`);
}
