import type { Json } from "@nonet/proto/json.ts";
import type { AttributeValue } from "@nonet/proto/otlp-span.ts";
import { newRecord } from "./json-shape.ts";

/** Decoders allow fewer levels; this only bounds the recursion below. What lies deeper is left out. */
const depthMax = 128;

/**
 * An attribute value as JSON (event mapping 2.1, 6.2): bytes become `{"$bytes": base64}`, above `inlineBytesMax` only their size; integers beyond
 * 2^53-1 decimal text; NaN and infinities null.
 */
export function toJson(value: AttributeValue, inlineBytesMax: number, depth = 0): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "bigint":
      return value.toString();
    default:
      break;
  }
  if (value === null || depth > depthMax) return null;
  if (value instanceof Uint8Array) {
    if (value.length > inlineBytesMax) return { $bytes: null, size: value.length };
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (value instanceof Map) {
    const object = newRecord();
    for (const [key, member] of value as ReadonlyMap<string, AttributeValue>)
      object[key] = toJson(member, inlineBytesMax, depth + 1);
    return object;
  }
  return (value as readonly AttributeValue[]).map((item) => toJson(item, inlineBytesMax, depth + 1));
}
