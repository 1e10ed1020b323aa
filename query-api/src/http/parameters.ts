/**
 * Query parameters: described once, with zod schemas that validate them here and document them in /openapi.json.
 *
 * All bad parameters of a request are reported together, and an unknown one is an error: a misspelt filter must not return unfiltered data.
 * Source: session-traces.md 2.3, 2.4.
 */
import { z } from "zod";
import type { ParameterError, ParameterErrorCode } from "./problem.ts";

interface Described {
  readonly description: string;
  /** What a value is, for messages: "an event type". */
  readonly noun?: string;
  /** What a value must be, as the whole of the message: "an integer of at least 1". */
  readonly mustBe?: string;
}

export interface SingleParameter<T> extends Described {
  readonly kind: "single";
  readonly schema: z.ZodType<T, string>;
}

export interface ListParameter<T> extends Described {
  readonly kind: "list";
  readonly item: z.ZodType<T, string>;
  readonly itemsMax: number;
}

export type Parameter<T = unknown> = SingleParameter<T> | ListParameter<T>;

export type ParameterSet = Readonly<Record<string, Parameter>>;

export type ParameterValues<S extends ParameterSet> = {
  readonly [K in keyof S]: S[K] extends ListParameter<infer T>
    ? readonly T[] | undefined
    : S[K] extends SingleParameter<infer T>
      ? T | undefined
      : never;
};

export type ParsedQuery<S extends ParameterSet> =
  | { readonly ok: true; readonly values: ParameterValues<S> }
  | { readonly ok: false; readonly errors: ParameterError[] };

export const listItemsMax = 100;

export function single<T>(schema: z.ZodType<T, string>, described: Described): SingleParameter<T> {
  return { kind: "single", schema, ...described };
}

export function list<T>(
  item: z.ZodType<T, string>,
  described: Described & { readonly itemsMax?: number },
): ListParameter<T> {
  return { kind: "list", item, itemsMax: listItemsMax, ...described };
}

/** @param queryText  the part of the request target after `?`, percent-encoded. */
export function parseQuery<S extends ParameterSet>(parameters: S, queryText: string): ParsedQuery<S> {
  const errors: ParameterError[] = [];
  const sent = Map.groupBy(new URLSearchParams(queryText), ([name]) => name);
  const values: Record<string, unknown> = {};
  for (const [name, pairs] of sent) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (parameter === undefined) {
      errors.push({
        parameter: excerpt(name),
        code: "UNKNOWN_PARAMETER",
        detail: `'${excerpt(name)}' is not a parameter of this request.`,
        allowed: Object.keys(parameters),
      });
      continue;
    }
    const texts = pairs.map(([, text]) => text);
    values[name] =
      parameter.kind === "list"
        ? parseList(name, parameter, texts, errors)
        : parseSingle(name, parameter, texts, errors);
  }
  // `as`: each value came out of the schema of its own parameter.
  return errors.length === 0 ? { ok: true, values: values as ParameterValues<S> } : { ok: false, errors };
}

function parseSingle(
  name: string,
  parameter: SingleParameter<unknown>,
  texts: readonly string[],
  errors: ParameterError[],
): unknown {
  if (texts.length > 1) {
    errors.push({ parameter: name, code: "REPEATED", detail: `'${name}' may be given once.` });
    return undefined;
  }
  return parseText(name, parameter, parameter.schema, texts[0] ?? "", errors);
}

function parseList(
  name: string,
  parameter: ListParameter<unknown>,
  texts: readonly string[],
  errors: ParameterError[],
): unknown[] | undefined {
  const items = texts.flatMap((text) => text.split(","));
  if (items.length > parameter.itemsMax) {
    const detail = `'${name}' has ${items.length} values; at most ${parameter.itemsMax} are allowed.`;
    errors.push({ parameter: name, code: "OUT_OF_RANGE", detail });
    return undefined;
  }
  const values: unknown[] = [];
  for (const item of items) {
    if (item === "") {
      errors.push({ parameter: name, code: "MALFORMED", detail: `'${name}' has an empty value.` });
      return undefined;
    }
    const before = errors.length;
    const value = parseText(name, parameter, parameter.item, item, errors);
    // One error for a list is enough to find it.
    if (errors.length > before) return undefined;
    values.push(value);
  }
  return values;
}

function parseText(
  name: string,
  described: Described,
  schema: z.ZodType<unknown, string>,
  text: string,
  errors: ParameterError[],
): unknown {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const detail = described.mustBe === undefined ? {} : { detail: `${name} must be ${described.mustBe}.` };
  errors.push({ parameter: name, ...errorOf(issue, described, text), ...detail });
  return undefined;
}

function errorOf(
  issue: z.core.$ZodIssue | undefined,
  described: Described,
  text: string,
): Omit<ParameterError, "parameter"> {
  const code = codeOf(issue);
  if (issue?.code === "invalid_value") {
    const noun = described.noun ?? "one of the allowed values";
    return { code, detail: `'${excerpt(text)}' is not ${noun}.`, allowed: issue.values.map(String) };
  }
  const reason = issue?.message ?? "not valid";
  return { code, detail: `'${excerpt(text)}': ${reason}.` };
}

function codeOf(issue: z.core.$ZodIssue | undefined): ParameterErrorCode {
  if (issue?.code === "invalid_value") return "UNKNOWN_VALUE";
  if (issue?.code === "too_big" || issue?.code === "too_small") return "OUT_OF_RANGE";
  return "MALFORMED";
}

function excerpt(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}

export const booleanText = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .meta({ override: { type: "boolean" } }) as unknown as z.ZodType<boolean, string>;

export function integerText(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,9}$/, "not a whole number")
    .transform(Number)
    .pipe(z.number().min(min, `less than ${min}`).max(max, `more than ${max}`))
    .meta({ override: { type: "integer", minimum: min, maximum: max } });
}

/** A decimal number that is not negative. */
export const amountText: z.ZodType<number, string> = z
  .string()
  .regex(/^\d{1,15}(\.\d{1,9})?$/, "not a number of 0 or more")
  .transform(Number)
  .meta({ override: { type: "number", minimum: 0 } });

/** Any text that a filter may compare with. Ids and names have at most 256 characters; a longer one matches nothing. */
export const filterText: z.ZodType<string, string> = z.string().min(1).max(1024);

const timePattern = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+ -]\d{2}:\d{2})$/;

/** RFC 3339 with an offset and up to 9 fraction digits, as nanoseconds since 1970. */
export const timeText: z.ZodType<bigint, string> = z
  .string()
  .transform((text, context) => {
    const nano = parseTime(text);
    if (nano !== undefined) return nano;
    context.addIssue({ code: "custom", message: "not a time such as 2026-05-04T09:00:00Z" });
    return z.NEVER;
  })
  .meta({ override: { type: "string", format: "date-time" } });

/** A `+` that a client left unencoded in a query arrives as a space; no time has one there otherwise. */
export function parseTime(text: string): bigint | undefined {
  const match = timePattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", offset = "Z"] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second === "60" ? "59" : second}Z`;
  const ms = Date.parse(iso);
  // Date.parse accepts February 30 and rolls over; a time that does not come back as written does not exist.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== iso.slice(0, 19)) return undefined;
  const minutes = offset.toUpperCase() === "Z" ? 0 : offsetMinutes(offset);
  if (minutes === undefined) return undefined;
  const nano = (BigInt(ms) - BigInt(minutes) * 60_000n) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
  return nano < 0n ? 0n : nano;
}

function offsetMinutes(offset: string): number | undefined {
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** A range is half open; one that cannot hold a time is a mistake, not an empty answer. */
export function rangeConflict(
  names: readonly [string, string],
  from: bigint | undefined,
  to: bigint | undefined,
): ParameterError[] {
  if (from === undefined || to === undefined || from < to) return [];
  return [{ parameter: names[0], code: "CONFLICT", detail: `'${names[0]}' is not before '${names[1]}'.` }];
}
