/** Event mapping 2.6: content blocks of every dialect as message parts. */

import type { MessagePart } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { firstMember, isList, isRecord, type JsonRecord } from "./json-shape.ts";
import { looksStructured, parseJsonText, toCompactJson, tryParseStructure } from "./json-text.ts";
import type { MappingLimits } from "./limits.ts";
import { isPresent, isRedacted } from "./present-value.ts";
import { dataUriMimeType } from "./sanitise.ts";
import { unwrapResult } from "./tool-values.ts";

/** Blocks inside blocks (a document in a tool result, a tool call in a wrapper) end here and become data. */
const blockDepthMax = 6;

/** Appends the parts of a message's content: text, one block, or a list of blocks and texts. */
export function readContent(content: Json | undefined, parts: MessagePart[], limits: MappingLimits, depth = 0): void {
  if (content === undefined || content === null) return;
  if (depth > blockDepthMax) {
    parts.push({ type: "data", value: content });
  } else if (typeof content === "string") {
    readTextContent(content, parts, limits, depth);
  } else if (isList(content)) {
    for (const block of content) {
      if (typeof block === "string") pushText(parts, block);
      else if (isList(block)) readContent(block, parts, limits, depth + 1);
      else readBlock(block, parts, limits, depth);
    }
  } else {
    readBlock(content, parts, limits, depth);
  }
}

/** A structured value and its JSON text mean the same (2.1); only a list of known blocks is taken for one, since models answer in JSON too. */
function readTextContent(text: string, parts: MessagePart[], limits: MappingLimits, depth: number): void {
  if (depth < blockDepthMax && text.length > 3 && looksStructured(text)) {
    const value = tryParseStructure(text, limits);
    if (isList(value) && value.length > 0 && value.every(isBlock)) {
      readContent(value, parts, limits, depth + 1);
      return;
    }
  }
  pushText(parts, text);
}

function pushText(parts: MessagePart[], text: string): void {
  if (text.length > 64 || !isRedacted(text)) parts.push({ type: "text", text });
}

type BlockKind = "text" | "reasoning" | "tool_call" | "tool_result" | "media" | "skip";

/** By `type` (or `part_kind`, `block_type`), lower-cased with `-` as `_`. */
const blockKinds: ReadonlyMap<string, BlockKind> = new Map<string, BlockKind>([
  ["text", "text"],
  ["input_text", "text"],
  ["output_text", "text"],
  ["summary_text", "text"],
  ["refusal", "text"],
  ["user_prompt", "text"],
  ["system_prompt", "text"],
  ["reasoning", "reasoning"],
  ["thinking", "reasoning"],
  ["reasoning_text", "reasoning"],
  ["reasoning_content", "reasoning"],
  ["reasoningcontent", "reasoning"],
  ["tool_call", "tool_call"],
  ["tool_use", "tool_call"],
  ["server_tool_use", "tool_call"],
  ["server_tool_call", "tool_call"],
  ["mcp_tool_use", "tool_call"],
  ["function_call", "tool_call"],
  ["tool_call_response", "tool_result"],
  ["server_tool_call_response", "tool_result"],
  ["tool_result", "tool_result"],
  ["mcp_tool_result", "tool_result"],
  ["tool_return", "tool_result"],
  ["function_call_output", "tool_result"],
  ["image", "media"],
  ["image_url", "media"],
  ["input_image", "media"],
  ["audio", "media"],
  ["audio_url", "media"],
  ["input_audio", "media"],
  ["output_audio", "media"],
  ["video", "media"],
  ["video_url", "media"],
  ["document", "media"],
  ["document_url", "media"],
  ["file", "media"],
  ["file_url", "media"],
  ["input_file", "media"],
  ["binary", "media"],
  ["blob", "media"],
  ["uri", "media"],
  ["media", "media"],
]);

function blockKind(block: JsonRecord): BlockKind | undefined {
  const type = block["type"] ?? block["part_kind"] ?? block["block_type"];
  if (typeof type !== "string") return undefined;
  return blockKinds.get(type) ?? blockKinds.get(type.toLowerCase().replaceAll("-", "_"));
}

/** Members that hold the block itself: Bedrock, Gemini, Haystack, OpenInference. */
const wrapperKinds: readonly (readonly [member: string, kind: BlockKind])[] = [
  ["toolUse", "tool_call"],
  ["functionCall", "tool_call"],
  ["function_call", "tool_call"],
  ["tool_call", "tool_call"],
  ["toolResult", "tool_result"],
  ["functionResponse", "tool_result"],
  ["function_response", "tool_result"],
  ["tool_call_result", "tool_result"],
  ["reasoningContent", "reasoning"],
  ["reasoning", "reasoning"],
  ["image", "media"],
  ["document", "media"],
  ["video", "media"],
  ["audio", "media"],
  ["inlineData", "media"],
  ["inline_data", "media"],
  ["fileData", "media"],
  ["file_data", "media"],
];

/** A value that only content can hold, so that a list of such is content and not a list of messages. */
export function isBlock(value: Json): boolean {
  if (!isRecord(value) || "role" in value) return false;
  if (blockKind(value) !== undefined) return true;
  if (typeof value["text"] === "string" && Object.keys(value).length === 1) return true;
  if (isRecord(value["message_content"])) return true;
  return wrapperKinds.some(([key]) => isRecord(value[key]));
}

export function readBlock(block: Json, parts: MessagePart[], limits: MappingLimits, depth: number): void {
  if (block === null) return;
  if (typeof block === "string") {
    pushText(parts, block);
    return;
  }
  if (!isRecord(block)) {
    parts.push({ type: "data", value: block });
    return;
  }
  const inner = block["message_content"];
  if (isRecord(inner) && depth < blockDepthMax) {
    readBlock(inner, parts, limits, depth + 1);
    return;
  }
  const kind = blockKind(block);
  if (kind !== undefined) {
    readKnownBlock(kind, block, parts, limits);
    return;
  }
  if (typeof block["thought"] === "boolean" && block["thought"] && typeof block["text"] === "string") {
    parts.push({ type: "reasoning", text: block["text"] });
    return;
  }
  for (const [key, wrapperKind] of wrapperKinds) {
    const wrapped = block[key];
    if (isRecord(wrapped) || (wrapperKind === "reasoning" && typeof wrapped === "string")) {
      readKnownBlock(wrapperKind, isRecord(wrapped) ? wrapped : block, parts, limits);
      return;
    }
  }
  if (typeof block["text"] === "string") pushText(parts, block["text"]);
  else if (typeof block["refusal"] === "string") pushText(parts, block["refusal"]);
  else if (Object.keys(block).length > 0) parts.push({ type: "data", value: block });
}

function readKnownBlock(kind: BlockKind, block: JsonRecord, parts: MessagePart[], limits: MappingLimits): void {
  switch (kind) {
    case "text": {
      const text = firstString(block, ["text", "content", "refusal", "value"]);
      if (text !== undefined) pushText(parts, text);
      else if (isRecord(block["text"]) && typeof block["text"]["value"] === "string")
        pushText(parts, block["text"]["value"]);
      return;
    }
    case "reasoning": {
      const text = reasoningText(block);
      if (text !== undefined && !isRedacted(text)) parts.push({ type: "reasoning", text });
      return;
    }
    case "tool_call":
      parts.push(readToolCall(block, limits));
      return;
    case "tool_result":
      parts.push(readToolResult(block, limits));
      return;
    case "media":
      parts.push(readMedia(block));
      return;
    case "skip":
      return;
    default:
      kind satisfies never;
  }
}

function firstString(block: JsonRecord, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = block[key];
    if (typeof value === "string") return value;
  }
  return undefined;
}

function reasoningText(block: JsonRecord): string | undefined {
  const direct = firstString(block, ["text", "content", "thinking", "reasoning", "reasoning_text"]);
  if (direct !== undefined && direct !== "") return direct;
  for (const key of ["reasoningText", "reasoningContent"] as const) {
    const nested = block[key];
    if (isRecord(nested)) return reasoningText(nested);
  }
  for (const key of ["summary", "content"] as const) {
    const list = block[key];
    if (!isList(list)) continue;
    const texts = list.map((item) =>
      typeof item === "string" ? item : isRecord(item) ? firstString(item, ["text"]) : undefined,
    );
    const text = texts.filter((item) => item !== undefined && item !== "").join("\n");
    if (text !== "") return text;
  }
  return undefined;
}

const callIdKeys = ["call_id", "id", "toolUseId", "toolCallId", "tool_call_id", "tool_use_id"] as const;
const callNameKeys = ["name", "toolName", "tool_name"] as const;
const callArgumentKeys = ["arguments", "args", "input", "parameters"] as const;

/** A requested tool call, in whatever spelling. */
export function readToolCall(call: JsonRecord, limits: MappingLimits): Extract<MessagePart, { type: "tool_call" }> {
  const inner = call["tool_call"];
  if (isRecord(inner) && !("name" in call) && !("function" in call)) return readToolCall(inner, limits);
  const callFunction = isRecord(call["function"]) ? call["function"] : undefined;
  const id = firstId(call, callIdKeys);
  const name =
    firstId(call, callNameKeys) ??
    (callFunction === undefined ? undefined : firstId(callFunction, ["name"])) ??
    textOf(call["function"]);
  const part: { type: "tool_call"; id?: string; name: string; arguments?: Json } = {
    type: "tool_call",
    name: name ?? "",
  };
  if (id !== undefined) part.id = id;
  const args =
    firstMember(call, callArgumentKeys) ??
    (callFunction === undefined ? undefined : firstMember(callFunction, callArgumentKeys));
  if (args !== undefined) part.arguments = parseArguments(args, limits);
  return part;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && isPresent(value) ? value : undefined;
}

function firstId(block: JsonRecord, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = block[key];
    if (typeof value === "number") return String(value);
    if (typeof value === "string" && isPresent(value)) return value;
  }
  return undefined;
}

function parseArguments(value: Json, limits: MappingLimits): Json {
  return typeof value === "string" ? parseJsonText(value, limits).value : value;
}

const resultKeys = ["response", "result", "output", "content"] as const;

function readToolResult(block: JsonRecord, limits: MappingLimits): Extract<MessagePart, { type: "tool_result" }> {
  const origin = isRecord(block["origin"]) ? block["origin"] : undefined;
  const id = firstId(block, callIdKeys) ?? (origin === undefined ? undefined : firstId(origin, callIdKeys));
  const name = firstId(block, callNameKeys) ?? (origin === undefined ? undefined : firstId(origin, callNameKeys));
  const raw = firstMember(block, resultKeys);
  const part = toToolResult(raw === undefined ? null : raw, limits, { id, name });
  if (block["is_error"] === true || block["isError"] === true || block["status"] === "error" || block["error"] === true)
    part.isError = true;
  return part;
}

interface ToolResultPart {
  type: "tool_result";
  id?: string;
  name?: string;
  result: Json;
  isError?: boolean;
}

/** The content of a tool message as one part, unwrapped by 2.9. */
export function toToolResult(
  raw: Json,
  limits: MappingLimits,
  ids: { id: string | undefined; name: string | undefined },
): ToolResultPart {
  const value = typeof raw === "string" ? parseJsonText(raw, limits).value : raw;
  const opened =
    isRecord(value) && Object.keys(value).length === 1 && "result" in value ? (value["result"] ?? null) : value;
  const unwrapped = unwrapResult(opened, limits);
  const part: ToolResultPart = { type: "tool_result", result: unwrapped.value ?? null };
  const id = ids.id ?? unwrapped.callId;
  if (id !== undefined) part.id = id;
  if (ids.name !== undefined) part.name = ids.name;
  if (unwrapped.isError) part.isError = true;
  return part;
}

const mimeTypeKeys = ["mime_type", "mimeType", "media_type", "mediaType"] as const;
const uriKeys = [
  "uri",
  "url",
  "fileUri",
  "file_uri",
  "image_url",
  "file_url",
  "audio_url",
  "video_url",
  "file_id",
  "fileId",
  "filename",
] as const;
const payloadKeys = ["source", "image", "image_url", "audio", "video", "document", "file", "input_audio"] as const;

/** Type and address of a medium; its bytes are not kept (6.2). */
function readMedia(block: JsonRecord): MessagePart {
  const part: { type: "media"; mimeType?: string; uri?: string } = { type: "media" };
  fillMedia(block, part, 0);
  return part;
}

function fillMedia(block: JsonRecord, part: { mimeType?: string; uri?: string }, depth: number): void {
  const mimeType = firstString(block, mimeTypeKeys);
  if (mimeType !== undefined && part.mimeType === undefined) part.mimeType = mimeType;
  const uri = firstString(block, uriKeys);
  if (uri !== undefined && part.uri === undefined) {
    const embedded = dataUriMimeType(uri);
    if (embedded === undefined) part.uri = uri;
    else if (embedded !== "") part.mimeType ??= embedded;
  }
  if (depth > 2) return;
  for (const key of payloadKeys) {
    const nested = block[key];
    if (isRecord(nested)) fillMedia(nested, part, depth + 1);
    else if (typeof nested === "string" && part.uri === undefined && nested.length <= 2_048 && nested.includes("://"))
      part.uri = nested;
  }
}

/** Two calls in one message with the same id (without ids: the same name and arguments) are one: some senders list a call twice. */
export function dropRepeatedCalls(parts: MessagePart[]): void {
  let calls = 0;
  for (const part of parts) if (part.type === "tool_call") calls++;
  if (calls < 2) return;
  const ids = new Set<string>();
  const withoutId = new Set<string>();
  let kept = 0;
  for (const part of parts) {
    if (part.type === "tool_call") {
      const seen = part.id === undefined ? withoutId : ids;
      const key = part.id ?? `${part.name}\n${toCompactJson(part.arguments ?? null)}`;
      if (seen.has(key)) continue;
      seen.add(key);
    }
    parts[kept++] = part;
  }
  parts.length = kept;
}
