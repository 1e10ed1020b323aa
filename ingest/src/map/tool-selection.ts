/** Event mapping 3.3 LLM-TOOL-SELECTION: a model asked for tools; parallel calls are one choice. */
import type { Message, RequestedToolCall } from "@nonet/proto/event.ts";
import type { EventDraft } from "./mapped-span.ts";
import { textOfParts } from "./message-shapes.ts";

export interface ToolSelectionInput {
  readonly outputMessages: readonly Message[] | undefined;
  readonly finishReasons: readonly string[] | undefined;
  /** `response.has_tool_call` */
  readonly hasToolCall: boolean;
  readonly ruleTime: string;
  readonly callsMax: number;
}

/** @returns the decision, or undefined when the model asked for no tool. */
export function toolSelection(input: ToolSelectionInput): EventDraft | undefined {
  const { outputMessages, finishReasons, hasToolCall, callsMax } = input;
  const calls = requestedCalls(outputMessages);
  if (calls.length === 0 && !hasToolCall && finishReasons?.includes("tool_calls") !== true) return undefined;
  const kept = calls.slice(0, callsMax);
  const selected: string[] = [];
  for (const call of kept) if (call.toolName !== undefined) selected.push(call.toolName);
  const decision: EventDraft = {
    eventType: "decision",
    decisionKind: "tool_selection",
    discriminator: "tool_selection",
    phase: "end",
    ruleId: "LLM-TOOL-SELECTION",
    name: selected.length > 0 ? selected.join(", ").slice(0, 256) : "tool_selection",
    timeUnixNano: input.ruleTime,
    selected,
    calls: kept,
  };
  const reason = reasonOf(outputMessages);
  if (reason !== undefined) decision.reason = reason;
  return decision;
}

/** What the model said beside its calls. */
function reasonOf(messages: readonly Message[] | undefined): string | undefined {
  const texts: string[] = [];
  for (const message of messages ?? []) {
    const text = textOfParts(message.parts);
    if (text !== undefined) texts.push(text);
  }
  return texts.length > 0 ? texts.join("\n") : undefined;
}

function requestedCalls(messages: readonly Message[] | undefined): RequestedToolCall[] {
  const calls: RequestedToolCall[] = [];
  for (const message of messages ?? []) {
    for (const part of message.parts) {
      if (part.type !== "tool_call") continue;
      const call: RequestedToolCall = {};
      if (part.id !== undefined) call.callId = part.id;
      if (part.name !== "") call.toolName = part.name;
      if (part.arguments !== undefined) call.arguments = part.arguments;
      calls.push(call);
    }
  }
  return calls;
}

/** Section 4, answering call: a tool_call part without its result in the same output, or a finish reason `tool_calls`. */
export function hasPendingToolCalls(call: {
  readonly outputMessages?: readonly Message[] | undefined;
  readonly finishReasons?: readonly string[] | undefined;
}): boolean {
  if (call.finishReasons?.includes("tool_calls") === true) return true;
  const answered = new Set<string | undefined>();
  for (const message of call.outputMessages ?? []) {
    for (const part of message.parts) if (part.type === "tool_result") answered.add(part.id);
  }
  for (const message of call.outputMessages ?? []) {
    for (const part of message.parts) if (part.type === "tool_call" && !answered.has(part.id)) return true;
  }
  return false;
}
