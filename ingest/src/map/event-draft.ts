/** Builders of event drafts: each takes what was read and leaves out what is absent. */
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import type { EventDraft } from "./mapped-span.ts";
import type { GuardrailReading } from "./read-guardrail.ts";

/** When the span happened, as events say it. */
export interface SpanTimes {
  /** Nanoseconds since 1970, decimal. */
  readonly start: string;
  /** Absent while the span is open; never before the start. */
  readonly end: string | undefined;
  readonly durationMs: number | undefined;
  readonly endTimeUnixNano: bigint;
}

export function toSpanTimes(span: DecodedSpan): SpanTimes {
  const { startTimeUnixNano, endTimeUnixNano } = span;
  if (endTimeUnixNano === 0n)
    return { start: startTimeUnixNano.toString(), end: undefined, durationMs: undefined, endTimeUnixNano };
  const end = endTimeUnixNano < startTimeUnixNano ? startTimeUnixNano : endTimeUnixNano;
  return {
    start: startTimeUnixNano.toString(),
    end: end.toString(),
    durationMs: Number(end - startTimeUnixNano) / 1e6,
    endTimeUnixNano: end,
  };
}

export type DraftOf<T extends EventDraft["eventType"]> = Extract<EventDraft, { eventType: T }>;
type Loose<D> = { [K in keyof D]: D[K] | undefined };

/** A draft without the members that are undefined: absent means unknown everywhere. */
export function toDraft<T extends EventDraft["eventType"]>(draft: Loose<DraftOf<T>>): DraftOf<T> {
  const record = draft as Record<string, unknown>;
  // A copy: deleting members would leave a slow object behind.
  const present: Record<string, unknown> = {};
  for (const key in record) {
    const value = record[key];
    if (value !== undefined) present[key] = value;
  }
  return present as unknown as DraftOf<T>;
}

/** Where a `guardrail_eval` comes from: a span (then with its times), a span event, or attributes. */
export interface GuardrailPlace {
  readonly ruleId: string;
  readonly discriminator: string;
  readonly time: string;
  readonly times?: SpanTimes;
}

export function guardrailDraft(reading: GuardrailReading, place: GuardrailPlace): EventDraft {
  return toDraft<"guardrail_eval">({
    eventType: "guardrail_eval",
    discriminator: place.discriminator,
    phase: "end",
    ruleId: place.ruleId,
    name: reading.guardrailName,
    timeUnixNano: place.time,
    endTimeUnixNano: place.times?.end,
    durationMs: place.times?.durationMs,
    guardrailName: reading.guardrailName,
    evalKind: reading.evalKind,
    result: reading.result,
    action: reading.action,
    score: reading.score,
    label: reading.label,
    reason: reading.reason,
    target: reading.target,
  });
}
