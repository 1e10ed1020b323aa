/** Times, session, user and agent of a span, its own or inherited. Source: event-mapping.md 1.4, 2.4, 2.5; the lookup depth of 6.1. */
import type { EventFlag } from "@nonet/proto/event.ts";
import { lookupDepthMax, type TraceNode } from "./trace-node.ts";

/** What spans without an own or inherited value fall back on. */
export interface TraceIdentity {
  readonly traceId: string;
  /** The earliest span of the trace that states a session; a user. */
  readonly sessionFrom: TraceNode | undefined;
  readonly userFrom: TraceNode | undefined;
}

/** The parent of the node must have inherited before. Notes whether the events of the span have to be made again. */
export function inheritIdentity(node: TraceNode, ofTrace: TraceIdentity): void {
  inheritTimes(node);
  inheritSession(node, ofTrace);
  inheritUser(node, ofTrace);
  inheritAgent(node);
}

function inheritTimes(node: TraceNode): void {
  const { parent, startTimeUnixNano: start, endTimeUnixNano: end } = node;
  node.depth = parent === undefined ? 0 : parent.depth + 1;
  const effectiveStart =
    parent !== undefined && parent.effectiveStartUnixNano > start ? parent.effectiveStartUnixNano : start;
  const flags = flagsOf(node, parent !== undefined && start < parent.startTimeUnixNano);
  if (effectiveStart !== node.effectiveStartUnixNano || flags.length !== node.flags.length) node.identityChanged = true;
  node.effectiveStartUnixNano = effectiveStart;
  node.effectiveEndUnixNano = end > effectiveStart ? end : effectiveStart;
  node.flags = flags;
}

/** A start before the parent's is skew of a clock (2.12). */
function flagsOf(node: TraceNode, isBeforeParent: boolean): readonly EventFlag[] {
  const { flags } = node.span;
  return isBeforeParent && !flags.includes("clock_skew") ? [...flags, "clock_skew" as const].sort() : flags;
}

function inheritSession(node: TraceNode, ofTrace: TraceIdentity): void {
  const { ownSessionId, resourceSessionId } = node.span;
  const above = inherited(node, node.parent?.sessionFrom);
  const from = ownSessionId !== undefined && !isSessionOfRun(node, above) ? node : above;
  const stated = (from ?? ofTrace.sessionFrom)?.span.ownSessionId;
  const sessionId = stated ?? resourceSessionId ?? ofTrace.traceId;
  const source =
    from === node
      ? "span"
      : from !== undefined
        ? "ancestor"
        : stated !== undefined
          ? "trace"
          : resourceSessionId !== undefined
            ? "resource"
            : "fallback";
  if (sessionId !== node.sessionId || source !== node.sessionIdSource) node.identityChanged = true;
  node.sessionFrom = from;
  node.sessionId = sessionId;
  node.sessionIdSource = source;
}

/**
 * Pydantic AI makes up a conversation id for each run that was given none; that of a delegated run inside another is no session of its own.
 * Seen in captures.
 */
function isSessionOfRun(node: TraceNode, above: TraceNode | undefined): boolean {
  return above !== undefined && node.span.scopeName === "pydantic-ai" && above.span.scopeName === "pydantic-ai";
}

function inheritUser(node: TraceNode, ofTrace: TraceIdentity): void {
  node.userFrom = node.span.ownUserId !== undefined ? node : inherited(node, node.parent?.userFrom);
  const userId = (node.userFrom ?? ofTrace.userFrom)?.span.ownUserId;
  if (userId !== node.userId) node.identityChanged = true;
  node.userId = userId;
}

function inheritAgent(node: TraceNode): void {
  const { parent } = node;
  const parentIsAgent = parent?.class === "agent" && parent.span.ownAgentName !== undefined;
  node.agentAbove = inherited(node, parentIsAgent ? parent : parent?.agentAbove);
  const { ownAgentName, ownAgentId } = node.span;
  const agentName = ownAgentName ?? node.agentAbove?.agentName;
  const ownId = ownAgentName === undefined ? undefined : ownAgentId;
  const agentId = ownId ?? (agentName === undefined ? undefined : idOfAgentAbove(node, agentName));
  if (agentName !== node.agentName || agentId !== node.agentId) node.identityChanged = true;
  node.agentName = agentName;
  node.agentId = agentId;
}

/** Of the nearest agent above that has this name, which has resolved its own id the same way. */
function idOfAgentAbove(node: TraceNode, agentName: string): string | undefined {
  for (let agent = node.agentAbove; agent !== undefined; agent = agent.agentAbove) {
    if (node.depth - agent.depth > lookupDepthMax) return undefined;
    if (agent.agentName === agentName) return agent.agentId;
  }
  return undefined;
}

function inherited(node: TraceNode, from: TraceNode | undefined): TraceNode | undefined {
  return from !== undefined && node.depth - from.depth <= lookupDepthMax ? from : undefined;
}
