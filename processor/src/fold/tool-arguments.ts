/**
 * Some instrumentations give a tool span its only argument as bare text, or none at all; the model's request with the same call id has them
 * as an object. Seen in captures of LangChain under OpenInference and of Anthropic's tool runner.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { setDrafts, type TraceNode } from "./trace-node.ts";
import type { TraceIndex } from "./trace-index.ts";

/** After TOOL-NEST, so that arguments of inner spans come first. */
export function completeArguments(index: TraceIndex): void {
  for (const node of index.needingArguments) {
    const call = node.drafts.find((draft) => draft.eventType === "tool_call" && draft.discriminator === "");
    if (call?.eventType !== "tool_call" || call.callId === undefined || !needsArguments(call.arguments)) continue;
    const requested = index.requests.get(call.callId)?.arguments;
    if (requested === undefined || (call.arguments !== undefined && !isObject(requested))) continue;
    const whole: EventDraft = { ...call, arguments: requested };
    setDrafts(
      node,
      node.drafts.map((draft) => (draft === call ? whole : draft)),
    );
  }
}

export function needsArguments(args: unknown): boolean {
  return args === undefined || typeof args !== "object" || args === null;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
