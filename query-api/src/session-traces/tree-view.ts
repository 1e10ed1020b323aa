/**
 * The tree view of a session: per turn, events nested under events (`omit`), or under their spans.
 *
 *     span without a primary event   a span node; holds its own events and the nodes of its child spans
 *     primary event                  its node holds the other events of its span and the nodes of the span's child spans
 *
 * Spans come in span order, parents first, so one pass builds everything. Below `depthMax` levels the rest hangs on the deepest node: no
 * event is lost, and no reader has to recurse without end. Source: session-traces.md 5.2.
 */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import { primaryEvent } from "@nonet/processor/fold/primary-event.ts";
import type { AgentEvent, SpanClass } from "@nonet/proto/event.ts";
import { type EventShape, toTraceEvent } from "./event-shape.ts";
import { unionLength } from "./interval.ts";
import { toMs } from "./numbers.ts";
import type { SessionTurn, SessionView } from "./session-view.ts";
import type { TraceEvent } from "./trace-event.ts";

export const treeStructures = ["omit", "ancestors", "all"] as const;
export type TreeStructure = (typeof treeStructures)[number];

export interface EventNode {
  kind: "event";
  matched: boolean;
  event: TraceEvent;
  children: Node[];
}

export interface SpanNode {
  kind: "span";
  spanId: string;
  traceId: string;
  name: string;
  class: SpanClass;
  agentName: string | null;
  startTimeUnixNano: string;
  endTimeUnixNano: string | null;
  durationMs: number | null;
  selfMs: number | null;
  status: "ok" | "error" | "unset";
  children: Node[];
}

export type Node = EventNode | SpanNode;

export interface TreeRequest {
  readonly structure: TreeStructure;
  readonly matches: (event: AgentEvent) => boolean;
  /** Without a filter everything is kept, spans without events too where `structure` is `all`. */
  readonly unfiltered: boolean;
  readonly shape: EventShape;
}

export type TreeTurn = Pick<SessionTurn, "turnId" | "events">;

const depthMax = 400;

/** What a node will be; shaped only once it is known to be kept. */
interface Branch {
  readonly event: AgentEvent | undefined;
  readonly span: FoldedSpan;
  readonly depth: number;
  /** Where its children go: itself, or on the deepest level its parent. */
  readonly container: Branch | undefined;
  readonly children: Branch[];
  kept: boolean;
}

export function treeOfTurn(view: SessionView, turn: TreeTurn, request: TreeRequest): Node[] {
  const roots = request.structure === "omit" ? branchesByEvent(view, turn) : branchesBySpan(view, turn);
  markKept(roots, request);
  return toNodes(view, roots, request);
}

function branchesByEvent(view: SessionView, turn: TreeTurn): Branch[] {
  const byId = new Map<string, Branch>();
  const roots: Branch[] = [];
  // A parent may come after its child in event order (clock skew), never in span order.
  const ofTurn = Map.groupBy(turn.events, (event) => event.spanId);
  for (const span of view.spansByTurn.get(turn.turnId) ?? []) {
    const primary = primaryEvent(span);
    const own = ofTurn.get(span.spanId) ?? [];
    for (const event of own.toSorted(
      (a, b) => Number(b.eventId === primary?.eventId) - Number(a.eventId === primary?.eventId),
    )) {
      const parent = byId.get(view.parentIdOf(event) ?? "");
      byId.set(event.eventId, addBranch(parent, roots, { event, span }));
    }
  }
  return roots;
}

function branchesBySpan(view: SessionView, turn: TreeTurn): Branch[] {
  const bySpan = new Map<string, Branch>();
  const roots: Branch[] = [];
  const ofTurn = Map.groupBy(turn.events, (event) => event.spanId);
  for (const span of view.spansByTurn.get(turn.turnId) ?? []) {
    const parent = span.parent === undefined ? undefined : bySpan.get(span.parent.spanId);
    const primary = primaryEvent(span);
    const branch = addBranch(parent, roots, { event: primary, span });
    bySpan.set(span.spanId, branch);
    for (const event of ofTurn.get(span.spanId) ?? []) {
      if (event.eventId !== primary?.eventId) addBranch(branch, roots, { event, span });
    }
  }
  return roots;
}

function addBranch(
  parent: Branch | undefined,
  roots: Branch[],
  item: { readonly event: AgentEvent | undefined; readonly span: FoldedSpan },
): Branch {
  const host = parent === undefined || parent.depth < depthMax ? parent : parent.container;
  const depth = host === undefined ? 0 : host.depth + 1;
  const branch: Branch = { ...item, depth, container: host, children: [], kept: false };
  (host?.children ?? roots).push(branch);
  return branch;
}

function markKept(roots: readonly Branch[], request: TreeRequest): void {
  // Children stand after their parents in this list, so going backwards settles them first.
  const all = [...roots];
  // Not spread: a span may have more children than a call takes arguments.
  for (let index = 0; index < all.length; index += 1) for (const child of all[index]?.children ?? []) all.push(child);
  for (const branch of all.reverse()) {
    const own =
      branch.event === undefined ? request.unfiltered && request.structure === "all" : request.matches(branch.event);
    branch.kept = own || branch.children.some((child) => child.kept);
  }
}

function toNodes(view: SessionView, branches: readonly Branch[], request: TreeRequest): Node[] {
  return branches
    .filter((branch) => branch.kept)
    .map((branch) => ({ branch, key: sortKey(view, branch) }))
    .sort((a, b) => compareKeys(a.key, b.key))
    .map(({ branch }) => toNode(view, branch, request));
}

function toNode(view: SessionView, branch: Branch, request: TreeRequest): Node {
  const children = toNodes(view, branch.children, request);
  if (branch.event === undefined) return { kind: "span", ...spanMembers(branch.span), children };
  return {
    kind: "event",
    matched: request.matches(branch.event),
    event: toTraceEvent(view, branch.event, request.shape),
    children,
  };
}

interface SortKey {
  readonly time: bigint;
  /** Of the event itself, or just before the first event below the span. */
  readonly position: number;
}

function sortKey(view: SessionView, branch: Branch): SortKey {
  const { event, span } = branch;
  if (event === undefined) {
    return { time: span.effectiveStartUnixNano, position: firstPosition(view, branch) - 0.5 };
  }
  const time = BigInt(event.timeUnixNano);
  return {
    time: time > span.effectiveStartUnixNano ? time : span.effectiveStartUnixNano,
    position: view.positionOf.get(event.eventId) ?? 0,
  };
}

function firstPosition(view: SessionView, branch: Branch): number {
  let first = Number.POSITIVE_INFINITY;
  const open = [...branch.children];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.event !== undefined) first = Math.min(first, view.positionOf.get(next.event.eventId) ?? first);
    for (const child of next.children) open.push(child);
  }
  return first;
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.position === b.position ? 0 : a.position - b.position;
}

export function spanMembers(span: FoldedSpan): Omit<SpanNode, "kind" | "children"> {
  const start = span.startTimeUnixNano;
  const isOpen = span.endTimeUnixNano === 0n;
  const end = span.endTimeUnixNano > start ? span.endTimeUnixNano : start;
  return {
    spanId: span.spanId,
    traceId: span.traceId,
    name: span.name,
    class: span.class,
    agentName: span.agentName ?? null,
    startTimeUnixNano: start.toString(),
    endTimeUnixNano: isOpen ? null : span.endTimeUnixNano.toString(),
    durationMs: isOpen ? null : toMs(end - start),
    selfMs: isOpen ? null : toMs(end - start - childTime(span, start, end)),
    status: span.failed ? "error" : isOpen ? "unset" : "ok",
  };
}

/** Time in which some child was at work; an open child has no length yet. */
function childTime(span: FoldedSpan, start: bigint, end: bigint): bigint {
  const intervals = span.children.map((child) => ({ start: child.startTimeUnixNano, end: child.endTimeUnixNano }));
  return unionLength(intervals, { start, end });
}
