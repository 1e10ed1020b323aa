/**
 * Mastra reports what the model asked for on the step around the model call, not on the call itself: the call takes it from there.
 * Seen in captures of Mastra's OpenTelemetry exporter.
 */
import type { EventDraft, MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { hasPendingToolCalls } from "@nonet/ingest/map/tool-selection.ts";
import { selectionOf } from "./model-nesting.ts";
import { type DraftOf, note, setDrafts, type TraceNode } from "./trace-node.ts";

/** @param steps  with the output of the model call below them. */
export function completeFromSteps(steps: readonly TraceNode[]): void {
  for (const step of steps) {
    const calls = step.children.filter((child) => child.class === "llm");
    const [call] = calls;
    if (call === undefined || calls.length > 1) continue;
    takeRequests(call, step.span.outputMessages);
  }
}

function takeRequests(node: TraceNode, messages: MappedSpan["outputMessages"]): void {
  const requests = (messages ?? []).flatMap(({ parts }) => parts.filter((part) => part.type === "tool_call"));
  const call = node.drafts.find((draft): draft is DraftOf<"llm_call"> => draft.eventType === "llm_call");
  if (call === undefined || requests.length === 0) return;
  const own = (call.outputMessages ?? []).flatMap(({ parts }) => parts);
  if (own.some((part) => part.type === "tool_call")) return;
  const said = own.filter((part) => part.type !== "text" || part.text !== "");
  const whole: DraftOf<"llm_call"> = {
    ...call,
    outputMessages: [{ role: "assistant", parts: [...said, ...requests] }],
  };
  const selection = selectionOf(whole);
  note(node).pendingToolCalls = hasPendingToolCalls(whole);
  const others = node.drafts.filter(
    (draft) => draft !== call && !(draft.eventType === "decision" && draft.decisionKind === "tool_selection"),
  );
  const completed: EventDraft[] = selection === undefined ? [whole] : [whole, selection];
  setDrafts(node, [...completed, ...others]);
}
