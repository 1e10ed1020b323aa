/** Failures of one kind together. Source: session-traces.md 8.3. */
import type { ErrorEvent } from "@nonet/proto/event.ts";
import { classifyError, errorFingerprint, normalizeMessage } from "../error-fingerprint.ts";
import { toTimestamp } from "../numbers.ts";
import type { SessionView } from "../session-view.ts";
import { errorScopeOf } from "../span-key.ts";
import type { ErrorClass } from "../trace-event.ts";
import { type Finding, findingOf, type RankedFinding } from "./finding.ts";
import type { Thresholds } from "./thresholds.ts";

export interface ErrorPattern extends Finding {
  fingerprint: string;
  errorType: string;
  errorClass: ErrorClass;
  scope: string;
  normalizedMessage: string;
  sampleMessage: string | null;
  count: number;
  turns: number;
  recovered: number;
  terminal: number;
  firstSeen: string;
  lastSeen: string;
  seenInOtherSessions: number;
  isNew: boolean;
}

export interface ErrorContext {
  /** How many other sessions had an error with this preview fingerprint in the days before. */
  seenElsewhere(previewFingerprint: string): number;
  readonly mayReadContent: boolean;
  readonly thresholds: Thresholds;
}

/** The store keeps 200 characters of a message: two errors are the same elsewhere when these are. */
export const previewCodePoints = 200;

export function previewFingerprintOf(errorType: string, scope: string, message: string): string {
  const preview = [...message.slice(0, previewCodePoints * 2)].slice(0, previewCodePoints).join("");
  return errorFingerprint(errorType, scope, normalizeMessage(preview));
}

/** Errors that are no copy of another, handled ones too. */
export function groupedErrors(view: SessionView): ErrorEvent[] {
  return view.events.filter((event) => event.eventType === "error" && !event.propagated) as ErrorEvent[];
}

export function findErrorPatterns(view: SessionView, context: ErrorContext): RankedFinding<ErrorPattern>[] {
  const groups = Map.groupBy(groupedErrors(view), (error) =>
    errorFingerprint(error.errorType, errorScopeOf(view.spanOf(error)), normalizeMessage(error.message)),
  );
  return [...groups].map(([fingerprint, errors]) => {
    const finding = toPattern(view, fingerprint, errors, context);
    return { finding, impact: [finding.count] };
  });
}

function toPattern(
  view: SessionView,
  fingerprint: string,
  errors: readonly ErrorEvent[],
  context: ErrorContext,
): ErrorPattern {
  const [first] = errors;
  const last = errors.at(-1);
  if (first === undefined || last === undefined) throw new Error("a group has a member");
  const scope = errorScopeOf(view.spanOf(first));
  const normalizedMessage = normalizeMessage(first.message);
  const recovered = errors.filter((error) => isRecovered(view, error, scope));
  const terminal = errors.filter((error) => isTerminal(view, error) && !recovered.includes(error)).length;
  const seenInOtherSessions = context.seenElsewhere(previewFingerprintOf(first.errorType, scope, first.message ?? ""));
  const times = errors.length === 1 ? "once" : `${errors.length} times`;
  const outcome = terminal > 0 ? ", and it ended a turn" : recovered.length === errors.length ? ", recovered" : "";
  const isHigh = terminal > 0 || errors.length >= context.thresholds["errors.highCount"];
  return {
    ...findingOf(
      view,
      "errorPatterns",
      {
        kind: "error_group",
        severity: isHigh ? "high" : errors.every((error) => error.handled) ? "low" : "medium",
        title: `${first.errorType} in ${scope.slice(scope.indexOf(":") + 1)}, ${times}${outcome}`,
        detail: normalizedMessage,
      },
      errors,
    ),
    fingerprint,
    errorType: first.errorType,
    errorClass: classifyError(first.errorType, first.message, view.httpStatusOf(view.spanOf(first))),
    scope,
    normalizedMessage,
    sampleMessage: context.mayReadContent ? (first.message ?? null) : null,
    count: errors.length,
    turns: new Set(errors.map((error) => error.turnId)).size,
    recovered: recovered.length,
    terminal,
    firstSeen: toTimestamp(first.timeUnixNano),
    lastSeen: toTimestamp(last.timeUnixNano),
    seenInOtherSessions,
    isNew: seenInOtherSessions === 0,
  };
}

/** Something of the same kind ended later in the turn, without error. */
function isRecovered(view: SessionView, error: ErrorEvent, scope: string): boolean {
  const failed = view.spanOf(error);
  return (view.spansByTurn.get(error.turnId) ?? []).some(
    (span) =>
      !span.failed && span.endTimeUnixNano > failed.endTimeUnixNano && span !== failed && errorScopeOf(span) === scope,
  );
}

function isTerminal(view: SessionView, error: ErrorEvent): boolean {
  return view.turnById.get(error.turnId)?.status === "error";
}
