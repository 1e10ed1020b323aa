/** What is known about a prompt without saying it. Source: session-traces.md 1.9. */
import type { LlmCallEvent, Message, MessagePart, ToolDefinition } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { canonicalJson, shortHash } from "./canonical-json.ts";
import type { PromptMeta, ToolDef } from "./trace-event.ts";

export function promptMetaOf(call: LlmCallEvent): PromptMeta {
  const named = { name: call.promptName ?? null, version: call.promptVersion ?? null };
  const messages = call.inputMessages;
  const tools = call.toolDefinitions;
  if (messages === undefined) {
    return {
      ...named,
      messageCount: null,
      roles: null,
      hasSystem: null,
      toolCount: tools?.length ?? null,
      charCount: null,
      fingerprint: null,
    };
  }
  return {
    ...named,
    messageCount: messages.length,
    roles: rolesOf(messages),
    hasSystem: messages.some((message) => message.role === "system"),
    toolCount: tools?.length ?? 0,
    charCount: charactersOf(messages),
    fingerprint: fingerprintOf(messages, tools ?? []),
  };
}

/** A definition with the three members that this API shows. */
export function toToolDef(tool: ToolDefinition): ToolDef {
  return {
    name: tool.name,
    ...(tool.description === undefined ? {} : { description: tool.description }),
    ...(tool.parameters === undefined ? {} : { parameters: tool.parameters }),
  };
}

function rolesOf(messages: readonly Message[]): Record<string, number> {
  const roles: Record<string, number> = {};
  for (const { role } of messages) roles[role] = (roles[role] ?? 0) + 1;
  return roles;
}

/** Characters of all text and JSON. */
export function charactersOf(messages: readonly Message[]): number {
  let count = 0;
  for (const message of messages) for (const part of message.parts) count += partCharacters(part);
  return count;
}

function partCharacters(part: MessagePart): number {
  switch (part.type) {
    case "text":
    case "reasoning":
      return codePoints(part.text);
    case "tool_call":
      return jsonCharacters(part.arguments);
    case "tool_result":
      return jsonCharacters(part.result);
    case "data":
      return jsonCharacters(part.value);
    case "media":
      return 0;
    default:
      return part satisfies never;
  }
}

function jsonCharacters(value: Json | undefined): number {
  if (value === undefined) return 0;
  return codePoints(typeof value === "string" ? value : JSON.stringify(value));
}

/** Counted without making an array of them. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit <= 0xdbff && index + 1 < text.length) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

function fingerprintOf(messages: readonly Message[], tools: readonly ToolDefinition[]): string {
  // `as`: messages and definitions are JSON; their interfaces only lack the index signature.
  const content = { messages: messages, tools: tools.map(toToolDef) } as unknown as Json;
  return shortHash(canonicalJson(content));
}
