/**
 * Text that repeats: attribute keys, and short values such as model names. Making a string from bytes costs 150 to 200 ns and a Map must hash each new
 * one; from here the same string object comes back in about 30 ns, already hashed.
 *
 * Direct mapped and bounded: `slots` texts of at most `bytesMax` bytes, a new text takes the place of another. Only ASCII is kept. A pure
 * cache: what it returns depends on the bytes alone.
 */
export class ShortTextCache {
  readonly bytesMax: number;
  private readonly mask: number;
  private readonly texts: string[];
  /** The bytes of each slot's text, `bytesMax` apart, for comparing. */
  private readonly textBytes: Uint8Array;

  /** @param slots a power of two. */
  constructor(slots: number, bytesMax: number) {
    this.bytesMax = bytesMax;
    this.mask = slots - 1;
    this.textBytes = new Uint8Array(slots * bytesMax);
    this.texts = new Array<string>(slots).fill("");
  }

  /** The UTF-8 text of `bytes[start, end)`, U+FFFD for what is not valid. */
  text(bytes: Buffer, start: number, end: number): string {
    const slot = this.slotOf(bytes, start, end);
    return slot < 0 ? bytes.toString("utf8", start, end) : (this.texts[slot] as string);
  }

  /** Where the text is, or -1 when it is not one to keep. */
  private slotOf(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    if (length > this.bytesMax || length === 0) return -1;
    const last = end - 1;
    let hash = length;
    hash = Math.imul(hash ^ (bytes[start] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[start + (length >>> 2)] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[start + (length >>> 1)] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[last - (length >>> 2)] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[last - (length >>> 3)] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[last] as number), 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & this.mask;
    const textBytes = this.textBytes;
    const offset = slot * this.bytesMax;
    if ((this.texts[slot] as string).length === length) {
      let at = 0;
      while (at < length && textBytes[offset + at] === bytes[start + at]) at++;
      if (at === length) return slot;
    }
    for (let at = start; at < end; at++) if ((bytes[at] as number) >= 0x80) return -1;
    for (let at = 0; at < length; at++) textBytes[offset + at] = bytes[start + at] as number;
    this.texts[slot] = bytes.toString("latin1", start, end);
    return slot;
  }
}
