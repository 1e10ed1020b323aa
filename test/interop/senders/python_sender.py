"""The OpenTelemetry Python SDK as a sender of the interoperability matrix: known ids, one line of JSON per export on standard output.

Endpoint, headers, compression and batches come from the SDK's own environment variables.
"""

import json
import os
import time

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind

SPANS_PER_TRACE = 10
TRACES_PER_SESSION = 10


class PlannedIds(IdGenerator):
    """The ids that span-plan.ts expects."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.traces = 0
        self.spans = 0

    def generate_trace_id(self):
        self.traces += 1
        return int(f"{self.prefix}{self.traces:024x}", 16)

    def generate_span_id(self):
        self.spans += 1
        return int(f"{self.prefix}{self.spans:08x}", 16)


class Reporting(SpanExporter):
    """Says what became of each export, as the SDK sees it."""

    def __init__(self, exporter):
        self.exporter = exporter

    def export(self, spans):
        result = self.exporter.export(spans)
        ids = [f"{span.context.span_id:016x}" for span in spans]
        if result is SpanExportResult.SUCCESS:
            line = {"acknowledged": ids}
        else:
            line = {"failed": ids, "reason": str(result)}
        print(json.dumps(line), flush=True)
        return result

    def shutdown(self):
        self.exporter.shutdown()

    def force_flush(self, timeout_millis=30000):
        return self.exporter.force_flush(timeout_millis)


def new_exporter():
    protocol = os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"]
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    elif protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    else:
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL {protocol} is not one of this SDK")
    return OTLPSpanExporter()


def emit_trace(tracer, session):
    """One turn of an agent: a root, and model calls and tools below it."""
    conversation = {"gen_ai.conversation.id": session}
    start = time.time_ns() - 1_000_000_000
    root = tracer.start_span(
        "invoke_agent shop",
        start_time=start,
        attributes={**conversation, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop"},
    )
    in_root = trace.set_span_in_context(root)
    for n in range(1, SPANS_PER_TRACE):
        if n % 2 == 0:
            name, kind = "execute_tool get_order", SpanKind.INTERNAL
            attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_order"}
        else:
            name, kind = "chat gpt-5-mini", SpanKind.CLIENT
            attributes = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.usage.input_tokens": n,
                "gen_ai.usage.output_tokens": 1,
            }
        at = start + n * 10_000_000
        span = tracer.start_span(
            name, context=in_root, kind=kind, start_time=at, attributes={**attributes, **conversation}
        )
        span.end(at + 5_000_000)
    root.end(start + 1_000_000_000)


def main():
    prefix = os.environ["INTEROP_PREFIX"]
    provider = TracerProvider(
        id_generator=PlannedIds(prefix), resource=Resource.create({"service.name": "interop-python"})
    )
    provider.add_span_processor(BatchSpanProcessor(Reporting(new_exporter())))
    tracer = provider.get_tracer("interop")
    pause_seconds = int(os.environ["INTEROP_PAUSE_MS"]) / 1000
    for number in range(int(os.environ["INTEROP_SPANS"]) // SPANS_PER_TRACE):
        emit_trace(tracer, f"interop-{prefix}-{number // TRACES_PER_SESSION}")
        time.sleep(pause_seconds)
    provider.force_flush(120_000)
    provider.shutdown()


main()
