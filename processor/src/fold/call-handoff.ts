/**
 * CALL-HANDOFF: a framework that intercepts the model's `transfer_to_X` call leaves no tool span; the agent that starts afterwards shows that
 * control moved. Source: event-mapping.md 3.3.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import { readToolHandoff } from "@nonet/ingest/map/read-handoff.ts";
import type { MessagePart } from "@nonet/proto/event.ts";
import type { AgentSpans } from "./agent-spans.ts";
import type { TraceIndex } from "./trace-index.ts";
import { type DraftOf, note, setDrafts, type TraceNode } from "./trace-node.ts";

type ToolCallPart = Extract<MessagePart, { type: "tool_call" }>;

/**
 * Adds drafts to model spans whose turn has ended; one per span and target at most.
 *
 * @param asking  model spans whose output asks for a transfer, after LLM-NEST.
 */
export function decideCallHandoffs(asking: readonly TraceNode[], index: TraceIndex, agents: AgentSpans): void {
  const ended = asking.filter(({ turnRoot, endTimeUnixNano }) => {
    return turnRoot !== undefined && turnRoot.endTimeUnixNano !== 0n && endTimeUnixNano !== 0n;
  });
  if (ended.length === 0) return;
  const facts = collectTurnFacts(index);
  for (const node of ended.sort(byStart)) {
    const call = node.drafts.find((draft): draft is DraftOf<"llm_call"> => draft.eventType === "llm_call");
    const parts = call?.outputMessages?.flatMap((message) => message.parts) ?? [];
    parts.some((part) => part.type === "tool_call" && handOver(node, part, agents, facts));
  }
}

interface TurnFacts {
  /** Turn and target, by `norm`, of the handoffs there are. */
  readonly handoffs: Set<string>;
  /** The last start of a tool span, by turn and tool name. */
  readonly lastToolStart: Map<string, bigint>;
}

function collectTurnFacts(index: TraceIndex): TurnFacts {
  const facts: TurnFacts = { handoffs: new Set(), lastToolStart: new Map() };
  for (const node of index.handoffs) {
    for (const draft of node.drafts) {
      if (draft.eventType !== "handoff" || draft.toAgent === undefined) continue;
      facts.handoffs.add(`${node.turnId}\n${norm(draft.toAgent)}`);
    }
  }
  for (const node of index.tools) {
    if (node.class !== "tool" || node.span.toolNorm === undefined) continue;
    const key = `${node.turnId}\n${node.span.toolNorm}`;
    const known = facts.lastToolStart.get(key);
    if (known === undefined || node.startTimeUnixNano > known) facts.lastToolStart.set(key, node.startTimeUnixNano);
  }
  return facts;
}

/** @returns whether the call is one that moved control. */
function handOver(node: TraceNode, part: ToolCallPart, agents: AgentSpans, facts: TurnFacts): boolean {
  const handoff = readToolHandoff(part.name, part.arguments);
  if (handoff?.mechanism !== "transfer" || handoff.target === undefined) return false;
  const target = norm(handoff.target);
  if (facts.handoffs.has(`${node.turnId}\n${target}`)) return false;
  const toolStart = facts.lastToolStart.get(`${node.turnId}\n${norm(part.name)}`);
  if (toolStart !== undefined && toolStart > node.startTimeUnixNano) return false;
  const end = node.endTimeUnixNano > node.startTimeUnixNano ? node.endTimeUnixNano : node.startTimeUnixNano;
  const agent = agents.firstFrom(end, node.turnRoot, (each) => norm(each.span.ownAgentName ?? "") === target);
  const toAgent = agent?.span.ownAgentName;
  if (toAgent === undefined) return false;
  facts.handoffs.add(`${node.turnId}\n${target}`);
  insertAfterSelection(node, draftsOf(node, part, toAgent, handoff.message, end));
  return true;
}

function draftsOf(
  node: TraceNode,
  part: ToolCallPart,
  toAgent: string,
  message: string | undefined,
  end: bigint,
): EventDraft[] {
  const shared = {
    ruleId: "CALL-HANDOFF",
    timeUnixNano: end.toString(),
    toAgent,
    ...(node.agentName !== undefined && { fromAgent: node.agentName }),
    ...(part.id !== undefined && { callId: part.id }),
    phase: "end",
  } as const;
  return [
    {
      ...shared,
      eventType: "decision",
      name: toAgent,
      decisionKind: "handoff",
      selected: [toAgent],
      ...(message !== undefined && { reason: message }),
      discriminator: "handoff",
    },
    {
      ...shared,
      eventType: "handoff",
      name: `${node.agentName ?? "?"} -> ${toAgent}`,
      mechanism: "transfer",
      ...(message !== undefined && { message }),
      discriminator: "call",
    },
  ];
}

function insertAfterSelection(node: TraceNode, drafts: readonly EventDraft[]): void {
  const selection = node.drafts.findIndex(
    (draft) => draft.eventType === "decision" && draft.decisionKind === "tool_selection",
  );
  const at = selection === -1 ? node.drafts.length : selection + 1;
  setDrafts(note(node, "CALL-HANDOFF"), [...node.drafts.slice(0, at), ...drafts, ...node.drafts.slice(at)]);
}

function byStart(a: TraceNode, b: TraceNode): number {
  if (a.effectiveStartUnixNano !== b.effectiveStartUnixNano) {
    return a.effectiveStartUnixNano < b.effectiveStartUnixNano ? -1 : 1;
  }
  return a.position - b.position;
}
