/**
 * The stored text of a span: lossless OTLP/JSON, written straight from its protobuf bytes and read back into what `decodeSpan` gives.
 *
 *     span   {"traceId":"…","spanId":"…","name":"…","kind":1,"startTimeUnixNano":"…","attributes":[{"key":"…","value":{"stringValue":"…"}}],…}
 *
 * lowerCamelCase names, hex ids, 64-bit integers as decimal strings, NaN and infinities as strings, bytes as standard base64, enums as
 * integers; fields with their default value are left out. Unknown fields are not kept. `{"intValue":"1"}` and `{"doubleValue":1}` stay distinct.
 *
 * The bytes must be canonical, as `walkExportRequest` yields them: each embedded message once, one member of a oneof, no invalid parent or link.
 */

import { valueDepthMax } from "./otlp-protobuf.ts";
import type { AttributeMap, AttributeValue, DecodedResource, DecodedScope, DecodedSpan } from "./otlp-span.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ShortTextCache } from "./short-text-cache.ts";

const keys = new ShortTextCache(4096, 64);
const shortValues = new ShortTextCache(4096, 32);

/** @param bytes one canonical Span message. */
export function spanToJson(bytes: Uint8Array): string {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  let json = "";
  let attributes = "";
  let events = "";
  let links = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    switch (tag) {
      case 10:
        json += hexField(',"traceId":"', reader, end);
        break;
      case 18:
        json += hexField(',"spanId":"', reader, end);
        break;
      case 26:
        json += textField(',"traceState":', reader, end);
        break;
      case 34:
        json += hexField(',"parentSpanId":"', reader, end);
        break;
      case 42:
        json += textField(',"name":', reader, end);
        break;
      case 48:
        json += numberField(',"kind":', reader.readInt32(end));
        break;
      case 57:
        json += timeField(',"startTimeUnixNano":"', reader, end);
        break;
      case 65:
        json += timeField(',"endTimeUnixNano":"', reader, end);
        break;
      case 74:
        attributes += keyValueToJson(reader, reader.readLength(end), 1, separator(attributes));
        break;
      case 80:
        json += numberField(',"droppedAttributesCount":', reader.readVarint(end));
        break;
      case 90:
        events += eventToJson(reader, reader.readLength(end), separator(events));
        break;
      case 96:
        json += numberField(',"droppedEventsCount":', reader.readVarint(end));
        break;
      case 106:
        links += linkToJson(reader, reader.readLength(end), separator(links));
        break;
      case 112:
        json += numberField(',"droppedLinksCount":', reader.readVarint(end));
        break;
      case 122:
        json += `,"status":${statusToJson(reader, reader.readLength(end))}`;
        break;
      case 133:
        json += numberField(',"flags":', reader.readFixed32(end));
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  return object(json + list(',"attributes":[', attributes) + list(',"events":[', events) + list(',"links":[', links));
}

/** @param bytes one canonical Resource message. The schema URL, which OTLP keeps beside it, stands inside when it is given. */
export function resourceToJson(bytes: Uint8Array, schemaUrl = ""): string {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  let json = "";
  let attributes = "";
  let entityRefs = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) attributes += keyValueToJson(reader, reader.readLength(end), 1, separator(attributes));
    else if (tag === 16) json += numberField(',"droppedAttributesCount":', reader.readVarint(end));
    else if (tag === 26) entityRefs += entityRefToJson(reader, reader.readLength(end), separator(entityRefs));
    else reader.skip(tag & 7, end);
  }
  return object(
    json + list(',"attributes":[', attributes) + list(',"entityRefs":[', entityRefs) + schemaUrlField(schemaUrl),
  );
}

/** @param bytes one canonical InstrumentationScope message; the schema URL as in `resourceToJson`. */
export function scopeToJson(bytes: Uint8Array, schemaUrl = ""): string {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  let json = "";
  let attributes = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) json += textField(',"name":', reader, end);
    else if (tag === 18) json += textField(',"version":', reader, end);
    else if (tag === 26) attributes += keyValueToJson(reader, reader.readLength(end), 1, separator(attributes));
    else if (tag === 32) json += numberField(',"droppedAttributesCount":', reader.readVarint(end));
    else reader.skip(tag & 7, end);
  }
  return object(json + list(',"attributes":[', attributes) + schemaUrlField(schemaUrl));
}

/**
 * The span that `decodeSpan` gives for the bytes the text was written from.
 *
 * @param resource text of `resourceToJson`, or what `resourceFromJson` made of it (spans of one resource share it).
 * @throws SyntaxError when a text is not JSON; texts come from our own store.
 */
export function spanFromJson(
  text: string,
  resource: string | DecodedResource,
  scope: string | DecodedScope,
): DecodedSpan {
  const span = JSON.parse(text) as StoredSpan;
  return {
    traceId: span.traceId ?? "",
    spanId: span.spanId ?? "",
    parentSpanId: span.parentSpanId,
    traceState: span.traceState ?? "",
    flags: span.flags ?? 0,
    name: span.name ?? "",
    kind: span.kind ?? 0,
    startTimeUnixNano: BigInt(span.startTimeUnixNano ?? 0),
    endTimeUnixNano: BigInt(span.endTimeUnixNano ?? 0),
    attributes: attributesFromJson(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount ?? 0,
    events: (span.events ?? []).map((event) => ({
      name: event.name ?? "",
      timeUnixNano: BigInt(event.timeUnixNano ?? 0),
      attributes: attributesFromJson(event.attributes),
      droppedAttributesCount: event.droppedAttributesCount ?? 0,
    })),
    droppedEventsCount: span.droppedEventsCount ?? 0,
    links: (span.links ?? []).map((link) => ({
      traceId: link.traceId ?? "",
      spanId: link.spanId ?? "",
      traceState: link.traceState ?? "",
      attributes: attributesFromJson(link.attributes),
      droppedAttributesCount: link.droppedAttributesCount ?? 0,
      flags: link.flags ?? 0,
    })),
    droppedLinksCount: span.droppedLinksCount ?? 0,
    statusCode: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? "",
    resource: typeof resource === "string" ? resourceFromJson(resource) : resource,
    scope: typeof scope === "string" ? scopeFromJson(scope) : scope,
  };
}

/** Reads the text of `resourceToJson`. */
export function resourceFromJson(text: string): DecodedResource {
  const resource = JSON.parse(text) as StoredResource;
  return {
    attributes: attributesFromJson(resource.attributes),
    droppedAttributesCount: resource.droppedAttributesCount ?? 0,
    schemaUrl: resource.schemaUrl ?? "",
  };
}

/** Reads the text of `scopeToJson`. */
export function scopeFromJson(text: string): DecodedScope {
  const scope = JSON.parse(text) as StoredScope;
  return {
    name: scope.name ?? "",
    version: scope.version ?? "",
    attributes: attributesFromJson(scope.attributes),
    droppedAttributesCount: scope.droppedAttributesCount ?? 0,
    schemaUrl: scope.schemaUrl ?? "",
  };
}

/** What the writers above produce; texts are our own, so they are not checked again. */
interface StoredValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number | string;
  readonly arrayValue?: { readonly values?: readonly StoredValue[] };
  readonly kvlistValue?: { readonly values?: readonly StoredKeyValue[] };
  readonly bytesValue?: string;
}

interface StoredKeyValue {
  readonly key?: string;
  readonly value?: StoredValue;
}

interface StoredAttributes {
  readonly attributes?: readonly StoredKeyValue[];
  readonly droppedAttributesCount?: number;
}

interface StoredResource extends StoredAttributes {
  readonly schemaUrl?: string;
}

interface StoredScope extends StoredAttributes {
  readonly name?: string;
  readonly version?: string;
  readonly schemaUrl?: string;
}

interface StoredSpan extends StoredAttributes {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly flags?: number;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly events?: readonly (StoredAttributes & { readonly name?: string; readonly timeUnixNano?: string })[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly (StoredAttributes & {
    readonly traceId?: string;
    readonly spanId?: string;
    readonly traceState?: string;
    readonly flags?: number;
  })[];
  readonly droppedLinksCount?: number;
  readonly status?: { readonly code?: number; readonly message?: string };
}

function attributesFromJson(list: readonly StoredKeyValue[] | undefined): AttributeMap {
  const attributes = new Map<string, AttributeValue>();
  if (list !== undefined) for (const { key, value } of list) attributes.set(key ?? "", valueFromJson(value));
  return attributes;
}

function valueFromJson(value: StoredValue | undefined): AttributeValue {
  if (value === undefined) return null;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.intValue !== undefined) return integerFromText(value.intValue);
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueFromJson);
  if (value.kvlistValue !== undefined) return attributesFromJson(value.kvlistValue.values);
  if (value.bytesValue !== undefined) return new Uint8Array(Buffer.from(value.bytesValue, "base64"));
  return null;
}

function integerFromText(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** The writers collect `,"name":value`; this drops the first comma. */
function object(fields: string): string {
  return `{${fields.slice(1)}}`;
}

function separator(itemsSoFar: string): string {
  return itemsSoFar === "" ? "" : ",";
}

function list(opening: string, items: string): string {
  return items === "" ? "" : `${opening}${items}]`;
}

function schemaUrlField(schemaUrl: string): string {
  return schemaUrl === "" ? "" : `,"schemaUrl":${JSON.stringify(schemaUrl)}`;
}

function numberField(opening: string, value: number): string {
  return value === 0 ? "" : opening + value;
}

function timeField(opening: string, reader: ProtobufReader, end: number): string {
  const time = reader.readFixed64(end);
  return time === 0n ? "" : `${opening}${time}"`;
}

function hexField(opening: string, reader: ProtobufReader, end: number): string {
  const idEnd = reader.readLength(end);
  const id = reader.bytes.toString("hex", reader.position, idEnd);
  reader.position = idEnd;
  return id === "" ? "" : `${opening}${id}"`;
}

function textField(opening: string, reader: ProtobufReader, end: number): string {
  const text = textToJson(reader, end);
  return text === '""' ? "" : opening + text;
}

function textToJson(reader: ProtobufReader, end: number): string {
  const textEnd = reader.readLength(end);
  const start = reader.position;
  reader.position = textEnd;
  if (textEnd - start <= shortValues.bytesMax) return shortValues.jsonText(reader.bytes, start, textEnd);
  return JSON.stringify(reader.bytes.toString("utf8", start, textEnd));
}

function statusToJson(reader: ProtobufReader, end: number): string {
  let json = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 18) json += textField(',"message":', reader, end);
    else if (tag === 24) json += numberField(',"code":', reader.readInt32(end));
    else reader.skip(tag & 7, end);
  }
  return object(json);
}

function eventToJson(reader: ProtobufReader, end: number, before: string): string {
  let json = "";
  let attributes = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 9) json += timeField(',"timeUnixNano":"', reader, end);
    else if (tag === 18) json += textField(',"name":', reader, end);
    else if (tag === 26) attributes += keyValueToJson(reader, reader.readLength(end), 1, separator(attributes));
    else if (tag === 32) json += numberField(',"droppedAttributesCount":', reader.readVarint(end));
    else reader.skip(tag & 7, end);
  }
  return `${before}${object(json + list(',"attributes":[', attributes))}`;
}

function linkToJson(reader: ProtobufReader, end: number, before: string): string {
  let json = "";
  let attributes = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) json += hexField(',"traceId":"', reader, end);
    else if (tag === 18) json += hexField(',"spanId":"', reader, end);
    else if (tag === 26) json += textField(',"traceState":', reader, end);
    else if (tag === 34) attributes += keyValueToJson(reader, reader.readLength(end), 1, separator(attributes));
    else if (tag === 40) json += numberField(',"droppedAttributesCount":', reader.readVarint(end));
    else if (tag === 53) json += numberField(',"flags":', reader.readFixed32(end));
    else reader.skip(tag & 7, end);
  }
  return `${before}${object(json + list(',"attributes":[', attributes))}`;
}

function entityRefToJson(reader: ProtobufReader, end: number, before: string): string {
  let json = "";
  let idKeys = "";
  let descriptionKeys = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) json += textField(',"schemaUrl":', reader, end);
    else if (tag === 18) json += textField(',"type":', reader, end);
    else if (tag === 26) idKeys += separator(idKeys) + textToJson(reader, end);
    else if (tag === 34) descriptionKeys += separator(descriptionKeys) + textToJson(reader, end);
    else reader.skip(tag & 7, end);
  }
  return `${before}${object(json + list(',"idKeys":[', idKeys) + list(',"descriptionKeys":[', descriptionKeys))}`;
}

function keyValueToJson(reader: ProtobufReader, end: number, depth: number, before: string): string {
  let key = '""';
  let value = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) {
      const keyEnd = reader.readLength(end);
      key = keys.jsonText(reader.bytes, reader.position, keyEnd);
      reader.position = keyEnd;
    } else if (tag === 18) value = `,"value":${valueToJson(reader, reader.readLength(end), depth)}`;
    else reader.skip(tag & 7, end);
  }
  return `${before}{"key":${key}${value}}`;
}

function valueToJson(reader: ProtobufReader, end: number, depth: number): string {
  if (depth > valueDepthMax) {
    reader.position = end;
    return "{}";
  }
  let json = "{}";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    switch (tag) {
      case 10:
        json = `{"stringValue":${textToJson(reader, end)}}`;
        break;
      case 16:
        json = reader.readBool(end) ? '{"boolValue":true}' : '{"boolValue":false}';
        break;
      case 24:
        json = `{"intValue":"${reader.readInt64(end)}"}`;
        break;
      case 33:
        json = `{"doubleValue":${doubleToJson(reader.readDouble(end))}}`;
        break;
      case 42:
        json = `{"arrayValue":${valuesToJson(reader, reader.readLength(end), depth + 1)}}`;
        break;
      case 50:
        json = `{"kvlistValue":${keyValuesToJson(reader, reader.readLength(end), depth + 1)}}`;
        break;
      case 58: {
        const bytesEnd = reader.readLength(end);
        json = `{"bytesValue":"${reader.bytes.toString("base64", reader.position, bytesEnd)}"}`;
        reader.position = bytesEnd;
        break;
      }
      default:
        reader.skip(tag & 7, end);
    }
  }
  return json;
}

function valuesToJson(reader: ProtobufReader, end: number, depth: number): string {
  let values = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) values += separator(values) + valueToJson(reader, reader.readLength(end), depth);
    else reader.skip(tag & 7, end);
  }
  return `{"values":[${values}]}`;
}

function keyValuesToJson(reader: ProtobufReader, end: number, depth: number): string {
  let values = "";
  while (reader.position < end) {
    const tag = reader.readTag(end);
    if (tag === 10) values += keyValueToJson(reader, reader.readLength(end), depth, separator(values));
    else reader.skip(tag & 7, end);
  }
  return `{"values":[${values}]}`;
}

function doubleToJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0.0" : String(value);
  return `"${value}"`;
}
