/** Decompression with a bound on what comes out (otlp-receiver.md section 2). */
import {
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";

export type Coding = "identity" | "gzip" | "deflate" | "zstd";

export const codings: readonly Coding[] = ["identity", "gzip", "deflate", "zstd"];

/** Reads a Content-Encoding or grpc-encoding value: case-insensitive, empty is identity, a list of several is none we know (rule 24). */
export function parseCoding(value: string | undefined): Coding | undefined {
  const name = (value ?? "").trim().toLowerCase();
  if (name === "") return "identity";
  return codings.find((coding) => coding === name);
}

export type Decompressed =
  | { readonly outcome: "bytes"; readonly bytes: Buffer }
  | { readonly outcome: "damaged" | "too_large" | "no_room" };

export interface DecompressLimits {
  /** Of the result. */
  readonly bytesMax: number;
  /** Asked before more of the result is kept; false ends it with `no_room`. */
  take(bytes: number): boolean;
}

/** Bodies below this are decompressed at once on this thread, which is cheaper; they cannot grow beyond about 16 MiB. */
const synchronousBytesMax = 16_384;

/** Never rejects. Stops as soon as a limit is passed. */
export async function decompress(
  body: Buffer,
  coding: Exclude<Coding, "identity">,
  limits: DecompressLimits,
): Promise<Decompressed> {
  if (body.length === 0) return { outcome: "damaged" };
  if (body.length > synchronousBytesMax) return decompressAsStream(body, coding, limits);
  try {
    const bytes = synchronous[coding](body, { maxOutputLength: limits.bytesMax });
    return limits.take(bytes.length) ? { outcome: "bytes", bytes } : { outcome: "no_room" };
  } catch (error) {
    return { outcome: isTooLarge(error) ? "too_large" : "damaged" };
  }
}

const synchronous = { gzip: gunzipSync, deflate: inflateSync, zstd: zstdDecompressSync };
const streaming = { gzip: createGunzip, deflate: createInflate, zstd: createZstdDecompress };

function decompressAsStream(
  body: Buffer,
  coding: Exclude<Coding, "identity">,
  limits: DecompressLimits,
): Promise<Decompressed> {
  return new Promise((resolve) => {
    const stream = streaming[coding]({ chunkSize: 65_536 });
    const pieces: Buffer[] = [];
    let length = 0;
    const stop = (outcome: "damaged" | "too_large" | "no_room"): void => {
      stream.destroy();
      resolve({ outcome });
    };
    stream.on("data", (piece: Buffer) => {
      length += piece.length;
      if (length > limits.bytesMax) stop("too_large");
      else if (!limits.take(piece.length)) stop("no_room");
      else pieces.push(piece);
    });
    stream.on("end", () => resolve({ outcome: "bytes", bytes: Buffer.concat(pieces, length) }));
    stream.on("error", () => stop("damaged"));
    stream.end(body);
  });
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
