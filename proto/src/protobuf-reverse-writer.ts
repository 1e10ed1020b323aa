/**
 * Writes protobuf from the last byte to the first. The length of an embedded message is then known when its header is due, so nothing is measured
 * beforehand or moved afterwards, however deep messages nest. Fields are written in reverse: value first, tag after it.
 */
export class ReverseWriter {
  private buffer: Buffer;
  /** The first byte written so far. */
  private start: number;

  constructor(sizeHint: number) {
    this.buffer = Buffer.allocUnsafe(sizeHint);
    this.start = sizeHint;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.buffer.length - this.start;
  }

  tag(fieldNumber: number, wire: number): void {
    this.smallVarint((fieldNumber << 3) | wire);
  }

  /** The length of everything written since `length` was `before`. */
  lengthTo(before: number): void {
    this.smallVarint(this.length - before);
  }

  /** @param value 0 to 2^64-1. */
  varint(value: bigint): void {
    if (value < 0x8000_0000n) {
      this.smallVarint(Number(value));
      return;
    }
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 0x80n) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.buffer.set(bytes, this.reserve(bytes.length));
  }

  fixed32(value: number): void {
    const at = this.reserve(4);
    this.buffer.writeUInt32LE(value, at);
  }

  fixed64(value: bigint): void {
    const at = this.reserve(8);
    this.buffer.writeBigUInt64LE(value, at);
  }

  double(value: number): void {
    const at = this.reserve(8);
    this.buffer.writeDoubleLE(value, at);
  }

  text(value: string): void {
    const size = Buffer.byteLength(value);
    const at = this.reserve(size);
    this.buffer.write(value, at, size, "utf8");
    this.smallVarint(size);
  }

  lengthPrefixed(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
    this.smallVarint(bytes.length);
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.buffer.subarray(this.start);
  }

  private smallVarint(value: number): void {
    let size = 1;
    for (let rest = value >>> 7; rest !== 0; rest >>>= 7) size++;
    let at = this.reserve(size);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[at] = rest;
  }

  private reserve(size: number): number {
    if (this.start < size) {
      const written = this.length;
      const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, written + size + 256));
      this.buffer.copy(larger, larger.length - written, this.start);
      this.start = larger.length - written;
      this.buffer = larger;
    }
    this.start -= size;
    return this.start;
  }
}
