/** Equality of plain data, quick where parts are shared. */

/** @returns whether both have the same members in depth; a member that is `undefined` is as good as absent. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b);
  if (a instanceof Map) return b instanceof Map && isSameList([...a], [...b]);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && isSameList(a, b);
  if (Array.isArray(b) || b instanceof Map || b instanceof Uint8Array) return false;
  return hasMembersOf(a, b) && hasMembersOf(b, a);
}

function isSameList(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!isSameValue(a[index], b[index])) return false;
  return true;
}

function hasMembersOf(a: object, b: object): boolean {
  for (const key of Object.keys(b)) {
    if (!isSameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** JSON with sorted keys, the same for equal values; bigints as decimal text, maps as lists of entries, bytes as base64. */
export function toCanonicalText(value: unknown): string {
  if (typeof value === "bigint") return `"${value}"`;
  if (value === undefined) return "null";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  if (value instanceof Map) return toCanonicalText([...value]);
  if (Array.isArray(value)) return `[${value.map(toCanonicalText).join(",")}]`;
  const members = Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${toCanonicalText((value as Record<string, unknown>)[key])}`);
  return `{${members.join(",")}}`;
}
