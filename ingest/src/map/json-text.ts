/**
 * JSON text in attributes (event mapping 2.1) and the way back to compact text.
 *
 * Every function here takes time linear in its input and survives any nesting: `JSON.parse` keeps its own stack, and `toCompactJson` falls back
 * to one when the engine's runs out.
 */
import type { Json } from "@nonet/proto/json.ts";
import type { MappingLimits } from "./limits.ts";
import { parsePythonLiteral } from "./python-literal.ts";

export interface ParsedText {
  readonly value: Json;
  /** The text began like JSON and was neither JSON nor a Python literal, or was too long to try; `value` is the text itself. */
  readonly malformed: boolean;
  /** Not JSON but a Python literal, which may hold raw control characters. */
  readonly python: boolean;
}

/** A text that does not begin with `{`, `[` or `"` stays text: `42` stays `"42"`. */
export function parseJsonText(text: string, limits: MappingLimits): ParsedText {
  const start = firstCharacter(text);
  if (start !== openBrace && start !== openBracket && start !== quote)
    return { value: text, malformed: false, python: false };
  if (text.length > limits.jsonTextCharsMax) return { value: text, malformed: start !== quote, python: false };
  const value = tryParseJson(text);
  if (value !== undefined) {
    if (typeof value !== "string") return { value, malformed: false, python: false };
    // JSON text of JSON text: opened once more.
    const inner = looksStructured(value) ? tryParseStructure(value, limits) : undefined;
    return { value: inner ?? value, malformed: false, python: inner !== undefined };
  }
  if (start === quote) return { value: text, malformed: false, python: false };
  const literal = text.length <= limits.pythonTextCharsMax ? parsePythonLiteral(text) : undefined;
  return literal === undefined
    ? { value: text, malformed: true, python: false }
    : { value: literal, malformed: false, python: true };
}

/** The list or object that a text spells, as JSON or as Python literal; undefined for any other text. */
export function tryParseStructure(text: string, limits: MappingLimits): Json | undefined {
  if (!looksStructured(text) || text.length > limits.jsonTextCharsMax) return undefined;
  const value = tryParseJson(text);
  if (value !== undefined) return value;
  return text.length <= limits.pythonTextCharsMax ? parsePythonLiteral(text) : undefined;
}

export function looksStructured(text: string): boolean {
  const start = firstCharacter(text);
  return start === openBrace || start === openBracket;
}

const openBrace = 123;
const openBracket = 91;
const quote = 34;

function firstCharacter(text: string): number {
  let at = 0;
  let code = text.charCodeAt(0);
  while (code === 32 || code === 10 || code === 9 || code === 13) code = text.charCodeAt(++at);
  return code;
}

function tryParseJson(text: string): Json | undefined {
  try {
    // Integers beyond 2^53-1 stay decimal strings (6.2); only a text with such a run of digits needs the slow way.
    return hasLongDigitRun(text) ? (JSON.parse(text, keepLongInteger) as Json) : (JSON.parse(text) as Json);
  } catch (error) {
    // With the reviver the engine recurses, so only a deep text ends here with a RangeError; without it the digits lose precision and nothing else.
    return error instanceof RangeError ? tryParsePlain(text) : undefined;
  }
}

function tryParsePlain(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined; // Not JSON: the caller keeps the text.
  }
}

function keepLongInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? source : value;
}

/** Looks at every 16th character only: a run of 16 digits cannot hide between two of them. */
export function hasLongDigitRun(text: string): boolean {
  for (let at = 15; at < text.length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let from = at;
    while (from > 0 && at - from < 16 && isDigit(text.charCodeAt(from - 1))) from--;
    let to = at;
    while (to - from < 16 && isDigit(text.charCodeAt(to + 1))) to++;
    if (to - from >= 15) return true;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Compact JSON text of a value of any depth. */
export function toCompactJson(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return toCompactJsonIteratively(value);
    throw error;
  }
}

function toCompactJsonIteratively(root: Json): string {
  let text = "";
  // Work still to do, last first: a piece of text or a value.
  const pending: ({ readonly text: string } | { readonly value: Json })[] = [{ value: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ("text" in next) {
      text += next.text;
      continue;
    }
    const { value } = next;
    if (value === null || typeof value !== "object") {
      text += JSON.stringify(value);
    } else if (Array.isArray(value)) {
      text += "[";
      pending.push({ text: "]" });
      for (let index = value.length - 1; index >= 0; index--) {
        pending.push({ value: value[index] as Json });
        if (index > 0) pending.push({ text: "," });
      }
    } else {
      text += "{";
      pending.push({ text: "}" });
      const entries = Object.entries(value);
      for (let index = entries.length - 1; index >= 0; index--) {
        const [key, member] = entries[index] as [string, Json];
        pending.push({ value: member }, { text: `${index > 0 ? "," : ""}${JSON.stringify(key)}:` });
      }
    }
  }
  return text;
}
