/** The Go SDK through a Collector: acknowledged means that the Collector has taken the spans, and it must deliver every one of them. */
import { eventually } from "../../e2e/service-process.ts";
import { type CollectorConfig, startCollector } from "../collector-process.ts";
import { goSender, type Sender } from "./sender.ts";

export const collectorSender: Sender = async (task) => {
  const isGrpc = task.protocol === "grpc";
  const config: CollectorConfig = isGrpc ? "otlp-grpc" : "otlp-http";
  const collector = await startCollector(config, {
    NONET_API_KEY: task.apiKey,
    NONET_OTLP_GRPC_ENDPOINT: new URL(task.endpoint).host,
    NONET_OTLP_HTTP_ENDPOINT: task.endpoint,
    NONET_OTLP_INSECURE: "true",
    NONET_OTLP_COMPRESSION: task.compression,
    NONET_OTLP_ENCODING: task.protocol === "http/json" ? "json" : "proto",
  });
  try {
    const result = await goSender({ ...task, endpoint: collector.grpcUrl, protocol: "grpc", compression: "none" });
    await eventually(async () => (await collector.sentSpans()) >= result.acknowledged.size, {
      withinMs: 120_000,
      what: "the Collector has delivered what it took",
      everyMs: 100,
    });
    return result;
  } finally {
    await collector.close();
  }
};
