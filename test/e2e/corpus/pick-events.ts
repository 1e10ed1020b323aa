/** Views of a list of events, as the tests of facts ask for them. */
import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";

export function eventsOfType<Type extends AgentEvent["eventType"]>(
  events: readonly AgentEvent[],
  type: Type,
): Extract<AgentEvent, { eventType: Type }>[] {
  return events.filter((event): event is Extract<AgentEvent, { eventType: Type }> => event.eventType === type);
}

/** Model calls, each once. */
export function countedCalls(events: readonly AgentEvent[]): LlmCallEvent[] {
  return eventsOfType(events, "llm_call").filter((call) => call.duplicateOf === undefined);
}

/** `[calls, input tokens, output tokens]` of the counted calls. */
export function callTotals(events: readonly AgentEvent[]): [number, number, number] {
  const calls = countedCalls(events);
  const sum = (read: (call: LlmCallEvent) => number | undefined) =>
    calls.reduce((total, call) => total + (read(call) ?? 0), 0);
  return [calls.length, sum((call) => call.inputTokens), sum((call) => call.outputTokens)];
}

/** Failures that counts and alerts see. */
export function failures(events: readonly AgentEvent[]) {
  return eventsOfType(events, "error").filter((error) => !error.handled && !error.propagated);
}

export function sessionsOf(events: readonly AgentEvent[]): string[] {
  return [...new Set(events.map((event) => `${event.sessionId} (${event.sessionIdSource})`))].sort();
}

export function toolNames(events: readonly AgentEvent[]): string[] {
  return eventsOfType(events, "tool_call")
    .map((call) => call.toolName)
    .sort();
}

export function handoffPairs(events: readonly AgentEvent[]): string[] {
  return [...eventsOfType(events, "handoff")]
    .sort((a, b) => (BigInt(a.timeUnixNano) < BigInt(b.timeUnixNano) ? -1 : 1))
    .map((event) => `${event.fromAgent ?? "?"} -> ${event.toAgent ?? "?"}`);
}
