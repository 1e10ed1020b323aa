/**
 * CALL-HANDOFF: a framework that intercepts the model's `transfer_to_X` call leaves no tool span; the agent that starts afterwards shows that
 * control moved. Source: event-mapping.md 3.3.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { readToolHandoff } from "@nonet/ingest/map/read-handoff.ts";
import type { MessagePart } from "@nonet/proto/event.ts";
import type { AgentSpans } from "./agent-spans.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { DraftOf, TraceNode } from "./trace-node.ts";

type ToolCallPart = Extract<MessagePart, { type: "tool_call" }>;

/** @param walked  in walk order. Adds drafts to model spans whose turn has ended; one per span and target at most. */
export function decideCallHandoffs(walked: readonly TraceNode[], agents: AgentSpans): void {
  let facts: TurnFacts | undefined;
  const callers = walked.filter((node) => node.class === "llm" && node.turnRoot !== undefined && node.turnRoot.endTimeUnixNano !== 0n);
  callers.sort(byStart);
  for (const node of callers) {
    if (node.endTimeUnixNano === 0n) continue;
    const call = node.drafts.find((draft): draft is DraftOf<"llm_call"> => draft.eventType === "llm_call");
    for (const part of call?.outputMessages?.flatMap((message) => message.parts) ?? []) {
      if (part.type !== "tool_call") continue;
      const handoff = readToolHandoff(part.name, part.arguments);
      if (handoff?.mechanism !== "transfer" || handoff.target === undefined) continue;
      facts ??= collectTurnFacts(walked);
      if (!handOver(node, part, { target: handoff.target, message: handoff.message }, agents, facts)) continue;
      break;
    }
  }
}

interface TurnFacts {
  /** Turn and target, by `norm`, of the handoffs there are. */
  readonly handoffs: Set<string>;
  /** The last start of a tool span, by turn and tool name. */
  readonly lastToolStart: Map<string, bigint>;
}

function collectTurnFacts(walked: readonly TraceNode[]): TurnFacts {
  const facts: TurnFacts = { handoffs: new Set(), lastToolStart: new Map() };
  for (const node of walked) {
    for (const draft of node.drafts) {
      if (draft.eventType === "handoff" && draft.toAgent !== undefined) {
        facts.handoffs.add(`${node.turnId}\n${norm(draft.toAgent)}`);
      }
    }
    if (node.class !== "tool" || node.span.toolNorm === undefined) continue;
    const key = `${node.turnId}\n${node.span.toolNorm}`;
    const known = facts.lastToolStart.get(key);
    if (known === undefined || node.startTimeUnixNano > known) facts.lastToolStart.set(key, node.startTimeUnixNano);
  }
  return facts;
}

function handOver(
  node: TraceNode,
  part: ToolCallPart,
  handoff: { readonly target: string; readonly message: string | undefined },
  agents: AgentSpans,
  facts: TurnFacts,
): boolean {
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
  node.stageB = [...node.stageB, "CALL-HANDOFF"];
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
  node.drafts = [...node.drafts.slice(0, at), ...drafts, ...node.drafts.slice(at)];
}

function byStart(a: TraceNode, b: TraceNode): number {
  if (a.effectiveStartUnixNano !== b.effectiveStartUnixNano) {
    return a.effectiveStartUnixNano < b.effectiveStartUnixNano ? -1 : 1;
  }
  return a.position - b.position;
}
