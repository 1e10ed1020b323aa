import type { Json } from "@nonet/proto/json.ts";
import type { AttributeValue } from "@nonet/proto/otlp-span.ts";

/** Event mapping 2.1: words by which senders say that there is nothing. */
const absentWords: ReadonlySet<string> = new Set([
  "",
  "null",
  "none",
  "undefined",
  "n/a",
  "<redacted>",
  "[redacted]",
  "<not specified>",
  "<not serializable>",
]);

const longestAbsentWord = 18;

/** False for texts that stand for nothing (2.1). */
export function isPresentText(text: string): boolean {
  const start = text.charCodeAt(0);
  // Nearly every text ends here: the words above begin with `n`, `u`, `<` or `[`, or hide behind blanks.
  if (
    start > 32 &&
    start < 127 &&
    start !== 110 &&
    start !== 78 &&
    start !== 117 &&
    start !== 85 &&
    start !== 60 &&
    start !== 91
  )
    return true;
  if (text.length > longestAbsentWord) {
    // Only blank padding can hide one of the words in a longer text.
    const last = text.charCodeAt(text.length - 1);
    if (start > 32 && start < 127 && last > 32 && last < 127) return true;
    const trimmed = text.trim();
    return trimmed.length > longestAbsentWord || !absentWords.has(trimmed.toLowerCase());
  }
  return !absentWords.has(text.trim().toLowerCase());
}

/** Event mapping 2.1, "Present", for a decoded attribute or a JSON value; presence is judged before parsing. */
export function isPresent(value: AttributeValue | Json | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "string") return isPresentText(value);
  if (typeof value !== "object") return true;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Uint8Array) return value.length > 0;
  for (const key in value) if (Object.hasOwn(value, key)) return true;
  return false;
}

/** Words in which senders say that only they themselves know: texts inside messages are held to these, so that a model may answer "none". */
export function isRedacted(text: string): boolean {
  if (text.length > 64) return false;
  const word = text.trim().toLowerCase();
  return word === "" || word === "<redacted>" || word === "[redacted]";
}

/** A finite number, also from text (`"12"`); never negative where `atLeastZero`. */
export function toNumber(value: AttributeValue | Json | undefined): number | undefined {
  let number: number;
  if (typeof value === "number") number = value;
  else if (typeof value === "bigint") number = Number(value);
  else if (typeof value === "string") {
    const text = unquote(value.trim());
    // Number() would also take "", "0x10" and "Infinity".
    if (text === "" || text.length > 40 || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
    number = Number(text);
  } else return undefined;
  return Number.isFinite(number) ? number : undefined;
}

/** Token counts, costs, durations: a negative one is absent. */
export function toAmount(value: AttributeValue | Json | undefined): number | undefined {
  const number = toNumber(value);
  return number === undefined || number < 0 ? undefined : number;
}

export function toBoolean(value: AttributeValue | Json | undefined): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" || value.length > 16) return undefined;
  const word = unquote(value.trim()).toLowerCase();
  return word === "true" ? true : word === "false" ? false : undefined;
}

/** MLflow and Langfuse write a word as JSON text: `"gpt-4o"`. */
export function unquote(text: string): string {
  if (text.length >= 2 && text.charCodeAt(0) === 34 && text.charCodeAt(text.length - 1) === 34) {
    const inner = text.slice(1, -1);
    return inner.includes("\\") ? unescapeJson(text, inner) : inner;
  }
  return text;
}

function unescapeJson(text: string, inner: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : inner;
  } catch {
    return inner; // Not JSON text after all: only its quotes go.
  }
}
