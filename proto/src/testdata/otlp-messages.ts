/** Generated OTLP requests for property tests: protobufjs messages made from the .proto files, and the same bytes in an unusual wire form. */
import { join } from "node:path";
import fc from "fast-check";
import protobuf from "protobufjs";
import { type MessageSchema, otlpSchema } from "../otlp-schema.ts";
import { ProtobufReader } from "../protobuf-reader.ts";

const root = new protobuf.Root();
const protoPath = join(import.meta.dirname, "..", "..", "otlp");
root.resolvePath = (_, target) => join(protoPath, target);
root.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto", { keepCase: true });

export const requestType = root.lookupType("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
export const spanType = root.lookupType("opentelemetry.proto.trace.v1.Span");
export const resourceType = root.lookupType("opentelemetry.proto.resource.v1.Resource");
export const scopeType = root.lookupType("opentelemetry.proto.common.v1.InstrumentationScope");

/** A request as protobufjs takes it: names of the .proto files, 64-bit integers as decimal text. */
export interface RequestObject {
  resource_spans: object[];
}

export function encodeRequest(request: RequestObject): Buffer<ArrayBuffer> {
  return Buffer.from(requestType.encode(requestType.fromObject(request)).finish());
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("gen_ai.request.model", "service.name", "gpt-5", "a".repeat(200), "é".repeat(40), ""),
);
const key = fc.oneof(fc.constantFrom("gen_ai.request.model", "session.id", "k", ""), text);
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.constantFrom("9223372036854775807", "-9223372036854775808", "9007199254740991", "9007199254740992", "-1", "0"),
);
const fixed64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const uint32 = fc.oneof(fc.constant(0), fc.nat(1000), fc.integer({ min: 0, max: 0xffffffff }));
const bytes = fc.uint8Array({ maxLength: 20 });
const double = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1));

const { value } = fc.letrec<{ value: object; keyValue: object }>((tie) => ({
  keyValue: fc.record({ key, value: tie("value") }, { requiredKeys: ["key"] }),
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    text.map((string_value) => ({ string_value })),
    fc.boolean().map((bool_value) => ({ bool_value })),
    int64.map((int_value) => ({ int_value })),
    double.map((double_value) => ({ double_value })),
    bytes.map((bytes_value) => ({ bytes_value })),
    fc.constant({}),
    fc.array(tie("value"), { maxLength: 4 }).map((values) => ({ array_value: { values } })),
    fc.array(tie("keyValue"), { maxLength: 4 }).map((values) => ({ kvlist_value: { values } })),
  ),
}));
const attributes = fc.array(fc.record({ key, value }, { requiredKeys: ["key"] }), { maxLength: 6 });

const id = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).filter((each) => each.some((byte) => byte !== 0));
const anyId = (length: number) =>
  fc.oneof(
    { weight: 8, arbitrary: id(length) },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(length)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: length + 4 }) },
  );

const event = fc.record(
  { time_unix_nano: fixed64, name: text, attributes, dropped_attributes_count: uint32 },
  { requiredKeys: [] },
);
const link = fc.record(
  {
    trace_id: anyId(16),
    span_id: anyId(8),
    trace_state: text,
    attributes,
    dropped_attributes_count: uint32,
    flags: uint32,
  },
  { requiredKeys: ["trace_id", "span_id"] },
);
const enumeration = fc.oneof(fc.nat(6), fc.integer());
const status = fc.record({ message: text, code: enumeration }, { requiredKeys: [] });

function spanWith(traceId: fc.Arbitrary<Uint8Array>, spanId: fc.Arbitrary<Uint8Array>): fc.Arbitrary<object> {
  return fc.record(
    {
      trace_id: traceId,
      span_id: spanId,
      trace_state: text,
      parent_span_id: anyId(8),
      name: text,
      kind: enumeration,
      start_time_unix_nano: fixed64,
      end_time_unix_nano: fixed64,
      attributes,
      dropped_attributes_count: uint32,
      events: fc.array(event, { maxLength: 3 }),
      dropped_events_count: uint32,
      links: fc.array(link, { maxLength: 3 }),
      dropped_links_count: uint32,
      status,
      flags: uint32,
    },
    { requiredKeys: ["trace_id", "span_id"] },
  );
}

export const validSpan = spanWith(id(16), id(8));

const resource = fc.record(
  {
    attributes,
    dropped_attributes_count: uint32,
    entity_refs: fc.array(
      fc.record({ schema_url: text, type: text, id_keys: fc.array(text, { maxLength: 2 }) }, { requiredKeys: [] }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const scope = fc.record(
  { name: text, version: text, attributes, dropped_attributes_count: uint32 },
  { requiredKeys: [] },
);

function requestOf(span: fc.Arbitrary<object>): fc.Arbitrary<RequestObject> {
  const scopeSpans = fc.record(
    { scope, spans: fc.array(span, { maxLength: 4 }), schema_url: text },
    { requiredKeys: ["spans"] },
  );
  const resourceSpans = fc.record(
    { resource, scope_spans: fc.array(scopeSpans, { maxLength: 3 }), schema_url: text },
    { requiredKeys: ["scope_spans"] },
  );
  return fc.record({ resource_spans: fc.array(resourceSpans, { maxLength: 3 }) });
}

/** Requests whose spans are all acceptable. */
export const validRequest = requestOf(validSpan);
/** Requests that may hold spans with invalid ids. */
export const anyRequest = requestOf(spanWith(anyId(16), anyId(8)));

/** Any number below 1, from a seed: the same seed gives the same sequence. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface WireField {
  readonly number: number;
  readonly bytes: Buffer;
}

/**
 * The same message in another legal wire form: singular fields moved, given twice (an earlier value first) or, when embedded, split in two; unknown
 * fields of every wire type between them. Elements of repeated fields keep their order.
 */
export function disorder(message: Buffer, schema: MessageSchema, random: () => number): Buffer {
  const fields: WireField[] = [];
  const reader = new ProtobufReader(message);
  while (reader.position < message.length) {
    const start = reader.position;
    const tag = reader.readTag(message.length);
    const number = tag >>> 3;
    const field = schema.fields[number];
    if (field?.message === undefined) {
      reader.skip(tag & 7, message.length);
      const bytes = message.subarray(start, reader.position);
      if (field !== undefined && !field.repeated && !schema.oneof && random() < 0.2) {
        fields.push({ number, bytes: emptyField(number, tag & 7) });
      }
      fields.push({ number, bytes });
      continue;
    }
    const end = reader.readLength(message.length);
    const payload = disorder(message.subarray(reader.position, end), field.message, random);
    reader.position = end;
    const parts = !field.repeated && random() < 0.3 ? split(payload, random) : [payload];
    for (const part of parts) fields.push({ number, bytes: Buffer.concat([varint(tag), varint(part.length), part]) });
  }
  const shuffled = schema.oneof ? fields : shuffle(fields, random);
  const pieces: Buffer[] = [];
  for (const { bytes } of shuffled) {
    if (random() < 0.3) pieces.push(unknownField(random));
    pieces.push(bytes);
  }
  if (random() < 0.3) pieces.push(unknownField(random));
  return Buffer.concat(pieces);
}

/** Moves fields of different numbers past each other, never two of one number. */
function shuffle(fields: readonly WireField[], random: () => number): WireField[] {
  const order = [...new Set(fields.map(({ number }) => number))].map((number) => ({
    rank: random(),
    fields: fields.filter((field) => field.number === number),
  }));
  return order.sort((a, b) => a.rank - b.rank).flatMap((each) => each.fields);
}

function split(payload: Buffer, random: () => number): Buffer[] {
  const cuts: number[] = [0];
  const reader = new ProtobufReader(payload);
  while (reader.position < payload.length) {
    const tag = reader.readTag(payload.length);
    reader.skip(tag & 7, payload.length);
    cuts.push(reader.position);
  }
  const cut = cuts[Math.floor(random() * cuts.length)] as number;
  return [payload.subarray(0, cut), payload.subarray(cut)];
}

function emptyField(number: number, wire: number): Buffer {
  const size = wire === 1 ? 8 : wire === 5 ? 4 : 1;
  return Buffer.concat([varint((number << 3) | wire), Buffer.alloc(size)]);
}

function unknownField(random: () => number): Buffer {
  const number = 9999;
  switch (Math.floor(random() * 4)) {
    case 0:
      return Buffer.concat([varint(number << 3), Buffer.from([0xff, 0x01])]);
    case 1:
      return Buffer.concat([varint((number << 3) | 1), Buffer.alloc(8, 0xaa)]);
    case 2:
      return Buffer.concat([varint((number << 3) | 2), Buffer.from([3, 1, 2, 3])]);
    default:
      return Buffer.concat([varint((number << 3) | 5), Buffer.alloc(4, 0x55)]);
  }
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A length-delimited field. */
export function field(number: number, ...payload: readonly (Uint8Array | string)[]): Buffer<ArrayBuffer> {
  const body = Buffer.concat(payload.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varint((number << 3) | 2), varint(body.length), body]);
}

/** One request around the payload of one span. */
export function requestAround(span: Uint8Array): Buffer<ArrayBuffer> {
  return field(1, field(2, field(2, span)));
}

export const sampleIds = Buffer.concat([
  field(1, Buffer.from("5b8efff798038103d269b633813fc60c", "hex")),
  field(2, Buffer.from("eee19b7ec3c1b174", "hex")),
]);

export const exportRequestSchema = otlpSchema.exportRequest;
