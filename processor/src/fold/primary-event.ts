/**
 * Which event stands for a span, and under which event another one hangs. Source: session-traces.md 1.12.
 *
 * The event by which a span does what its class says is its primary event; all others are secondary and hang under it.
 */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { FoldedSpan } from "./folded-trace.ts";
import { lookupDepthMax } from "./trace-node.ts";

/** Undefined for classes without one, and for spans whose event was folded into another span. */
export function primaryEvent(span: FoldedSpan): AgentEvent | undefined {
  // Events from span events and attributes carry rules of their own.
  return span.events.find((event) => event.ruleId === span.ruleId && isOfClass(event, span));
}

/**
 * The event that is the parent of this one, or null at the top.
 *
 * @param span  the span of the event. Its ancestors are looked at up to the lookup depth of the mapping.
 */
export function parentEventId(event: AgentEvent, span: FoldedSpan): string | null {
  const primary = primaryEvent(span);
  if (primary !== undefined && primary.eventId !== event.eventId && !isSibling(event, span)) return primary.eventId;
  let distance = 0;
  for (let above = span.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    const found = primaryEvent(above);
    if (found !== undefined) return found.eventId;
  }
  return null;
}

function isOfClass(event: AgentEvent, span: FoldedSpan): boolean {
  switch (span.class) {
    case "llm":
    case "embedding":
    case "rerank":
      return event.eventType === "llm_call";
    case "tool":
    case "retrieval":
      return event.eventType === "tool_call";
    case "handoff":
      return event.eventType === "handoff";
    case "guardrail":
    case "evaluator":
      return event.eventType === "guardrail_eval";
    case "routing":
    case "planning":
    case "approval":
      return event.eventType === "decision" && event.decisionKind === span.class;
    case "state":
      return event.eventType === "state_change";
    default:
      return false;
  }
}

/** The decision of a handoff span stands beside its handoff. */
function isSibling(event: AgentEvent, span: FoldedSpan): boolean {
  return span.class === "handoff" && event.eventType === "decision" && event.decisionKind === "handoff";
}
