/** Ids of requests: the caller's own when it is well formed, else `req_` and 26 characters, the first 10 of which are the time. */
import { randomBytes } from "node:crypto";

const wellFormed = /^[A-Za-z0-9_-]{8,64}$/;
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function requestIdOf(header: string | undefined, nowMs: number): string {
  if (header !== undefined && wellFormed.test(header)) return header;
  let time = "";
  for (let rest = nowMs, digit = 0; digit < 10; digit += 1) {
    time = alphabet.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  const random = Array.from(randomBytes(16), (byte) => alphabet.charAt(byte % 32)).join("");
  return `req_${time}${random}`;
}
