/**
 * The attributes a field is read from, first usable one first, with what spares looking most of them up: a span has attributes of a few families,
 * and the lists name those of all dialects.
 */
import { familyOf } from "./span-facts.ts";

/** Attribute names in the order they are tried. */
export type KeyList = readonly string[] & {
  /** Of each key, its bits as in `SpanFacts.families`: a span without them cannot have the key. */
  readonly bits: readonly number[];
};

export function keyList(keys: readonly string[]): KeyList {
  return Object.assign([...keys], { bits: keys.map(familyOf) });
}

/** One list for each field. */
export function keyLists<Field extends string>(
  fields: Readonly<Record<Field, readonly string[]>>,
): {
  readonly [Name in Field]: KeyList;
} {
  const lists = Object.entries<readonly string[]>(fields).map(([field, keys]) => [field, keyList(keys)] as const);
  // `as`: the names are those of `fields`.
  return Object.fromEntries(lists) as { readonly [Name in Field]: KeyList };
}
