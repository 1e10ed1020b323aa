/** Containers, turn roots and runs. Source: event-mapping.md 3.1 (containers), section 4. */
import type { SpanClass } from "@nonet/proto/event.ts";
import { isEarlier } from "./inherit.ts";
import { lookupDepthMax, type TraceNode } from "./trace-node.ts";

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

/**
 * Assigns every span to its turn. A turn root is a container without a container above it; spans outside any belong to the turn that is
 * named like the trace.
 *
 * @param walked  in walk order.
 * @returns the turn roots, in walk order.
 */
export function assignTurns(walked: readonly TraceNode[], traceId: string): TraceNode[] {
  markContainers(walked);
  const roots: TraceNode[] = [];
  for (const node of walked) {
    const { parent } = node;
    const above = parent?.isContainer === true ? parent : parent?.containerAbove;
    node.containerAbove = above !== undefined && node.depth - above.depth <= lookupDepthMax ? above : undefined;
    if (node.containerAbove !== undefined) {
      node.turnRoot = node.containerAbove.turnRoot;
      node.insideHelper = parent !== undefined && (parent.insideHelper || helperClasses.has(parent.class));
      node.turnId = node.turnRoot?.turnId ?? traceId;
    } else if (node.isContainer) {
      node.turnRoot = node;
      node.insideHelper = false;
      node.turnId = `${traceId}:${node.spanId}`;
      roots.push(node);
    } else {
      node.turnRoot = undefined;
      node.insideHelper = false;
      node.turnId = traceId;
    }
  }
  assignRuns(walked, roots);
  return roots;
}

function markContainers(walked: readonly TraceNode[]): void {
  for (const node of walked) node.hasAgentWork = false;
  for (let index = walked.length - 1; index >= 0; index--) {
    const node = walked[index] as TraceNode;
    node.isContainer =
      node.class === "agent" || node.class === "workflow" || (node.class === "chain" && node.hasAgentWork);
    if (node.parent !== undefined && (node.hasAgentWork || agentWork.has(node.class))) node.parent.hasAgentWork = true;
  }
}

/** The run of the root, else of the earliest span below it that has one. */
function assignRuns(walked: readonly TraceNode[], roots: readonly TraceNode[]): void {
  const runFrom = new Map<TraceNode, TraceNode>();
  for (const node of walked) {
    const root = node.turnRoot;
    if (root === undefined || node.span.runId === undefined) continue;
    const known = runFrom.get(root);
    if (known === undefined || (known !== root && (node === root || isEarlier(node, known)))) runFrom.set(root, node);
  }
  for (const root of roots) root.runId = runFrom.get(root)?.span.runId;
  for (const node of walked) node.runId = node.turnRoot?.runId;
}
