import { createHash } from "node:crypto";
import type { Json } from "@nonet/proto/json.ts";
import type { AttributeMap, AttributeValue, DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { toJson } from "./attribute-json.ts";
import { foldIndexed } from "./indexed-attributes.ts";
import { parseJsonText, toCompactJson } from "./json-text.ts";
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
  field = "";
  malformed = false;
  truncated = false;
  usageAdjusted = false;
  usagePartial = false;
  /** Some text read so far holds characters that 6.2 removes. */
  unclean = false;
  readonly #onLimit: ((limit: LimitName) => void) | undefined;
  readonly #parsed = new Map<string, Json>();
  readonly #folded = new Map<string, readonly Json[]>();

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

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : toBoolean(value);
  }

  /** A structured value, or the JSON that a text spells (2.1). */
  json(key: string): Json | undefined {
    const known = this.#parsed.get(key);
    if (known !== undefined) {
      if (this.reads !== undefined) this.#note(key);
      return known;
    }
    const value = this.value(key);
    if (value === undefined) return undefined;
    const json = typeof value === "string" ? this.parse(value) : toJson(value, this.limits.inlineBytesMax);
    if (typeof value === "object") this.unclean = true; // Not scanned: the texts inside are cleaned one by one.
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
    let list = this.#folded.get(prefix);
    if (list === undefined) {
      const folded = foldIndexed(this.attributes, prefix, this.limits);
      if (folded.dropped) this.exceeded("foldedIndexesMax");
      if (folded.items.length > 0) this.unclean = true;
      list = folded.items;
      this.#folded.set(prefix, list);
    }
    if (list.length > 0 && this.reads !== undefined)
      for (const key of this.attributes.keys()) if (key.startsWith(prefix)) this.#note(key);
    return list;
  }

  /** First present of the keys, as decoded. */
  first(keys: readonly string[]): AttributeValue | undefined {
    for (const key of keys) {
      const value = this.value(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  firstKey(keys: readonly string[]): string | undefined {
    for (const key of keys) if (this.value(key) !== undefined) return key;
    return undefined;
  }

  firstName(keys: readonly string[]): string | undefined {
    for (const key of keys) {
      const value = this.attributes.get(key);
      if (value === undefined) continue;
      const name = this.toName(value);
      if (name === undefined) continue;
      if (this.reads !== undefined) this.#note(key);
      return name;
    }
    return undefined;
  }

  firstText(keys: readonly string[]): string | undefined {
    for (const key of keys) {
      const text = this.text(key);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  firstJson(keys: readonly string[]): Json | undefined {
    for (const key of keys) {
      const json = this.json(key);
      if (json !== undefined) return json;
    }
    return undefined;
  }

  firstNumber(keys: readonly string[]): number | undefined {
    for (const key of keys) {
      const value = this.attributes.get(key);
      if (value === undefined) continue;
      const number = toNumber(value);
      if (number === undefined) continue;
      if (this.reads !== undefined) this.#note(key);
      return number;
    }
    return undefined;
  }

  /** Token counts, costs, durations: never negative. */
  firstAmount(keys: readonly string[]): number | undefined {
    for (const key of keys) {
      const value = this.attributes.get(key);
      if (value === undefined) continue;
      const amount = toAmount(value);
      if (amount === undefined) continue;
      if (this.reads !== undefined) this.#note(key);
      return amount;
    }
    return undefined;
  }

  firstBoolean(keys: readonly string[]): boolean | undefined {
    for (const key of keys) {
      const boolean = this.boolean(key);
      if (boolean !== undefined) return boolean;
    }
    return undefined;
  }
}
