/** Spans made by hand, for facts of which no capture is at hand. */
import type { AttributeMap, AttributeValue, DecodedSpan, DecodedSpanEvent } from "@nonet/proto/otlp-span.ts";

export interface SpanSketch {
  readonly id: number;
  /** Id of the parent in the same trace. */
  readonly parent?: number;
  readonly name: string;
  readonly scope?: string;
  /** Milliseconds since the start of the run. */
  readonly start?: number;
  readonly end?: number;
  /** 0 unset, 1 ok, 2 error. */
  readonly status?: number;
  readonly statusMessage?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly events?: readonly { readonly name: string; readonly attributes: Readonly<Record<string, AttributeValue>> }[];
}

const runStartUnixNano = 1_767_225_600_000_000_000n;
const sketchTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

export function buildSpans(sketches: readonly SpanSketch[]): DecodedSpan[] {
  return sketches.map(buildSpan);
}

function buildSpan(sketch: SpanSketch): DecodedSpan {
  const start = sketch.start ?? sketch.id * 10;
  const end = sketch.end ?? start + 5;
  const events: DecodedSpanEvent[] = (sketch.events ?? []).map((event) => ({
    name: event.name,
    timeUnixNano: atMs(end),
    attributes: toMap(event.attributes),
    droppedAttributesCount: 0,
  }));
  return {
    traceId: sketchTraceId,
    spanId: toSpanId(sketch.id),
    parentSpanId: sketch.parent === undefined ? undefined : toSpanId(sketch.parent),
    traceState: "",
    flags: 0,
    name: sketch.name,
    kind: 1,
    startTimeUnixNano: atMs(start),
    endTimeUnixNano: atMs(end),
    attributes: toMap(sketch.attributes ?? {}),
    droppedAttributesCount: 0,
    events,
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    statusCode: sketch.status ?? 0,
    statusMessage: sketch.statusMessage ?? "",
    resource: { attributes: new Map(), droppedAttributesCount: 0, schemaUrl: "" },
    scope: {
      name: sketch.scope ?? "",
      version: "",
      attributes: new Map(),
      droppedAttributesCount: 0,
      schemaUrl: "",
    },
  };
}

/** The same span with some attributes changed; `undefined` takes one away. */
export function changeAttributes(
  span: DecodedSpan,
  changes: Readonly<Record<string, AttributeValue | undefined>>,
): DecodedSpan {
  const attributes = new Map(span.attributes);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) attributes.delete(key);
    else attributes.set(key, value);
  }
  return { ...span, attributes };
}

function atMs(ms: number): bigint {
  return runStartUnixNano + BigInt(ms) * 1_000_000n;
}

function toSpanId(id: number): string {
  return id.toString(16).padStart(16, "0");
}

function toMap(record: Readonly<Record<string, AttributeValue>>): AttributeMap {
  return new Map(Object.entries(record));
}
