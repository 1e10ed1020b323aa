/** OTLP messages for tests, written by protobufjs from the .proto files: not by our own code. */
import protobuf from "protobufjs";

const root = new protobuf.Root();
const directory = new URL("../../proto/otlp/", import.meta.url).pathname;
root.resolvePath = (_origin, target) => (target.startsWith("/") ? target : directory + target);
root.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto");
const spanType = root.lookupType("opentelemetry.proto.trace.v1.Span");
const resourceType = root.lookupType("opentelemetry.proto.resource.v1.Resource");
const scopeType = root.lookupType("opentelemetry.proto.common.v1.InstrumentationScope");

const epochMs = Date.UTC(2026, 4, 4, 9);

export interface FixtureSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** From 2026-05-04T09:00:00Z. */
  startMs: number;
  /** 0 is an open span. */
  endMs: number;
  attributes: Readonly<Record<string, string | number>>;
}

export function encodeSpan(span: FixtureSpan): Uint8Array {
  const nano = (ms: number) => `${BigInt(epochMs + ms) * 1_000_000n}`;
  return spanType
    .encode(
      spanType.fromObject({
        traceId: Buffer.from(span.traceId, "hex"),
        spanId: Buffer.from(span.spanId, "hex"),
        ...(span.parentSpanId === undefined ? {} : { parentSpanId: Buffer.from(span.parentSpanId, "hex") }),
        name: span.name,
        kind: 1,
        startTimeUnixNano: nano(span.startMs),
        endTimeUnixNano: span.endMs === 0 ? 0 : nano(span.endMs),
        attributes: Object.entries(span.attributes).map(([key, value]) => ({
          key,
          value: typeof value === "number" ? { intValue: value } : { stringValue: value },
        })),
      }),
    )
    .finish();
}

/** A resource with one text attribute. */
export function encodeText(key: string, value: string): Uint8Array {
  return resourceType
    .encode(resourceType.fromObject({ attributes: [{ key, value: { stringValue: value } }] }))
    .finish();
}

export function encodeScope(name: string): Uint8Array {
  return scopeType.encode(scopeType.fromObject({ name })).finish();
}
