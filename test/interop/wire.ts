/**
 * Reads bytes of a connection as they went over the wire: HTTP/1.1 messages, and HTTP/2 frames as far as gRPC needs them. For captures of clients
 * that keep to the protocols; anything else throws.
 *
 * HTTP/2 header blocks stay packed: what a request asks is in its data frames (a gRPC message), and a gRPC answer is a success when it carries a
 * message, since an error comes as trailers only.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";

export interface Http1Message {
  readonly startLine: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Without transfer coding; content coding stays. */
  readonly body: Buffer;
}

/** @param bytes whole messages one after another; what is cut off at the end is left out. */
export function readHttp1(bytes: Buffer): Http1Message[] {
  const messages: Http1Message[] = [];
  let at = 0;
  for (;;) {
    const headEnd = bytes.indexOf("\r\n\r\n", at);
    if (headEnd < 0) return messages;
    const [startLine = "", ...lines] = bytes.toString("latin1", at, headEnd).split("\r\n");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const body =
      headers.get("transfer-encoding") === "chunked"
        ? readChunks(bytes, headEnd + 4)
        : readLength(bytes, headEnd + 4, Number(headers.get("content-length") ?? 0));
    if (body === undefined) return messages;
    messages.push({ startLine, headers, body: body.content });
    at = body.end;
  }
}

interface Body {
  readonly content: Buffer;
  readonly end: number;
}

function readLength(bytes: Buffer, start: number, length: number): Body | undefined {
  const end = start + length;
  return end > bytes.length ? undefined : { content: bytes.subarray(start, end), end };
}

function readChunks(bytes: Buffer, start: number): Body | undefined {
  const chunks: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const length = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + length + 2;
    if (end > bytes.length) return undefined;
    if (length === 0) return { content: Buffer.concat(chunks), end };
    chunks.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}

/** The content of a message, decompressed. */
export function contentOf(message: Http1Message): Buffer {
  return decompress(message.body, message.headers.get("content-encoding") ?? "identity");
}

function decompress(bytes: Buffer, coding: string): Buffer {
  if (coding === "gzip") return gunzipSync(bytes);
  if (coding === "zstd") return zstdDecompressSync(bytes);
  if (coding === "identity" || coding === "none") return bytes;
  throw new Error(`content coding ${coding}`);
}

export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** Of the frame's first byte, among the bytes read. */
  readonly offset: number;
}

export const frameTypes = { data: 0, headers: 1, resetStream: 3, goAway: 7 } as const;
const endStreamFlag = 1;
const paddedFlag = 8;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** @param bytes of a client, which begin with the preface, or of a server, which do not. */
export function readHttp2(bytes: Buffer): Http2Frame[] {
  const frames: Http2Frame[] = [];
  let at = bytes.subarray(0, preface.length).equals(preface) ? preface.length : 0;
  while (at + 9 <= bytes.length) {
    const length = bytes.readUIntBE(at, 3);
    if (at + 9 + length > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      streamId: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: bytes.subarray(at + 9, at + 9 + length),
      offset: at,
    });
    at += 9 + length;
  }
  return frames;
}

export interface GrpcStream {
  readonly streamId: number;
  /** All data frames together: framed messages. */
  readonly data: Buffer;
  readonly ended: boolean;
  readonly reset: boolean;
}

export function readGrpcStreams(bytes: Buffer): GrpcStream[] {
  const streams = new Map<number, { chunks: Buffer[]; ended: boolean; reset: boolean }>();
  for (const frame of readHttp2(bytes)) {
    if (frame.streamId === 0) continue;
    const stream = streams.get(frame.streamId) ?? { chunks: [], ended: false, reset: false };
    streams.set(frame.streamId, stream);
    if (frame.type === frameTypes.data) stream.chunks.push(dataOf(frame));
    if (frame.type === frameTypes.resetStream) stream.reset = true;
    const canEnd = frame.type === frameTypes.data || frame.type === frameTypes.headers;
    if (canEnd && (frame.flags & endStreamFlag) !== 0) stream.ended = true;
  }
  return [...streams].map(([streamId, { chunks, ended, reset }]) => ({
    streamId,
    data: Buffer.concat(chunks),
    ended,
    reset,
  }));
}

function dataOf({ flags, payload }: Http2Frame): Buffer {
  if ((flags & paddedFlag) === 0) return payload;
  return payload.subarray(1, payload.length - payload.readUInt8(0));
}

/** The one message of a unary call, decompressed; undefined when the stream was cut short. A compressed message is told apart by its magic. */
export function grpcMessageOf(stream: GrpcStream): Buffer | undefined {
  if (stream.data.length < 5 || stream.data.length < 5 + stream.data.readUInt32BE(1)) return undefined;
  const message = stream.data.subarray(5, 5 + stream.data.readUInt32BE(1));
  if (stream.data.readUInt8(0) === 0) return message;
  return message.readUInt16BE(0) === 0x1f8b ? gunzipSync(message) : zstdDecompressSync(message);
}
