/**
 * What is kept of a hot trace, so that a span that comes late costs little more than what it changes.
 *
 * Kept between folds: the tree, what each span inherits, which spans each rule looks at, event ids, the events of spans for which nothing has
 * changed, and the order of all events. The rules themselves are applied again at each fold, to the few spans they concern. The result is that
 * of folding the set of spans at once, whatever way they came. Source: event-mapping.md section 0, 1.3, 6.1.
 */
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import { applyRules } from "./apply-rules.ts";
import { isBetterCopy } from "./better-copy.ts";
import { updateEventOrder, updateSpanOrder } from "./event-order.ts";
import type { FoldedTrace, FoldedTurn } from "./folded-trace.ts";
import { inheritIdentity } from "./inherit.ts";
import { isolate } from "./isolate.ts";
import { placeEvents } from "./place-events.ts";
import type { TurnConclusion } from "./response.ts";
import { isSameValue } from "./same-value.ts";
import { createIndex, indexNode, sortIndex, type TraceIndex } from "./trace-index.ts";
import { clearNotes, createNode, isEarlier, type PlacedEvent, type TraceNode } from "./trace-node.ts";
import { compareSiblings, insertNode, linkTree, type Tree, walkTree } from "./tree.ts";
import { assignTurn, findRuns, markContainers, markContainersAbove } from "./turns.ts";

/** Stage B folds this many spans of a trace, the first by (start, span id), whatever came first (contracts/README.md ruling 9). */
export const traceSpansMax = 100_000;

/** Only the functions of this file look inside. */
export interface TraceState {
  readonly tenantId: string;
  readonly nodes: Map<string, TraceNode>;
  /** Nodes that no fold has seen yet. */
  readonly added: Set<TraceNode>;
  /** Events of nodes that gave way to a better copy. */
  readonly withdrawn: PlacedEvent[];
  /** A node that was folded is gone: the tree has to be linked anew. */
  isBroken: boolean;
  tree: Tree;
  index: TraceIndex;
  /** Nodes that rules have noted something on since they were last cleared. */
  readonly journal: TraceNode[];
  turnRoots: TraceNode[];
  spanOrder: TraceNode[];
  eventOrder: PlacedEvent[];
  /** Offsets count from here. */
  base: bigint;
  folded: FoldedTrace | undefined;
}

export function createTraceState(context: { readonly tenantId: string }): TraceState {
  return {
    tenantId: context.tenantId,
    nodes: new Map(),
    added: new Set(),
    withdrawn: [],
    isBroken: false,
    tree: { roots: [], waiting: new Map(), hasCycle: false },
    index: createIndex(),
    journal: [],
    turnRoots: [],
    spanOrder: [],
    eventOrder: [],
    base: 0n,
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
    if (known !== undefined && !state.added.delete(known)) {
      state.isBroken = true;
      state.withdrawn.push(...(known.made?.placed ?? []));
    }
    if (state.nodes.size === 0) state.base = span.startTimeUnixNano;
    const node = createNode(span, known?.eventIds ?? new Map(), state.journal);
    state.nodes.set(span.spanId, node);
    state.added.add(node);
    state.folded = undefined;
    kept.push(span.spanId);
  }
  return kept;
}

/** Whether the mapping sees no difference between this copy of a span and the one that is kept: only their bytes can say which is better. */
export function isTie(state: TraceState, span: MappedSpan): boolean {
  const known = state.nodes.get(span.spanId)?.span;
  return known !== undefined && isSameValue(known, span);
}

/** The trace as it is now. Its nodes are those of the state: the next fold changes them in place. */
export function foldState(state: TraceState): FoldedTrace {
  if (state.folded !== undefined) return state.folded;
  const noted = state.journal.splice(0);
  for (const node of noted) clearNotes(node);
  const change = updateTree(state);
  sortIndex(state.index);
  const conclusions = applyRules(state.index, state.turnRoots, state.tenantId);

  const fresh: PlacedEvent[] = [];
  const withdrawn = state.withdrawn.splice(0);
  for (const node of new Set([...change.changed, ...noted, ...state.journal])) {
    // A node that has given way to a better copy is still in the journal once.
    if (state.nodes.get(node.spanId) !== node) continue;
    const before = node.made?.placed ?? [];
    if (!placeEvents(node, state)) continue;
    for (const placed of before) withdrawn.push(placed);
    for (const placed of node.made?.placed ?? []) fresh.push(placed);
  }
  const { isReordered } = change;
  state.eventOrder = updateEventOrder(state.eventOrder, { withdrawn, fresh, isReordered });
  state.folded = {
    // Of a trace whose spans are all hidden none takes part.
    traceId: state.nodes.values().next().value?.traceId ?? "",
    spans: [...state.spanOrder],
    turns: turnsOf(conclusions, state.eventOrder),
    events: state.eventOrder.map((placed) => placed.event),
    overflow: change.overflow,
  };
  return state.folded;
}

interface TreeChange {
  /** Nodes whose events may have to be made again. */
  readonly changed: Iterable<TraceNode>;
  readonly isReordered: boolean;
  readonly overflow: boolean;
}

/** Takes what was added into the tree, and what spans inherit with it. */
function updateTree(state: TraceState): TreeChange {
  const added = [...state.added].filter(takesPart);
  for (const node of state.added) {
    // What waited for it hangs on its parent.
    if (!takesPart(node) && state.tree.waiting.has(node.spanId)) state.isBroken = true;
  }
  state.added.clear();
  const isMany = added.length * 4 > state.spanOrder.length;
  if (isMany || state.isBroken || state.tree.hasCycle || state.spanOrder.length + added.length > traceSpansMax) {
    return rebuild(state);
  }
  for (const node of added) {
    insertNode(node, state.tree, state.nodes);
    if (state.tree.hasCycle) return rebuild(state);
  }
  const { sessionFrom, userFrom } = state.index;
  for (const node of added) indexNode(state.index, node);
  const walked = walkTree(state.tree.roots);
  const topmost = added.map(markContainersAbove);
  const isWide = sessionFrom !== state.index.sessionFrom || userFrom !== state.index.userFrom;
  const affected = isWide ? walked : nodesBelow(topmost, walked);
  for (const node of affected) identify(state, node);
  const roots = new Set([...state.turnRoots, ...affected].filter((node) => node.turnRoot === node));
  state.turnRoots = [...roots].sort((a, b) => a.position - b.position);
  const runsChanged = assignRuns(state, affected, walked);
  // What was hung elsewhere may stand elsewhere, and so may what follows its parent's start.
  const isReordered = isWide || affected.length > added.length;
  state.spanOrder = updateSpanOrder(state.spanOrder, { fresh: added, isReordered });
  const changed = (runsChanged ? walked : affected).filter((node) => node.identityChanged);
  return { changed, isReordered, overflow: false };
}

/** A placeholder takes no part in the trace, not even as a node; it is kept to know its better copy, and that its children's parent was seen. */
function takesPart(node: TraceNode): boolean {
  return node.class !== "drop";
}

/** The nodes and all below them, once each and in walk order. */
function nodesBelow(tops: readonly TraceNode[], walked: readonly TraceNode[]): TraceNode[] {
  const nodes: TraceNode[] = [];
  let next = 0;
  for (const top of tops.toSorted((a, b) => a.position - b.position)) {
    for (let index = Math.max(top.position, next); index < walked.length; index++) {
      const node = walked[index] as TraceNode;
      if (node.enter > top.leave) break;
      nodes.push(node);
      next = index + 1;
    }
  }
  return nodes;
}

/** Everything anew but events and their ids. */
function rebuild(state: TraceState): TreeChange {
  state.isBroken = false;
  const all = [...state.nodes.values()].filter(takesPart).sort(compareSiblings);
  const { taken, left } = splitAtLimit(all);
  state.tree = linkTree(taken, state.nodes);
  const walked = walkTree(state.tree.roots);
  state.index = createIndex();
  for (const node of walked) indexNode(state.index, node);
  markContainers(walked);
  for (const node of walked) identify(state, node);
  state.turnRoots = walked.filter((node) => node.turnRoot === node);
  assignRuns(state, walked, walked);
  isolate(left, walked.length);
  const nodes = left.length === 0 ? walked : [...walked, ...left];
  for (const node of left) node.startOffset = Number(node.effectiveStartUnixNano - state.base);
  state.spanOrder = updateSpanOrder([], { fresh: nodes, isReordered: true });
  return { changed: nodes.filter((node) => node.identityChanged), isReordered: true, overflow: left.length > 0 };
}

function identify(state: TraceState, node: TraceNode): void {
  const { sessionFrom, userFrom } = state.index;
  inheritIdentity(node, { traceId: node.traceId, sessionFrom, userFrom });
  assignTurn(node);
  node.startOffset = Number(node.effectiveStartUnixNano - state.base);
}

/** @returns whether a turn has another run than before. */
function assignRuns(state: TraceState, nodes: readonly TraceNode[], walked: readonly TraceNode[]): boolean {
  const runs = findRuns(state.index.runs);
  const changed = state.turnRoots.some((root) => root.runId !== runs.get(root));
  for (const node of changed ? walked : nodes) {
    const runId = node.turnRoot === undefined ? undefined : runs.get(node.turnRoot);
    if (runId !== node.runId) node.identityChanged = true;
    node.runId = runId;
  }
  return changed;
}

/** @returns the spans that Stage B folds, and those beyond the limit, both in the order given. */
function splitAtLimit(sorted: readonly TraceNode[]): { taken: readonly TraceNode[]; left: readonly TraceNode[] } {
  if (sorted.length <= traceSpansMax) {
    for (const node of sorted) node.isBeyondLimit = false;
    return { taken: sorted, left: [] };
  }
  const last = sorted.toSorted((a, b) => (isEarlier(a, b) ? -1 : 1))[traceSpansMax - 1] as TraceNode;
  for (const node of sorted) node.isBeyondLimit = node !== last && !isEarlier(node, last);
  return {
    taken: sorted.filter((node) => !node.isBeyondLimit),
    left: sorted.filter((node) => node.isBeyondLimit),
  };
}

function turnsOf(conclusions: readonly TurnConclusion[], eventOrder: readonly PlacedEvent[]): FoldedTurn[] {
  const eventsOf = new Map<TraceNode | undefined, AgentEvent[]>();
  let root: TraceNode | undefined;
  let events: AgentEvent[] | undefined;
  for (const { node, event } of eventOrder) {
    if (events === undefined || node.turnRoot !== root) {
      root = node.turnRoot;
      events = eventsOf.get(root) ?? [];
      eventsOf.set(root, events);
    }
    events.push(event);
  }
  const turns: FoldedTurn[] = conclusions.map((conclusion) => ({
    turnId: conclusion.root.turnId,
    runId: conclusion.root.runId,
    root: conclusion.root,
    events: eventsOf.get(conclusion.root) ?? [],
    paused: conclusion.paused,
  }));
  const outside = eventsOf.get(undefined);
  const [first] = outside ?? [];
  if (outside === undefined || first === undefined) return turns;
  return [...turns, { turnId: first.traceId, runId: undefined, root: undefined, events: outside, paused: false }];
}
