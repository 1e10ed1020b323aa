/** JSON without the bytes that senders put into it. The mapping takes out large ones (event mapping 6.2); this API shows none. */
import type { Json } from "@nonet/proto/json.ts";

const dataUri = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,/i;

/** A copy in which bytes and base64 data URIs are told by size and type only. Values are nested as deep as the mapping lets them be. */
export function withoutInlineBytes(value: Json): Json {
  if (typeof value === "string") {
    const match = dataUri.exec(value);
    if (match === null) return value;
    return { $bytes: null, size: value.length, ...(match[1] === undefined ? {} : { mimeType: match[1] }) };
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: Json) => withoutInlineBytes(item));
  const copy: { [key: string]: Json } = Object.create(null);
  for (const [key, member] of Object.entries(value)) {
    copy[key] = key === "$bytes" && typeof member === "string" ? null : withoutInlineBytes(member);
  }
  return copy;
}
