/**
 * JSON text in attributes (event mapping 2.1) and the way back to compact text.
 *
 * Every function here takes time linear in its input and survives any nesting: `JSON.parse` keeps its own stack, and so does `toCompactJson`
 * where the nesting is deep.
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

/** The engine looks for cycles at every level, which takes quadratic time in the depth, and ends in a RangeError. */
const engineDepthMax = 200;

/** Compact JSON text of a value of any depth. */
export function toCompactJson(value: Json): string {
  return isDeeperThan(value, engineDepthMax) ? toCompactJsonIteratively(value) : JSON.stringify(value);
}

function isDeeperThan(value: Json, depthLeft: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depthLeft === 0) return true;
  if (Array.isArray(value)) return value.some((item: Json) => isDeeperThan(item, depthLeft - 1));
  const object = value as { readonly [key: string]: Json };
  for (const key in object) if (isDeeperThan(object[key] as Json, depthLeft - 1)) return true;
  return false;
}

interface Frame {
  readonly value: object;
  /** Of an object; a list has none. */
  readonly keys: readonly string[] | undefined;
  next: number;
}

function toCompactJsonIteratively(root: Json): string {
  const pieces: string[] = [];
  const frames: Frame[] = [];
  const open = (value: Json): void => {
    if (typeof value !== "object" || value === null) {
      pieces.push(JSON.stringify(value));
      return;
    }
    const keys = Array.isArray(value) ? undefined : Object.keys(value);
    pieces.push(keys === undefined ? "[" : "{");
    frames.push({ value, keys, next: 0 });
  };
  open(root);
  for (let frame = frames[frames.length - 1]; frame !== undefined; frame = frames[frames.length - 1]) {
    const { value, keys, next } = frame;
    const length = keys === undefined ? (value as readonly Json[]).length : keys.length;
    if (next === length) {
      pieces.push(keys === undefined ? "]" : "}");
      frames.pop();
      continue;
    }
    frame.next++;
    if (next > 0) pieces.push(",");
    if (keys === undefined) {
      open((value as readonly Json[])[next] as Json);
    } else {
      const key = keys[next] as string;
      pieces.push(JSON.stringify(key), ":");
      open((value as { readonly [key: string]: Json })[key] as Json);
    }
  }
  return pieces.join("");
}
