/**
 * A span as people read it: lossless OTLP/JSON, written straight from its protobuf bytes.
 *
 *     span   {"traceId":"…","spanId":"…","name":"…","kind":1,"startTimeUnixNano":"…","attributes":[{"key":"…","value":{"stringValue":"…"}}],…}
 *
 * lowerCamelCase names, hex ids, 64-bit integers as decimal strings, NaN and infinities as strings, bytes as standard base64, enums as
 * integers; fields with their default value are left out. Unknown fields are not kept. `{"intValue":"1"}` and `{"doubleValue":1}` stay distinct.
 *
 * The bytes must be canonical, as `walkExportRequest` yields them: each embedded message once, one member of a oneof, no invalid parent or link.
 */
import { JsonBytes } from "./json-bytes.ts";
import { valueDepthMax } from "./otlp-protobuf.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

/** @param bytes one canonical Span message. */
export function spanToJson(bytes: Uint8Array): string {
  return write(bytes, writeSpan);
}

/** @param bytes one canonical Resource message. The schema URL, which OTLP keeps beside it, stands inside when it is given. */
export function resourceToJson(bytes: Uint8Array, schemaUrl = ""): string {
  return write(bytes, (reader, end) => {
    writeResource(reader, end);
    writeSchemaUrl(schemaUrl);
  });
}

/** @param bytes one canonical InstrumentationScope message; the schema URL as in `resourceToJson`. */
export function scopeToJson(bytes: Uint8Array, schemaUrl = ""): string {
  return write(bytes, (reader, end) => {
    writeScope(reader, end);
    writeSchemaUrl(schemaUrl);
  });
}

type Write = (reader: ProtobufReader, end: number) => void;

/** Writers run to their end without a pause, one at a time, and leave it empty. */
const out = new JsonBytes();

const comma = literal(",");
const names = {
  traceId: literal(',"traceId":'),
  spanId: literal(',"spanId":'),
  parentSpanId: literal(',"parentSpanId":'),
  traceState: literal(',"traceState":'),
  name: literal(',"name":'),
  version: literal(',"version":'),
  kind: literal(',"kind":'),
  startTimeUnixNano: literal(',"startTimeUnixNano":"'),
  endTimeUnixNano: literal(',"endTimeUnixNano":"'),
  timeUnixNano: literal(',"timeUnixNano":"'),
  attributes: literal(',"attributes":'),
  droppedAttributesCount: literal(',"droppedAttributesCount":'),
  events: literal(',"events":'),
  droppedEventsCount: literal(',"droppedEventsCount":'),
  links: literal(',"links":'),
  droppedLinksCount: literal(',"droppedLinksCount":'),
  status: literal(',"status":'),
  message: literal(',"message":'),
  code: literal(',"code":'),
  flags: literal(',"flags":'),
  entityRefs: literal(',"entityRefs":'),
  schemaUrl: literal(',"schemaUrl":'),
  type: literal(',"type":'),
  idKeys: literal(',"idKeys":'),
  descriptionKeys: literal(',"descriptionKeys":'),
  key: literal(',"key":'),
  value: literal(',"value":'),
  values: literal(',"values":'),
  stringValue: literal(',"stringValue":'),
  trueValue: literal(',"boolValue":true'),
  falseValue: literal(',"boolValue":false'),
  intValue: literal(',"intValue":"'),
  doubleValue: literal(',"doubleValue":'),
  arrayValue: literal(',"arrayValue":'),
  kvlistValue: literal(',"kvlistValue":'),
  bytesValue: literal(',"bytesValue":"'),
  quote: literal('"'),
} as const;

function literal(text: string): Uint8Array {
  return Buffer.from(text);
}

function write(bytes: Uint8Array, writeFields: Write): string {
  try {
    writeFields(new ProtobufReader(bytes), bytes.length);
    out.closeObject(0);
    return out.finish();
  } catch (error) {
    out.finish();
    throw error;
  }
}

function writeSpan(reader: ProtobufReader, end: number): void {
  let attributesWritten = false;
  let eventsWritten = false;
  let linksWritten = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    switch (tag) {
      case 10:
        writeHex(names.traceId, reader, end);
        break;
      case 18:
        writeHex(names.spanId, reader, end);
        break;
      case 26:
        writeText(names.traceState, reader, end);
        break;
      case 34:
        writeHex(names.parentSpanId, reader, end);
        break;
      case 42:
        writeText(names.name, reader, end);
        break;
      case 48:
        writeNumber(names.kind, reader.readInt32(end));
        break;
      case 57:
        writeTime(names.startTimeUnixNano, reader, end);
        break;
      case 65:
        writeTime(names.endTimeUnixNano, reader, end);
        break;
      case 74:
        if (attributesWritten) reader.skip(2, end);
        else writeAll(names.attributes, reader, { end, tag, write: writeAttribute });
        attributesWritten = true;
        break;
      case 80:
        writeNumber(names.droppedAttributesCount, reader.readVarint(end));
        break;
      case 90:
        if (eventsWritten) reader.skip(2, end);
        else writeAll(names.events, reader, { end, tag, write: writeEvent });
        eventsWritten = true;
        break;
      case 96:
        writeNumber(names.droppedEventsCount, reader.readVarint(end));
        break;
      case 106:
        if (linksWritten) reader.skip(2, end);
        else writeAll(names.links, reader, { end, tag, write: writeLink });
        linksWritten = true;
        break;
      case 112:
        writeNumber(names.droppedLinksCount, reader.readVarint(end));
        break;
      case 122: {
        out.literal(names.status);
        const start = out.length;
        writeStatus(reader, reader.readLength(end));
        out.closeObject(start);
        break;
      }
      case 133:
        writeNumber(names.flags, reader.readFixed32(end));
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
}

function writeResource(reader: ProtobufReader, end: number): void {
  let attributesWritten = false;
  let entityRefsWritten = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10 && !attributesWritten) {
      writeAll(names.attributes, reader, { end, tag, write: writeAttribute });
      attributesWritten = true;
    } else if (tag === 16) writeNumber(names.droppedAttributesCount, reader.readVarint(end));
    else if (tag === 26 && !entityRefsWritten) {
      writeAll(names.entityRefs, reader, { end, tag, write: writeEntityRef });
      entityRefsWritten = true;
    } else reader.skip(tag & 7, end);
  }
}

function writeScope(reader: ProtobufReader, end: number): void {
  let attributesWritten = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) writeText(names.name, reader, end);
    else if (tag === 18) writeText(names.version, reader, end);
    else if (tag === 26 && !attributesWritten) {
      writeAll(names.attributes, reader, { end, tag, write: writeAttribute });
      attributesWritten = true;
    } else if (tag === 32) writeNumber(names.droppedAttributesCount, reader.readVarint(end));
    else reader.skip(tag & 7, end);
  }
}

function writeStatus(reader: ProtobufReader, end: number): void {
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 18) writeText(names.message, reader, end);
    else if (tag === 24) writeNumber(names.code, reader.readInt32(end));
    else reader.skip(tag & 7, end);
  }
}

function writeEvent(reader: ProtobufReader, end: number): void {
  let attributesWritten = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 9) writeTime(names.timeUnixNano, reader, end);
    else if (tag === 18) writeText(names.name, reader, end);
    else if (tag === 26 && !attributesWritten) {
      writeAll(names.attributes, reader, { end, tag, write: writeAttribute });
      attributesWritten = true;
    } else if (tag === 32) writeNumber(names.droppedAttributesCount, reader.readVarint(end));
    else reader.skip(tag & 7, end);
  }
}

function writeLink(reader: ProtobufReader, end: number): void {
  let attributesWritten = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) writeHex(names.traceId, reader, end);
    else if (tag === 18) writeHex(names.spanId, reader, end);
    else if (tag === 26) writeText(names.traceState, reader, end);
    else if (tag === 34 && !attributesWritten) {
      writeAll(names.attributes, reader, { end, tag, write: writeAttribute });
      attributesWritten = true;
    } else if (tag === 40) writeNumber(names.droppedAttributesCount, reader.readVarint(end));
    else if (tag === 53) writeNumber(names.flags, reader.readFixed32(end));
    else reader.skip(tag & 7, end);
  }
}

function writeEntityRef(reader: ProtobufReader, end: number): void {
  let idKeysWritten = false;
  let descriptionKeysWritten = false;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) writeText(names.schemaUrl, reader, end);
    else if (tag === 18) writeText(names.type, reader, end);
    else if (tag === 26 && !idKeysWritten) {
      writeAllTexts(names.idKeys, reader, { end, tag });
      idKeysWritten = true;
    } else if (tag === 34 && !descriptionKeysWritten) {
      writeAllTexts(names.descriptionKeys, reader, { end, tag });
      descriptionKeysWritten = true;
    } else reader.skip(tag & 7, end);
  }
}

function writeAttribute(reader: ProtobufReader, end: number): void {
  writeKeyValue(reader, end, 1);
}

function writeKeyValue(reader: ProtobufReader, end: number, depth: number): void {
  const start = out.length;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) writeText(names.key, reader, end);
    else if (tag === 18) {
      out.literal(names.value);
      const valueStart = out.length;
      writeValue(reader, reader.readLength(end), depth);
      out.closeObject(valueStart);
    } else reader.skip(tag & 7, end);
  }
  // An empty key is said: a pair is known by it.
  if (out.length === start) {
    out.literal(names.key);
    out.string(reader.bytes, 0, 0);
  }
}

function writeValue(reader: ProtobufReader, end: number, depth: number): void {
  if (depth > valueDepthMax) {
    reader.position = end;
    return;
  }
  while (reader.position < end) {
    const tag = reader.readTag(end);
    switch (tag) {
      case 10: {
        out.literal(names.stringValue);
        const textEnd = reader.readLength(end);
        out.string(reader.bytes, reader.position, textEnd);
        reader.position = textEnd;
        break;
      }
      case 16:
        out.literal(reader.readBool(end) ? names.trueValue : names.falseValue);
        break;
      case 24:
        out.literal(names.intValue);
        out.ascii(String(reader.readInt64(end)));
        out.literal(names.quote);
        break;
      case 33:
        out.literal(names.doubleValue);
        out.ascii(doubleText(reader.readDouble(end)));
        break;
      case 42:
        out.literal(names.arrayValue);
        writeValues(reader, reader.readLength(end), depth + 1);
        break;
      case 50:
        out.literal(names.kvlistValue);
        writeKeyValues(reader, reader.readLength(end), depth + 1);
        break;
      case 58: {
        out.literal(names.bytesValue);
        const bytesEnd = reader.readLength(end);
        out.ascii(reader.bytes.toString("base64", reader.position, bytesEnd));
        out.literal(names.quote);
        reader.position = bytesEnd;
        break;
      }
      default:
        reader.skip(tag & 7, end);
    }
  }
}

function writeValues(reader: ProtobufReader, end: number, depth: number): void {
  const start = out.length;
  out.literal(names.values);
  const listStart = out.length;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag !== 10) {
      reader.skip(tag & 7, end);
      continue;
    }
    out.literal(comma);
    const valueStart = out.length;
    writeValue(reader, reader.readLength(end), depth);
    out.closeObject(valueStart);
  }
  out.closeArray(listStart);
  out.closeObject(start);
}

function writeKeyValues(reader: ProtobufReader, end: number, depth: number): void {
  const start = out.length;
  out.literal(names.values);
  const listStart = out.length;
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag !== 10) {
      reader.skip(tag & 7, end);
      continue;
    }
    out.literal(comma);
    const pairStart = out.length;
    writeKeyValue(reader, reader.readLength(end), depth);
    out.closeObject(pairStart);
  }
  out.closeArray(listStart);
  out.closeObject(start);
}

/**
 * Writes all elements of a repeated message field as one array when the first has been met: its tag is read, its length is next. Leaves the reader after
 * the first, so that the fields between elements are read in their turn.
 */
function writeAll(
  name: Uint8Array,
  reader: ProtobufReader,
  field: { readonly end: number; readonly tag: number; readonly write: Write },
): void {
  const { end, tag } = field;
  const first = reader.position;
  out.literal(name);
  const listStart = out.length;
  let next = tag;
  for (;;) {
    if (next === tag) {
      const elementEnd = reader.readLength(end);
      out.literal(comma);
      const start = out.length;
      field.write(reader, elementEnd);
      out.closeObject(start);
    } else reader.skip(next & 7, end);
    if (reader.position >= end) break;
    next = reader.readTag(end);
  }
  out.closeArray(listStart);
  reader.position = first;
  reader.skip(2, end);
}

/** The same for a repeated string. */
function writeAllTexts(
  name: Uint8Array,
  reader: ProtobufReader,
  field: { readonly end: number; readonly tag: number },
): void {
  const { end, tag } = field;
  const first = reader.position;
  out.literal(name);
  const listStart = out.length;
  let next = tag;
  for (;;) {
    if (next === tag) {
      const textEnd = reader.readLength(end);
      out.literal(comma);
      out.string(reader.bytes, reader.position, textEnd);
      reader.position = textEnd;
    } else reader.skip(next & 7, end);
    if (reader.position >= end) break;
    next = reader.readTag(end);
  }
  out.closeArray(listStart);
  reader.position = first;
  reader.skip(2, end);
}

function writeNumber(name: Uint8Array, value: number): void {
  if (value === 0) return;
  out.literal(name);
  out.ascii(String(value));
}

function writeTime(name: Uint8Array, reader: ProtobufReader, end: number): void {
  const time = reader.readFixed64(end);
  if (time === 0n) return;
  out.literal(name);
  out.ascii(String(time));
  out.literal(names.quote);
}

function writeHex(name: Uint8Array, reader: ProtobufReader, end: number): void {
  const idEnd = reader.readLength(end);
  if (idEnd > reader.position) {
    out.literal(name);
    out.hex(reader.bytes, reader.position, idEnd);
  }
  reader.position = idEnd;
}

function writeText(name: Uint8Array, reader: ProtobufReader, end: number): void {
  const textEnd = reader.readLength(end);
  if (textEnd > reader.position) {
    out.literal(name);
    out.string(reader.bytes, reader.position, textEnd);
  }
  reader.position = textEnd;
}

function writeSchemaUrl(schemaUrl: string): void {
  if (schemaUrl === "") return;
  out.literal(names.schemaUrl);
  const bytes = Buffer.from(schemaUrl);
  out.string(bytes, 0, bytes.length);
}

function doubleText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0.0" : String(value);
  return `"${value}"`;
}
