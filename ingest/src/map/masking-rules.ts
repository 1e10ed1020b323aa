/**
 * A project's own masking rules (control/project-settings.ts), compiled: regular expressions of RE2, whose time is linear in the text.
 *
 *     text --set of all rules--> no match: done                     one pass of an automaton, some 50 MB/s whatever the number of rules
 *              | match
 *              v
 *     JSON? -> each string and number inside, JSON inside strings too; then what still matches of the whole text is replaced in it
 *     else  -> replaced where it matches
 *
 * What is spent on one message is bounded, in steps of about 20 ns at worst. When they are used up, values that were not looked at become
 * `[masked]` whole: what cannot be searched is not kept.
 */
import type { MaskingRule } from "@nonet/proto/control/project-settings.ts";
import { createGlob } from "@nonet/proto/glob.ts";
import type { Masking } from "@nonet/proto/otlp-rewrite.ts";
import { RE2JS, RE2Set } from "re2js";
import { maskedValue } from "./sanitise.ts";

/** Replacing costs a tenth of a microsecond for each character and instruction, so programs must be small. */
const instructionsMax = 300;
const allInstructionsMax = 1_500;
/** About a second at worst, a tenth of it mostly. */
const stepsMax = 50_000_000;
const stepsPerInstruction = 5;
const stepsPerSearch = 64;
/** Texts longer than two of these are replaced in pieces, so that a match costs its surroundings and not the whole text. */
const pieceChars = 4_096;
/** JSON in JSON in JSON: beyond this it is text. */
const embeddedDepthMax = 4;

export interface MaskingCounts {
  /** Values and names that were changed. */
  masked: number;
  /** Of them, those that became `[masked]` whole because the message had used up its steps. */
  unsearched: number;
}

export interface CompiledMaskingRules {
  /** For one message: its steps are counted together. */
  open(counts: MaskingCounts): Required<Masking>;
  /** Whole values of these attributes go. */
  isMaskedAttribute(key: string): boolean;
  /** Text of unknown form: each match becomes as many stars, so that lengths stay. Rules for some attributes hold for all of it. */
  blank(text: string): string;
}

/**
 * @returns the rules, or what is wrong with them: a sentence for each rule that cannot be used.
 */
export function compileMaskingRules(rules: readonly MaskingRule[]): CompiledMaskingRules | { problems: string[] } {
  const problems: string[] = [];
  const patterns: PatternRule[] = [];
  const wholeAttributes: string[] = [];
  rules.forEach((rule, index) => {
    const compiled = compileRule(rule);
    if (typeof compiled === "string") problems.push(`maskingRules.${index} (${rule.name}): ${compiled}.`);
    else if (compiled === undefined) wholeAttributes.push(...(rule.attributes ?? []));
    else patterns.push(compiled);
  });
  const instructions = patterns.reduce((sum, { regex }) => sum + regex.programSize(), 0);
  if (instructions > allInstructionsMax) {
    problems.push(
      `maskingRules: the patterns take ${instructions} instructions together, ${allInstructionsMax} are allowed.`,
    );
  }
  return problems.length > 0 ? { problems } : createRules(patterns, wholeAttributes);
}

interface PatternRule {
  readonly regex: RE2JS;
  readonly source: string;
  readonly replacement: string;
  /** The beginning or the end of the text is part of what it looks for. */
  readonly isAnchored: boolean;
  /** A text cannot be replaced piece by piece: it is anchored, or what it writes matches again. */
  readonly isWhole: boolean;
  /** Undefined: of every attribute, and of names. */
  readonly appliesTo: ((attribute: string) => boolean) | undefined;
}

/** @returns what is wrong with it; undefined for a rule without a pattern. */
function compileRule(rule: MaskingRule): PatternRule | string | undefined {
  const { pattern, attributes, replacement } = rule;
  if (pattern === undefined) {
    if (attributes === undefined) return "it has neither a pattern nor attributes";
    return replacement === maskedValue ? undefined : "without a pattern whole values become [masked]";
  }
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch (caught) {
    return caught instanceof Error ? caught.message : "the pattern cannot be compiled";
  }
  const size = regex.programSize();
  if (size > instructionsMax) return `the pattern takes ${size} instructions, ${instructionsMax} are allowed`;
  if (regex.test("")) return "the pattern matches the empty text";
  const isAnchored = /[\^$]|\\[Az]/.test(pattern.replaceAll("[^", "["));
  return {
    regex,
    source: pattern,
    replacement,
    isAnchored,
    isWhole: isAnchored || regex.test(replacement),
    appliesTo: attributes === undefined ? undefined : createGlob(attributes),
  };
}

function createRules(patterns: readonly PatternRule[], wholeAttributes: readonly string[]): CompiledMaskingRules {
  const everywhere = createSearch(patterns.filter((rule) => rule.appliesTo === undefined));
  const limited = patterns.filter((rule) => rule.appliesTo !== undefined);
  const isMaskedAttribute = createGlob(wholeAttributes);
  const searches = new Map<string, Search>([["", everywhere]]);

  /** Attributes that the same rules look at share a search. */
  function searchFor(key: string, attribute: string): Search {
    const also = limited.filter(({ appliesTo }) => appliesTo?.(attribute) || appliesTo?.(key));
    if (also.length === 0) return everywhere;
    const name = also.map((rule) => patterns.indexOf(rule)).join();
    let search = searches.get(name);
    if (search === undefined) {
      search = createSearch(patterns.filter((rule) => rule.appliesTo === undefined || also.includes(rule)));
      if (searches.size < searchesMax) searches.set(name, search);
    }
    return search;
  }

  return {
    isMaskedAttribute,
    open(counts) {
      const budget = { steps: stepsMax };
      const counted = (before: string, mask: () => string | undefined): string => {
        const after = mask();
        if (after === undefined) counts.unsearched += 1;
        if (after !== before) counts.masked += 1;
        return after ?? maskedValue;
      };
      return {
        isSecretKey: (bytes, start, end) =>
          wholeAttributes.length > 0 &&
          isMaskedAttribute(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8")),
        mayHoldSecrets: () => patterns.length > 0,
        maskText: (key, text, attribute) =>
          counted(text, () => maskValue(text, limited.length === 0 ? everywhere : searchFor(key, attribute), budget)),
        maskName: (text) => counted(text, () => replaceAll(text, everywhere, budget)),
      };
    },
    blank(text) {
      const budget = { steps: stepsMax };
      let blanked: string | undefined = text;
      for (const { regex } of patterns) {
        if (blanked === undefined || !spend(budget, blanked.length * stepsPerInstruction)) break;
        if (!regex.test(blanked)) continue;
        blanked = replaceRule(
          blanked,
          { regex, isWhole: true, replacement: (match) => "*".repeat(match.length) },
          budget,
        );
      }
      return budget.steps < 0 || blanked === undefined ? "*".repeat(text.length) : blanked;
    },
  };
}

/** Sets of rules that attributes can ask for; each keeps an automaton. */
const searchesMax = 64;

/** All rules at once. */
interface Search {
  readonly rules: readonly PatternRule[];
  readonly isAnchored: boolean;
  /** Of one character. */
  readonly steps: number;
  /** Indexes of the rules that match somewhere. */
  match(text: string): number[];
}

function createSearch(rules: readonly PatternRule[]): Search {
  const set = new RE2Set();
  let instructions = 0;
  for (const { source, regex } of rules) {
    set.add(source);
    instructions += regex.programSize();
  }
  if (rules.length > 0) set.compile();
  return {
    rules,
    isAnchored: rules.some((rule) => rule.isAnchored),
    steps: 1 + instructions / 100,
    match: (text) => (rules.length === 0 ? [] : set.match(text)),
  };
}

interface Budget {
  steps: number;
}

function spend(budget: Budget, steps: number): boolean {
  budget.steps -= steps + stepsPerSearch;
  return budget.steps >= 0;
}

/** @returns undefined when the steps are used up. */
function maskValue(text: string, search: Search, budget: Budget): string | undefined {
  if (search.rules.length === 0 || text === "") return text;
  if (!isLikeJson(text)) return replaceAll(text, search, budget);
  if (!search.isAnchored && !text.includes("\\")) {
    // Then whatever matches inside matches the whole text too.
    if (!spend(budget, text.length * search.steps)) return undefined;
    if (search.match(text).length === 0) return text;
  }
  const inside = maskJson(text, { search, budget, depth: 0 });
  return inside === undefined ? undefined : replaceAll(inside, search, budget);
}

function replaceAll(text: string, search: Search, budget: Budget): string | undefined {
  if (search.rules.length === 0 || text === "") return text;
  if (!spend(budget, text.length * search.steps)) return undefined;
  let replaced: string | undefined = text;
  for (const index of search.match(text).sort((a, b) => a - b)) {
    const rule = search.rules[index];
    if (rule !== undefined && replaced !== undefined) replaced = replaceRule(replaced, rule, budget);
  }
  return replaced;
}

interface Replacing extends Pick<PatternRule, "regex" | "isWhole"> {
  readonly replacement: string | ((match: string) => string);
}

function replaceRule(text: string, rule: Replacing, budget: Budget): string | undefined {
  if (text.length <= 2 * pieceChars || rule.isWhole) return replaceWhole(text, rule, budget);
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = endOfPiece(text, start);
    const piece = text.slice(start, end);
    start = end;
    if (!spend(budget, piece.length)) return undefined;
    const replaced = rule.regex.test(piece) ? replaceWhole(piece, rule, budget) : piece;
    if (replaced === undefined) return undefined;
    pieces.push(replaced);
  }
  const joined = pieces.join("");
  // What still matches lies across a border.
  if (!spend(budget, joined.length)) return undefined;
  return rule.regex.test(joined) ? replaceWhole(joined, rule, budget) : joined;
}

/** After the white space that follows the first `pieceChars`; what has none is one piece. */
function endOfPiece(text: string, start: number): number {
  for (let at = start + pieceChars; at < text.length; at++) if (text.charCodeAt(at) <= 0x20) return at + 1;
  return text.length;
}

function replaceWhole(text: string, { regex, replacement }: Replacing, budget: Budget): string | undefined {
  if (!spend(budget, text.length * regex.programSize() * stepsPerInstruction)) return undefined;
  return regex.matcher(text).replaceAll(replacement);
}

interface JsonPlace {
  readonly search: Search;
  readonly budget: Budget;
  /** How many texts it stands in. */
  readonly depth: number;
}

function isLikeJson(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x20) return code === 0x7b || code === 0x5b || code === 0x22;
  }
  return false;
}

/** Masks strings and numbers; keys and everything else stay to the last space. The text is scanned, not parsed: it may be cut. */
function maskJson(text: string, place: JsonPlace): string | undefined {
  const pieces: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const isText = code === 0x22;
    if (!isText && !isNumberPart(code)) {
      at++;
      continue;
    }
    const start = at;
    at = isText ? endOfString(text, start) : endOfNumber(text, start);
    if (isText && isKey(text, at)) continue;
    const token = text.slice(start, at);
    const said = isText ? unquote(token) : token;
    if (said === undefined) continue;
    const masked = maskToken(said, isText, place);
    if (masked === undefined) return undefined;
    if (masked === said) continue;
    pieces.push(text.slice(copied, start), !isText && isNumber(masked) ? masked : JSON.stringify(masked));
    copied = at;
  }
  if (pieces.length === 0) return text;
  pieces.push(text.slice(copied));
  return pieces.join("");
}

/** After the quote that ends the string at `start`; the end of the text when none does. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
    at = end + 1;
  }
}

function isNumberPart(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d;
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isNumberPart(code) && code !== 0x2e && code !== 0x2b && (code | 0x20) !== 0x65) break;
  }
  return at;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  return text.charCodeAt(at) === 0x3a;
}

function maskToken(said: string, isText: boolean, place: JsonPlace): string | undefined {
  const isEmbedded = isText && place.depth < embeddedDepthMax && isLikeJson(said);
  const inside = isEmbedded ? maskJson(said, { ...place, depth: place.depth + 1 }) : said;
  return inside === undefined ? undefined : replaceAll(inside, place.search, place.budget);
}

function unquote(token: string): string | undefined {
  try {
    // `as`: JSON in double quotes is a string.
    return JSON.parse(token) as string;
  } catch {
    // No JSON after all; the whole text is searched too.
    return undefined;
  }
}

function isNumber(text: string): boolean {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
}
