/**
 * How a span lies in the store: OTLP's own messages, as protobuf, lossless after masking.
 *
 *     span       a Span, as the record of the log carries it
 *     resource   a ResourceSpans without spans: the resource and its schema URL
 *     scope      a ScopeSpans without spans: the scope and its schema URL
 */
import { decodeResource, decodeScope, decodeSpan } from "./otlp-protobuf.ts";
import type { DecodedResource, DecodedScope, DecodedSpan } from "./otlp-span.ts";
import { ProtobufReader, wireType } from "./protobuf-reader.ts";
import { ReverseWriter } from "./protobuf-reverse-writer.ts";

/** A resource or scope of the store. @param message bytes of the Resource or InstrumentationScope message. */
export function toStoredGroup(message: Uint8Array, schemaUrl: string): Uint8Array {
  const writer = new ReverseWriter(message.length + schemaUrl.length * 3 + 24);
  if (schemaUrl !== "") {
    writer.text(schemaUrl);
    writer.tag(schemaUrlField, wireType.bytes);
  }
  writer.lengthPrefixed(message);
  writer.tag(messageField, wireType.bytes);
  return writer.finish();
}

/** The columns of one span as base64, as a reader of the store gets them. */
export interface StoredSpanTexts {
  readonly span: string;
  readonly resource: string;
  readonly scope: string;
}

/** Selects `StoredSpanTexts`: what a query answers in JSON must be text. */
export const storedSpanColumns =
  "base64Encode(span) AS span, base64Encode(resource) AS resource, base64Encode(scope) AS scope";

/** Reads spans of one answer of the store; the resources and scopes that they share are decoded once. */
export function createStoredSpanReader(): (texts: StoredSpanTexts) => DecodedSpan {
  const resources = new Map<string, DecodedResource>();
  const scopes = new Map<string, DecodedScope>();
  return ({ span, resource, scope }) =>
    decodeSpan(
      Buffer.from(span, "base64"),
      once(resources, resource, decodeResource),
      once(scopes, scope, decodeScope),
    );
}

const messageField = 1;
const schemaUrlField = 3;

function once<T>(known: Map<string, T>, text: string, decode: (message: Uint8Array, schemaUrl: string) => T): T {
  const existing = known.get(text);
  if (existing !== undefined) return existing;
  const reader = new ProtobufReader(Buffer.from(text, "base64"));
  const end = reader.bytes.length;
  let message: Uint8Array = new Uint8Array();
  let schemaUrl = "";
  while (reader.position < end) {
    const field = reader.readTag(end) >>> 3;
    const fieldEnd = reader.readLength(end);
    const bytes = reader.bytes.subarray(reader.position, fieldEnd);
    if (field === messageField) message = bytes;
    else if (field === schemaUrlField) schemaUrl = bytes.toString("utf8");
    reader.position = fieldEnd;
  }
  const made = decode(message, schemaUrl);
  known.set(text, made);
  return made;
}
