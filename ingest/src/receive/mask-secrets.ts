/** Which attribute keys name secrets (event-mapping.md 6.2), asked of bytes: nearly every key is told apart by its last letters, without making a string. */
import { isSecretAttribute } from "../map/sanitise.ts";

/** @param bytes UTF-8 of a key at `start` to `end`. */
export function isSecretKeyAt(bytes: Uint8Array, start: number, end: number): boolean {
  if (!mayBeSecret(bytes, start, end)) return false;
  return isSecretAttribute(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8"));
}

/** False only for keys that `isSecretAttribute` refuses. */
function mayBeSecret(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6) return false;
  switch ((bytes[end - 1] as number) | 0x20) {
    case 0x6e:
      if (endsWith(bytes, start, end, authorization) || endsWith(bytes, start, end, token)) return true;
      break;
    case 0x65:
      if (endsWith(bytes, start, end, cookie)) return true;
      break;
    case 0x64:
      if (endsWith(bytes, start, end, password) || endsWith(bytes, start, end, passwd)) return true;
      break;
    case 0x74:
      if (endsWith(bytes, start, end, secret)) return true;
      break;
    case 0x79:
      if (endsWith(bytes, start, end, key)) return true;
      break;
    case 0x73:
      // llm.headers, langsmith.request.headers, gen_ai.request.extra_headers
      if (endsWith(bytes, start, end, headers)) return true;
      break;
  }
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
