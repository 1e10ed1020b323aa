/** How the readers look into JSON of unknown shape: every access answers `undefined` where the shape is another. */
import type { Json } from "@nonet/proto/json.ts";
import { isPresent } from "./present-value.ts";

export type JsonRecord = { readonly [key: string]: Json };

export function isRecord(value: Json | undefined): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** An own member: names like `constructor` are ordinary data (6.2). */
export function member(value: Json | undefined, key: string): Json | undefined {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function firstMember(value: Json | undefined, keys: readonly string[]): Json | undefined {
  if (!isRecord(value)) return undefined;
  for (const key of keys) {
    const found = Object.hasOwn(value, key) ? value[key] : undefined;
    if (isPresent(found)) return found;
  }
  return undefined;
}

export function hasOnlyKeys(value: JsonRecord, allowed: ReadonlySet<string>): boolean {
  for (const key in value) if (!allowed.has(key)) return false;
  return true;
}

/** An object of a known small size, safe for keys of strangers. */
export function newRecord(): { [key: string]: Json } {
  return Object.create(null) as { [key: string]: Json };
}
