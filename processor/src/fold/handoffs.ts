/**
 * Handoffs that spans state: who hands over to whom, once. Source: event-mapping.md 2.10, 2.5 (names taken from tool names), 3.3 TOOL-HANDOFF.
 *
 * Frameworks that do not say to whom (ADK without content, OpenLLMetry's `A -> unknown.handoff`) are followed by the agent that takes over.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { AgentSpans } from "./agent-spans.ts";
import { isHandoffDraft } from "./trace-index.ts";
import { isAncestor, setDrafts, type TraceNode } from "./trace-node.ts";

/** @param handingOver  spans with handoff drafts. Completes those of handoff spans and of tools that hand over. */
export function resolveHandoffs(handingOver: readonly TraceNode[], agents: AgentSpans): void {
  /** Parent and target, by `norm`, of the handoff spans. */
  const stated = new Set<string>();
  for (const node of handingOver) {
    if (node.class !== "handoff") continue;
    const target = completeHandoff(node, agents, (stated) => stated);
    if (target !== undefined) stated.add(`${node.parentSpanId ?? ""}\n${norm(target)}`);
  }
  for (const node of handingOver) {
    if (node.class === "handoff") continue;
    const target = completeHandoff(node, agents, (name) => agents.realName(name) ?? name);
    if (target === undefined || !stated.has(`${node.parentSpanId ?? ""}\n${norm(target)}`)) continue;
    // The handoff span beside the tool says the same: it alone tells of it.
    setDrafts(
      node,
      node.drafts.filter((draft) => !isHandoffDraft(draft)),
    );
  }
}

/** Fills what the span does not say; returns the target. */
function completeHandoff(node: TraceNode, agents: AgentSpans, nameOf: (stated: string) => string): string | undefined {
  let target: string | undefined;
  const drafts = node.drafts.map((draft): EventDraft => {
    if (!isHandoffDraft(draft) || (draft.eventType !== "handoff" && draft.eventType !== "decision")) return draft;
    const from = draft.fromAgent ?? node.agentName;
    const to = draft.toAgent === undefined ? nextAgent(node, from, agents) : nameOf(draft.toAgent);
    target = to;
    return withSides(draft, from, to);
  });
  setDrafts(node, drafts);
  return target;
}

export function withSides<Draft extends Extract<EventDraft, { eventType: "handoff" | "decision" }>>(
  draft: Draft,
  from: string | undefined,
  to: string | undefined,
): Draft {
  const sides = { ...(from !== undefined && { fromAgent: from }), ...(to !== undefined && { toAgent: to }) };
  if (draft.eventType === "handoff") return { ...draft, ...sides, name: `${from ?? "?"} -> ${to ?? "?"}` };
  return { ...draft, ...sides, ...(to !== undefined && { selected: [to] }), name: to ?? "?" };
}

/** The agent that takes over: the next one in the turn, not the one that hands over, nor an agent at work inside some helper. */
function nextAgent(node: TraceNode, from: string | undefined, agents: AgentSpans): string | undefined {
  const next = agents.firstFrom(node.startTimeUnixNano, node.turnRoot, (agent) => {
    if (agent.span.ownAgentName === from || isAncestor(agent, node)) return false;
    return !agent.insideHelper || node.insideHelper || isAncestor(node, agent);
  });
  return next?.span.ownAgentName;
}
