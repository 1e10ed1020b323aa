/** Events and spans below one span. Source: session-traces.md section 6. */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import type { AgentEvent, SpanClass } from "@nonet/proto/event.ts";
import type { SessionView } from "./session-view.ts";
import { spanMembers } from "./tree-view.ts";

export interface ChildSpan {
  spanId: string;
  name: string;
  class: SpanClass;
  eventCount: number;
  childCount: number;
}

export interface SpanHead {
  spanId: string;
  traceId: string;
  parentSpanId: string | null;
  name: string | null;
  class: SpanClass | null;
  durationMs: number | null;
  received: boolean;
}

export interface Children {
  readonly span: SpanHead;
  readonly self: readonly AgentEvent[];
  readonly childSpans: readonly ChildSpan[];
  /** Candidates for `data`, in event order. */
  readonly below: readonly AgentEvent[];
}

/** Traces of the session in which the span is known: received, or named as a parent. */
export function tracesKnowing(view: SessionView, spanId: string): string[] {
  const traceIds = new Set<string>();
  for (const span of view.spans) {
    if (span.spanId === spanId || span.parentSpanId === spanId) traceIds.add(span.traceId);
  }
  return [...traceIds].sort();
}

/** @param depth  levels of spans below; Infinity for all. */
export function childrenOf(view: SessionView, traceId: string, spanId: string, depth: number): Children {
  const trace = view.traces.find((stored) => stored.trace.traceId === traceId)?.trace;
  const byParent = Map.groupBy(trace?.spans ?? [], (span) => span.parentSpanId);
  const own = view.spans.find((span) => span.spanId === spanId && span.traceId === traceId);
  const isHere = (span: FoldedSpan): boolean => span.sessionId === view.sessionId;
  const direct = view.spans.filter((span) => span.traceId === traceId && span.parentSpanId === spanId);
  const below = spansBelow(byParent, spanId, depth);
  return {
    span: headOf(own, traceId, spanId),
    self: view.events.filter((event) => event.traceId === traceId && event.spanId === spanId),
    childSpans: direct.map((span) => ({
      spanId: span.spanId,
      name: span.name,
      class: span.class,
      eventCount: span.events.length,
      childCount: (byParent.get(span.spanId) ?? []).filter(isHere).length,
    })),
    below: view.events.filter((event) => event.traceId === traceId && below.has(event.spanId)),
  };
}

/** By the parent ids as sent, so that children of a span that never came are found; each span once, whatever circles they form. */
function spansBelow(
  byParent: ReadonlyMap<string | undefined, readonly FoldedSpan[]>,
  spanId: string,
  depth: number,
): Set<string> {
  const found = new Set<string>();
  let level = [spanId];
  for (let reached = 0; reached < depth && level.length > 0; reached += 1) {
    const next: string[] = [];
    for (const parent of level) {
      for (const child of byParent.get(parent) ?? []) {
        if (child.spanId === spanId || found.has(child.spanId)) continue;
        found.add(child.spanId);
        next.push(child.spanId);
      }
    }
    level = next;
  }
  return found;
}

function headOf(span: FoldedSpan | undefined, traceId: string, spanId: string): SpanHead {
  if (span === undefined) {
    return { spanId, traceId, parentSpanId: null, name: null, class: null, durationMs: null, received: false };
  }
  const { name, durationMs } = spanMembers(span);
  return {
    spanId,
    traceId,
    parentSpanId: span.parentSpanId ?? null,
    name,
    class: span.class,
    durationMs,
    received: true,
  };
}
