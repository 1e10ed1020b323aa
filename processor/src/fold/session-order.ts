/**
 * One order over the traces of a session: the roots of all their trees are walked as siblings, and everything is sorted together. The order
 * within each trace stays what it is. Source: session-traces.md 1.11, event-mapping.md 1.4.
 */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { FoldedSpan, FoldedTrace } from "./folded-trace.ts";

/** All events of the traces in their common order; whoever wants one session filters them. */
export function orderSessionEvents(traces: readonly FoldedTrace[]): AgentEvent[] {
  const ranks = rankTrees(traces);
  const placed = traces.flatMap((trace) => {
    const spans = new Map(trace.spans.map((span) => [span.spanId, span]));
    return trace.events.map((event, index) => {
      const span = spans.get(event.spanId);
      const time = BigInt(event.timeUnixNano);
      const start = span?.effectiveStartUnixNano ?? time;
      return { event, time: time > start ? time : start, rank: rankOf(span, ranks), index };
    });
  });
  return placed.sort(comparePlaces).map(({ event }) => event);
}

/** All spans of the traces, ascending (effective start, position in the common walk). */
export function orderSessionSpans(traces: readonly FoldedTrace[]): FoldedSpan[] {
  const ranks = rankTrees(traces);
  return traces
    .flatMap((trace) => trace.spans)
    .map((span) => ({ span, time: span.effectiveStartUnixNano, rank: rankOf(span, ranks), index: span.position }))
    .sort(comparePlaces)
    .map(({ span }) => span);
}

interface Place {
  readonly time: bigint;
  /** Of the tree in the common walk. */
  readonly rank: number;
  /** Within the tree. */
  readonly index: number;
}

function comparePlaces(a: Place, b: Place): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.rank - b.rank || a.index - b.index;
}

function rankOf(span: FoldedSpan | undefined, ranks: ReadonlyMap<FoldedSpan, number>): number {
  return span === undefined ? 0 : (ranks.get(span) ?? 0);
}

/** The rank of each span's tree by (start, end, span id, trace id) of its root. */
function rankTrees(traces: readonly FoldedTrace[]): Map<FoldedSpan, number> {
  const roots = traces.flatMap((trace) => trace.spans.filter((span) => span.parent === undefined)).sort(compareRoots);
  const ranks = new Map(roots.map((root, rank) => [root, rank]));
  for (const trace of traces) {
    // A span starts, effectively, no earlier than its parent: parents come first.
    for (const span of trace.spans) if (span.parent !== undefined) ranks.set(span, ranks.get(span.parent) ?? 0);
  }
  return ranks;
}

function compareRoots(a: FoldedSpan, b: FoldedSpan): number {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1;
  if (a.endTimeUnixNano !== b.endTimeUnixNano) return a.endTimeUnixNano < b.endTimeUnixNano ? -1 : 1;
  if (a.spanId !== b.spanId) return a.spanId < b.spanId ? -1 : 1;
  return a.traceId < b.traceId ? -1 : a.traceId > b.traceId ? 1 : 0;
}
