/**
 * The tree of a trace: parents over process and library borders, cycles cut, siblings by (start, end, span id), and the depth-first walk.
 * Source: event-mapping.md 1.4, 2.12, 3.4 TREE.
 */
import type { TraceNode } from "./trace-node.ts";

export interface Tree {
  /** By `compareSiblings`. */
  roots: TraceNode[];
  /** Nodes by the id of a parent that was not received. */
  readonly waiting: Map<string, TraceNode[]>;
  hasCycle: boolean;
}

/**
 * Links all nodes anew.
 *
 * @param sorted  every node that takes part, by `compareSiblings`.
 * @param nodeOf  the nodes of all spans that were received, also those that take no part.
 */
export function linkTree(sorted: readonly TraceNode[], nodeOf: ReadonlyMap<string, TraceNode>): Tree {
  const tree: Tree = { roots: [], waiting: new Map(), hasCycle: false };
  for (const node of sorted) node.children = [];
  for (const node of sorted) {
    const parent = findParent(node, tree, nodeOf);
    if (parent === undefined) tree.roots.push(node);
    else parent.children.push(node);
    node.position = -1;
  }
  if (walkTree(tree.roots).length === sorted.length) return tree;
  // What no root reaches hangs on a cycle.
  tree.hasCycle = true;
  for (const node of sorted) if (node.position === -1) cutCycleAbove(node, tree.roots);
  tree.roots.sort(compareSiblings);
  return tree;
}

/**
 * Puts one more node into a tree that has no cycle, above the nodes that waited for it. `hasCycle` is set when the tree must be linked anew.
 */
export function insertNode(node: TraceNode, tree: Tree, nodeOf: ReadonlyMap<string, TraceNode>): void {
  const adopted = tree.waiting.get(node.spanId) ?? [];
  tree.waiting.delete(node.spanId);
  for (const child of adopted) {
    child.parent = node;
    child.orphan = false;
  }
  if (adopted.length > 0) tree.roots = tree.roots.filter((root) => root.parent !== node);
  // Of nodes that come together, a child may have found this one already.
  node.children = [...node.children, ...adopted].sort(compareSiblings);
  const parent = findParent(node, tree, nodeOf);
  for (let above = parent; above !== undefined && node.children.length > 0; above = above.parent) {
    if (above === node) tree.hasCycle = true;
    if (tree.hasCycle) return;
  }
  if (parent === node) tree.hasCycle = true;
  insertSibling(parent === undefined ? tree.roots : parent.children, node);
}

/** Ascending (start, end, span id), times as sent. */
export function compareSiblings(a: TraceNode, b: TraceNode): number {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1;
  if (a.endTimeUnixNano !== b.endTimeUnixNano) return a.endTimeUnixNano < b.endTimeUnixNano ? -1 : 1;
  return a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : 0;
}

/** Numbers the nodes and returns them in walk order: each parent before its children. */
export function walkTree(roots: readonly TraceNode[]): TraceNode[] {
  const walked: TraceNode[] = [];
  let step = 0;
  // A stack of its own: a trace may be deeper than the call stack.
  const open: TraceNode[] = [];
  const nextChild: number[] = [];
  for (const root of roots) {
    let entering: TraceNode | undefined = root;
    while (entering !== undefined || open.length > 0) {
      if (entering !== undefined) {
        entering.position = walked.length;
        entering.enter = step++;
        walked.push(entering);
        if (entering.children.length === 0) {
          entering.leave = step++;
        } else {
          open.push(entering);
          nextChild.push(0);
        }
      }
      const top = open.length - 1;
      const node = open[top];
      if (node === undefined) break;
      const index = nextChild[top] as number;
      entering = node.children[index];
      nextChild[top] = index + 1;
      if (entering === undefined) {
        node.leave = step++;
        open.pop();
        nextChild.pop();
      }
    }
  }
  return walked;
}

function findParent(node: TraceNode, tree: Tree, nodeOf: ReadonlyMap<string, TraceNode>): TraceNode | undefined {
  const { id, known } = nearestShown(node, nodeOf);
  node.parent = known === undefined || known.isBeyondLimit ? undefined : known;
  node.orphan = id !== undefined && known === undefined;
  if (id !== undefined && node.parent === undefined) {
    const waiting = tree.waiting.get(id);
    if (waiting === undefined) tree.waiting.set(id, [node]);
    else waiting.push(node);
  }
  return node.parent;
}

/** Hidden spans that a chain of parents may lead through; beyond it the chain is cut. */
const hiddenDepthMax = 512;

/** The nearest ancestor that takes part: what is hidden, as spans of an ignored scope are, hides nothing below it. `id` is its id, received or not. */
function nearestShown(
  node: TraceNode,
  nodeOf: ReadonlyMap<string, TraceNode>,
): { id: string | undefined; known: TraceNode | undefined } {
  let id = node.parentSpanId;
  for (let depth = 0; depth < hiddenDepthMax && id !== undefined; depth += 1) {
    const known = nodeOf.get(id);
    if (known?.class !== "drop") return { id, known };
    id = known.parentSpanId;
  }
  return { id: undefined, known: undefined };
}

function insertSibling(siblings: TraceNode[], node: TraceNode): void {
  let low = 0;
  let high = siblings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareSiblings(siblings[middle] as TraceNode, node) < 0) low = middle + 1;
    else high = middle;
  }
  siblings.splice(low, 0, node);
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
  const members = cycleOf(at);
  const first = members.reduce((earliest, member) => (compareSiblings(member, earliest) < 0 ? member : earliest), at);
  const closing = members.find((member) => member.parent === first) ?? first;
  closing.parent = undefined;
  first.children.splice(first.children.indexOf(closing), 1);
  roots.push(closing);
}

function cycleOf(start: TraceNode): TraceNode[] {
  const members = [start];
  for (let member = start.parent; member !== undefined && member !== start; member = member.parent)
    members.push(member);
  return members;
}
