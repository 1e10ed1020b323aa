/**
 * Reads spans, resources and scopes from their OTLP protobuf bytes. Field numbers: otlp-receiver.md rule 66; opentelemetry-proto 1.11.0.
 *
 * These functions read what `walkExportRequest` has passed, so they are lenient: a field of an unexpected wire type is skipped like an
 * unknown one, values deeper than `valueDepthMax` are null, an invalid parent is absent (rule 68), a link with invalid ids is left out (rule 69).
 * Merge rules are protobuf's: the last scalar wins, a repeated embedded message continues the first (rule 36). Bytes that are not protobuf throw PipelineError
 * `INVALID_BODY`.
 */
import type {
  AttributeMap,
  AttributeValue,
  DecodedResource,
  DecodedScope,
  DecodedSpan,
  DecodedSpanEvent,
  DecodedSpanLink,
} from "./otlp-span.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ShortTextCache } from "./short-text-cache.ts";

/** Nesting depth of attribute values: an attribute's own value has depth 1. Deeper ones are emptied (rule 71). */
export const valueDepthMax = 64;

const keys = new ShortTextCache(4096, 64);
const shortValues = new ShortTextCache(4096, 32);

/** @param bytes one Span message. The result owns its memory; nothing refers to `bytes`. */
export function decodeSpan(bytes: Uint8Array, resource: DecodedResource, scope: DecodedScope): DecodedSpan {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  let traceId = "";
  let spanId = "";
  let parentSpanId: string | undefined;
  let traceState = "";
  let flags = 0;
  let name = "";
  let kind = 0;
  let startTimeUnixNano = 0n;
  let endTimeUnixNano = 0n;
  const attributes = new Map<string, AttributeValue>();
  let droppedAttributesCount = 0;
  const events: DecodedSpanEvent[] = [];
  let droppedEventsCount = 0;
  const links: DecodedSpanLink[] = [];
  let droppedLinksCount = 0;
  let statusCode = 0;
  let statusMessage = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    switch (tag) {
      case 10:
        traceId = hex(reader, end);
        break;
      case 18:
        spanId = hex(reader, end);
        break;
      case 26:
        traceState = text(reader, end);
        break;
      case 34:
        parentSpanId = parentId(reader, end);
        break;
      case 42:
        name = text(reader, end);
        break;
      case 48:
        kind = reader.readInt32(end);
        break;
      case 57:
        startTimeUnixNano = reader.readFixed64(end);
        break;
      case 65:
        endTimeUnixNano = reader.readFixed64(end);
        break;
      case 74:
        keyValue(reader, reader.readLength(end), 1, attributes);
        break;
      case 80:
        droppedAttributesCount = reader.readVarint(end);
        break;
      case 90:
        events.push(spanEvent(reader, reader.readLength(end)));
        break;
      case 96:
        droppedEventsCount = reader.readVarint(end);
        break;
      case 106: {
        const link = spanLink(reader, reader.readLength(end));
        if (link !== undefined) links.push(link);
        break;
      }
      case 112:
        droppedLinksCount = reader.readVarint(end);
        break;
      case 122: {
        const statusEnd = reader.readLength(end);
        while (reader.position < statusEnd) {
          const statusTag = reader.readTag(statusEnd);
          if (statusTag === 18) statusMessage = text(reader, statusEnd);
          else if (statusTag === 24) statusCode = reader.readInt32(statusEnd);
          else reader.skip(statusTag & 7, statusEnd);
        }
        break;
      }
      case 133:
        flags = reader.readFixed32(end);
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  return {
    traceId,
    spanId,
    parentSpanId,
    traceState,
    flags,
    name,
    kind,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes,
    droppedAttributesCount,
    events,
    droppedEventsCount,
    links,
    droppedLinksCount,
    statusCode,
    statusMessage,
    resource,
    scope,
  };
}

/** @param bytes one Resource message; empty when the sender gave none. */
export function decodeResource(bytes: Uint8Array, schemaUrl: string): DecodedResource {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  const attributes = new Map<string, AttributeValue>();
  let droppedAttributesCount = 0;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) keyValue(reader, reader.readLength(end), 1, attributes);
    else if (tag === 16) droppedAttributesCount = reader.readVarint(end);
    else reader.skip(tag & 7, end);
  }
  return { attributes, droppedAttributesCount, schemaUrl };
}

/** @param bytes one InstrumentationScope message; empty when the sender gave none. */
export function decodeScope(bytes: Uint8Array, schemaUrl: string): DecodedScope {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  let name = "";
  let version = "";
  const attributes = new Map<string, AttributeValue>();
  let droppedAttributesCount = 0;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) name = text(reader, end);
    else if (tag === 18) version = text(reader, end);
    else if (tag === 26) keyValue(reader, reader.readLength(end), 1, attributes);
    else if (tag === 32) droppedAttributesCount = reader.readVarint(end);
    else reader.skip(tag & 7, end);
  }
  return { name, version, attributes, droppedAttributesCount, schemaUrl };
}

function spanEvent(reader: ProtobufReader, end: number): DecodedSpanEvent {
  let timeUnixNano = 0n;
  let name = "";
  let droppedAttributesCount = 0;
  const attributes = new Map<string, AttributeValue>();
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 9) timeUnixNano = reader.readFixed64(end);
    else if (tag === 18) name = text(reader, end);
    else if (tag === 26) keyValue(reader, reader.readLength(end), 1, attributes);
    else if (tag === 32) droppedAttributesCount = reader.readVarint(end);
    else reader.skip(tag & 7, end);
  }
  return { name, timeUnixNano, attributes, droppedAttributesCount };
}

function spanLink(reader: ProtobufReader, end: number): DecodedSpanLink | undefined {
  let traceId = "";
  let spanId = "";
  let traceState = "";
  let flags = 0;
  let droppedAttributesCount = 0;
  const attributes = new Map<string, AttributeValue>();
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) traceId = hex(reader, end);
    else if (tag === 18) spanId = hex(reader, end);
    else if (tag === 26) traceState = text(reader, end);
    else if (tag === 34) keyValue(reader, reader.readLength(end), 1, attributes);
    else if (tag === 40) droppedAttributesCount = reader.readVarint(end);
    else if (tag === 53) flags = reader.readFixed32(end);
    else reader.skip(tag & 7, end);
  }
  if (!isId(traceId, 32) || !isId(spanId, 16)) return undefined;
  return { traceId, spanId, traceState, attributes, droppedAttributesCount, flags };
}

function keyValue(reader: ProtobufReader, end: number, depth: number, into: Map<string, AttributeValue>): void {
  let key = "";
  let value: AttributeValue = null;
  let indexed = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) {
      const keyEnd = reader.readLength(end);
      key = keys.text(reader.bytes, reader.position, keyEnd);
      reader.position = keyEnd;
    } else if (tag === 18) value = anyValue(reader, reader.readLength(end), depth, value);
    else if (tag === 24) {
      indexed = true;
      reader.skipVarint(end);
    } else reader.skip(tag & 7, end);
  }
  into.set(key, indexed ? null : value);
}

/** @param before the value to continue when the message is repeated in its parent. */
function anyValue(reader: ProtobufReader, end: number, depth: number, before: AttributeValue): AttributeValue {
  if (depth > valueDepthMax) {
    reader.position = end;
    return null;
  }
  let value = before;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    switch (tag) {
      case 10:
        value = text(reader, end);
        break;
      case 16:
        value = reader.readBool(end);
        break;
      case 24:
        value = reader.readInt64(end);
        break;
      case 33:
        value = reader.readDouble(end);
        break;
      case 42:
        value = arrayValue(reader, reader.readLength(end), depth, value);
        break;
      case 50:
        value = keyValueList(reader, reader.readLength(end), depth, value);
        break;
      case 58: {
        const bytesEnd = reader.readLength(end);
        value = new Uint8Array(reader.bytes.subarray(reader.position, bytesEnd));
        reader.position = bytesEnd;
        break;
      }
      case 64:
        reader.skipVarint(end);
        value = null;
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  return value;
}

function arrayValue(reader: ProtobufReader, end: number, depth: number, before: AttributeValue): AttributeValue {
  const values: AttributeValue[] = Array.isArray(before) ? [...before] : [];
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) values.push(anyValue(reader, reader.readLength(end), depth + 1, null));
    else reader.skip(tag & 7, end);
  }
  return values;
}

function keyValueList(reader: ProtobufReader, end: number, depth: number, before: AttributeValue): AttributeMap {
  const map = new Map<string, AttributeValue>(before instanceof Map ? before : undefined);
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) keyValue(reader, reader.readLength(end), depth + 1, map);
    else reader.skip(tag & 7, end);
  }
  return map;
}

function text(reader: ProtobufReader, end: number): string {
  const start = reader.readLength(end);
  const from = reader.position;
  reader.position = start;
  if (start === from) return "";
  if (start - from <= shortValues.bytesMax) return shortValues.text(reader.bytes, from, start);
  return reader.bytes.toString("utf8", from, start);
}

function hex(reader: ProtobufReader, end: number): string {
  const idEnd = reader.readLength(end);
  const id = reader.bytes.toString("hex", reader.position, idEnd);
  reader.position = idEnd;
  return id;
}

function parentId(reader: ProtobufReader, end: number): string | undefined {
  const id = hex(reader, end);
  return isId(id, 16) ? id : undefined;
}

/** Is it hex of the right length, and not all zero? */
function isId(id: string, digits: 16 | 32): boolean {
  return id.length === digits && id !== (digits === 16 ? "0000000000000000" : "00000000000000000000000000000000");
}
