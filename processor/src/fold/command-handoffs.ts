/**
 * LangGraph moves control by a `Command` in the output of a node or tool (`goto`), or, under OpenLLMetry, by a `goto X` span. It is a handoff
 * where the target is a node that calls a model, so that another agent goes on; elsewhere it is routing. Seen in the captures of LangGraph
 * supervisors; event-mapping.md knows the `goto` spans only (ROUTE-1).
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { AgentSpans } from "./agent-spans.ts";
import type { TraceIndex } from "./trace-index.ts";
import { lookupDepthMax, nearestAbove, note, setDrafts, type TraceNode } from "./trace-node.ts";

/** Nodes and tools say where they go; only the deepest that names a target counts. */
export function decideCommandHandoffs(index: TraceIndex, agents: AgentSpans): void {
  const goingOn = index.commands.filter((node) => node.endTimeUnixNano !== 0n && node.span.toolHandoff === undefined);
  if (goingOn.length === 0) return;
  const thinking = nodesThatThink(index.models);
  const thinkingNames = new Set([...thinking].map((node) => norm(nodeName(node))));
  const named = targetsNamedBelow(index);
  for (const node of goingOn) {
    const targets = targetsOf(node).filter((target) => named.get(node)?.has(norm(target)) !== true);
    const handedTo = targets.filter(
      (target) => thinkingNames.has(norm(target)) || agents.realName(target) !== undefined,
    );
    if (handedTo.length === 0) continue;
    const source = sourceOf(node, thinking);
    addHandoffs(
      node,
      source,
      handedTo.map((target) => agents.realName(target) ?? target),
    );
  }
}

/** Where a span with a Command, or a `goto` span, goes. */
function targetsOf(node: TraceNode): readonly string[] {
  if (node.class !== "routing") return node.span.commandTargets;
  const routing = node.span.drafts.find((draft) => draft.eventType === "decision" && draft.decisionKind === "routing");
  return routing?.eventType === "decision" ? (routing.selected ?? []) : [];
}

/** Model spans and all spans above them up to the agents they work for. */
function nodesThatThink(models: readonly TraceNode[]): Set<TraceNode> {
  const thinking = new Set<TraceNode>();
  for (const model of models) {
    let distance = 0;
    for (let above = model.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
      if (thinking.has(above)) break;
      thinking.add(above);
    }
  }
  return thinking;
}

/** A target that a span further down names too is that span's to tell of. */
function targetsNamedBelow(index: TraceIndex): Map<TraceNode, Set<string>> {
  const named = new Map<TraceNode, Set<string>>();
  const tell = (node: TraceNode, target: string): void => {
    let distance = 0;
    for (let above = node.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
      if (above.span.commandTargets.length === 0) continue;
      const targets = named.get(above);
      if (targets === undefined) named.set(above, new Set([norm(target)]));
      else targets.add(norm(target));
    }
  };
  for (const node of index.commands) for (const target of targetsOf(node)) tell(node, target);
  for (const node of index.handoffs) {
    for (const draft of node.drafts)
      if (draft.eventType === "handoff" && draft.toAgent !== undefined) tell(node, draft.toAgent);
  }
  return named;
}

/** The node, or the agent, whose work the span is part of. */
function sourceOf(node: TraceNode, thinking: ReadonlySet<TraceNode>): string | undefined {
  const stated = node.span.drafts.find((draft) => draft.eventType === "decision" && draft.decisionKind === "routing");
  if (stated?.eventType === "decision" && stated.source !== undefined) return stated.source;
  const works = (each: TraceNode): boolean => each.class === "agent" || thinking.has(each);
  const worker = works(node) ? node : nearestAbove(node, works);
  if (worker === undefined || worker === node.turnRoot) return node.class === "tool" ? node.agentName : nodeName(node);
  return worker.class === "agent" ? worker.agentName : nodeName(worker);
}

/** OpenLLMetry says `supervisor.task` or `execute_task supervisor` where others say `supervisor`. */
function nodeName(node: TraceNode): string {
  return node.name.replace(/^execute_task /, "").replace(/\.task$/, "");
}

function addHandoffs(node: TraceNode, source: string | undefined, targets: readonly string[]): void {
  const end = node.endTimeUnixNano > node.startTimeUnixNano ? node.endTimeUnixNano : node.startTimeUnixNano;
  const shared = {
    ruleId: "COMMAND-HANDOFF",
    timeUnixNano: end.toString(),
    ...(source !== undefined && { fromAgent: source }),
    phase: "end",
  } as const;
  const [only] = targets;
  const decision: EventDraft = {
    ...shared,
    eventType: "decision",
    name: targets.join(", ").slice(0, 256),
    decisionKind: "handoff",
    selected: [...targets],
    ...(targets.length === 1 && only !== undefined && { toAgent: only }),
    discriminator: "handoff",
  };
  const handoffs = targets.map(
    (target): EventDraft => ({
      ...shared,
      eventType: "handoff",
      name: `${source ?? "?"} -> ${target}`,
      toAgent: target,
      mechanism: "transfer",
      discriminator: `command:${target}`,
    }),
  );
  setDrafts(note(node, "COMMAND-HANDOFF"), [...node.drafts, decision, ...handoffs]);
}
