/**
 * Which encoding an answer gets by `Accept-Encoding` (RFC 9110 12.5.3), and how a whole body is encoded.
 *
 * Not a middleware that wraps the response: a body that is at hand keeps its exact length, so `HEAD` tells what `GET` would, and a stream
 * (stream-body.ts) knows when its encoder is full.
 */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

export type ContentEncoding = "br" | "gzip" | "identity";

/** Below it the packets are as many as before. */
export const encodeBytesMin = 1024;

/** Of a page of 1,000 events brotli at 4 makes a tenth in 2 ms a MB, gzip at 4 the same in twice the time; higher levels cost far more than they save. */
export const brotliParams: Readonly<Record<number, number>> = { [constants.BROTLI_PARAM_QUALITY]: 4 };
export const gzipLevel = 4;

/** @returns what the client likes best, of equals ours; `identity` also where it says that it takes nothing at all. */
export function contentEncodingOf(header: string | undefined): ContentEncoding {
  let best: ContentEncoding = "identity";
  // Uncompressed is as good as any other where nothing is said about it, but never better.
  let bestQuality = qualityOf(header, "identity") ?? 0;
  for (const encoding of ["gzip", "br"] as const) {
    const quality = qualityOf(header, encoding) ?? qualityOf(header, "*") ?? 0;
    if (quality === 0 || quality < bestQuality) continue;
    best = encoding;
    bestQuality = quality;
  }
  return best;
}

function qualityOf(header: string | undefined, name: string): number | undefined {
  for (const entry of header?.split(",") ?? []) {
    const [coding = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    if (coding !== name) continue;
    const text = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const quality = text === undefined ? 1 : Number(text);
    return Number.isNaN(quality) ? 1 : quality;
  }
  return undefined;
}

/** Off the event loop. */
export async function encodeBody(body: Buffer, encoding: ContentEncoding): Promise<Buffer> {
  switch (encoding) {
    case "br":
      return brotli(body, { params: { ...brotliParams, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } });
    case "gzip":
      return gzipAsync(body, { level: gzipLevel });
    case "identity":
      return body;
    default:
      return encoding satisfies never;
  }
}

const brotli = promisify(brotliCompress);
const gzipAsync = promisify(gzip);
