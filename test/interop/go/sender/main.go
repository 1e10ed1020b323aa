// The OpenTelemetry Go SDK as a sender of the interoperability matrix: known ids, one line of JSON per export on standard output.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	spansPerTrace    = 10
	tracesPerSession = 10
)

func main() {
	ctx := context.Background()
	prefix := os.Getenv("INTEROP_PREFIX")
	spanCount := integer("INTEROP_SPANS")
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		log.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithIDGenerator(&countingIDs{prefix: prefix}),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "interop-go"))),
		sdktrace.WithBatcher(reporting{exporter}),
	)
	pause := time.Duration(integer("INTEROP_PAUSE_MS")) * time.Millisecond
	tracer := provider.Tracer("interop")
	for n := 0; n < spanCount/spansPerTrace; n++ {
		emitTrace(tracer, fmt.Sprintf("interop-%s-%d", prefix, n/tracesPerSession))
		time.Sleep(pause)
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}

// Endpoint, headers and compression come from the SDK's own environment variables.
func newClient() (otlptrace.Client, error) {
	switch protocol := os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"); protocol {
	case "grpc":
		return otlptracegrpc.NewClient(), nil
	case "http/protobuf":
		return otlptracehttp.NewClient(), nil
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL %q is not one of this SDK", protocol)
	}
}

// One turn of an agent: a root, and model calls and tools below it.
func emitTrace(tracer trace.Tracer, session string) {
	conversation := attribute.String("gen_ai.conversation.id", session)
	start := time.Now().Add(-time.Second)
	ctx, root := tracer.Start(context.Background(), "invoke_agent shop", trace.WithTimestamp(start),
		trace.WithAttributes(conversation, attribute.String("gen_ai.operation.name", "invoke_agent"), attribute.String("gen_ai.agent.name", "shop")))
	for n := 1; n < spansPerTrace; n++ {
		name, kind, attributes := "chat gpt-5-mini", trace.SpanKindClient, []attribute.KeyValue{
			attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.provider.name", "openai"),
			attribute.String("gen_ai.request.model", "gpt-5-mini"), attribute.Int("gen_ai.usage.input_tokens", n),
			attribute.Int("gen_ai.usage.output_tokens", 1)}
		if n%2 == 0 {
			name, kind, attributes = "execute_tool get_order", trace.SpanKindInternal, []attribute.KeyValue{
				attribute.String("gen_ai.operation.name", "execute_tool"), attribute.String("gen_ai.tool.name", "get_order")}
		}
		at := start.Add(time.Duration(n) * 10 * time.Millisecond)
		_, span := tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithTimestamp(at), trace.WithAttributes(append(attributes, conversation)...))
		span.End(trace.WithTimestamp(at.Add(5 * time.Millisecond)))
	}
	root.End(trace.WithTimestamp(start.Add(time.Second)))
}

// countingIDs makes the ids that span-ids.ts expects. Spans are made by one goroutine.
type countingIDs struct {
	prefix        string
	traces, spans int
}

func (ids *countingIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	ids.traces++
	var id trace.TraceID
	mustDecode(id[:], fmt.Sprintf("%s%024x", ids.prefix, ids.traces))
	return id, ids.NewSpanID(ctx, id)
}

func (ids *countingIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	ids.spans++
	var id trace.SpanID
	mustDecode(id[:], fmt.Sprintf("%s%08x", ids.prefix, ids.spans))
	return id
}

func mustDecode(into []byte, text string) {
	if _, err := hex.Decode(into, []byte(text)); err != nil {
		log.Fatal(err)
	}
}

// reporting says what became of each export, as the SDK sees it.
type reporting struct{ sdktrace.SpanExporter }

func (r reporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := r.SpanExporter.ExportSpans(ctx, spans)
	ids := make([]string, len(spans))
	for n, span := range spans {
		ids[n] = span.SpanContext().SpanID().String()
	}
	line := map[string]any{"acknowledged": ids}
	if err != nil {
		line = map[string]any{"failed": ids, "reason": err.Error()}
	}
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
	return err
}

func integer(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return value
}
