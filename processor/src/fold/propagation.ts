/**
 * One failure that passes through several spans is an error on each; all but the deepest are marked as copies. Source: event-mapping.md 3.3,
 * "Propagation".
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { type DraftOf, isAncestor, setDrafts, type TraceNode } from "./trace-node.ts";

type ErrorDraft = DraftOf<"error">;

/** Comparing every error with every different one below it is quadratic. Past this many characters of work only equal errors are found. */
const comparedCharactersMax = 10_000_000;
/** A message that is contained in another says something from this length on. */
const containedLengthMin = 4;

interface Failure {
  readonly time: bigint;
  readonly spanId: string;
  /** Span of the first failure of the chain. */
  readonly origin: string;
}

/** What of an error is compared. */
interface Symptom {
  /** Empty when the error says nothing of its own. */
  readonly message: string;
  /** What the message quotes as its cause, else the message. */
  readonly core: string;
  readonly typeSegment: string;
}

/** Errors of equal type and message below a span: all that matters of them is the first and the last. */
interface FailureKind extends Symptom {
  first: Failure;
  last: Failure;
}

type Kinds = Map<string, FailureKind>;

/** @param failures  the spans that have errors, in walk order. Replaces error drafts that are copies. */
export function markPropagated(failures: readonly TraceNode[]): void {
  if (failures.length < 2) return;
  const work = { left: comparedCharactersMax };
  /** What is known below the spans that are open in a walk from the last to the first: of each, all spans after it up to its end. */
  const below: { readonly node: TraceNode; readonly kinds: Kinds }[] = [];
  for (let index = failures.length - 1; index >= 0; index--) {
    const node = failures[index] as TraceNode;
    let kinds: Kinds = new Map();
    for (let top = below.at(-1); top !== undefined && isAncestor(node, top.node); top = below.at(-1)) {
      kinds = merged(kinds, top.kinds);
      below.pop();
    }
    addOwnErrors(node, kinds, work);
    below.push({ node, kinds });
  }
}

function addOwnErrors(node: TraceNode, below: Kinds, work: { left: number }): void {
  const own: { readonly error: ErrorDraft; readonly origin: string }[] = [];
  const drafts = node.drafts.map((draft): EventDraft => {
    if (draft.eventType !== "error") return draft;
    const origin = originOf(draft, below, work);
    own.push({ error: draft, origin: origin ?? node.spanId });
    return origin === undefined ? draft : { ...draft, propagated: true, originSpanId: origin };
  });
  if (own.some(({ origin }) => origin !== node.spanId)) setDrafts(node, drafts);
  for (const { error, origin } of own) {
    addFailure(below, error, { time: BigInt(error.timeUnixNano), spanId: node.spanId, origin });
  }
}

/** The origin of the earliest matching failure below, of the latest when this error has no message. */
function originOf(error: ErrorDraft, below: Kinds, work: { left: number }): string | undefined {
  let found: Failure | undefined;
  const symptom = symptomOf(error);
  const wantsLast = symptom.message === "";
  const consider = (kind: FailureKind): void => {
    if (!isCopyOf(symptom, kind)) return;
    const candidate = wantsLast ? kind.last : kind.first;
    if (found === undefined || isBefore(candidate, found) !== wantsLast) found = candidate;
  };
  if (work.left > 0) {
    for (const kind of below.values()) {
      work.left -= 16 + symptom.message.length + kind.message.length;
      consider(kind);
    }
  } else {
    const equal = below.get(keyOf(error));
    if (equal !== undefined) consider(equal);
  }
  return found?.origin;
}

function isCopyOf(above: Symptom, below: Symptom): boolean {
  const equal = above.message === below.message;
  const quotes = contains(above.message, below.message) || contains(above.message, below.core);
  if (!(equal || above.message === "" || quotes || contains(below.message, above.message))) return false;
  return (
    isVague(above.typeSegment) ||
    isVague(below.typeSegment) ||
    above.typeSegment === below.typeSegment ||
    (equal && above.message !== "") ||
    quotes
  );
}

function contains(message: string, part: string): boolean {
  return part.length >= containedLengthMin && message.includes(part);
}

/** OpenAI Agents quotes the cause in a Python dict: `Error running tool: {'tool_name': 'x', 'error': 'the cause'}`. */
const quotedCause = /['"]error['"]: (?:'([^']*)'|"([^"]*)")/;

/** Agno ends a failed run with this, whatever has failed. */
const emptyMessages: ReadonlySet<string> = new Set(["run status: error"]);

function symptomOf(error: ErrorDraft): Symptom {
  const stated = error.message ?? "";
  const message = emptyMessages.has(stated.toLowerCase()) ? "" : stated;
  const quoted = quotedCause.exec(message);
  return { message, core: quoted?.[1] ?? quoted?.[2] ?? message, typeSegment: lastSegment(error.errorType) };
}

function isVague(typeSegment: string): boolean {
  return typeSegment === "" || typeSegment === "error" || typeSegment === "_OTHER";
}

function lastSegment(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

function keyOf(error: ErrorDraft): string {
  return `${error.errorType}\n${error.message ?? ""}`;
}

function addFailure(kinds: Kinds, error: ErrorDraft, failure: Failure): void {
  const key = keyOf(error);
  const known = kinds.get(key);
  if (known === undefined) {
    kinds.set(key, { ...symptomOf(error), first: failure, last: failure });
    return;
  }
  if (isBefore(failure, known.first)) known.first = failure;
  if (isBefore(known.last, failure)) known.last = failure;
}

/** The smaller map goes into the larger one, so that merging stays cheap however deep the tree is. */
function merged(a: Kinds, b: Kinds): Kinds {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const [key, kind] of small) {
    const known = large.get(key);
    if (known === undefined) {
      large.set(key, kind);
      continue;
    }
    if (isBefore(kind.first, known.first)) known.first = kind.first;
    if (isBefore(known.last, kind.last)) known.last = kind.last;
  }
  return large;
}

function isBefore(a: Failure, b: Failure): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.spanId !== b.spanId) return a.spanId < b.spanId;
  return a.origin < b.origin;
}
