/** What an API key looks like. Source: session-traces.md 2.2, tenant-traces.md 2.2. */
import { createHash, randomInt } from "node:crypto";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const randomCharacters = 40; // 238 bits

/** A new key, `sk_live_` and 40 random characters of `[A-Za-z0-9]`. */
export function createApiKey(): string {
  return `sk_live_${Array.from({ length: randomCharacters }, () => alphabet[randomInt(alphabet.length)]).join("")}`;
}

/** Any string of 16 to 4,096 visible ASCII characters may be a key. */
export function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]{16,4096}$/.test(text);
}

/** What is stored and looked up instead of the key: SHA-256 as lower-case hex. Looking up by hash leaks no time about the key. */
export function hashApiKey(apiKey: string): string {
  return createHash("sha256").update(apiKey, "utf8").digest("hex");
}

/** The part of a key that lists may show: at most 12 characters and never more than a quarter of it. */
export function displayPrefix(apiKey: string): string {
  return apiKey.slice(0, Math.min(12, Math.floor(apiKey.length / 4)));
}
