/**
 * What of a request must not be published (event-mapping.md 6.2, contracts ruling 1): values of attributes named like secrets, and values under such keys in
 * the arguments of tools, which stand in attributes as JSON text. Asked of bytes: nearly every key is told apart by its last letters, without
 * making a string.
 */
import type { Masking } from "@nonet/proto/otlp-rewrite.ts";
import { isSecretAttribute } from "../map/sanitise.ts";
import { maskArgumentText } from "./mask-argument-text.ts";

export const secretMasking: Masking = {
  isSecretKey: isSecretKeyAt,
  mayHoldSecrets,
  maskText: maskArgumentText,
};

/** @param bytes UTF-8 of a key at `start` to `end`. */
function isSecretKeyAt(bytes: Uint8Array, start: number, end: number): boolean {
  if (!endsLikeSecret(bytes, start, end) && !startsLikeHeaders(bytes, start, end)) return false;
  return isSecretAttribute(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8"));
}

const quote = 0x22;
const apostrophe = 0x27;
const colon = 0x3a;
const space = 0x20;

/** Is it JSON (or what Python prints) with a key that ends like a secret's? */
function mayHoldSecrets(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] as number) <= space) at++;
  const first = bytes[at];
  if (first !== 0x7b && first !== 0x5b && first !== quote) return false;
  for (; at < end; at++) {
    if (bytes[at] !== colon) continue;
    let before = at - 1;
    while (before > start && (bytes[before] as number) <= space) before--;
    if (bytes[before] !== quote && bytes[before] !== apostrophe) continue;
    before--;
    while (before > start && bytes[before] === 0x5c) before--;
    if (endsLikeSecret(bytes, start, before + 1)) return true;
  }
  return false;
}

/** False only for keys that end like no secret. */
function endsLikeSecret(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6) return false;
  switch ((bytes[end - 1] as number) | 0x20) {
    case 0x6e:
      return endsWith(bytes, start, end, authorization) || endsWith(bytes, start, end, token);
    case 0x65:
      return endsWith(bytes, start, end, cookie);
    case 0x64:
      return endsWith(bytes, start, end, password) || endsWith(bytes, start, end, passwd);
    case 0x74:
      return endsWith(bytes, start, end, secret);
    case 0x79:
      return endsWith(bytes, start, end, key);
    case 0x73:
      // llm.headers, langsmith.request.headers, gen_ai.request.extra_headers
      return endsWith(bytes, start, end, headers);
    default:
      return false;
  }
}

/** False only for keys that begin with none of the names of request headers. */
function startsLikeHeaders(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 12) return false;
  switch (bytes[start]) {
    case 0x68:
      // http.request.header.*, http.response.header.*
      return bytes[start + 5] === 0x72 && (bytes[start + 13] === 0x68 || bytes[start + 14] === 0x68);
    case 0x61:
      // ai.request.headers.*
      return bytes[start + 2] === 0x2e && bytes[start + 11] === 0x68;
    case 0x6c:
      // llm.headers.*, langsmith.request.headers.*
      return bytes[start + 4] === 0x68 || bytes[start + 18] === 0x68;
    case 0x67:
      // gen_ai.request.extra_headers.*
      return bytes[start + 21] === 0x68;
    default:
      return false;
  }
}

const authorization = Buffer.from("authorization");
const token = Buffer.from("token");
const cookie = Buffer.from("cookie");
const password = Buffer.from("password");
const passwd = Buffer.from("passwd");
const secret = Buffer.from("secret");
const key = Buffer.from("key");
const headers = Buffer.from("headers");

/** @param word lower case; compared without case. */
function endsWith(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  const offset = end - word.length;
  if (offset < start) return false;
  for (let at = word.length - 1; at >= 0; at--) if (((bytes[offset + at] as number) | 0x20) !== word[at]) return false;
  return true;
}
