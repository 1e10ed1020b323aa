/** Error messages without what varies, their fingerprint and their class. Source: session-traces.md 8.3. */
import { shortHash } from "./canonical-json.ts";
import type { ErrorClass } from "./trace-event.ts";

const inputCodePointsMax = 512;
const outputCodePointsMax = 200;

/** In this order: a URL holds what later patterns would find. */
const replacements: readonly (readonly [RegExp, string])[] = [
  [/\bhttps?:\/\/[^\s"'<>)\]]+/gi, "<url>"],
  [/\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b/g, "<email>"],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, "<uuid>"],
  [/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?/g, "<time>"],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g, "<ip>"],
  [/\b[A-Za-z]{2,12}[_-](?=[A-Za-z0-9]*\d)[A-Za-z0-9]{6,}\b/g, "<id>"],
  [/\b(?:0x[0-9a-f]+|(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,})\b/gi, "<hex>"],
  [/"[^"]*"|`[^`]*`|(?<!\w)'[^']*'(?!\w)/g, "<str>"],
  [/(?:\/[\w.@-]+){2,}\/?/g, "<path>"],
  [/[-+]?\d+(?:[.,]\d+)*/g, "<num>"],
];

/** The patterns may backtrack; the 512 code points they see bound that. */
export function normalizeMessage(message: string | undefined): string {
  let text = firstCodePoints(
    (message ?? "").slice(0, 65_536).normalize("NFC").replaceAll(/\s+/gu, " ").trim(),
    inputCodePointsMax,
  );
  for (const [pattern, placeholder] of replacements) text = text.replaceAll(pattern, placeholder);
  return firstCodePoints(text.toLowerCase(), outputCodePointsMax);
}

/** @param scope  the key of the failing span (8.2), else `span:<span name>`. */
export function errorFingerprint(errorType: string, scope: string, normalized: string): string {
  return shortHash(`${errorType}\n${scope}\n${normalized}`);
}

interface ClassRule {
  readonly errorClass: ErrorClass;
  /** An HTTP status that says so. */
  isStatus(status: number): boolean;
  readonly words: readonly string[];
}

const never = (): boolean => false;

/** First match wins. */
const classRules: readonly ClassRule[] = [
  {
    errorClass: "rate_limit",
    isStatus: (status) => status === 429,
    words: ["rate limit", "ratelimit", "too many requests", "quota"],
  },
  {
    errorClass: "timeout",
    isStatus: (status) => status === 408 || status === 504,
    words: ["timeout", "timed out", "deadline"],
  },
  {
    errorClass: "auth",
    isStatus: (status) => status === 401 || status === 403,
    words: ["unauthorized", "forbidden", "permission", "api key"],
  },
  { errorClass: "not_found", isStatus: (status) => status === 404, words: ["not found", "notfound"] },
  { errorClass: "context_length", isStatus: never, words: ["context length", "maximum context", "too many tokens"] },
  {
    errorClass: "content_filter",
    isStatus: never,
    words: ["content filter", "content_filter", "safety", "policy violation"],
  },
  {
    errorClass: "validation",
    isStatus: (status) => status === 400 || status === 422,
    words: ["validation", "invalid", "schema", "parse"],
  },
  {
    errorClass: "network",
    isStatus: never,
    words: ["econn", "enotfound", "socket", "network", "dns", "connection"],
  },
  { errorClass: "cancelled", isStatus: never, words: ["cancel", "abort"] },
  {
    errorClass: "server",
    isStatus: (status) => status >= 500 && status <= 599,
    words: ["internal error", "unavailable", "overloaded"],
  },
];

/** @param httpStatus  attribute `http.response.status_code` of the failing span; an `errorType` of three digits is one too. */
export function classifyError(
  errorType: string,
  message: string | undefined,
  httpStatus: number | undefined,
): ErrorClass {
  const status = httpStatus ?? (/^\d{3}$/.test(errorType) ? Number(errorType) : undefined);
  const text = `${errorType} ${message ?? ""}`.toLowerCase();
  const rule = classRules.find(
    (candidate) =>
      (status !== undefined && candidate.isStatus(status)) || candidate.words.some((word) => text.includes(word)),
  );
  return rule?.errorClass ?? "unknown";
}

function firstCodePoints(text: string, count: number): string {
  return text.length <= count ? text : [...text.slice(0, count * 2)].slice(0, count).join("");
}
