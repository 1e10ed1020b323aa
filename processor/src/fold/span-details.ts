/**
 * What single events say because of another span: the tool above an approval, the model of a Codex turn, the tripwire on a parent.
 * Source: event-mapping.md 1.2 (planning), 2.3 (CODEX-LLM), 3.3 (approval of Claude Code), and the captures of OpenAI Agents guardrails.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import { lookupDepthMax, type TraceNode } from "./trace-node.ts";

/** @param walked  in walk order, with agents inherited. */
export function completeDetails(walked: readonly TraceNode[]): void {
  for (const node of walked) {
    if (node.class === "approval") completeApproval(node);
    else if (node.class === "planning") completePlanning(node);
    else if (node.ruleId === "CODEX-LLM") completeCodexModel(node);
    if (node.span.tripwire !== undefined) markTripped(node);
  }
}

function completeApproval(node: TraceNode): void {
  if (node.ruleId !== "CLAUDE-APPROVAL") return;
  const tool = nearestAbove(node, (above) => above.class === "tool");
  if (tool === undefined) return;
  const { toolName, callId } = tool.span;
  node.drafts = node.drafts.map((draft): EventDraft => {
    if (draft.eventType !== "decision" || draft.decisionKind !== "approval") return draft;
    return {
      ...draft,
      ...(toolName !== undefined && { name: toolName }),
      ...(callId !== undefined && draft.callId === undefined && { callId }),
    };
  });
}

function completePlanning(node: TraceNode): void {
  const { agentName } = node;
  if (agentName === undefined) return;
  node.drafts = node.drafts.map((draft): EventDraft =>
    draft.eventType === "decision" && draft.decisionKind === "planning" ? { ...draft, name: agentName } : draft,
  );
}

function completeCodexModel(node: TraceNode): void {
  const model = nearestAbove(node, (above) => above.span.codexModel !== undefined)?.span.codexModel;
  if (model === undefined) return;
  node.drafts = node.drafts.map((draft): EventDraft => {
    if (draft.eventType !== "llm_call" || draft.requestModel !== undefined) return draft;
    return { ...draft, requestModel: model, name: draft.responseModel ?? model };
  });
}

/** The guardrail span is silent; its parent says that it tripped, and mostly which. Without a name it is known only if there is but one. */
function markTripped(parent: TraceNode): void {
  const named = parent.span.tripwire?.guardrailName;
  const silent = parent.children.filter(
    (child) => child.class === "guardrail" && child.drafts.some(isUnknownEvaluation),
  );
  const tripped =
    named === undefined
      ? silent.length === 1
        ? silent
        : []
      : silent.filter((child) => child.drafts.some((draft) => norm(draft.name) === norm(named)));
  for (const child of tripped) {
    child.stageB = [...child.stageB, `tripwire on ${parent.spanId}`];
    child.drafts = child.drafts.map((draft): EventDraft =>
      draft.eventType === "guardrail_eval" && isUnknownEvaluation(draft)
        ? { ...draft, result: "fail", action: "block" }
        : draft,
    );
  }
}

function isUnknownEvaluation(draft: EventDraft): boolean {
  return draft.eventType === "guardrail_eval" && draft.evalKind === "guardrail" && draft.result === "unknown";
}

function nearestAbove(node: TraceNode, test: (above: TraceNode) => boolean): TraceNode | undefined {
  let distance = 0;
  for (let above = node.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    if (test(above)) return above;
  }
  return undefined;
}
