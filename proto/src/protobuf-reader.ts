/**
 * The protobuf wire format, read forwards from one buffer: tags, varints, fixed numbers, lengths.
 *
 *     field   = tag value            tag = varint (number << 3 | wire type)
 *     type 0  varint, at most 10 bytes      type 1  8 bytes little endian      type 5  4 bytes little endian
 *     type 2  length as varint, then that many bytes                           types 3, 4 (groups), 6, 7 are refused
 *
 * Damage throws PipelineError `INVALID_BODY` and leaves `position` at the start of the field that is damaged. A reader does not know messages;
 * `end` of the message being read is passed to each call, so that nothing reads beyond its parent.
 */
import { PipelineError } from "./errors.ts";

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const fieldNumberMax = 536_870_911;

/** Scratch for reading 8 bytes as one value; the platform is little endian wherever Node runs. */
const scratchHalves = new Uint32Array(2);
const scratchBigUint = new BigUint64Array(scratchHalves.buffer);
const scratchBigInt = new BigInt64Array(scratchHalves.buffer);
const scratchDouble = new Float64Array(scratchHalves.buffer);

export class ProtobufReader {
  readonly bytes: Buffer;
  position: number;
  /** Halves of the last 64-bit value, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, start = 0) {
    this.bytes = asBuffer(bytes);
    this.position = start;
  }

  /** @throws PipelineError always. The message names the reason and the offset, never the data. */
  fail(reason: string): never {
    throw new PipelineError("INVALID_BODY", `${reason} at byte ${this.position}`);
  }

  /** `number << 3 | wire type` of the next field; only types 0, 1, 2 and 5 with a valid number. */
  readTag(end: number): number {
    const first = this.bytes[this.position] as number;
    if (first < 0x80 && first >= 8) {
      this.position++;
      return first;
    }
    const start = this.position;
    const tag = this.readVarint(end);
    if (this.high !== 0 || tag >>> 3 === 0 || tag >>> 3 > fieldNumberMax) {
      this.position = start;
      this.fail("invalid field number");
    }
    return tag;
  }

  /** Reads a varint; returns its low 32 bits unsigned, and leaves all 64 in `low` and `high`. */
  readVarint(end: number): number {
    const bytes = this.bytes;
    const start = this.position;
    let position = start;
    if (position >= end) this.fail("unexpected end");
    let byte = bytes[position++] as number;
    this.high = 0;
    if (byte < 0x80) {
      this.position = position;
      this.low = byte;
      return byte;
    }
    let low = byte & 0x7f;
    let high = 0;
    let shift = 7;
    do {
      if (position >= end) this.fail("varint is cut short");
      if (shift > 63) this.fail("varint is longer than 10 bytes");
      byte = bytes[position++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      shift += 7;
    } while (byte >= 0x80);
    this.position = position;
    this.low = low >>> 0;
    this.high = high >>> 0;
    return this.low;
  }

  /** Reads a length and returns where that many bytes end; `position` is at the first of them. */
  readLength(end: number): number {
    const start = this.position;
    const length = this.readVarint(end);
    if (this.high !== 0 || length > end - this.position) {
      this.position = start;
      this.fail("length runs beyond its parent");
    }
    return this.position + length;
  }

  skipVarint(end: number): void {
    const bytes = this.bytes;
    let position = this.position;
    const last = position + 10;
    for (;;) {
      if (position >= end) this.fail("varint is cut short");
      if (position >= last) this.fail("varint is longer than 10 bytes");
      if ((bytes[position++] as number) < 0x80) break;
    }
    this.position = position;
  }

  skipFixed(size: 4 | 8, end: number): void {
    if (end - this.position < size) this.fail(`${size}-byte number is cut short`);
    this.position += size;
  }

  /** Skips the value of an unknown field. */
  skip(wire: number, end: number): void {
    if (wire === wireType.varint) this.skipVarint(end);
    else if (wire === wireType.bytes) this.position = this.readLength(end);
    else if (wire === wireType.fixed64) this.skipFixed(8, end);
    else if (wire === wireType.fixed32) this.skipFixed(4, end);
    else this.fail(wire === 3 || wire === 4 ? "groups are not part of OTLP" : "invalid wire type");
  }

  /** The int32 or enum of a varint; longer values keep their low 32 bits, as every protobuf reader does. */
  readInt32(end: number): number {
    return this.readVarint(end) | 0;
  }

  readBool(end: number): boolean {
    this.readVarint(end);
    return this.low !== 0 || this.high !== 0;
  }

  /** A `number` where that is exact, else a `bigint`. */
  readInt64(end: number): number | bigint {
    const low = this.readVarint(end);
    const high = this.high | 0;
    if (high >= -0x200000 && high < 0x200000) {
      const value = high * 4_294_967_296 + low;
      if (value !== -9_007_199_254_740_992) return value;
    }
    scratchHalves[0] = low;
    scratchHalves[1] = high;
    return scratchBigInt[0] as bigint;
  }

  readFixed32(end: number): number {
    this.skipFixed(4, end);
    return this.halfAt(this.position - 4);
  }

  readFixed64(end: number): bigint {
    this.loadFixed64(end);
    return scratchBigUint[0] as bigint;
  }

  readDouble(end: number): number {
    this.loadFixed64(end);
    return scratchDouble[0] as number;
  }

  private loadFixed64(end: number): void {
    this.skipFixed(8, end);
    scratchHalves[0] = this.halfAt(this.position - 8);
    scratchHalves[1] = this.halfAt(this.position - 4);
  }

  private halfAt(at: number): number {
    const bytes = this.bytes;
    return (
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)) >>>
      0
    );
  }
}

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
