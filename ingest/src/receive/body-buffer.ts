/**
 * Collects a body that arrives in pieces of any size. Pieces are copied into one growing buffer, so a body sent byte by byte costs no more memory
 * than one sent whole, and a length that was only promised costs nothing.
 */
export class BodyBuffer {
  length = 0;
  private buffer: Buffer = Buffer.alloc(0);
  private readonly sizeHint: number;

  /** @param sizeHint bytes that are expected in all; no more than this is allocated while it holds. */
  constructor(sizeHint: number) {
    this.sizeHint = sizeHint;
  }

  append(piece: Uint8Array): void {
    const needed = this.length + piece.length;
    if (needed > this.buffer.length) this.grow(needed);
    this.buffer.set(piece, this.length);
    this.length = needed;
  }

  /** What was collected, as a view. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  private grow(needed: number): void {
    let size = Math.max(needed, this.buffer.length * 2, Math.min(this.sizeHint, 65_536));
    if (size > this.sizeHint && needed <= this.sizeHint) size = this.sizeHint;
    const larger = Buffer.allocUnsafeSlow(size);
    larger.set(this.bytes());
    this.buffer = larger;
  }
}
