/**
 * One failure that passes through several spans is an error on each; all but the deepest are marked as copies. Source: event-mapping.md 3.3,
 * "Propagation".
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import type { DraftOf, TraceNode } from "./trace-node.ts";

type ErrorDraft = DraftOf<"error">;

/** Comparing every error with every different one below it is quadratic. Past this many characters of work only equal errors are found. */
const comparedCharactersMax = 200_000_000;
/** A message that is contained in another says something from this length on. */
const containedLengthMin = 4;

interface Failure {
  readonly time: bigint;
  readonly spanId: string;
  /** Span of the first failure of the chain. */
  readonly origin: string;
}

/** Errors of equal type and message below a span: all that matters of them is the first and the last. */
interface FailureKind {
  readonly error: ErrorDraft;
  readonly message: string;
  readonly typeSegment: string;
  first: Failure;
  last: Failure;
}

type Kinds = Map<string, FailureKind>;

/** @param walked  in walk order. Replaces error drafts that are copies. */
export function markPropagated(walked: readonly TraceNode[]): void {
  const below = new Map<TraceNode, Kinds>();
  const work = { left: comparedCharactersMax };
  // Children before their parents.
  for (let index = walked.length - 1; index >= 0; index--) {
    const node = walked[index] as TraceNode;
    let kinds = below.get(node);
    if (node.drafts.some((draft) => draft.eventType === "error")) {
      const known = kinds ?? new Map<string, FailureKind>();
      kinds = known;
      const own: { readonly error: ErrorDraft; readonly origin: string }[] = [];
      let changed = false;
      const drafts = node.drafts.map((draft): EventDraft => {
        if (draft.eventType !== "error") return draft;
        const origin = originOf(draft, known, work);
        own.push({ error: draft, origin: origin ?? node.spanId });
        if (origin === undefined) return draft;
        changed = true;
        return { ...draft, propagated: true, originSpanId: origin };
      });
      if (changed) node.drafts = drafts;
      for (const { error, origin } of own) {
        addFailure(known, error, { time: BigInt(error.timeUnixNano), spanId: node.spanId, origin });
      }
    }
    if (kinds === undefined) continue;
    below.delete(node);
    if (node.parent !== undefined) mergeInto(below, node.parent, kinds);
  }
}

/** The origin of the earliest matching failure below, of the latest when this error has no message. */
function originOf(error: ErrorDraft, below: Kinds, work: { left: number }): string | undefined {
  let found: Failure | undefined;
  const message = error.message ?? "";
  const typeSegment = lastSegment(error.errorType);
  const wantsLast = message === "";
  const consider = (kind: FailureKind): void => {
    if (!isCopyOf(message, typeSegment, kind)) return;
    const candidate = wantsLast ? kind.last : kind.first;
    if (found === undefined || isBefore(candidate, found) !== wantsLast) found = candidate;
  };
  if (work.left > 0) {
    for (const kind of below.values()) {
      work.left -= 16 + message.length + kind.message.length;
      consider(kind);
    }
  } else {
    const equal = below.get(keyOf(error));
    if (equal !== undefined) consider(equal);
  }
  return found?.origin;
}

function isCopyOf(message: string, typeSegment: string, kind: FailureKind): boolean {
  const equal = message === kind.message;
  const quotes = kind.message.length >= containedLengthMin && message.includes(kind.message);
  const isQuoted = message.length >= containedLengthMin && kind.message.includes(message);
  if (!(equal || message === "" || quotes || isQuoted)) return false;
  return (
    isVague(typeSegment) ||
    isVague(kind.typeSegment) ||
    typeSegment === kind.typeSegment ||
    (equal && message !== "") ||
    quotes
  );
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
    const message = error.message ?? "";
    kinds.set(key, { error, message, typeSegment: lastSegment(error.errorType), first: failure, last: failure });
    return;
  }
  if (isBefore(failure, known.first)) known.first = failure;
  if (isBefore(known.last, failure)) known.last = failure;
}

/** The smaller map goes into the larger one, so that merging stays cheap however deep the tree is. */
function mergeInto(below: Map<TraceNode, Kinds>, parent: TraceNode, kinds: Kinds): void {
  const others = below.get(parent);
  if (others === undefined) {
    below.set(parent, kinds);
    return;
  }
  const [small, large] = kinds.size < others.size ? [kinds, others] : [others, kinds];
  for (const [key, kind] of small) {
    const known = large.get(key);
    if (known === undefined) {
      large.set(key, kind);
      continue;
    }
    if (isBefore(kind.first, known.first)) known.first = kind.first;
    if (isBefore(known.last, kind.last)) known.last = kind.last;
  }
  below.set(parent, large);
}

function isBefore(a: Failure, b: Failure): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.spanId !== b.spanId) return a.spanId < b.spanId;
  return a.origin < b.origin;
}
