/**
 * JSON text written as bytes, with strings copied from UTF-8 without decoding them: text to JSON is then one pass over the bytes, and one string is made
 * at the end.
 *
 * Members and elements are written with a comma before each; closing an object or array turns its first comma into the bracket, so nobody needs to
 * know which one is the first:
 *
 *     ,"a":1,"b":2   ->   {"a":1,"b":2}
 *
 * Sequences that are not UTF-8 become U+FFFD when the string is made; a quote or bracket ends each of them, so they cannot swallow what follows.
 */
const bytesKept = 262_144;

const comma = 0x2c;
const quote = 0x22;
const backslash = 0x5c;

/** For each byte 0 when it stands for itself in a JSON string, else the character after the backslash; `u` for those without a short form. */
const escapes = new Uint8Array(256);
escapes.fill(0x75, 0, 0x20);
for (const [byte, character] of [
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0c, "f"],
  [0x0d, "r"],
  [quote, '"'],
  [backslash, "\\"],
] as const) {
  escapes[byte] = character.charCodeAt(0);
}

const hexDigits = Buffer.from("0123456789abcdef");

/** The loop by itself, which the engine compiles best. Returns where the string ends. */
function writeString(bytes: Uint8Array, from: number, source: Uint8Array, start: number, end: number): number {
  let at = from;
  bytes[at++] = quote;
  for (let index = start; index < end; index++) {
    const byte = source[index] as number;
    const short = escapes[byte] as number;
    if (short === 0) bytes[at++] = byte;
    else {
      bytes[at++] = backslash;
      bytes[at++] = short;
      if (short === 0x75) {
        bytes[at++] = 0x30;
        bytes[at++] = 0x30;
        bytes[at++] = hexDigits[byte >>> 4] as number;
        bytes[at++] = hexDigits[byte & 15] as number;
      }
    }
  }
  bytes[at++] = quote;
  return at;
}

export class JsonBytes {
  /** Bytes written so far. */
  length = 0;
  private bytes: Buffer = Buffer.allocUnsafe(65_536);

  /** `,"name":` or other text that is JSON already, ASCII. */
  literal(text: Uint8Array): void {
    this.reserve(text.length);
    const bytes = this.bytes;
    let at = this.length;
    for (let index = 0; index < text.length; index++) bytes[at++] = text[index] as number;
    this.length = at;
  }

  /** ASCII that is JSON already. */
  ascii(text: string): void {
    this.reserve(text.length);
    const bytes = this.bytes;
    let at = this.length;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
    this.length = at;
  }

  comma(): void {
    this.reserve(1);
    this.bytes[this.length++] = comma;
  }

  /** A string of these UTF-8 bytes. */
  string(source: Uint8Array, start: number, end: number): void {
    // Each byte becomes at most \u00XX.
    this.reserve((end - start) * 6 + 2);
    this.length = writeString(this.bytes, this.length, source, start, end);
  }

  /** A string of the hex digits of these bytes. */
  hex(source: Uint8Array, start: number, end: number): void {
    this.reserve((end - start) * 2 + 2);
    const bytes = this.bytes;
    let at = this.length;
    bytes[at++] = quote;
    for (let index = start; index < end; index++) {
      const byte = source[index] as number;
      bytes[at++] = hexDigits[byte >>> 4] as number;
      bytes[at++] = hexDigits[byte & 15] as number;
    }
    bytes[at++] = quote;
    this.length = at;
  }

  /** Makes what was written since `start` one object. */
  closeObject(start: number): void {
    this.close(start, 0x7b, 0x7d);
  }

  /** Makes what was written since `start` one array. */
  closeArray(start: number): void {
    this.close(start, 0x5b, 0x5d);
  }

  /** The text, and an empty writer. */
  finish(): string {
    const text = this.bytes.toString("utf8", 0, this.length);
    this.length = 0;
    if (this.bytes.length > bytesKept) this.bytes = Buffer.allocUnsafe(65_536);
    return text;
  }

  private close(start: number, opening: number, closing: number): void {
    if (this.length === start) this.comma();
    this.reserve(1);
    this.bytes[start] = opening;
    this.bytes[this.length++] = closing;
  }

  private reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
