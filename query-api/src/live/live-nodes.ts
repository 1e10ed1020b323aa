/**
 * The tree of one trace as a live stream sends it: the nodes of `view=tree&structure=all` (session-traces.md 5.2), flat, so that one of them
 * can change alone. A node says what it hangs under and at which place; it is known by
 *
 *     <trace id>:<span id>     what stands for a span: its primary event, else the span, and before it has come, a placeholder
 *     <event id>               any other event
 *
 * so a placeholder becomes the span it stood for, and its children stay where they are.
 */
import { hash } from "node:crypto";
import { primaryEvent } from "@nonet/processor/fold/primary-event.ts";
import type { EventShape } from "../session-traces/event-shape.ts";
import type { Turn } from "../session-traces/session.ts";
import type { SessionView } from "../session-traces/session-view.ts";
import { type EventNode, type Node, type SpanNode, treeOfTurn } from "../session-traces/tree-view.ts";
import { toTurn } from "../session-traces/turn-shape.ts";

interface Place {
  nodeId: string;
  /** Null at the top of its turn. */
  parentNodeId: string | null;
  /** Null of a placeholder: which turn a span is in is not known before it has come. */
  turnId: string | null;
  /** 0-based among the children of its parent, or among the tops of its turn. */
  index: number;
}

/** A parent that was not received: it runs, or its span was lost. */
export interface PlaceholderNode {
  kind: "placeholder";
  spanId: string;
  traceId: string;
  /** Of its first child: it began then at the latest. */
  startTimeUnixNano: string;
}

export type LiveNode = Place & (Omit<EventNode, "children"> | Omit<SpanNode, "children"> | PlaceholderNode);

export interface LiveNodeText {
  readonly nodeId: string;
  /** JSON. */
  readonly text: string;
  readonly digest: string;
}

export interface OpenNode {
  readonly nodeId: string;
  readonly startUnixNano: bigint;
}

export interface LiveTrace {
  readonly traceId: string;
  /** Parents before their children. */
  readonly nodes: readonly LiveNodeText[];
  readonly turns: readonly Turn[];
  /** Spans without an end, and placeholders. */
  readonly open: readonly OpenNode[];
  readonly characters: number;
}

/**
 * @param view       of this session, made of this trace alone.
 * @param turnIndex  of the whole session; undefined for a turn that the session's rows do not have.
 */
export function toLiveTrace(
  view: SessionView,
  shape: EventShape,
  turnIndex: (turnId: string) => number | undefined,
): LiveTrace {
  const nodes = placeNodes(view, shape);
  for (const node of nodes) if (node.kind === "event") node.event.turnIndex = turnIndex(node.event.turnId) ?? 0;
  const texts = nodes.map((node) => {
    const text = JSON.stringify(node);
    return { nodeId: node.nodeId, text, digest: hash("sha1", text, "base64url") };
  });
  return {
    traceId: view.traces[0]?.trace.traceId ?? "",
    nodes: texts,
    turns: view.turns.map((turn) => ({ ...toTurn(turn), index: turnIndex(turn.turnId) ?? turn.index })),
    open: openNodes(view, nodes),
    characters: texts.reduce((sum, node) => sum + node.text.length, 0),
  };
}

function placeNodes(view: SessionView, shape: EventShape): LiveNode[] {
  const placed: LiveNode[] = [];
  const placeholders = placeholdersOf(view);
  const told = new Set<string>();
  const counts = new Map<string, number>();
  const nextIndex = (container: string): number => {
    const index = counts.get(container) ?? 0;
    counts.set(container, index + 1);
    return index;
  };

  function place(node: Node, parentNodeId: string | null, turnId: string): void {
    const [nodeId, awaited] = identify(view, node);
    const placeholder = parentNodeId === null && awaited !== undefined ? placeholders.get(awaited) : undefined;
    if (placeholder !== undefined && !told.has(placeholder.nodeId)) {
      told.add(placeholder.nodeId);
      placed.push({ ...placeholder, index: nextIndex("") });
    }
    const under = placeholder?.nodeId ?? parentNodeId;
    const own = { nodeId, parentNodeId: under, turnId, index: nextIndex(under ?? `top of ${turnId}`) };
    const { children, ...members } = node;
    placed.push({ ...own, ...members });
    // The tree view ends at a depth that the call stack holds.
    for (const child of children) place(child, nodeId, turnId);
  }

  const request = { structure: "all", matches: () => true, unfiltered: true, shape } as const;
  const turnIds = new Set([...view.turns.map((turn) => turn.turnId), ...view.spansByTurn.keys()]);
  for (const turnId of turnIds) {
    const turn = view.turnById.get(turnId) ?? { turnId, events: [] };
    for (const node of treeOfTurn(view, turn, request)) place(node, null, turnId);
  }
  return placed;
}

/** @returns the id of a node and, where it stands for a span whose parent was not received, that of the parent's. */
function identify(view: SessionView, node: Node): [nodeId: string, awaited: string | undefined] {
  const { traceId, spanId } = node.kind === "event" ? node.event : node;
  const span = view.spanById(traceId, spanId);
  const standsForSpan = node.kind === "span" || (span !== undefined && primaryEvent(span)?.eventId === node.event.id);
  if (!standsForSpan) return [node.event.id, undefined];
  const awaited = span?.orphan ? span.parentSpanId : undefined;
  return [nodeIdOf(traceId, spanId), awaited === undefined ? undefined : nodeIdOf(traceId, awaited)];
}

function placeholdersOf(view: SessionView): Map<string, Place & PlaceholderNode> {
  const placeholders = new Map<string, Place & PlaceholderNode>();
  for (const span of view.spans) {
    if (!span.orphan || span.parentSpanId === undefined) continue;
    const nodeId = nodeIdOf(span.traceId, span.parentSpanId);
    const known = placeholders.get(nodeId);
    if (known !== undefined && BigInt(known.startTimeUnixNano) <= span.startTimeUnixNano) continue;
    placeholders.set(nodeId, {
      kind: "placeholder",
      nodeId,
      parentNodeId: null,
      turnId: null,
      index: 0,
      spanId: span.parentSpanId,
      traceId: span.traceId,
      startTimeUnixNano: span.startTimeUnixNano.toString(),
    });
  }
  return placeholders;
}

function openNodes(view: SessionView, nodes: readonly LiveNode[]): OpenNode[] {
  const open: OpenNode[] = view.spans
    .filter((span) => span.endTimeUnixNano === 0n)
    .map((span) => ({ nodeId: nodeIdOf(span.traceId, span.spanId), startUnixNano: span.startTimeUnixNano }));
  for (const node of nodes) {
    if (node.kind !== "placeholder") continue;
    open.push({ nodeId: node.nodeId, startUnixNano: BigInt(node.startTimeUnixNano) });
  }
  return open;
}

function nodeIdOf(traceId: string, spanId: string): string {
  return `${traceId}:${spanId}`;
}
