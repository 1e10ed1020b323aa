import { createHash } from "node:crypto";
import type { Json } from "@nonet/proto/json.ts";
import type { AttributeMap, AttributeValue, DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { toJson } from "./attribute-json.ts";
import { foldIndexed } from "./indexed-attributes.ts";
import { parseJsonText, toCompactJson } from "./json-text.ts";
import type { KeyList } from "./key-list.ts";
import type { LimitName, MappingLimits } from "./limits.ts";
import { isPresent, toAmount, toBoolean, toNumber, unquote } from "./present-value.ts";
import { cleanName, isUncleanJsonText, isUncleanText } from "./sanitise.ts";

/** Attributes that one field was read from; kept only for `explainSpan`. */
export type FieldReads = Map<string, Set<string>>;

/** A word that needs no cleaning: printable ASCII, not quoted, no blanks around it, and not `unknown`. */
function isPlainName(text: string, charsMax: number): boolean {
  const { length } = text;
  if (length > charsMax || length === 0 || text.charCodeAt(0) === 32 || text.charCodeAt(length - 1) === 32)
    return false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code < 32 || code > 126 || code === 34) return false;
  }
  return length !== 7 || text.toLowerCase() !== "unknown";
}

/**
 * One span while it is read: attribute values by the rules of event mapping 2.1, each JSON text parsed once, and what was noticed on the way
 * (malformed text, exceeded limits). Lives as long as the mapping of its span.
 *
 * `field` names the event field that is being read, so that `reads` can tell where it came from.
 */
export class SpanReader {
  readonly span: DecodedSpan;
  readonly attributes: AttributeMap;
  readonly limits: MappingLimits;
  readonly reads: FieldReads | undefined;
  /** Families of attributes the span can have (`span-facts.ts`); all until they are known. */
  families = -1;
  field = "";
  malformed = false;
  truncated = false;
  usageAdjusted = false;
  usagePartial = false;
  /** Some text read so far holds characters that 6.2 removes. */
  unclean = false;
  readonly #onLimit: ((limit: LimitName) => void) | undefined;
  #parsed: Map<string, Json> | undefined;
  #folded: Map<string, readonly Json[]> | undefined;

  constructor(
    span: DecodedSpan,
    limits: MappingLimits,
    options: { reads?: FieldReads | undefined; onLimit?: ((limit: LimitName) => void) | undefined } = {},
  ) {
    this.span = span;
    this.attributes = span.attributes;
    this.limits = limits;
    this.reads = options.reads;
    this.#onLimit = options.onLimit;
  }

  exceeded(limit: LimitName): void {
    this.truncated = true;
    this.#onLimit?.(limit);
  }

  /** The attribute as decoded; undefined when absent by 2.1. */
  value(key: string): AttributeValue | undefined {
    const value = this.attributes.get(key);
    if (value === undefined || !isPresent(value)) return undefined;
    if (this.reads !== undefined) this.#note(key);
    return value;
  }

  has(key: string): boolean {
    return this.value(key) !== undefined;
  }

  /** @param key an attribute, or a place in a span event. */
  noteRead(key: string): void {
    if (this.reads !== undefined) this.#note(key);
  }

  #note(key: string): void {
    const keys = this.reads?.get(this.field);
    if (keys === undefined) this.reads?.set(this.field, new Set([key]));
    else keys.add(key);
  }

  /** Text as sent; lists and objects as their compact JSON. */
  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const text = typeof value === "string" ? value : this.#textOf(value);
    this.noteText(text);
    return text;
  }

  #textOf(value: AttributeValue): string {
    const json = toJson(value, this.limits.inlineBytesMax);
    return typeof json === "string" ? json : toCompactJson(json);
  }

  noteText(text: string): void {
    if (!this.unclean && isUncleanText(text)) this.unclean = true;
  }

  /** Names, ids and models: trimmed, unquoted, cut; also absent when `unknown`, or when no word but a list or object. */
  name(key: string): string | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : this.toName(value);
  }

  toName(value: AttributeValue | Json | undefined): string | undefined {
    if (!isPresent(value) || typeof value === "object") return undefined;
    if (typeof value === "string" && isPlainName(value, this.limits.nameCharsMax)) return value;
    const word = unquote(String(value).trim());
    const name = cleanName(word, this.limits.nameCharsMax);
    if (name.length < word.trim().length && word.length > this.limits.nameCharsMax) this.exceeded("nameCharsMax");
    return name.toLowerCase() === "unknown" || !isPresent(name) ? undefined : name;
  }

  /** Session and user ids: two long ones never merge (contracts ruling 3). */
  toLongId(value: AttributeValue | Json | undefined): string | undefined {
    if (!isPresent(value) || typeof value === "object") return undefined;
    if (typeof value === "string" && isPlainName(value, this.limits.nameCharsMax)) return value;
    const word = unquote(String(value).trim());
    if (word.length <= this.limits.nameCharsMax) return this.toName(word);
    const id = cleanName(word, word.length);
    if (id.length <= this.limits.nameCharsMax) return this.toName(id);
    return `${cleanName(id, 190)}~${createHash("sha256").update(id).digest("hex")}`;
  }

  /** A lower-cased word for comparison with the sets of section 3.1. */
  word(key: string): string | undefined {
    const value = this.value(key);
    return typeof value === "string" ? unquote(value.trim()).toLowerCase() : undefined;
  }

  number(key: string): number | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : toNumber(value);
  }

  /** Token counts, costs, durations: never negative. */
  amount(key: string): number | undefined {
    const value = this.attributes.get(key);
    const amount = value === undefined ? undefined : toAmount(value);
    if (amount !== undefined && this.reads !== undefined) this.#note(key);
    return amount;
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : toBoolean(value);
  }

  /** A structured value, or the JSON that a text spells (2.1). */
  json(key: string): Json | undefined {
    const known = this.#parsed?.get(key);
    if (known !== undefined) {
      if (this.reads !== undefined) this.#note(key);
      return known;
    }
    const value = this.value(key);
    if (value === undefined) return undefined;
    const json = typeof value === "string" ? this.parse(value) : toJson(value, this.limits.inlineBytesMax);
    if (typeof value === "object") this.unclean = true; // Not scanned: the texts inside are cleaned one by one.
    this.#parsed ??= new Map();
    this.#parsed.set(key, json);
    return json;
  }

  /** Parses JSON text, noting what 2.1 and 6.2 want to know. */
  parse(text: string): Json {
    const parsed = parseJsonText(text, this.limits);
    if (parsed.malformed) {
      this.malformed = true;
      if (text.length > this.limits.jsonTextCharsMax) this.exceeded("jsonTextCharsMax");
    }
    if (parsed.value === text) this.noteText(text);
    else if (!this.unclean && (parsed.python || isUncleanJsonText(text))) this.unclean = true;
    return parsed.value;
  }

  /** 2.2: the folded list of `prefix.N...` attributes; empty when there are none. */
  indexed(prefix: string): readonly Json[] {
    let list = this.#folded?.get(prefix);
    if (list === undefined) {
      const folded = foldIndexed(this.attributes, prefix, this.limits);
      if (folded.dropped) this.exceeded("foldedIndexesMax");
      if (folded.items.length > 0) this.unclean = true;
      list = folded.items;
      this.#folded ??= new Map();
      this.#folded.set(prefix, list);
    }
    if (list.length > 0 && this.reads !== undefined)
      for (const key of this.attributes.keys()) if (key.startsWith(prefix)) this.#note(key);
    return list;
  }

  /** Whether the span can have a key of a list; where not, looking it up is spared. */
  mayHave(keys: KeyList, index: number): boolean {
    const bits = keys.bits[index] as number;
    return (this.families & bits) === bits;
  }

  /** First present of the keys, as decoded. */
  first(keys: KeyList): AttributeValue | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const value = this.value(keys[index] as string);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  firstKey(keys: KeyList): string | undefined {
    return keys.find((key, index) => this.mayHave(keys, index) && this.value(key) !== undefined);
  }

  firstName(keys: KeyList): string | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const key = keys[index] as string;
      const value = this.attributes.get(key);
      if (value === undefined) continue;
      const usable = this.toName(value);
      if (usable === undefined) continue;
      if (this.reads !== undefined) this.#note(key);
      return usable;
    }
    return undefined;
  }

  firstText(keys: KeyList): string | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const value = this.text(keys[index] as string);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  firstJson(keys: KeyList): Json | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const value = this.json(keys[index] as string);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  firstNumber(keys: KeyList): number | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const key = keys[index] as string;
      const value = this.attributes.get(key);
      if (value === undefined) continue;
      const usable = toNumber(value);
      if (usable === undefined) continue;
      if (this.reads !== undefined) this.#note(key);
      return usable;
    }
    return undefined;
  }

  /** Token counts, costs, durations: never negative. */
  firstAmount(keys: KeyList): number | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const key = keys[index] as string;
      const value = this.attributes.get(key);
      if (value === undefined) continue;
      const usable = toAmount(value);
      if (usable === undefined) continue;
      if (this.reads !== undefined) this.#note(key);
      return usable;
    }
    return undefined;
  }

  firstBoolean(keys: KeyList): boolean | undefined {
    for (let index = 0; index < keys.length; index++) {
      if (!this.mayHave(keys, index)) continue;
      const value = this.boolean(keys[index] as string);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
