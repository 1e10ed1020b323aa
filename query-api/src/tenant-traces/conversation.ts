/**
 * The messages of a trace in the normal form of events: what the primary generation was asked, completed where its producer sent only what was
 * new, and what it asked of tools. Source: tenant-traces.md 5.3, "The list".
 */
import type { FoldedTrace } from "@nonet/processor/fold/folded-trace.ts";
import type { LlmCallEvent, Message, MessagePart, ToolCallEvent, ToolResultEvent } from "@nonet/proto/event.ts";
import { partnerOf } from "../session-traces/event-data.ts";
import { matchRequests, type RequestMatch } from "../session-traces/requested-calls.ts";

export interface Conversation {
  readonly messages: readonly Message[];
  /** Where in `messages` the output of the primary generation stands, when it asks for tools. */
  readonly answerIndex: number | undefined;
  /** The first output message of the primary generation. */
  readonly answer: Message | undefined;
}

export function conversationOf(
  trace: FoldedTrace,
  primary: LlmCallEvent,
  thread: readonly LlmCallEvent[],
): Conversation {
  const messages = repairedInput(primary, thread);
  const answer = answerOf(primary);
  if (answer === undefined || !answer.parts.some(isToolCall)) return { messages, answer, answerIndex: undefined };
  return {
    messages: [...messages, answer, ...resultsOf(trace, primary, answer)],
    answer,
    answerIndex: messages.length,
  };
}

/**
 * The first output message. Some producers send one answer as a list of items, each of which reads as a message: those belong to it, up to one
 * that says that it finished.
 */
export function answerOf(call: LlmCallEvent): Message | undefined {
  const [first, ...others] = call.outputMessages ?? [];
  if (first === undefined) return undefined;
  let answer = first;
  for (const next of others) {
    if (answer.finishReason !== undefined || next.role !== answer.role) break;
    const { finishReason } = next;
    answer = {
      ...answer,
      parts: [...answer.parts, ...next.parts],
      ...(finishReason === undefined ? {} : { finishReason }),
    };
  }
  return answer;
}

/** A list that begins with a tool's answer lacks what came before: earlier calls of the thread have it, the nearest first. */
function repairedInput(primary: LlmCallEvent, thread: readonly LlmCallEvent[]): Message[] {
  const input = primary.inputMessages ?? [];
  const earlier = thread.slice(0, thread.indexOf(primary));
  /** What comes first is last here. */
  const segments = [withoutSystem(input)];
  while (startsWithResult(segments.findLast((segment) => segment.length > 0)?.[0])) {
    const call = earlier.pop();
    if (call === undefined) break;
    const answer = answerOf(call);
    segments.push([...withoutSystem(call.inputMessages ?? []), ...(answer === undefined ? [] : [answer])]);
  }
  return [...input.filter((message) => message.role === "system"), ...segments.reverse().flat()];
}

function withoutSystem(messages: readonly Message[]): Message[] {
  return messages.filter((message) => message.role !== "system");
}

function startsWithResult(message: Message | undefined): boolean {
  return message !== undefined && (message.role === "tool" || message.parts[0]?.type === "tool_result");
}

function isToolCall(part: MessagePart): part is MessagePart & { type: "tool_call" } {
  return part.type === "tool_call";
}

/** What the tools gave back that the primary generation asked for, as far as they were seen to run. */
function resultsOf(trace: FoldedTrace, primary: LlmCallEvent, answer: Message): Message[] {
  const turn = trace.turns.find((each) => each.turnId === primary.turnId);
  const matches = matchRequests(turn?.events ?? []).filter((match) => match.call.eventId === primary.eventId);
  const results: Message[] = [];
  for (const part of answer.parts.filter(isToolCall)) {
    const toolCall = takeMatch(matches, part)?.toolCall;
    const result = toolCall === undefined ? undefined : resultOf(trace, toolCall);
    if (result === undefined) continue;
    const id = part.id === undefined ? {} : { id: part.id };
    // What was not captured has no text.
    results.push({
      role: "tool",
      parts: [{ type: "tool_result", ...id, name: part.name, result: result.result ?? "" }],
    });
  }
  return results;
}

/** The requests of a call stand in the order of its output; each answers for one part. */
function takeMatch(matches: RequestMatch[], part: MessagePart & { type: "tool_call" }): RequestMatch | undefined {
  const index = matches.findIndex(({ request }) =>
    part.id === undefined ? request.toolName === part.name : request.callId === part.id,
  );
  return index === -1 ? undefined : matches.splice(index, 1)[0];
}

function resultOf(trace: FoldedTrace, call: ToolCallEvent): ToolResultEvent | undefined {
  const span = trace.spans.find((each) => each.spanId === call.spanId);
  if (span === undefined) return undefined;
  const eventId = partnerOf(call, span, "tool_result");
  return span.events.find(
    (event): event is ToolResultEvent => event.eventType === "tool_result" && event.eventId === eventId,
  );
}
