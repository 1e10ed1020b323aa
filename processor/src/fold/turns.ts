/** Containers, turn roots and runs. Source: event-mapping.md 3.1 (containers), section 4. */
import type { SpanClass } from "@nonet/proto/event.ts";
import { isEarlier, lookupDepthMax, type TraceNode } from "./trace-node.ts";

/** Classes that make a chain above them a container. */
const agentWork: ReadonlySet<SpanClass> = new Set([
  "llm",
  "embedding",
  "rerank",
  "retrieval",
  "tool",
  "agent",
  "handoff",
  "guardrail",
  "evaluator",
  "routing",
  "planning",
  "approval",
  "state",
]);

/** What runs inside these is a helper's work and never the answer of the turn. */
const helperClasses: ReadonlySet<SpanClass> = new Set(["tool", "retrieval", "guardrail", "evaluator"]);

/** Decides for all nodes whether they are containers. @param walked  in walk order. */
export function markContainers(walked: readonly TraceNode[]): void {
  for (const node of walked) node.hasAgentWork = false;
  for (let index = walked.length - 1; index >= 0; index--) {
    const node = walked[index] as TraceNode;
    node.isContainer = isContainer(node);
    if (node.parent !== undefined && bringsAgentWork(node)) node.parent.hasAgentWork = true;
  }
}

/** The same after a node was put into the tree. @returns the topmost span that became a container by it, else the node itself. */
export function markContainersAbove(node: TraceNode): TraceNode {
  node.hasAgentWork = node.children.some(bringsAgentWork);
  node.isContainer = isContainer(node);
  let topmost = node;
  for (let below = node; below.parent !== undefined && bringsAgentWork(below); below = below.parent) {
    const { parent } = below;
    if (parent.hasAgentWork) break;
    parent.hasAgentWork = true;
    if (isContainer(parent) === parent.isContainer) continue;
    parent.isContainer = true;
    topmost = parent;
  }
  return topmost;
}

function isContainer(node: TraceNode): boolean {
  return node.class === "agent" || node.class === "workflow" || (node.class === "chain" && node.hasAgentWork);
}

function bringsAgentWork(node: TraceNode): boolean {
  return node.hasAgentWork || agentWork.has(node.class);
}

/**
 * Assigns a span to its turn, as its parent was before. A turn root is a container without a container above it; spans outside any belong to
 * the turn that is named like the trace.
 */
export function assignTurn(node: TraceNode): void {
  const { parent } = node;
  const above = parent?.isContainer === true ? parent : parent?.containerAbove;
  node.containerAbove = above !== undefined && node.depth - above.depth <= lookupDepthMax ? above : undefined;
  const turnRoot = node.containerAbove?.turnRoot ?? (node.isContainer ? node : undefined);
  node.insideHelper =
    node.containerAbove !== undefined &&
    parent !== undefined &&
    (parent.insideHelper || helperClasses.has(parent.class));
  if (turnRoot === node.turnRoot && node.turnId !== "") return;
  node.turnRoot = turnRoot;
  const turnId =
    turnRoot === undefined ? node.traceId : turnRoot === node ? `${node.traceId}:${node.spanId}` : turnRoot.turnId;
  if (turnId !== node.turnId) node.identityChanged = true;
  node.turnId = turnId;
}

/**
 * The run of each turn: that of its root, else of the earliest span below that has one.
 *
 * @param stating  the nodes that state a run.
 */
export function findRuns(stating: readonly TraceNode[]): Map<TraceNode, string | undefined> {
  const from = new Map<TraceNode, TraceNode>();
  for (const node of stating) {
    const root = node.turnRoot;
    if (root === undefined) continue;
    const known = from.get(root);
    if (known === undefined || (known !== root && (node === root || isEarlier(node, known)))) from.set(root, node);
  }
  return new Map([...from].map(([root, node]) => [root, node.span.runId]));
}
