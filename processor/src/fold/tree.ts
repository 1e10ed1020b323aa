/**
 * The tree of a trace: parents over process and library borders, cycles cut, siblings by (start, end, span id), effective times, and the
 * depth-first walk. Source: event-mapping.md 1.4, 2.12, 3.4 TREE.
 */
import type { EventFlag } from "@nonet/proto/event.ts";
import type { TraceNode } from "./trace-node.ts";

/**
 * Links the nodes and returns them in walk order: each parent before its children.
 *
 * @param sorted  every node of the trace, by `compareSiblings`.
 * @param nodeOf  the nodes of all spans that were received, also those that take no part.
 */
export function linkTree(sorted: readonly TraceNode[], nodeOf: ReadonlyMap<string, TraceNode>): TraceNode[] {
  for (const node of sorted) node.children.length = 0;
  let roots: TraceNode[] = [];
  for (const node of sorted) {
    const known = node.parentSpanId === undefined ? undefined : nodeOf.get(node.parentSpanId);
    const parent = known === undefined || known.class === "drop" || known.isBeyondLimit ? undefined : known;
    node.parent = parent;
    node.orphan = known === undefined && node.parentSpanId !== undefined;
    if (parent === undefined) roots.push(node);
    else parent.children.push(node);
    node.position = -1;
  }
  const walked = walk(roots);
  if (walked.length === sorted.length) return walked;
  // What no root reaches hangs on a cycle.
  for (const node of sorted) if (node.position === -1) cutCycleAbove(node, roots);
  roots = roots.sort(compareSiblings);
  return walk(roots);
}

/** Ascending (start, end, span id), times as sent. */
export function compareSiblings(a: TraceNode, b: TraceNode): number {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1;
  if (a.endTimeUnixNano !== b.endTimeUnixNano) return a.endTimeUnixNano < b.endTimeUnixNano ? -1 : 1;
  return a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : 0;
}

/**
 * Cuts the cycle that the chain of parents of a node runs into, unless it was cut before. Followed upward from the member that comes first
 * among siblings, the cycle is closed by the member whose parent is that first one: it becomes a root.
 */
function cutCycleAbove(node: TraceNode, roots: TraceNode[]): void {
  const path = new Set<TraceNode>();
  let at: TraceNode | undefined = node;
  while (at !== undefined && at.position === -1 && !path.has(at)) {
    path.add(at);
    at = at.parent;
  }
  // Marked as seen, so that a chain that ends here is not followed again.
  for (const member of path) member.position = -2;
  if (at === undefined || !path.has(at)) return;
  let first: TraceNode = at;
  let closing: TraceNode = at;
  for (let member: TraceNode | undefined = at; member !== undefined; member = member.parent) {
    if (compareSiblings(member, first) < 0) first = member;
    if (member.parent === at) break;
  }
  for (let member: TraceNode | undefined = first; member !== undefined; member = member.parent) {
    closing = member;
    if (member.parent === first) break;
  }
  closing.parent = undefined;
  first.children.splice(first.children.indexOf(closing), 1);
  roots.push(closing);
}

function walk(roots: readonly TraceNode[]): TraceNode[] {
  const walked: TraceNode[] = [];
  let step = 0;
  // A stack of its own: a trace may be deeper than the call stack.
  const open: TraceNode[] = [];
  const nextChild: number[] = [];
  const enter = (node: TraceNode): void => {
    const parent = node.parent;
    node.position = walked.length;
    node.enter = step++;
    walked.push(node);
    node.depth = parent === undefined ? 0 : parent.depth + 1;
    const { startTimeUnixNano: start, endTimeUnixNano: end } = node;
    const effectiveStart =
      parent !== undefined && parent.effectiveStartUnixNano > start ? parent.effectiveStartUnixNano : start;
    node.effectiveStartUnixNano = effectiveStart;
    node.effectiveEndUnixNano = end > effectiveStart ? end : effectiveStart;
    node.flags = flagsOf(node, parent !== undefined && start < parent.startTimeUnixNano);
    open.push(node);
    nextChild.push(0);
  };
  for (const root of roots) {
    enter(root);
    while (open.length > 0) {
      const top = open.length - 1;
      const node = open[top] as TraceNode;
      const index = nextChild[top] as number;
      const child = node.children[index];
      if (child === undefined) {
        node.leave = step++;
        open.pop();
        nextChild.pop();
      } else {
        nextChild[top] = index + 1;
        enter(child);
      }
    }
  }
  return walked;
}

/** A start before the parent's is skew of a clock (2.12). */
function flagsOf(node: TraceNode, isBeforeParent: boolean): readonly EventFlag[] {
  const { flags } = node.span;
  if (!isBeforeParent || flags.includes("clock_skew")) return flags;
  return [...flags, "clock_skew" as const].sort();
}
