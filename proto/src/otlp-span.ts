/**
 * A span as the mapping reads it: decoded OTLP, independent of the encoding it came in.
 *
 * It is a view for reading. The lossless form is the OTLP bytes of the span (in the record on the topic) and its OTLP/JSON text (in the
 * store): an int and a double with the same value look alike here, and are told apart there.
 */

/** 64-bit integers beyond 2^53-1 are `bigint`, all other numbers `number`; bytes are `Uint8Array`; kvlists are maps; an empty value is `null`. */
export type AttributeValue =
  | string
  | boolean
  | number
  | bigint
  | null
  | Uint8Array
  | readonly AttributeValue[]
  | AttributeMap;

/** Of duplicate keys the last one won when it was decoded. */
export type AttributeMap = ReadonlyMap<string, AttributeValue>;

export interface DecodedSpanEvent {
  readonly name: string;
  readonly timeUnixNano: bigint;
  readonly attributes: AttributeMap;
  readonly droppedAttributesCount: number;
}

export interface DecodedSpanLink {
  /** Lower-case hex. */
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: AttributeMap;
  readonly droppedAttributesCount: number;
  readonly flags: number;
}

export interface DecodedResource {
  readonly attributes: AttributeMap;
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
}

export interface DecodedScope {
  readonly name: string;
  readonly version: string;
  readonly attributes: AttributeMap;
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
}

export interface DecodedSpan {
  /** 32 lower-case hex digits, never all zero: a span with other ids was rejected (otlp-receiver.md rule 67). */
  readonly traceId: string;
  /** 16 lower-case hex digits, never all zero. */
  readonly spanId: string;
  /** Absent for a root, and where the sender's value was invalid (rule 68). */
  readonly parentSpanId: string | undefined;
  readonly traceState: string;
  readonly flags: number;
  readonly name: string;
  /** OTLP SpanKind as sent: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer, others kept. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  /** 0 when the span is still open. */
  readonly endTimeUnixNano: bigint;
  readonly attributes: AttributeMap;
  readonly droppedAttributesCount: number;
  readonly events: readonly DecodedSpanEvent[];
  readonly droppedEventsCount: number;
  readonly links: readonly DecodedSpanLink[];
  readonly droppedLinksCount: number;
  /** 0 unset, 1 ok, 2 error, others kept. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly resource: DecodedResource;
  readonly scope: DecodedScope;
}
