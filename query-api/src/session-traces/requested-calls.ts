/** Which tool calls that models asked for were seen to happen. Source: session-traces.md 1.6. */

import { norm } from "@nonet/ingest/map/read-agent.ts";
import { readToolHandoff } from "@nonet/ingest/map/read-handoff.ts";
import { isCounted } from "@nonet/processor/fold/event-facts.ts";
import type {
  AgentEvent,
  DecisionEvent,
  HandoffEvent,
  LlmCallEvent,
  RequestedToolCall,
  ToolCallEvent,
} from "@nonet/proto/event.ts";

/** One tool call that a model asked for, and what it became. */
export interface RequestMatch {
  readonly call: LlmCallEvent;
  readonly request: RequestedToolCall;
  readonly toolCall: ToolCallEvent | undefined;
  readonly handoff: HandoffEvent | undefined;
}

/**
 * Goes through the calls of a turn in event order and each one's requests in list order: by call id; else to the first unmatched tool call
 * without an id that has the name and starts no earlier than the model call; else by a handoff with the id or the target.
 *
 * @param events  of one turn, in order.
 */
export function matchRequests(events: readonly AgentEvent[]): RequestMatch[] {
  const handoffs = events.filter((event) => event.eventType === "handoff");
  const selections = new Map(events.filter(isSelection).map((event) => [event.traceId + event.spanId, event]));
  const toolCalls = createToolCallIndex(events);
  const matches: RequestMatch[] = [];
  for (const call of events) {
    if (call.eventType !== "llm_call" || !isCounted(call)) continue;
    for (const request of selections.get(call.traceId + call.spanId)?.calls ?? []) {
      const toolCall = toolCalls.take(call, request);
      matches.push({ call, request, toolCall, handoff: handoffs.find((handoff) => handsOver(handoff, request)) });
    }
  }
  return matches;
}

function isSelection(event: AgentEvent): event is DecisionEvent {
  return event.eventType === "decision" && event.decisionKind === "tool_selection";
}

/** Tool calls that no request has claimed yet, by id and by name, so that a turn of thousands of calls is not searched for each. */
function createToolCallIndex(events: readonly AgentEvent[]): {
  take(call: LlmCallEvent, request: RequestedToolCall): ToolCallEvent | undefined;
} {
  const toolCalls = events.filter((event) => event.eventType === "tool_call");
  const byId = Map.groupBy(toolCalls, (toolCall) => toolCall.callId);
  const withoutId = Map.groupBy(byId.get(undefined) ?? [], (toolCall) => toolCall.toolName);
  byId.delete(undefined);
  return {
    take(call, request) {
      const known = request.callId === undefined ? undefined : byId.get(request.callId)?.shift();
      if (known !== undefined || request.toolName === undefined) return known;
      const named = withoutId.get(request.toolName) ?? [];
      const start = BigInt(call.timeUnixNano);
      const position = named.findIndex((toolCall) => BigInt(toolCall.timeUnixNano) >= start);
      return position === -1 ? undefined : named.splice(position, 1)[0];
    },
  };
}

function handsOver(handoff: HandoffEvent, request: RequestedToolCall): boolean {
  if (request.callId !== undefined && handoff.callId === request.callId) return true;
  if (request.toolName === undefined || handoff.toAgent === undefined) return false;
  const target = readToolHandoff(request.toolName, request.arguments)?.target;
  return target !== undefined && norm(target) === norm(handoff.toAgent);
}
