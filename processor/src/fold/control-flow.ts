/**
 * Pauses and jumps travel up the tree as exceptions; only the deepest span of each type tells of one. Source: event-mapping.md 3.3 CONTROL-FLOW,
 * section 4 (paused turns).
 */
import type { ControlFlow, EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { nearestAbove, setDrafts, type TraceNode } from "./trace-node.ts";

/** @param carriers  spans with evidence of control flow. Adds the decisions to the drafts of the deepest of them. */
export function decideControlFlow(carriers: readonly TraceNode[]): void {
  const notDeepest = new Map<TraceNode, Set<string>>();
  for (const node of carriers) for (const flow of node.span.controlFlow) markAbove(node, flow.type, notDeepest);
  for (const node of carriers) {
    // A span that is still open gives its start events only (1.4).
    if (node.endTimeUnixNano === 0n) continue;
    const flows = node.span.controlFlow.filter((flow) => notDeepest.get(node)?.has(flow.type) !== true);
    for (const flow of flows) addDecision(node, flow);
  }
}

/** Whether the decision stands for a pause, so that the turn has no answer until it is resumed. */
export function isPause(draft: EventDraft): boolean {
  if (draft.eventType !== "decision" || draft.ruleId !== "CONTROL-FLOW") return false;
  return draft.decisionKind === "interrupt" || draft.decisionKind === "approval" || draft.decisionKind === "deferral";
}

/** The nearest span above with the same type marks those above it in turn. */
function markAbove(node: TraceNode, type: string, notDeepest: Map<TraceNode, Set<string>>): void {
  const above = nearestAbove(node, ({ span }) => span.controlFlow.some((flow) => flow.type === type));
  if (above === undefined) return;
  const types = notDeepest.get(above);
  if (types === undefined) notDeepest.set(above, new Set([type]));
  else types.add(type);
}

function addDecision(node: TraceNode, flow: ControlFlow): void {
  const { draft } = flow;
  const isTaken = node.drafts.some(
    (other) => other.eventType === draft.eventType && other.discriminator === draft.discriminator,
  );
  // Two types of one kind on a span are one decision: its id is that of the kind.
  if (isTaken) return;
  const result = node.drafts.findIndex((other) => other.eventType === "tool_result" && other.discriminator === "");
  const at = result === -1 ? node.drafts.length : result;
  setDrafts(node, [...node.drafts.slice(0, at), draft, ...node.drafts.slice(at)]);
}
