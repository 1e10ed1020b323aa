/** Messages as this API shows them. Source: tenant-traces.md 5.3, "Output shape of a message". */
import { toCompactJson, tryParseStructure } from "@nonet/ingest/map/json-text.ts";
import { defaultLimits } from "@nonet/ingest/map/limits.ts";
import type { Message, MessagePart } from "@nonet/proto/event.ts";
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import { withoutInlineBytes } from "./inline-bytes.ts";
import type { ToolCall, TraceMessage } from "./trace-detail.ts";

type PartOf<T extends MessagePart["type"]> = MessagePart & { readonly type: T };

export interface ShapedMessages {
  readonly messages: TraceMessage[];
  /** The calls of the message that stands at `answerIndex` of the input. */
  readonly answerCalls: ToolCall[] | undefined;
}

/**
 * Each message becomes one, but each tool result in it becomes a message of its own. Calls and results without ids get them here, so that each
 * result says which call it answers.
 */
export function shapeMessages(list: readonly Message[], answerIndex: number | undefined): ShapedMessages {
  const messages: TraceMessage[] = [];
  const calls = createCallLedger();
  let answerCalls: ToolCall[] | undefined;
  for (const [index, message] of list.entries()) {
    const first = messages.length;
    for (const run of runsOf(message)) {
      if (run.result === undefined) messages.push(toPlainMessage(message, run.parts, messages.length, calls));
      else messages.push(toToolMessage(run.result, message.name, calls));
    }
    if (index === answerIndex) answerCalls = messages.slice(first).find((each) => each.tool_calls)?.tool_calls;
  }
  return { messages, answerCalls };
}

interface Run {
  readonly parts: readonly MessagePart[];
  readonly result?: PartOf<"tool_result">;
}

/** Tool results alone, what stands between them together. A message without any part is one run. */
function runsOf(message: Message): Run[] {
  const runs: { parts: MessagePart[]; result?: PartOf<"tool_result"> }[] = [];
  for (const part of message.parts) {
    const last = runs.at(-1);
    if (part.type === "tool_result") runs.push({ parts: [], result: part });
    else if (last === undefined || last.result !== undefined) runs.push({ parts: [part] });
    else last.parts.push(part);
  }
  return runs.length === 0 ? [{ parts: [] }] : runs;
}

/** Which calls wait for their result. */
interface CallLedger {
  add(calls: readonly ToolCall[]): void;
  /** Without an id: the first open call of that name, else the first. */
  answer(result: { readonly id?: string | undefined; readonly name?: string | undefined }): {
    readonly id: string | undefined;
    readonly name: string | undefined;
  };
}

function createCallLedger(): CallLedger {
  const nameById = new Map<string, string>();
  let open: ToolCall[] = [];
  let isAnswering = false;
  return {
    add(calls) {
      // Some producers send each call as a message of its own: those that follow each other are open together.
      open = isAnswering ? [...calls] : [...open, ...calls];
      isAnswering = false;
      for (const call of calls) nameById.set(call.id, call.name);
    },
    answer({ id, name }) {
      isAnswering = true;
      const named = open.findIndex((call) => (id === undefined ? call.name === name : call.id === id));
      const index = named === -1 && id === undefined ? 0 : named;
      const [call] = index === -1 ? [] : open.splice(index, 1);
      return { id: id ?? call?.id, name: id === undefined ? call?.name : nameById.get(id) };
    },
  };
}

function toPlainMessage(
  message: Message,
  parts: readonly MessagePart[],
  index: number,
  calls: CallLedger,
): TraceMessage {
  const toolCalls = parts
    .filter((part): part is PartOf<"tool_call"> => part.type === "tool_call")
    .map((part, position) => ({
      id: part.id ?? `call_${index}_${position}`,
      name: part.name,
      args: toArguments(part.arguments),
    }));
  if (message.role === "assistant" || toolCalls.length > 0) calls.add(toolCalls);
  const others = parts.flatMap(toOtherPart);
  return {
    role: message.role,
    content: parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n"),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
    ...(message.name === undefined ? {} : { name: message.name }),
    ...(others.length === 0 ? {} : { parts: others }),
  };
}

function toToolMessage(part: PartOf<"tool_result">, speaker: string | undefined, calls: CallLedger): TraceMessage {
  const call = calls.answer(part);
  const name = part.name ?? call.name ?? speaker;
  return {
    role: "tool",
    ...(call.id === undefined ? {} : { tool_call_id: call.id }),
    ...(name === undefined ? {} : { name }),
    content: toText(part.result),
  };
}

function toText(result: Json): string {
  return typeof result === "string" ? result : toCompactJson(result);
}

/** What a call is made with, as an object: one that the arguments are or spell, else one that holds them. */
export function toArguments(value: Json | undefined): JsonObject {
  if (value === undefined || value === null) return {};
  const parsed = typeof value === "string" ? (tryParseStructure(value, defaultLimits) ?? value) : value;
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  return { value: parsed };
}

function toOtherPart(part: MessagePart): JsonObject[] {
  switch (part.type) {
    case "media":
      return [toMedia(part)];
    case "data":
      return [{ type: "data", value: withoutInlineBytes(part.value) }];
    case "text":
    case "reasoning":
    case "tool_call":
    case "tool_result":
      return [];
    default:
      return part satisfies never;
  }
}

/** A data URI is the bytes themselves: of it only the type is told. */
function toMedia(part: PartOf<"media">): JsonObject {
  const inline = /^data:([^;,]*)/i.exec(part.uri ?? "");
  const mimeType = part.mimeType ?? (inline?.[1] === "" ? undefined : inline?.[1]);
  return {
    type: "media",
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(part.uri === undefined || inline !== null ? {} : { uri: part.uri }),
  };
}
