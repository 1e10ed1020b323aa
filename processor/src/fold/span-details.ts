/**
 * What single events say because of another span: the tool above an approval, the model of a Codex turn, the tripwire on a parent.
 * Source: event-mapping.md 1.2 (planning), 2.3 (CODEX-LLM), 3.3 (approval of Claude Code), and the captures of OpenAI Agents guardrails.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import { failToolOf } from "./tool-nesting.ts";
import { nearestAbove, note, setDrafts, type TraceNode } from "./trace-node.ts";

/** @param nodes  those that the index lists for it, with agents inherited. */
export function completeDetails(nodes: readonly TraceNode[]): void {
  for (const node of nodes) {
    if (node.class === "planning") completePlanning(node);
    else if (node.ruleId === "CLAUDE-APPROVAL") completeApproval(node);
    else if (node.ruleId === "CODEX-LLM") completeCodexModel(node);
    if (node.span.tripwire !== undefined) markTripped(node);
    if (node.span.toolExecutionFailed) failToolOf(node);
  }
}

function completeApproval(node: TraceNode): void {
  const tool = nearestAbove(node, (above) => above.class === "tool");
  if (tool === undefined) return;
  const { toolName, callId } = tool.span;
  const drafts = node.drafts.map((draft): EventDraft => {
    if (draft.eventType !== "decision" || draft.decisionKind !== "approval") return draft;
    return {
      ...draft,
      ...(toolName !== undefined && { name: toolName }),
      ...(callId !== undefined && draft.callId === undefined && { callId }),
    };
  });
  setDrafts(node, drafts);
}

function completePlanning(node: TraceNode): void {
  const { agentName } = node;
  if (agentName === undefined) return;
  const drafts = node.drafts.map(
    (draft): EventDraft =>
      draft.eventType === "decision" && draft.decisionKind === "planning" ? { ...draft, name: agentName } : draft,
  );
  setDrafts(node, drafts);
}

function completeCodexModel(node: TraceNode): void {
  const model = nearestAbove(node, (above) => above.span.codexModel !== undefined)?.span.codexModel;
  if (model === undefined) return;
  const drafts = node.drafts.map((draft): EventDraft => {
    if (draft.eventType !== "llm_call" || draft.requestModel !== undefined) return draft;
    return { ...draft, requestModel: model, name: draft.responseModel ?? model };
  });
  setDrafts(node, drafts);
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
    const drafts = child.drafts.map(
      (draft): EventDraft =>
        draft.eventType === "guardrail_eval" && isUnknownEvaluation(draft)
          ? { ...draft, result: "fail", action: "block" }
          : draft,
    );
    setDrafts(note(child, `tripwire on ${parent.spanId}`), drafts);
  }
}

function isUnknownEvaluation(draft: EventDraft): boolean {
  return draft.eventType === "guardrail_eval" && draft.evalKind === "guardrail" && draft.result === "unknown";
}
