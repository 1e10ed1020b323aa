/**
 * Writes a message again in the form in which spans are published, where the bytes that came in cannot stand as they are:
 *
 * - values of secret attributes, nested key-value lists included, become "[masked]", and secrets inside texts too (event-mapping.md 6.2)
 * - values deeper than `valueDepthMax` become empty (rule 71), profile-only index forms too (rule 72)
 * - an invalid parent id and links with invalid ids go (rules 68, 69)
 * - repeated singular fields are merged, and of a oneof the last member stays (rule 36)
 *
 * Everything else, unknown fields and the order of repeated ones included, stays as it was. The slow path: one span in thousands needs it.
 * Nothing is copied until the end, so the cost is linear in the message however deep it nests.
 */
import { valueDepthMax } from "./otlp-protobuf.ts";
import { type FieldSchema, type MessageSchema, otlpSchema } from "./otlp-schema.ts";
import { asBuffer, ProtobufReader, wireType } from "./protobuf-reader.ts";

/** What must not be kept. Keys and texts are UTF-8 ranges; both questions are asked for every attribute, so they must be cheap. */
export interface Masking {
  /** Is the key in this range that of a secret? */
  isSecretKey(bytes: Uint8Array, start: number, end: number): boolean;
  /** May the string value in this range hold secrets inside? Yes costs time, no must be true. */
  mayHoldSecrets(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * A string value of an attribute without the secrets inside; the same text when there are none.
   *
   * @param key of the pair that holds the text.
   * @param attribute that holds the pair, or is it.
   */
  maskText(key: string, text: string, attribute: string): string;
  /** Any other text of a message: the name of a span, an event or a scope, the message of a status. Left out, they stay. */
  maskName?(text: string): string;
}

/**
 * @param ranges start and end of the message in `bytes`, several pairs when it is repeated and must be merged.
 */
export function rewriteMessage(
  bytes: Uint8Array,
  schema: MessageSchema,
  ranges: readonly number[],
  masking: Masking,
): Buffer {
  const node = new Rewriter(bytes, masking).message(schema, ranges, { depth: 1, key: "", attribute: "" });
  const out = Buffer.allocUnsafe(node.size);
  write(node, out, 0);
  return out;
}

/** Where a value stands. */
interface Place {
  /** See `valueDepthMax`. */
  readonly depth: number;
  /** Of the attribute or key-value pair that holds it. */
  readonly key: string;
  /** Of the outermost one. */
  readonly attribute: string;
}

/** Pieces of the result: bytes as they are, or an embedded message with its tag and length before it. */
interface Node {
  size: number;
  readonly parts: (Uint8Array | { readonly tag: Uint8Array; readonly node: Node })[];
}

interface Entry {
  readonly field: FieldSchema | undefined;
  /** The whole field with its tag, for what is copied. */
  readonly start: number;
  end: number;
  /** Payload ranges of an embedded message. */
  readonly ranges: number[] | undefined;
}

/** Their texts name things and say nothing. */
const namelessSchemas: ReadonlySet<MessageSchema | undefined> = new Set([
  otlpSchema.keyValue,
  otlpSchema.resource.fields[3]?.message,
]);

const maskedValue = Buffer.concat([Buffer.from([0x12, 0x0a, 0x0a, 0x08]), Buffer.from("[masked]")]);

class Rewriter {
  private readonly bytes: Uint8Array;
  private readonly masking: Masking;

  constructor(bytes: Uint8Array, masking: Masking) {
    this.bytes = bytes;
    this.masking = masking;
  }

  message(schema: MessageSchema, ranges: readonly number[], place: Place): Node {
    const node: Node = { size: 0, parts: [] };
    if (schema === otlpSchema.anyValue && place.depth > valueDepthMax) return node;
    const entries = this.entries(schema, ranges);
    if (schema === otlpSchema.keyValue && this.replacedValue(node, entries)) return node;
    const inner = this.placeInside(schema, entries, place);
    for (const entry of entries) {
      const field = entry.field;
      if (schema === otlpSchema.anyValue && field?.number === 8) continue;
      if (schema === otlpSchema.span && field?.number === 4 && !this.isId(entry, 8)) continue;
      if (entry.ranges === undefined || field?.message === undefined) {
        if (field?.kind === "string") this.addText(node, entry, this.maskedText(schema, entry, place));
        else add(node, this.bytes.subarray(entry.start, entry.end));
        continue;
      }
      if (field.message === otlpSchema.link && !this.hasValidIds(entry.ranges)) continue;
      const child = this.message(field.message, entry.ranges, inner);
      const tag = varint((field.number << 3) | wireType.bytes);
      node.parts.push({ tag, node: child });
      node.size += tag.length + varint(child.size).length + child.size;
    }
    return node;
  }

  private placeInside(schema: MessageSchema, entries: readonly Entry[], place: Place): Place {
    if (schema === otlpSchema.anyValue) return { ...place, depth: place.depth + 1 };
    const key = schema === otlpSchema.keyValue ? entries.find((entry) => entry.field?.number === 1) : undefined;
    if (key === undefined) return place;
    const text = this.textOf(key);
    return { ...place, key: text, attribute: place.attribute || text };
  }

  /** @returns undefined when the text stays as it is. */
  private maskedText(schema: MessageSchema, entry: Entry, place: Place): string | undefined {
    const { maskName } = this.masking;
    const isValue = schema === otlpSchema.anyValue;
    if (!isValue && (maskName === undefined || namelessSchemas.has(schema))) return undefined;
    const text = this.textOf(entry);
    const masked = isValue ? this.masking.maskText(place.key, text, place.attribute) : maskName?.(text);
    return masked === text ? undefined : masked;
  }

  private addText(node: Node, entry: Entry, masked: string | undefined): void {
    if (masked === undefined || entry.field === undefined) {
      add(node, this.bytes.subarray(entry.start, entry.end));
      return;
    }
    const bytes = Buffer.from(masked);
    add(node, Buffer.concat([varint((entry.field.number << 3) | wireType.bytes), varint(bytes.length), bytes]));
  }

  private textOf(entry: Entry): string {
    const [start, end] = this.payloadOf(entry);
    return asBuffer(this.bytes).toString("utf8", start, end);
  }

  /** The fields in the order of their last appearance, singular ones once, the members of a oneof reduced to the last. */
  private entries(schema: MessageSchema, ranges: readonly number[]): Entry[] {
    const entries = new Set<Entry>();
    const singular = new Map<number, Entry>();
    const reader = new ProtobufReader(this.bytes);
    for (let pair = 0; pair < ranges.length; pair += 2) {
      reader.position = ranges[pair] as number;
      const end = ranges[pair + 1] as number;
      while (reader.position < end) {
        const start = reader.position;
        const tag = reader.readTag(end);
        const field = schema.fields[tag >>> 3];
        let payload: number[] | undefined;
        if (field?.message !== undefined) {
          const payloadEnd = reader.readLength(end);
          payload = [reader.position, payloadEnd];
          reader.position = payloadEnd;
        } else reader.skip(tag & 7, end);
        let entry: Entry = { field, start, end: reader.position, ranges: payload };
        if (field !== undefined && !field.repeated) {
          const key = schema.oneof ? 0 : field.number;
          const before = singular.get(key);
          if (before !== undefined) {
            entries.delete(before);
            if (payload !== undefined && before.field === field && before.ranges !== undefined) {
              before.ranges.push(...payload);
              entry = before;
            }
          }
          singular.set(key, entry);
        }
        entries.add(entry);
      }
    }
    return [...entries];
  }

  /** Writes a key whose value is not to be kept. */
  private replacedValue(node: Node, entries: readonly Entry[]): boolean {
    const key = entries.find((entry) => entry.field?.number === 1);
    const range = key === undefined ? undefined : this.payloadOf(key);
    const secret = range !== undefined && this.masking.isSecretKey(this.bytes, range[0], range[1]);
    if (!secret && !entries.some((entry) => entry.field?.number === 3)) return false;
    if (key !== undefined) add(node, this.bytes.subarray(key.start, key.end));
    if (secret) add(node, maskedValue);
    return true;
  }

  private hasValidIds(ranges: readonly number[]): boolean {
    const entries = this.entries(otlpSchema.link, ranges);
    const traceId = entries.find((entry) => entry.field?.number === 1);
    const spanId = entries.find((entry) => entry.field?.number === 2);
    return traceId !== undefined && spanId !== undefined && this.isId(traceId, 16) && this.isId(spanId, 8);
  }

  private isId(entry: Entry, length: number): boolean {
    const [start, end] = this.payloadOf(entry);
    return isIdAt(this.bytes, start, end, length);
  }

  private payloadOf(entry: Entry): [start: number, end: number] {
    const reader = new ProtobufReader(this.bytes, entry.start);
    reader.readTag(entry.end);
    const end = reader.readLength(entry.end);
    return [reader.position, end];
  }
}

/** Has the range that length, and is it not all zero? */
export function isIdAt(bytes: Uint8Array, start: number, end: number, length: number): boolean {
  if (end - start !== length) return false;
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return true;
  return false;
}

function add(node: Node, bytes: Uint8Array): void {
  node.parts.push(bytes);
  node.size += bytes.length;
}

function write(node: Node, out: Buffer, at: number): number {
  let position = at;
  for (const part of node.parts) {
    if (part instanceof Uint8Array) {
      out.set(part, position);
      position += part.length;
      continue;
    }
    out.set(part.tag, position);
    position += part.tag.length;
    const length = varint(part.node.size);
    out.set(length, position);
    position = write(part.node, out, position + length.length);
  }
  return position;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
