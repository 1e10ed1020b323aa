/**
 * The length-prefixed message of a unary gRPC call, read from pieces cut at any byte:
 *
 *     flag (0 plain, 1 compressed)  length (4 bytes, big endian)  message
 *
 * Anything but exactly one whole message by the end of the stream is an error (otlp-receiver.md rules 12, 16).
 */
import { BodyBuffer } from "./body-buffer.ts";

export type FrameFault = "flag" | "second";

export class GrpcMessageReader {
  compressed = false;
  private readonly header = Buffer.alloc(5);
  private headerLength = 0;
  private length = 0;
  private body: BodyBuffer | undefined;

  /** Length of the message as its header gives it; undefined until that has come. */
  get announced(): number | undefined {
    return this.body === undefined ? undefined : this.length;
  }

  /** Bytes of the message so far, without its header. */
  get bytes(): number {
    return this.body?.length ?? 0;
  }

  /** Takes the next piece. After a fault the reader must not be used again. */
  append(piece: Uint8Array): FrameFault | undefined {
    let at = 0;
    while (this.headerLength < 5) {
      if (at === piece.length) return undefined;
      this.header[this.headerLength++] = piece[at++] as number;
      if (this.headerLength === 5) {
        const flag = this.header[0] as number;
        if (flag > 1) return "flag";
        this.compressed = flag === 1;
        this.length = this.header.readUInt32BE(1);
        this.body = new BodyBuffer(this.length);
      }
    }
    const body = this.body as BodyBuffer;
    const missing = this.length - body.length;
    if (piece.length - at > missing) return "second";
    if (at < piece.length) body.append(piece.subarray(at));
    return undefined;
  }

  /** The message, once the stream has ended; undefined when it is not whole. */
  message(): Buffer | undefined {
    if (this.body === undefined || this.body.length < this.length) return undefined;
    return this.body.bytes();
  }
}

/** A message as one plain frame. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}
