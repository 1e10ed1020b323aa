/** An agent whose turn takes as long as the test wants, instrumented with the real OpenTelemetry SDK: every span is exported when it ends. */
import { context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { ShapeUnderTest } from "./shape-under-test.ts";

export interface RunningAgent {
  readonly traceId: string;
  /** Of the span of the whole turn. */
  readonly rootSpanId: string;
  readonly startedMs: number;
  /** A model call, exported by the time this resolves. Returns its span id, and when the ack came (`performance.now()`). */
  call(name: string): Promise<{ spanId: string; ackedMs: number }>;
  /** The turn ends. */
  end(): Promise<{ ackedMs: number }>;
}

export function startRunningAgent(
  shape: Pick<ShapeUnderTest, "httpUrl" | "apiKey">,
  sessionId: string,
  agentName = "patient",
): RunningAgent {
  const exporter = new OTLPTraceExporter({
    url: `${shape.httpUrl}/v1/traces`,
    headers: { authorization: `Bearer ${shape.apiKey}` },
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "patient-agent" }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("patient-agent");
  const common = { "gen_ai.conversation.id": sessionId };
  const startedMs = Date.now();
  const root = tracer.startSpan("invoke_agent patient", {
    attributes: { ...common, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agentName },
  });
  const inRoot = trace.setSpan(context.active(), root);
  const acked = async (): Promise<number> => {
    await provider.forceFlush();
    return performance.now();
  };
  return {
    traceId: root.spanContext().traceId,
    rootSpanId: root.spanContext().spanId,
    startedMs,
    async call(name) {
      const attributes = {
        ...common,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": name,
        "gen_ai.agent.name": agentName,
      };
      const span = tracer.startSpan(`chat ${name}`, { attributes }, inRoot);
      span.end();
      return { spanId: span.spanContext().spanId, ackedMs: await acked() };
    },
    async end() {
      root.end();
      const ackedMs = await acked();
      await provider.shutdown();
      return { ackedMs };
    },
  };
}
