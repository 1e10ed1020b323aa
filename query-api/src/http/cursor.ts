/**
 * Opaque cursors: base64url of `mac | JSON [digest, key]`.
 *
 * The key is that of the last item; the digest covers everything else in the request but `limit`, so that a cursor of another endpoint,
 * project, session, filter or order is refused; the mac covers both, so that nobody can make one. Source: session-traces.md 2.6.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";

const macBytes = 16;
/** What we make stays below 1,024 characters unless an id in the key is far from ASCII; a longer text than this is no cursor of ours. */
const cursorCharactersMax = 2048;

const payloadSchema = z.tuple([z.string(), z.array(z.string()).max(8)]);

export interface CursorCodec {
  /** @param request  the request without `limit` and `cursor`. */
  encode(request: string, key: readonly string[]): string;
  /** @returns undefined when the text was not made by `encode` for this very request. */
  decode(request: string, text: string): readonly string[] | undefined;
}

export function createCursorCodec(secret: Buffer): CursorCodec {
  const sign = (payload: string): Buffer => createHmac("sha256", secret).update(payload).digest().subarray(0, macBytes);
  return {
    encode(request, key) {
      const payload = JSON.stringify([digestOf(request), key]);
      return Buffer.concat([sign(payload), Buffer.from(payload)]).toString("base64url");
    },
    decode(request, text) {
      if (text.length > cursorCharactersMax || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
      const bytes = Buffer.from(text, "base64url");
      // Base64 has spare bits at its end: only the one spelling that we write is a cursor.
      if (bytes.length <= macBytes || bytes.toString("base64url") !== text) return undefined;
      const payload = bytes.subarray(macBytes).toString();
      if (!timingSafeEqual(bytes.subarray(0, macBytes), sign(payload))) return undefined;
      const [digest, key] = payloadSchema.parse(JSON.parse(payload));
      return digest === digestOf(request) ? key : undefined;
    },
  };
}

function digestOf(request: string): string {
  return createHash("sha256").update(request).digest("base64url").slice(0, 22);
}
