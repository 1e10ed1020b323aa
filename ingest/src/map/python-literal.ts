/**
 * Python literals, the `repr` some senders give instead of JSON (event mapping 2.1): strings in either quote, `True` `False` `None`, numbers,
 * lists, tuples (lists to us) and dicts, whose keys of any kind become text. Anything else fails: sets, bytes, calls, names.
 *
 * One pass over the text; nesting beyond `depthMax` fails.
 */
import type { Json } from "@nonet/proto/json.ts";

const depthMax = 200;

/** @returns undefined when the text is no literal. */
export function parsePythonLiteral(text: string): Json | undefined {
  const cursor: Cursor = { text, at: 0 };
  const value = parseValue(cursor, 0);
  if (value === undefined) return undefined;
  skipBlanks(cursor);
  return cursor.at === text.length ? value : undefined;
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseValue(cursor: Cursor, depth: number): Json | undefined {
  if (depth > depthMax) return undefined;
  skipBlanks(cursor);
  const first = cursor.text[cursor.at];
  switch (first) {
    case "'":
    case '"':
      return parseString(cursor, first);
    case "[":
      return parseList(cursor, "]", depth);
    case "(":
      return parseList(cursor, ")", depth);
    case "{":
      return parseDict(cursor, depth);
    case "T":
      return takeWord(cursor, "True") ? true : undefined;
    case "F":
      return takeWord(cursor, "False") ? false : undefined;
    case "N":
      return takeWord(cursor, "None") ? null : undefined;
    default:
      return parseNumber(cursor);
  }
}

function parseList(cursor: Cursor, close: "]" | ")", depth: number): Json | undefined {
  cursor.at++;
  const items: Json[] = [];
  let commas = 0;
  for (;;) {
    skipBlanks(cursor);
    if (cursor.text[cursor.at] === close) break;
    if (items.length > commas) return undefined;
    const item = parseValue(cursor, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
    skipBlanks(cursor);
    if (cursor.text[cursor.at] === ",") {
      cursor.at++;
      commas++;
    }
  }
  cursor.at++;
  // `(1)` is a number in brackets, not a tuple.
  if (close === ")" && items.length === 1 && commas === 0) return items[0];
  return items;
}

function parseDict(cursor: Cursor, depth: number): Json | undefined {
  cursor.at++;
  const object: { [key: string]: Json } = Object.create(null);
  for (let first = true; ; first = false) {
    skipBlanks(cursor);
    if (cursor.text[cursor.at] === "}") break;
    if (!first) {
      if (cursor.text[cursor.at] !== ",") return undefined;
      cursor.at++;
      skipBlanks(cursor);
      if (cursor.text[cursor.at] === "}") break;
    }
    const keyStart = cursor.at;
    const key = parseValue(cursor, depth + 1);
    if (key === undefined) return undefined;
    const keyText = typeof key === "string" ? key : cursor.text.slice(keyStart, cursor.at);
    skipBlanks(cursor);
    if (cursor.text[cursor.at] !== ":") return undefined;
    cursor.at++;
    const value = parseValue(cursor, depth + 1);
    if (value === undefined) return undefined;
    object[keyText] = value;
  }
  cursor.at++;
  return object;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\u0007",
  "0": "\0",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};
const hexEscapes: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function parseString(cursor: Cursor, quote: string): string | undefined {
  const { text } = cursor;
  let at = cursor.at + 1;
  let from = at;
  let parsed = "";
  for (; at < text.length; at++) {
    const character = text[at];
    if (character === quote) {
      cursor.at = at + 1;
      return parsed + text.slice(from, at);
    }
    if (character !== "\\") continue;
    parsed += text.slice(from, at);
    const letter = text[at + 1] ?? "";
    const digits = hexEscapes[letter];
    if (digits !== undefined) {
      const hex = text.slice(at + 2, at + 2 + digits);
      const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === digits ? Number.parseInt(hex, 16) : Number.NaN;
      if (!(code <= 0x10ffff)) return undefined;
      parsed += String.fromCodePoint(code);
      at += 1 + digits;
    } else {
      // Python keeps the backslash of an escape it does not know.
      parsed += simpleEscapes[letter] ?? `\\${letter}`;
      at += 1;
    }
    from = at + 1;
  }
  return undefined;
}

function parseNumber(cursor: Cursor): Json | undefined {
  const start = cursor.at;
  let at = start;
  while (at < cursor.text.length && "+-.0123456789eE".includes(cursor.text.charAt(at))) at++;
  const source = cursor.text.slice(start, at);
  if (at - start > 400 || !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(source)) return undefined;
  cursor.at = at;
  const number = Number(source);
  if (!Number.isFinite(number)) return undefined;
  return /^[+-]?\d+$/.test(source) && !Number.isSafeInteger(number) ? source.replace("+", "") : number;
}

function takeWord(cursor: Cursor, word: string): boolean {
  if (!cursor.text.startsWith(word, cursor.at)) return false;
  const after = cursor.text.charCodeAt(cursor.at + word.length);
  const isNamePart =
    (after >= 48 && after <= 57) || (after >= 65 && after <= 90) || after === 95 || (after >= 97 && after <= 122);
  if (isNamePart) return false;
  cursor.at += word.length;
  return true;
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.at < cursor.text.length) {
    const code = cursor.text.charCodeAt(cursor.at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
    cursor.at++;
  }
}
