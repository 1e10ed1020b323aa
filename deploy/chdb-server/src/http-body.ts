/** Bodies of requests: decompressed, bounded one by one and all together. */
import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { exception } from "./exception.ts";

export interface BodyBudget {
  readonly bytesMax: number;
  readonly inFlightMax: number;
  /** Bytes of all bodies held now. */
  inFlight: number;
}

const decompressors: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/**
 * Reads the whole body and takes its size from the budget; the caller gives it back with `release` when the request is answered.
 *
 * @throws TOO_MANY_BYTES for one body above its limit, TOO_MANY_SIMULTANEOUS_QUERIES (retryable) when all together are above theirs.
 */
export async function readBody(
  request: IncomingMessage,
  budget: BodyBudget,
): Promise<{ body: Buffer; release(): void }> {
  let held = 0;
  const release = () => {
    budget.inFlight -= held;
    held = 0;
  };
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of decompressed(request)) {
      chunks.push(chunk);
      held += chunk.length;
      budget.inFlight += chunk.length;
      if (held > budget.bytesMax) {
        throw exception("TOO_MANY_BYTES", `Request body exceeds ${budget.bytesMax} bytes; send smaller blocks`);
      }
      if (budget.inFlight > budget.inFlightMax) {
        throw exception(
          "TOO_MANY_SIMULTANEOUS_QUERIES",
          `Request bodies together exceed ${budget.inFlightMax} bytes; try again later`,
        );
      }
    }
    return { body: Buffer.concat(chunks), release };
  } catch (caught) {
    release();
    throw caught;
  }
}

/** Ends early without destroying the request: the answer that says why still has to go out on its connection. */
async function* decompressed(request: IncomingMessage): AsyncIterable<Buffer> {
  const coding = request.headers["content-encoding"] ?? "identity";
  if (coding === "identity") {
    yield* request.iterator({ destroyOnReturn: false });
    return;
  }
  const create = decompressors[coding];
  if (create === undefined) throw exception("CANNOT_DECOMPRESS", `Content-Encoding ${coding} is not known`);
  const decompressor = create();
  request.on("error", (error) => decompressor.destroy(error)).pipe(decompressor);
  try {
    yield* decompressor;
  } catch (caught) {
    throw exception("CANNOT_DECOMPRESS", `Request body cannot be decompressed: ${(caught as Error).message}`);
  } finally {
    request.unpipe(decompressor);
  }
}

/**
 * The parts of a `multipart/form-data` body by name, as `@clickhouse/client` sends long query parameters.
 *
 * @throws BAD_ARGUMENTS when it is not one.
 */
export function parseMultipart(body: Buffer, contentType: string): Map<string, string> {
  const match = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw exception("BAD_ARGUMENTS", "multipart/form-data without a boundary");
  const parts = new Map<string, string>();
  const delimiter = Buffer.from(`--${boundary}`);
  let position = body.indexOf(delimiter);
  while (position !== -1) {
    const start = position + delimiter.length;
    if (body.subarray(start, start + 2).toString("latin1") === "--") return parts;
    const headerEnd = body.indexOf("\r\n\r\n", start);
    const end = body.indexOf(Buffer.concat([Buffer.from("\r\n"), delimiter]), start);
    if (headerEnd === -1 || end === -1 || headerEnd + 4 > end) break;
    const name = /;\s*name="([^"]*)"/i.exec(body.subarray(start, headerEnd).toString("utf8"))?.[1];
    if (name === undefined) break;
    parts.set(name, body.subarray(headerEnd + 4, end).toString("utf8"));
    position = end + 2;
  }
  throw exception("BAD_ARGUMENTS", "multipart/form-data body is not complete");
}
