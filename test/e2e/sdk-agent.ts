/** A small agent instrumented with the real OpenTelemetry SDK, exporting by one of its three OTLP exporters. */
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { ShapeUnderTest } from "./shape-under-test.ts";

export const sdkTransports = ["grpc", "http/protobuf", "http/json"] as const;
export type SdkTransport = (typeof sdkTransports)[number];

function createExporter(transport: SdkTransport, shape: ShapeUnderTest): SpanExporter {
  const headers = { authorization: `Bearer ${shape.apiKey}` };
  switch (transport) {
    case "grpc":
      return new GrpcExporter({ url: shape.grpcUrl });
    case "http/protobuf":
      return new ProtoExporter({ url: `${shape.httpUrl}/v1/traces`, headers });
    case "http/json":
      return new JsonExporter({ url: `${shape.httpUrl}/v1/traces`, headers });
    default:
      return transport satisfies never;
  }
}

/** One turn: an agent asks a model, runs the tool that it wanted, and answers. */
export async function runSdkAgent(transport: SdkTransport, shape: ShapeUnderTest, sessionId: string): Promise<string> {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "shop-assistant" }),
    spanProcessors: [new BatchSpanProcessor(createExporter(transport, shape))],
  });
  const tracer = provider.getTracer("shop-assistant");
  const common = { "gen_ai.conversation.id": sessionId };
  // Stated, since work that takes no time has no order.
  const startedMs = Date.now() - 1_000;
  const at = (ms: number) => new Date(startedMs + ms);
  const root = tracer.startSpan("invoke_agent shop", {
    startTime: at(0),
    attributes: { ...common, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop" },
  });
  const inRoot = trace.setSpan(context.active(), root);
  const call = (fromMs: number, toMs: number, asks: boolean) => {
    const span = tracer.startSpan(
      "chat gpt-4o",
      {
        kind: SpanKind.CLIENT,
        startTime: at(fromMs),
        attributes: {
          ...common,
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "openai",
          "gen_ai.request.model": "gpt-4o",
          "gen_ai.response.model": "gpt-4o-2024-08-06",
          "gen_ai.usage.input_tokens": 100,
          "gen_ai.usage.output_tokens": 20,
          "gen_ai.response.finish_reasons": [asks ? "tool_call" : "stop"],
          "gen_ai.input.messages": JSON.stringify([
            { role: "user", parts: [{ type: "text", content: "Where is order 7?" }] },
          ]),
          "gen_ai.output.messages": JSON.stringify([
            asks
              ? {
                  role: "assistant",
                  parts: [{ type: "tool_call", id: "call_1", name: "get_order", arguments: { id: 7 } }],
                  finish_reason: "tool_call",
                }
              : {
                  role: "assistant",
                  parts: [{ type: "text", content: "Order 7 was shipped." }],
                  finish_reason: "stop",
                },
          ]),
        },
      },
      inRoot,
    );
    span.end(at(toMs));
  };
  call(10, 300, true);
  const tool = tracer.startSpan(
    "execute_tool get_order",
    {
      startTime: at(310),
      attributes: {
        ...common,
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_order",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": '{"id":7}',
        "gen_ai.tool.call.result": '{"state":"shipped"}',
      },
    },
    inRoot,
  );
  tool.setStatus({ code: SpanStatusCode.OK });
  tool.end(at(500));
  call(510, 900, false);
  root.end(at(1_000));
  await provider.forceFlush();
  await provider.shutdown();
  return root.spanContext().traceId;
}
