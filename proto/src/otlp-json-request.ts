/**
 * OTLP/JSON requests become protobuf bytes, and from there everything is one path (otlp-receiver.md section 4, rule 51).
 *
 * Read as the contract says: lowerCamelCase names only, unknown ones skipped, null is absent, hex ids in any case, enums by number or name, 64-bit
 * integers exact also as plain numbers, base64 in both alphabets. An id that is not hex becomes one zero byte: invalid in every place, so the walk
 * treats it by its rules. Values beyond the depth limit become shells, which the walk empties and counts.
 */
import { isPipelineError, PipelineError } from "./errors.ts";
import { valueDepthMax } from "./otlp-protobuf.ts";
import { type FieldSchema, type MessageSchema, otlpSchema } from "./otlp-schema.ts";
import type { OversizedRequest, UndecodableRequest } from "./otlp-walk.ts";
import { ReverseWriter } from "./protobuf-reverse-writer.ts";

export interface EncodedRequest {
  readonly outcome: "encoded";
  /** An ExportTraceServiceRequest. */
  readonly bytes: Uint8Array;
}

/** @param json text, or its UTF-8 bytes; a leading byte order mark is allowed. */
export function exportRequestFromJson(
  json: string | Uint8Array,
): EncodedRequest | UndecodableRequest | OversizedRequest {
  const text = withoutByteOrderMark(
    typeof json === "string" ? json : Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString("utf8"),
  );
  if (text.length > objectsMax && countObjects(text) > objectsMax) {
    return {
      outcome: "too_large",
      path: "",
      reason: `more than ${objectsMax} objects and arrays; export smaller batches`,
    };
  }
  let request: unknown;
  try {
    request = JSON.parse(hasLongNumber(text) ? quoteLongIntegers(text) : text);
  } catch {
    // The engine's message quotes the data, which must not get out (rule 65).
    return { outcome: "undecodable", path: "", reason: "not JSON" };
  }
  const writer = new ReverseWriter(Math.max(256, text.length));
  const encoder = new JsonEncoder(writer);
  try {
    encoder.message(otlpSchema.exportRequest, request, 1);
  } catch (error) {
    if (!isPipelineError(error) || error.code !== "INVALID_BODY") throw error;
    return {
      outcome: "undecodable",
      path: encoder.path.slice(0, pathPartsMax).join("."),
      reason: error.message.slice("[INVALID_BODY] ".length),
    };
  }
  return { outcome: "encoded", bytes: writer.finish() };
}

/** Objects and arrays of one request. Parsing makes each, at many times its size in the text; 64 MiB of spans have fewer. */
const objectsMax = 4_000_000;

const pathPartsMax = 40;

const enumNames: ReadonlyMap<string, number> = new Map([
  ["SPAN_KIND_UNSPECIFIED", 0],
  ["SPAN_KIND_INTERNAL", 1],
  ["SPAN_KIND_SERVER", 2],
  ["SPAN_KIND_CLIENT", 3],
  ["SPAN_KIND_PRODUCER", 4],
  ["SPAN_KIND_CONSUMER", 5],
  ["STATUS_CODE_UNSET", 0],
  ["STATUS_CODE_OK", 1],
  ["STATUS_CODE_ERROR", 2],
]);

const invalidId = new Uint8Array(1);

/** Writes messages from their last field to their first, see ReverseWriter. */
class JsonEncoder {
  /** Where a value is wrong, when encoding failed. */
  readonly path: string[] = [];
  private readonly writer: ReverseWriter;

  constructor(writer: ReverseWriter) {
    this.writer = writer;
  }

  message(schema: MessageSchema, value: unknown, depth: number): void {
    if (!isObject(value)) fail("expected an object");
    const childDepth = schema === otlpSchema.anyValue ? depth + 1 : depth;
    // An array or list at the limit is left without its elements: the walk empties whatever has them.
    if (depth > valueDepthMax + 1) return;
    const names = Object.keys(value);
    for (let at = names.length - 1; at >= 0; at--) {
      const name = names[at] as string;
      const field = schema.byJsonName.get(name);
      const fieldValue = value[name];
      if (field === undefined || fieldValue === null) continue;
      if (!field.repeated) {
        this.path.push(field.jsonName);
        this.field(field, fieldValue, childDepth);
        this.path.pop();
        continue;
      }
      this.path.push(field.jsonName);
      if (!Array.isArray(fieldValue)) fail("expected an array");
      this.path.pop();
      for (let index = fieldValue.length - 1; index >= 0; index--) {
        const element: unknown = fieldValue[index];
        this.path.push(`${field.jsonName}[${index}]`);
        // A null among array values is an empty value; elsewhere it is nothing.
        if (element !== null) this.field(field, element, childDepth);
        else if (field.message === otlpSchema.anyValue) this.field(field, {}, childDepth);
        this.path.pop();
      }
    }
  }

  private field(field: FieldSchema, value: unknown, depth: number): void {
    const writer = this.writer;
    switch (field.kind) {
      case "message": {
        const end = writer.length;
        this.message(field.message as MessageSchema, value, depth);
        writer.lengthTo(end);
        break;
      }
      case "string":
        if (typeof value !== "string") fail("expected a string");
        writer.text(value);
        break;
      case "bytes":
        writer.lengthPrefixed(base64(value));
        break;
      case "id": {
        const id = hexId(value);
        if (id.length === 0) return;
        writer.lengthPrefixed(id);
        break;
      }
      case "bool":
        if (typeof value !== "boolean") fail("expected true or false");
        writer.varint(value ? 1n : 0n);
        break;
      case "enum":
        writer.varint(BigInt.asUintN(64, enumeration(value)));
        break;
      case "int32":
        writer.varint(BigInt.asUintN(64, integer(value, -0x80000000n, 0x7fffffffn)));
        break;
      case "uint32":
        writer.varint(integer(value, 0n, 0xffffffffn));
        break;
      case "int64":
        writer.varint(BigInt.asUintN(64, integer(value, -0x8000000000000000n, 0x7fffffffffffffffn)));
        break;
      case "fixed32":
        writer.fixed32(Number(integer(value, 0n, 0xffffffffn)));
        break;
      case "fixed64":
        writer.fixed64(integer(value, 0n, 0xffffffffffffffffn));
        break;
      case "double":
        writer.double(double(value));
        break;
      default:
        field.kind satisfies never;
    }
    writer.tag(field.number, field.wire);
  }
}

function fail(reason: string): never {
  throw new PipelineError("INVALID_BODY", reason);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const integerPattern = /^-?\d{1,40}$/;
const numberPattern = /^-?\d{1,400}(?:\.\d{0,400})?(?:[eE][+-]?\d{1,4})?$/;

function integer(value: unknown, min: bigint, max: bigint): bigint {
  let result: bigint | undefined;
  if (typeof value === "number") result = Number.isInteger(value) ? BigInt(value) : undefined;
  else if (typeof value === "string") {
    if (integerPattern.test(value)) result = BigInt(value);
    else if (numberPattern.test(value) && Number.isInteger(Number(value))) result = BigInt(Number(value));
  }
  if (result === undefined) fail("expected an integer");
  if (result < min || result > max) fail("integer out of range");
  return result;
}

function enumeration(value: unknown): bigint {
  if (typeof value === "string" && !integerPattern.test(value)) return BigInt(enumNames.get(value) ?? 0);
  return integer(value, -0x80000000n, 0x7fffffffn);
}

function double(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  if (typeof value === "string" && numberPattern.test(value)) return Number(value);
  return fail("expected a number");
}

/** Empty when absent. */
function hexId(value: unknown): Uint8Array {
  if (typeof value !== "string") fail("expected hexadecimal text");
  if (value.length % 2 !== 0 || value.length > 64 || !/^[0-9a-fA-F]*$/.test(value)) return invalidId;
  return Buffer.from(value, "hex");
}

function base64(value: unknown): Uint8Array {
  if (typeof value !== "string") fail("expected base64 text");
  const digits = value.replace(/={1,2}$/, "");
  const bytes = Buffer.from(digits, "base64");
  // The decoder skips what is not base64, which then shows in the length.
  if (bytes.length !== Math.floor((digits.length * 3) / 4) || digits.length % 4 === 1) fail("expected base64 text");
  return bytes;
}

/** At most this many: brackets inside strings count too. */
function countObjects(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x7b || character === 0x5b) count++;
  }
  return count;
}

function withoutByteOrderMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Could a plain number be too long for a double? Also true for some texts in which it only looks so, which costs time and nothing else. */
function hasLongNumber(text: string): boolean {
  return /[:,[]\s*-?\d{16}/.test(text);
}

/** Puts integers of 16 digits or more in quotes, outside of strings. JSON.parse would round them. */
function quoteLongIntegers(text: string): string {
  const pieces: string[] = [];
  let position = 0;
  for (;;) {
    const open = text.indexOf('"', position);
    const outside = open < 0 ? text.slice(position) : text.slice(position, open);
    pieces.push(outside.replace(/(?<![\d.eE+-])-?[1-9]\d{15,}(?![\d.eE])/g, '"$&"'));
    if (open < 0) return pieces.join("");
    const close = endOfString(text, open + 1);
    pieces.push(text.slice(open, close));
    position = close;
  }
}

/** Index after the quote that ends a string whose contents start at `start`. */
function endOfString(text: string, start: number): number {
  let position = start;
  for (;;) {
    const quote = text.indexOf('"', position);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    position = quote + 1;
  }
}
