/** Event mapping 6.1 and 6.2 applied to a finished draft: texts, structured values, lists, and the event as a whole. */
import type { EventType, Message, MessagePart } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { toCompactJson } from "./json-text.ts";
import type { EventDraft } from "./mapped-span.ts";
import { cleanName, cleanText, cutBytes, dataUriMimeType } from "./sanitise.ts";
import { type SanitiseOptions, sanitiseJson } from "./sanitise-json.ts";
import type { SpanReader } from "./span-reader.ts";

interface LimitedFields {
  /** Fields that hold JSON of any shape. */
  readonly structured: readonly string[];
  /** Fields that are text as sent. */
  readonly texts: readonly string[];
  readonly names: readonly string[];
}

/** By event type; messages are limited when they are read. */
const limitedFields: Readonly<Record<EventType, LimitedFields>> = {
  llm_call: { structured: ["params", "toolDefinitions"], texts: [], names: ["name"] },
  tool_call: { structured: ["arguments"], texts: ["toolDescription"], names: ["name", "toolName", "callId"] },
  tool_result: { structured: ["result"], texts: ["errorMessage"], names: ["name", "toolName", "callId"] },
  decision: { structured: ["calls"], texts: ["reason"], names: ["name", "callId", "fromAgent", "toAgent", "source"] },
  handoff: { structured: [], texts: ["message"], names: ["name", "callId", "fromAgent", "toAgent"] },
  guardrail_eval: { structured: [], texts: ["reason", "label", "target"], names: ["name", "guardrailName"] },
  state_change: { structured: ["before", "after"], texts: [], names: ["name", "stateKey"] },
  error: { structured: [], texts: ["message", "stack"], names: ["name", "errorType"] },
  response: { structured: [], texts: [], names: ["name"] },
};

/** No event can come near its limit when all texts of its span together are shorter than this. */
const smallSpanChars = 80_000;

/** @param draft changed in place. @param textChars of the whole span; for small spans sizes need not be measured. */
export function limitDraft(draft: EventDraft, reader: SpanReader, textChars: number): void {
  const { structured, texts, names } = limitedFields[draft.eventType];
  const fields = draft as unknown as Record<string, unknown>;
  const deep = reader.unclean;
  const large = textChars > smallSpanChars;
  for (const field of structured) {
    const value = fields[field];
    if (value === undefined) continue;
    const maskSecrets = field === "arguments" || field === "calls";
    const limited = limitStructured(value as Json, reader, { maskSecrets, deep }, large);
    if (limited !== value) fields[field] = limited;
  }
  if (deep || large) {
    for (const field of texts) {
      const value = fields[field];
      if (typeof value === "string") fields[field] = limitText(value, reader, deep);
    }
    if (deep) for (const field of names) cleanNameField(fields, field, reader);
  }
  if (large) limitEvent(fields, reader);
}

function cleanNameField(fields: Record<string, unknown>, field: string, reader: SpanReader): void {
  const value = fields[field];
  if (typeof value === "string")
    fields[field] = cleanName(value, reader.limits.nameCharsMax + " -> ".length + reader.limits.nameCharsMax);
}

function limitText(text: string, reader: SpanReader, deep: boolean): string {
  const cut = cutBytes(text, reader.limits.textBytesMax);
  if (cut.length !== text.length) reader.exceeded("textBytesMax");
  return deep ? cleanText(cut) : cut;
}

function limitStructured(value: Json, reader: SpanReader, options: SanitiseOptions, measured: boolean): Json {
  const clean = sanitiseJson(value, reader, options);
  if (clean === null || typeof clean !== "object" || !measured) return clean;
  if (!mayExceed(clean, reader.limits.structuredBytesMax)) return clean;
  const text = toCompactJson(clean);
  const cut = cutBytes(text, reader.limits.structuredBytesMax);
  if (cut.length === text.length) return clean;
  reader.exceeded("structuredBytesMax");
  return cut;
}

/** Parts of messages within 6.1 and 6.2; of too many messages the oldest after a leading system message go. */
export function limitMessages(messages: Message[] | undefined, reader: SpanReader): Message[] | undefined {
  if (messages === undefined) return undefined;
  const kept = dropOldest(messages, reader);
  for (const message of kept) {
    for (let index = 0; index < message.parts.length; index++) {
      message.parts[index] = limitPart(message.parts[index] as MessagePart, reader);
    }
    if (message.name !== undefined) message.name = cleanName(message.name, reader.limits.nameCharsMax);
  }
  return kept;
}

function dropOldest(messages: Message[], reader: SpanReader): Message[] {
  const { inputMessagesMax, inputPartsMax } = reader.limits;
  let parts = 0;
  for (const message of messages) parts += message.parts.length;
  if (messages.length <= inputMessagesMax && parts <= inputPartsMax) return messages;
  const head = messages[0]?.role === "system" ? messages.slice(0, 1) : [];
  let partsLeft = inputPartsMax - (head[0]?.parts.length ?? 0);
  let from = messages.length;
  while (from > head.length && messages.length - from + head.length < inputMessagesMax) {
    const next = messages[from - 1]?.parts.length ?? 0;
    if (next > partsLeft) break;
    partsLeft -= next;
    from--;
  }
  reader.exceeded(messages.length > inputMessagesMax ? "inputMessagesMax" : "inputPartsMax");
  if (from === messages.length && messages.length > head.length) {
    // One message alone has too many parts: its last ones stay.
    const last = messages[messages.length - 1] as Message;
    return [...head, { ...last, parts: last.parts.slice(-Math.max(1, partsLeft)) }];
  }
  return [...head, ...messages.slice(from)];
}

function limitPart(part: MessagePart, reader: SpanReader): MessagePart {
  const deep = reader.unclean;
  switch (part.type) {
    case "text":
    case "reasoning": {
      if (part.text.length > reader.limits.inlineBytesMax) {
        const mimeType = dataUriMimeType(part.text);
        if (mimeType !== undefined) return mimeType === "" ? { type: "media" } : { type: "media", mimeType };
      } else if (!deep) return part;
      part.text = limitText(part.text, reader, deep);
      return part;
    }
    case "tool_call":
      part.name = cleanName(part.name, reader.limits.nameCharsMax);
      if (part.arguments !== undefined)
        part.arguments = limitStructured(part.arguments, reader, { maskSecrets: true, deep }, true);
      return part;
    case "tool_result":
      part.result = limitStructured(part.result, reader, { maskSecrets: false, deep }, true);
      return part;
    case "data":
      part.value = limitStructured(part.value, reader, { maskSecrets: false, deep }, true);
      return part;
    case "media":
      if (part.uri !== undefined && part.uri.length > reader.limits.inlineBytesMax)
        part.uri = cutBytes(part.uri, reader.limits.inlineBytesMax);
      return part;
    default:
      return part satisfies never;
  }
}

/** False only when the compact JSON of the value surely fits: at most two bytes for each byte of its texts, since nothing needs a longer escape. */
function mayExceed(value: unknown, bytesMax: number): boolean {
  let left = bytesMax;
  const visit = (item: unknown, depth: number): void => {
    if (left < 0) return;
    if (typeof item === "string") {
      left -= 2 * item.length + 3;
      if (left >= 0) left -= 2 * (Buffer.byteLength(item) - item.length);
    } else if (typeof item !== "object" || item === null) {
      left -= 26;
    } else if (depth > 64) {
      left = -1;
    } else if (Array.isArray(item)) {
      left -= 2 + item.length;
      for (const member of item) visit(member, depth + 1);
    } else {
      for (const key in item) {
        left -= 2 * Buffer.byteLength(key) + 4;
        visit((item as Record<string, unknown>)[key], depth + 1);
        if (left < 0) return;
      }
      left -= 2;
    }
  };
  visit(value, 0);
  return left < 0;
}

const shrinkable = ["inputMessages", "outputMessages", "result", "arguments", "content", "stack"] as const;

/** The largest of these fields are cut, largest first, until the event fits. */
function limitEvent(fields: Record<string, unknown>, reader: SpanReader): void {
  const { eventBytesMax } = reader.limits;
  if (!mayExceed(fields, eventBytesMax)) return;
  let size = sizeOf(fields);
  if (size <= eventBytesMax) return;
  reader.exceeded("eventBytesMax");
  const sizes = shrinkable
    .filter((field) => fields[field] !== undefined)
    .map((field) => ({ field, bytes: sizeOf(fields[field]) }))
    .sort((a, b) => b.bytes - a.bytes);
  for (const { field, bytes } of sizes) {
    const room = Math.max(0, bytes - (size - eventBytesMax));
    const value = fields[field];
    const cut =
      Array.isArray(value) && (field === "inputMessages" || field === "outputMessages")
        ? cutMessages(value as Message[], room)
        : cutBytes(typeof value === "string" ? value : toCompactJson(value as Json), Math.floor(room * 0.9));
    size += sizeOf(cut) - bytes;
    fields[field] = cut;
    if (size <= eventBytesMax) return;
  }
}

/** Whole parts go, from the oldest message on. */
function cutMessages(messages: readonly Message[], bytesMax: number): Message[] {
  let left = bytesMax;
  const kept: Message[] = [];
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index] as Message;
    const parts: MessagePart[] = [];
    left -= 64;
    for (let partIndex = message.parts.length - 1; partIndex >= 0; partIndex--) {
      const part = message.parts[partIndex] as MessagePart;
      left -= sizeOf(part) + 1;
      if (left < 0) break;
      parts.unshift(part);
    }
    if (parts.length > 0) kept.unshift({ ...message, parts });
    if (left < 0) break;
  }
  return kept;
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "");
}
