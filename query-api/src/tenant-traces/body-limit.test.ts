import { expect, test } from "vitest";
import { detailText } from "./body-limit.ts";
import type { TraceDetail, TraceMessage } from "./trace-detail.ts";

function detailWith(messages: TraceMessage[]): TraceDetail {
  // `as`: only the messages are cut.
  return { traceId: "t", messages } as TraceDetail;
}

const long = "é".repeat(5000);
const messages: TraceMessage[] = [
  { role: "user", content: long },
  { role: "tool", tool_call_id: "a", content: long },
  { role: "assistant", content: "", tool_calls: [{ id: "b", name: "find", args: { text: long, list: [long] } }] },
  { role: "tool", tool_call_id: "b", content: long },
];

function cutAt(bytesMax: number): { contentTruncated?: true; messages: TraceMessage[] } {
  return JSON.parse(detailText(detailWith(messages), bytesMax));
}

test("a body that fits is left alone", () => {
  const text = JSON.stringify(detailWith(messages));
  expect(detailText(detailWith(messages), Buffer.byteLength(text))).toBe(text);
});

test("the oldest tool messages are cut first, and no more than needed", () => {
  const whole = Buffer.byteLength(JSON.stringify(detailWith(messages)));
  const cut = cutAt(whole - 1);
  expect(cut.contentTruncated).toBe(true);
  expect([...(cut.messages[1]?.content ?? "")]).toHaveLength(1024);
  expect(cut.messages[1]?.content.endsWith("…")).toBe(true);
  expect([cut.messages[0], cut.messages[2], cut.messages[3]]).toEqual([messages[0], messages[2], messages[3]]);
});

test("then all messages are", () => {
  const cut = cutAt(1000);
  expect(cut.messages.map((message) => [...message.content].length)).toEqual([1024, 1024, 0, 1024]);
  const args = cut.messages[2]?.tool_calls?.[0]?.args as { text: string; list: string[] };
  expect([[...args.text].length, [...(args.list[0] ?? "")].length]).toEqual([1024, 1024]);
});
