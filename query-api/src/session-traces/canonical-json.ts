/** Canonical JSON (RFC 8785) and the short hashes made of it. ECMAScript writes numbers and strings as the RFC asks; only the order of keys is ours. */
import { createHash } from "node:crypto";
import type { Json } from "@nonet/proto/json.ts";

/** Members that are undefined are left out, as JSON.stringify does. */
export function canonicalJson(value: Json | undefined): string {
  if (value === null || value === undefined) return "null";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(",")}]`;
  const object = value as { readonly [key: string]: Json | undefined };
  const members: string[] = [];
  // Array.prototype.sort compares by UTF-16 code units, the order of the RFC.
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** The first 16 hex digits of SHA-256. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
