/** Keeps a detail within the size that a body may have. Source: tenant-traces.md section 9. */
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import { mapStrings, toPreview } from "../session-traces/content.ts";
import type { ToolCall, TraceDetail, TraceMessage } from "./trace-detail.ts";

export const bodyBytesMax = 32 * 1024 * 1024;

/** The text of the detail: as it is when it fits, else with the oldest tool messages cut, one by one until it fits; else with all messages cut. */
export function detailText(detail: TraceDetail, bytesMax = bodyBytesMax): string {
  const text = JSON.stringify(detail);
  let bytes = Buffer.byteLength(text);
  if (bytes <= bytesMax) return text;
  const messages = [...detail.messages];
  for (const [index, message] of messages.entries()) {
    if (bytes <= bytesMax) break;
    if (message.role !== "tool") continue;
    const cut = { ...message, content: toPreview(message.content) };
    bytes -= sizeOf(message) - sizeOf(cut);
    messages[index] = cut;
  }
  const kept = bytes <= bytesMax ? messages : messages.map(cutMessage);
  return JSON.stringify({ ...detail, messages: kept, contentTruncated: true });
}

function cutMessage(message: TraceMessage): TraceMessage {
  return {
    ...message,
    content: toPreview(message.content),
    ...(message.tool_calls === undefined ? {} : { tool_calls: message.tool_calls.map(cutCall) }),
    // `as`: cutting strings keeps the shape.
    ...(message.parts === undefined
      ? {}
      : { parts: message.parts.map((part) => mapStrings(part, toPreview) as JsonObject) }),
  };
}

function cutCall(call: ToolCall): ToolCall {
  return { ...call, args: mapStrings(call.args as Json, toPreview) as JsonObject };
}

function sizeOf(message: TraceMessage): number {
  return Buffer.byteLength(JSON.stringify(message));
}
