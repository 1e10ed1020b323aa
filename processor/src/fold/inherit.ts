/** Session, user and agent of every span, its own or inherited. Source: event-mapping.md 2.4, 2.5; the lookup depth of 6.1. */
import { lookupDepthMax, type TraceNode } from "./trace-node.ts";

/** @param walked  in walk order. Sets the fields of `FoldedSpan` and the pointers upward they come from. */
export function inheritIdentity(walked: readonly TraceNode[], traceId: string): void {
  const sessionOfTrace = earliest(walked, (node) => node.span.ownSessionId);
  const userOfTrace = earliest(walked, (node) => node.span.ownUserId);
  for (const node of walked) {
    inheritSession(node, sessionOfTrace, traceId);
    node.userFrom = node.span.ownUserId !== undefined ? node : inherited(node, node.parent?.userFrom);
    node.userId = (node.userFrom ?? userOfTrace)?.span.ownUserId;
    inheritAgent(node);
  }
}

function inheritSession(node: TraceNode, ofTrace: TraceNode | undefined, traceId: string): void {
  const own = node.span.ownSessionId;
  const from = own !== undefined ? node : inherited(node, node.parent?.sessionFrom);
  node.sessionFrom = from;
  const stated = (from ?? ofTrace)?.span.ownSessionId;
  if (stated !== undefined) {
    node.sessionId = stated;
    node.sessionIdSource = from === node ? "span" : from !== undefined ? "ancestor" : "trace";
    return;
  }
  const { resourceSessionId } = node.span;
  node.sessionId = resourceSessionId ?? traceId;
  node.sessionIdSource = resourceSessionId === undefined ? "fallback" : "resource";
}

function inheritAgent(node: TraceNode): void {
  const { parent } = node;
  const parentIsAgent = parent?.class === "agent" && parent.span.ownAgentName !== undefined;
  node.agentAbove = inherited(node, parentIsAgent ? parent : parent?.agentAbove);
  const { ownAgentName, ownAgentId } = node.span;
  node.agentName = ownAgentName ?? node.agentAbove?.agentName;
  const ownId = ownAgentName === undefined ? undefined : ownAgentId;
  node.agentId = ownId ?? idOfAgentAbove(node);
}

/** Of the nearest agent above that has the name of this span's agent and an id. */
function idOfAgentAbove(node: TraceNode): string | undefined {
  if (node.agentName === undefined) return undefined;
  for (let agent = node.agentAbove; agent !== undefined; agent = agent.agentAbove) {
    if (node.depth - agent.depth > lookupDepthMax) return undefined;
    // An agent span has resolved its own id the same way before.
    if (agent.agentName === node.agentName) return agent.agentId;
  }
  return undefined;
}

function inherited(node: TraceNode, from: TraceNode | undefined): TraceNode | undefined {
  return from !== undefined && node.depth - from.depth <= lookupDepthMax ? from : undefined;
}

/** The first by (start, span id) of those that state a value. */
function earliest(
  nodes: readonly TraceNode[],
  valueOf: (node: TraceNode) => string | undefined,
): TraceNode | undefined {
  let first: TraceNode | undefined;
  for (const node of nodes) {
    if (valueOf(node) === undefined) continue;
    if (first === undefined || isEarlier(node, first)) first = node;
  }
  return first;
}

export function isEarlier(a: TraceNode, b: TraceNode): boolean {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano;
  return a.spanId < b.spanId;
}
