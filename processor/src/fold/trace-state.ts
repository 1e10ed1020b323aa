/**
 * What is kept of a hot trace, so that a span that comes late costs what it changes.
 *
 * The rules are applied to all nodes at each fold, since any span may change any other; that is some passes over an array. Kept between folds
 * is what is expensive: the sorted spans, event ids, the events of spans for which nothing has changed, and the order of all events. The result
 * is that of folding the set of spans at once, whatever way they came. Source: event-mapping.md section 0, 1.3, 6.1.
 */
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import { applyRules } from "./apply-rules.ts";
import { isBetterCopy } from "./better-copy.ts";
import type { FoldedTrace, FoldedTurn } from "./folded-trace.ts";
import { isEarlier } from "./inherit.ts";
import { isolate } from "./isolate.ts";
import { comparePlaced, type PlaceContext, placeEvents } from "./place-events.ts";
import type { TurnConclusion } from "./response.ts";
import { createNode, type PlacedEvent, type TraceNode } from "./trace-node.ts";
import { compareSiblings, linkTree } from "./tree.ts";

/** Stage B folds this many spans of a trace, the first by (start, span id), whatever came first (contracts/README.md ruling 9). */
export const traceSpansMax = 100_000;

export interface TraceState {
  readonly tenantId: string;
  /** Opaque: only the functions of this file look inside. */
  readonly nodes: Map<string, TraceNode>;
  /** Nodes that take part, by `compareSiblings`. */
  sorted: TraceNode[];
  /** Nodes to be taken into `sorted` and out of it. */
  readonly added: TraceNode[];
  readonly removed: Set<TraceNode>;
  spanOrder: TraceNode[];
  eventOrder: PlacedEvent[];
  base: bigint | undefined;
  folded: FoldedTrace | undefined;
}

export function createTraceState(context: { readonly tenantId: string }): TraceState {
  return {
    tenantId: context.tenantId,
    nodes: new Map(),
    sorted: [],
    added: [],
    removed: new Set(),
    spanOrder: [],
    eventOrder: [],
    base: undefined,
    folded: undefined,
  };
}

/**
 * Adds spans to the trace. Order does not matter and repeats are no-ops: of two copies of a span the better one stays (event mapping 1.3).
 *
 * @param spans of one trace.
 * @returns ids of the spans that were kept, new or in place of a poorer copy.
 */
export function addSpans(state: TraceState, spans: readonly MappedSpan[]): string[] {
  const kept: string[] = [];
  for (const span of spans) {
    const known = state.nodes.get(span.spanId);
    if (known !== undefined && !isBetterCopy(span, known.span)) continue;
    if (known !== undefined) remove(state, known);
    const node = createNode(span, known?.eventIds ?? new Map());
    state.nodes.set(span.spanId, node);
    // A placeholder takes no part in the trace, not even as a node; it is kept to know its better copy.
    if (span.class !== "drop") state.added.push(node);
    state.base ??= span.startTimeUnixNano;
    state.folded = undefined;
    kept.push(span.spanId);
  }
  return kept;
}

function remove(state: TraceState, node: TraceNode): void {
  const waiting = state.added.indexOf(node);
  if (waiting === -1) state.removed.add(node);
  else state.added.splice(waiting, 1);
  for (const placed of node.made?.placed ?? []) placed.withdrawn = true;
}

/** The trace as it is now. Its nodes are those of the state: the next fold changes them in place. */
export function foldState(state: TraceState): FoldedTrace {
  if (state.folded !== undefined) return state.folded;
  updateSorted(state);
  const { taken, left } = splitAtLimit(state.sorted);
  const traceId = state.sorted[0]?.traceId ?? "";
  const walked = linkTree(taken, state.nodes);
  const conclusions = applyRules(walked, traceId, state.tenantId);
  isolate(left, walked.length, traceId);
  const context: PlaceContext = { tenantId: state.tenantId, base: state.base ?? 0n };
  const fresh: PlacedEvent[] = [];
  for (const nodes of [walked, left]) {
    for (const node of nodes) if (placeEvents(node, context)) for (const placed of node.made?.placed ?? []) fresh.push(placed);
  }
  state.eventOrder = updateOrder(state.eventOrder, fresh);
  state.folded = {
    traceId,
    spans: spansInOrder(left.length === 0 ? walked : [...walked, ...left]),
    turns: turnsOf(traceId, conclusions, state.eventOrder),
    events: state.eventOrder.map((placed) => placed.event),
    overflow: left.length > 0,
  };
  return state.folded;
}

function updateSorted(state: TraceState): void {
  if (state.removed.size > 0) {
    state.sorted = state.sorted.filter((node) => !state.removed.has(node));
    state.removed.clear();
  }
  if (state.added.length === 0) return;
  // The sort finds the part that is in order already.
  state.sorted = [...state.sorted, ...state.added.sort(compareSiblings)].sort(compareSiblings);
  state.added.length = 0;
}

/** @returns the spans that Stage B folds, still sorted, and those beyond the limit. */
function splitAtLimit(sorted: readonly TraceNode[]): { taken: readonly TraceNode[]; left: readonly TraceNode[] } {
  if (sorted.length <= traceSpansMax) return { taken: sorted, left: [] };
  const last = sorted.toSorted((a, b) => (isEarlier(a, b) ? -1 : 1))[traceSpansMax - 1] as TraceNode;
  const isTaken = (node: TraceNode): boolean => node === last || isEarlier(node, last);
  for (const node of sorted) node.isBeyondLimit = !isTaken(node);
  return { taken: sorted.filter(isTaken), left: sorted.filter((node) => node.isBeyondLimit) };
}

/** Drops what was withdrawn and puts what is new in its place. */
function updateOrder(before: readonly PlacedEvent[], fresh: PlacedEvent[]): PlacedEvent[] {
  const standing = before.filter((placed) => !placed.withdrawn);
  // Both parts are in order or nearly so, which the sort makes use of.
  return [...standing, ...fresh.sort(comparePlaced)].sort(comparePlaced);
}

/** Session-traces.md 1.11: ascending (effective start, position in the walk). */
function spansInOrder(walked: readonly TraceNode[]): TraceNode[] {
  return walked.toSorted((a, b) => {
    if (a.effectiveStartUnixNano !== b.effectiveStartUnixNano) {
      return a.effectiveStartUnixNano < b.effectiveStartUnixNano ? -1 : 1;
    }
    return a.position - b.position;
  });
}

function turnsOf(
  traceId: string,
  conclusions: readonly TurnConclusion[],
  eventOrder: readonly PlacedEvent[],
): FoldedTurn[] {
  const eventsOf = new Map<string, AgentEvent[]>();
  for (const { root } of conclusions) eventsOf.set(root.turnId, []);
  const outside: AgentEvent[] = [];
  for (const { event } of eventOrder) (eventsOf.get(event.turnId) ?? outside).push(event);
  const turns: FoldedTurn[] = conclusions.map(({ root, paused }) => ({
    turnId: root.turnId,
    runId: root.runId,
    root,
    events: eventsOf.get(root.turnId) ?? [],
    paused,
  }));
  if (outside.length > 0) turns.push({ turnId: traceId, runId: undefined, root: undefined, events: outside, paused: false });
  return turns;
}
