/** Why a span became the events it became: the notes of both stages of the mapping, put side by side. Names of attributes only, never values. */
import { explainSpan } from "@nonet/ingest/map/explain-span.ts";
import { toIgnored } from "@nonet/ingest/map/ignored-scope.ts";
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import type { EventType, SpanClass } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import type { SessionView } from "./session-view.ts";

export interface SpanReasons {
  traceId: string;
  spanId: string;
  name: string;
  class: SpanClass;
  /** The rule that classified the span. */
  ruleId: string;
  /** A rule threw: the span was made a plain node, and this one is to blame. */
  defectRuleId: string | null;
  /** By field of the span's events the attributes that gave it, `event name: attribute` for those of span events; by name of the field. */
  fields: { field: string; attributes: readonly string[] }[];
  /** What the rest of the trace changed, in the order in which it did. */
  stageB: readonly string[];
  events: { id: string; eventType: EventType; name: string; ruleId: string; duplicateOf: string | null }[];
  /** Attributes that nothing was read from. */
  unreadAttributes: readonly string[];
}

/** A span as it was stored; `folded` is absent for one that the mapping drops. */
export interface ExplainableSpan {
  readonly decoded: DecodedSpan;
  readonly folded: FoldedSpan | undefined;
  /** Its instrumentation scope was ignored by the project when it was received: it is dropped, whatever the mapping says. */
  readonly isIgnored: boolean;
}

/** Received spans of the session with that id, one per trace at most, by trace id. Dropped spans of its traces count: why they gave nothing is asked too. */
export function spansToExplain(view: SessionView, spanId: string): ExplainableSpan[] {
  const found: ExplainableSpan[] = [];
  for (const { trace, spans, ignoredSpanIds } of view.traces) {
    const decoded = spans.get(spanId);
    if (decoded === undefined) continue;
    const folded = view.spanById(trace.traceId, spanId);
    if (folded === undefined || folded.sessionId === view.sessionId) {
      found.push({ decoded, folded, isIgnored: ignoredSpanIds?.has(spanId) === true });
    }
  }
  return found.sort((a, b) => (a.decoded.traceId < b.decoded.traceId ? -1 : 1));
}

export function reasonsOf({ decoded, folded, isIgnored }: ExplainableSpan): SpanReasons {
  const explained = explainSpan(decoded);
  const { fields, unreadAttributes, mapped } = explained;
  const { ruleId, class: spanClass } = isIgnored ? toIgnored(mapped) : explained;
  return {
    traceId: decoded.traceId,
    spanId: decoded.spanId,
    name: decoded.name,
    class: folded?.class ?? spanClass,
    ruleId: folded?.ruleId ?? ruleId,
    defectRuleId: mapped.defect ?? null,
    fields: Object.keys(fields)
      .sort()
      .map((field) => ({ field, attributes: fields[field] ?? [] })),
    stageB: folded?.stageB ?? [],
    events: (folded?.events ?? []).map((event) => ({
      id: event.eventId,
      eventType: event.eventType,
      name: event.name,
      ruleId: event.ruleId,
      duplicateOf: event.duplicateOf ?? null,
    })),
    unreadAttributes,
  };
}
