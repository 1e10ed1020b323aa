/**
 * Event mapping 2.6: messages of any shape in the normal form.
 *
 * Every sender nests messages differently: lists, `{message}`, LangChain's serialised classes, OpenAI's items, whole requests and responses. The
 * reader opens them one by one; what it does not know becomes one message with a data part. Nesting beyond `depthMax` becomes data.
 */

import type { Message, MessagePart, MessageRole } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { normaliseFinishReason } from "./finish-reason.ts";
import { isList, isRecord, type JsonRecord } from "./json-shape.ts";
import { tryParseStructure } from "./json-text.ts";
import type { MappingLimits } from "./limits.ts";
import { dropRepeatedCalls, isBlock, readBlock, readContent, readToolCall, toToolResult } from "./message-parts.ts";
import { isPresent } from "./present-value.ts";

const depthMax = 12;

/** @param defaultRole the role of what does not say: user for input, assistant for output. */
export function toMessages(value: Json, defaultRole: "user" | "assistant", limits: MappingLimits): Message[] {
  const messages: Message[] = [];
  read(value, { defaultRole, limits, messages }, 0);
  return messages;
}

interface Context {
  readonly defaultRole: MessageRole;
  readonly limits: MappingLimits;
  readonly messages: Message[];
}

function read(value: Json, context: Context, depth: number): void {
  if (value === null) return;
  if (typeof value === "string") {
    pushMessage(context, context.defaultRole, textParts(value, context.limits));
  } else if (typeof value !== "object") {
    pushMessage(context, context.defaultRole, [{ type: "text", text: String(value) }]);
  } else if (depth > depthMax) {
    pushMessage(context, context.defaultRole, [{ type: "data", value }]);
  } else if (isList(value)) {
    readList(value, context, depth);
  } else if (isRecord(value)) {
    readRecord(value, context, depth);
  }
}

function textParts(text: string, limits: MappingLimits): MessagePart[] {
  const parts: MessagePart[] = [];
  readContent(text, parts, limits);
  return parts;
}

/** Each element in turn; neighbours that are content blocks, and not messages, are one message. */
function readList(list: readonly Json[], context: Context, depth: number): void {
  let blocks: MessagePart[] = [];
  for (const item of list) {
    if (isBlock(item) && !isItem(item)) {
      readBlock(item, blocks, context.limits, 0);
      continue;
    }
    if (blocks.length > 0) {
      pushMessage(context, context.defaultRole, blocks);
      blocks = [];
    }
    // A list attribute of JSON texts.
    const opened =
      typeof item === "string" && item.startsWith("{") ? tryParseStructure(item, context.limits) : undefined;
    read(isRecord(opened) && isMessageLike(opened) ? opened : item, context, depth + 1);
  }
  if (blocks.length > 0) pushMessage(context, context.defaultRole, blocks);
}

/** OpenAI items stand beside messages; each is a message of its own. */
function isItem(value: Json): boolean {
  if (!isRecord(value)) return false;
  const type = value["type"];
  return (
    (type === "function_call" && ("call_id" in value || "arguments" in value)) ||
    type === "function_call_output" ||
    (type === "reasoning" && "summary" in value)
  );
}

function isMessageLike(value: JsonRecord): boolean {
  return "role" in value || "message" in value || "parts" in value || "content" in value || "kwargs" in value;
}

const langChainRoles: ReadonlyMap<string, MessageRole> = new Map<string, MessageRole>([
  ["human", "user"],
  ["ai", "assistant"],
  ["aimessagechunk", "assistant"],
  ["system", "system"],
  ["developer", "system"],
  ["tool", "tool"],
  ["function", "tool"],
  ["chat", "assistant"],
]);

const classRoles: ReadonlyMap<string, MessageRole> = new Map<string, MessageRole>([
  ["HumanMessage", "user"],
  ["HumanMessageChunk", "user"],
  ["AIMessage", "assistant"],
  ["AIMessageChunk", "assistant"],
  ["SystemMessage", "system"],
  ["SystemMessageChunk", "system"],
  ["ToolMessage", "tool"],
  ["ToolMessageChunk", "tool"],
  ["FunctionMessage", "tool"],
  ["ChatMessage", "assistant"],
]);

function readRecord(value: JsonRecord, context: Context, depth: number): void {
  if (readLangChain(value, context, depth)) return;
  const role = readRole(value["role"] ?? value["_role"]);
  if (role !== undefined) {
    readMessage(value, role, context);
    return;
  }
  if (readOpenAiItem(value, context)) return;
  const inner = value["message"];
  if (isRecord(inner)) {
    readInner(inner, value, context, depth);
    return;
  }
  if (openContainer(value, context, depth)) return;
  if (
    "parts" in value ||
    "contents" in value ||
    "content" in value ||
    "tool_calls" in value ||
    "toolCalls" in value ||
    "function_call" in value
  ) {
    readCandidateOrMessage(value, context, depth);
    return;
  }
  if (typeof value["text"] === "string" || blockLike(value)) {
    const parts: MessagePart[] = [];
    readBlock(value, parts, context.limits, 0);
    pushMessage(context, context.defaultRole, parts, finishReasonOf(value));
    return;
  }
  if (openGeneric(value, context, depth)) return;
  if (Object.keys(value).length > 0) pushMessage(context, context.defaultRole, [{ type: "data", value }]);
}

function blockLike(value: JsonRecord): boolean {
  return isBlock(value);
}

/** Gemini's candidate has an object with parts as `content`, and its finish reason beside it. */
function readCandidateOrMessage(value: JsonRecord, context: Context, depth: number): void {
  const content = value["content"];
  if (isRecord(content) && ("parts" in content || "role" in content)) readInner(content, value, context, depth);
  else readMessage(value, context.defaultRole, context);
}

/** `{message: {...}, finish_reason}`: the inner message, with what stands beside it. */
function readInner(inner: JsonRecord, outer: JsonRecord, context: Context, depth: number): void {
  const before = context.messages.length;
  read(inner, context, depth + 1);
  const finishReason = finishReasonOf(outer);
  if (finishReason === undefined) return;
  const last = context.messages[context.messages.length - 1];
  if (context.messages.length === before) pushMessage(context, context.defaultRole, [], finishReason);
  else if (last !== undefined && last.finishReason === undefined) last.finishReason = finishReason;
}

function readLangChain(value: JsonRecord, context: Context, depth: number): boolean {
  const type = value["type"];
  if (typeof type !== "string") return false;
  if (type === "constructor" && isList(value["id"]) && isRecord(value["kwargs"])) {
    const className = value["id"][value["id"].length - 1];
    const role = typeof className === "string" ? classRoles.get(className) : undefined;
    if (role === undefined) read(value["kwargs"], context, depth + 1);
    else readMessage(value["kwargs"], role, context);
    return true;
  }
  if ("role" in value) return false;
  const role = langChainRoles.get(type.toLowerCase());
  if (role === undefined) return false;
  if (isRecord(value["data"])) readMessage(value["data"], role, context);
  else if ("content" in value || "tool_calls" in value) readMessage(value, role, context);
  else return false;
  return true;
}

function readOpenAiItem(value: JsonRecord, context: Context): boolean {
  switch (value["type"]) {
    case "function_call":
    case "custom_tool_call":
      if (!("name" in value)) return false;
      pushMessage(context, "assistant", [readToolCall(value, context.limits)]);
      return true;
    case "function_call_output":
    case "custom_tool_call_output": {
      const id = typeof value["call_id"] === "string" ? value["call_id"] : undefined;
      pushMessage(context, "tool", [toToolResult(value["output"] ?? null, context.limits, { id, name: undefined })]);
      if (value["is_error"] === true) markLastResult(context);
      return true;
    }
    case "reasoning": {
      if (!("summary" in value) && !("content" in value) && !("text" in value)) return false;
      const parts: MessagePart[] = [];
      readBlock(value, parts, context.limits, 0);
      if (parts.length > 0) pushMessage(context, "assistant", parts);
      return true;
    }
    case "message":
      if (!("content" in value)) return false;
      readMessage(value, context.defaultRole, context);
      return true;
    default:
      return false;
  }
}

function markLastResult(context: Context): void {
  const part = context.messages[context.messages.length - 1]?.parts[0];
  if (part?.type === "tool_result") part.isError = true;
}

/** Whole requests, responses and histories. */
function openContainer(value: JsonRecord, context: Context, depth: number): boolean {
  for (const key of ["generations", "choices", "candidates"] as const) {
    const list = value[key];
    if (isList(list)) {
      for (const item of list) read(item, context, depth + 1);
      return true;
    }
  }
  const messages = value["messages"] ?? value["history"];
  const system = value["system"] ?? value["system_instruction"] ?? value["systemInstruction"];
  if (isPresent(messages) && (isList(messages) || isRecord(messages) || typeof messages === "string")) {
    readSystem(system, context);
    read(messages ?? null, context, depth + 1);
    return true;
  }
  if (isPresent(value["prompt"]) || (typeof system === "string" && isPresent(system))) {
    readSystem(system, context);
    read(value["prompt"] ?? null, context, depth + 1);
    return true;
  }
  // Gemini requests, LiveKit chat contexts.
  for (const key of ["contents", "items"] as const) {
    const list = value[key];
    if (isList(list) && list.some((item) => isRecord(item) && ("role" in item || "parts" in item || "type" in item))) {
      readSystem(system, context);
      read(list, context, depth + 1);
      return true;
    }
  }
  return false;
}

function readSystem(system: Json | undefined, context: Context): void {
  if (!isPresent(system)) return;
  const parts: MessagePart[] = [];
  readSystemParts(system ?? null, parts, context.limits);
  pushMessage(context, "system", parts);
}

/** Text, a list of parts, or messages: all of it is one system message. */
export function readSystemParts(value: Json, parts: MessagePart[], limits: MappingLimits): void {
  if (isRecord(value) && ("role" in value || "parts" in value)) {
    for (const message of toMessages(value, "user", limits)) parts.push(...message.parts);
  } else if (isList(value) && value.some((item) => isRecord(item) && ("role" in item || "parts" in item))) {
    for (const item of value) readSystemParts(item, parts, limits);
  } else readContent(value, parts, limits);
}

/** Objects of which only the input or output is of interest. */
function openGeneric(value: JsonRecord, context: Context, depth: number): boolean {
  const keys = context.defaultRole === "user" ? inputKeys : outputKeys;
  for (const key of keys) {
    const inner = value[key];
    if (!isPresent(inner)) continue;
    const before = context.messages.length;
    read(inner ?? null, context, depth + 1);
    const finishReason = finishReasonOf(value);
    const last = context.messages[context.messages.length - 1];
    if (finishReason !== undefined && context.messages.length > before && last !== undefined)
      last.finishReason ??= finishReason;
    return true;
  }
  return false;
}

const inputKeys = ["input", "inputs", "output", "outputs"] as const;
const outputKeys = ["output", "outputs", "input", "inputs"] as const;

const roles: ReadonlyMap<string, MessageRole> = new Map<string, MessageRole>([
  ["system", "system"],
  ["developer", "system"],
  ["user", "user"],
  ["human", "user"],
  ["assistant", "assistant"],
  ["ai", "assistant"],
  ["model", "assistant"],
  ["aimessagechunk", "assistant"],
  ["chatbot", "assistant"],
  ["bot", "assistant"],
  ["agent", "assistant"],
  ["tool", "tool"],
  ["function", "tool"],
  // smolagents and OpenInference name them so in their histories.
  ["tool-response", "tool"],
  ["tool_response", "tool"],
]);

/** Also enum texts such as `MessageRole.USER`. */
function readRole(role: Json | undefined): MessageRole | undefined {
  if (typeof role !== "string") return isRecord(role) ? readRole(role["value"]) : undefined;
  const known = roles.get(role);
  if (known !== undefined) return known;
  const word = role
    .slice(role.lastIndexOf(".") + 1)
    .trim()
    .toLowerCase();
  return roles.get(word) ?? (word === "" || role.length > 64 ? undefined : "user");
}

/** What a message has of the members that are read; one pass over its few members is cheaper than asking for each of the many names. */
interface MessageMembers {
  content: Json | undefined;
  text: Json | undefined;
  calls: Json | undefined;
  extra: Json | undefined;
  call: Json | undefined;
  callName: Json | undefined;
  refusal: Json | undefined;
  reasoning: Json | undefined;
  name: Json | undefined;
  hasMore: boolean;
}

const contentRank: Readonly<Record<string, number>> = { parts: 5, contents: 4, content: 3, blocks: 2, _content: 1 };

function membersOf(value: JsonRecord): MessageMembers {
  const members: MessageMembers = {
    content: undefined,
    text: undefined,
    calls: undefined,
    extra: undefined,
    call: undefined,
    callName: undefined,
    refusal: undefined,
    reasoning: undefined,
    name: undefined,
    hasMore: false,
  };
  let rank = 0;
  for (const key in value) {
    const member = value[key];
    if (member === null || member === undefined) continue;
    switch (key) {
      case "role":
        break;
      case "parts":
      case "contents":
      case "content":
      case "blocks":
      case "_content": {
        // An OpenInference message may have both: empty text and blocks, or the reverse.
        const own = contentRank[key] ?? 0;
        if (member !== "" && own > rank) {
          rank = own;
          members.content = member;
        }
        break;
      }
      case "text":
        members.text = member;
        break;
      case "tool_calls":
        members.calls = member;
        break;
      case "toolCalls":
        members.calls ??= member;
        break;
      case "additional_kwargs":
        members.extra = member;
        break;
      case "function_call":
        members.call = member;
        break;
      case "function_call_name":
        members.callName = member;
        break;
      case "refusal":
        members.refusal = member;
        break;
      case "reasoning_content":
        members.reasoning = member;
        break;
      case "name":
        members.name = member;
        break;
      default:
        members.hasMore = true;
    }
  }
  return members;
}

function readMessage(value: JsonRecord, role: MessageRole, context: Context): void {
  const { limits } = context;
  const members = membersOf(value);
  const parts: MessagePart[] = [];
  const content = members.content ?? members.text;
  if (role === "tool") {
    readToolMessage(value, content, parts, limits);
  } else {
    if (typeof members.reasoning === "string" && isPresent(members.reasoning))
      parts.push({ type: "reasoning", text: members.reasoning });
    readContent(content, parts, limits);
  }
  readRequestedCalls(value, members, parts, limits);
  dropRepeatedCalls(parts);
  const { name } = members;
  pushMessage(
    context,
    role,
    parts,
    members.hasMore ? finishReasonOf(value) : undefined,
    role !== "tool" && typeof name === "string" && isPresent(name) ? name : undefined,
  );
}

/** One tool_result made of the content, unless the content holds results already. */
function readToolMessage(value: JsonRecord, raw: Json | undefined, parts: MessagePart[], limits: MappingLimits): void {
  const content = typeof raw === "string" ? (tryParseStructure(raw, limits) ?? raw) : raw;
  if (isList(content) || isRecord(content)) {
    const blocks: MessagePart[] = [];
    readContent(content, blocks, limits);
    if (blocks.some((block) => block.type === "tool_result")) {
      parts.push(...blocks);
      return;
    }
  }
  if (content === undefined || content === null) return;
  const id = firstText(value, ["tool_call_id", "toolCallId", "id"]);
  const name = firstText(value, ["name", "tool_name", "toolName"]);
  const part = toToolResult(content, limits, { id, name });
  if (value["status"] === "error" || value["is_error"] === true) part.isError = true;
  parts.push(part);
}

function firstText(value: JsonRecord, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const text = value[key];
    if (typeof text === "string" && isPresent(text)) return text;
    if (typeof text === "number") return String(text);
  }
  return undefined;
}

function readRequestedCalls(
  value: JsonRecord,
  members: MessageMembers,
  parts: MessagePart[],
  limits: MappingLimits,
): void {
  const extra = isRecord(members.extra) ? members.extra : undefined;
  const calls = members.calls ?? extra?.["tool_calls"];
  const list = typeof calls === "string" ? tryParseStructure(calls, limits) : calls;
  if (isList(list)) {
    for (const call of list) {
      const opened = typeof call === "string" ? tryParseStructure(call, limits) : call;
      if (isRecord(opened)) parts.push(readToolCall(opened, limits));
    }
  }
  const single = members.call ?? extra?.["function_call"];
  if (isRecord(single) && Object.keys(single).length > 0) parts.push(readToolCall(single, limits));
  const { callName, refusal } = members;
  if (typeof callName === "string" && isPresent(callName)) {
    parts.push(readToolCall({ name: callName, arguments: value["function_call_arguments_json"] ?? null }, limits));
  }
  if (typeof refusal === "string" && isPresent(refusal)) parts.push({ type: "text", text: refusal });
}

const finishReasonKeys = ["finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason"] as const;

function finishReasonOf(value: JsonRecord): string | undefined {
  for (const key of finishReasonKeys) {
    const reason = value[key];
    if (typeof reason === "string" && isPresent(reason)) return normaliseFinishReason(reason);
  }
  for (const key of ["meta", "_meta", "response_metadata", "generation_info", "generationInfo"] as const) {
    const meta = value[key];
    if (!isRecord(meta)) continue;
    for (const reasonKey of finishReasonKeys) {
      const reason = meta[reasonKey];
      if (typeof reason === "string" && isPresent(reason)) return normaliseFinishReason(reason);
    }
  }
  return undefined;
}

function pushMessage(
  { messages }: Context,
  role: MessageRole,
  parts: MessagePart[],
  finishReason?: string,
  name?: string,
): void {
  if (parts.length === 0 && finishReason === undefined) return;
  const onlyResults =
    parts[0]?.type === "tool_result" &&
    (role === "user" || role === "assistant") &&
    parts.every((part) => part.type === "tool_result");
  const message: Message = { role: onlyResults ? "tool" : role, parts };
  if (finishReason !== undefined) message.finishReason = finishReason;
  if (name !== undefined) message.name = name;
  messages.push(message);
}

/** Text parts of the last assistant message that has any, joined by newline. */
export function lastAssistantText(messages: readonly Message[]): string | undefined {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index];
    if (message?.role !== "assistant") continue;
    const text = textOfParts(message.parts);
    if (text !== undefined) return text;
  }
  return undefined;
}

export function textOfParts(parts: readonly MessagePart[]): string | undefined {
  let text: string | undefined;
  for (const part of parts) if (part.type === "text") text = text === undefined ? part.text : `${text}\n${part.text}`;
  return text;
}
