/** Test only: a decoded span with the given attributes; objects become maps, as the decoders make them. */
import type { AttributeMap, AttributeValue, DecodedSpan, DecodedSpanEvent } from "@nonet/proto/otlp-span.ts";

export type Loose = string | number | boolean | bigint | null | Uint8Array | readonly Loose[] | { readonly [key: string]: Loose };

interface SpanParts extends Partial<Omit<DecodedSpan, "attributes" | "events" | "scope" | "resource">> {
  readonly scopeName?: string;
  readonly resource?: { readonly [key: string]: Loose };
  readonly events?: readonly { readonly name: string; readonly attributes?: { readonly [key: string]: Loose }; readonly timeUnixNano?: bigint }[];
}

const startTimeUnixNano = 1_767_225_600_000_000_000n;

export function buildSpan(attributes: { readonly [key: string]: Loose }, parts: SpanParts = {}): DecodedSpan {
  const { scopeName = "test.tracer", resource = {}, events = [], ...rest } = parts;
  return {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentSpanId: undefined,
    traceState: "",
    flags: 0,
    name: "span",
    kind: 1,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + 1_000_000_000n,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    statusCode: 0,
    statusMessage: "",
    ...rest,
    attributes: toMap(attributes),
    events: events.map(toEvent),
    resource: { attributes: toMap(resource), droppedAttributesCount: 0, schemaUrl: "" },
    scope: { name: scopeName, version: "", attributes: new Map(), droppedAttributesCount: 0, schemaUrl: "" },
  };
}

function toEvent(event: NonNullable<SpanParts["events"]>[number]): DecodedSpanEvent {
  return {
    name: event.name,
    timeUnixNano: event.timeUnixNano ?? startTimeUnixNano + 500_000_000n,
    attributes: toMap(event.attributes ?? {}),
    droppedAttributesCount: 0,
  };
}

function toMap(attributes: { readonly [key: string]: Loose }): AttributeMap {
  return new Map(Object.entries(attributes).map(([key, value]) => [key, toValue(value)]));
}

function toValue(value: Loose): AttributeValue {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Array.isArray(value) ? (value as readonly Loose[]).map(toValue) : toMap(value as { readonly [key: string]: Loose });
}
