import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits } from "./limits.ts";
import { lastAssistantText, toMessages } from "./message-shapes.ts";

const read = (value: unknown, role: "user" | "assistant" = "user") =>
  toMessages(JSON.parse(JSON.stringify(value)), role, defaultLimits);
const text = (value: string) => ({ type: "text", text: value });

test.each([
  ["text", "hi", [{ role: "user", parts: [text("hi")] }]],
  [
    "a list of texts",
    ["a", "b"],
    [
      { role: "user", parts: [text("a")] },
      { role: "user", parts: [text("b")] },
    ],
  ],
  [
    "OpenInference, folded",
    [
      {
        message: {
          role: "assistant",
          tool_calls: [{ tool_call: { id: "c1", function: { name: "add", arguments: '{"a": 1}' } } }],
        },
        finish_reason: "tool_calls",
      },
    ],
    [
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "c1", name: "add", arguments: { a: 1 } }],
        finishReason: "tool_calls",
      },
    ],
  ],
  [
    "OpenInference contents",
    [
      {
        message: {
          role: "user",
          contents: [
            { message_content: { type: "text", text: "look" } },
            { message_content: { type: "image", image: { image: { url: "https://x/y.png" } } } },
          ],
        },
      },
    ],
    [{ role: "user", parts: [text("look"), { type: "media" }] }],
  ],
  [
    "GenAI parts",
    [
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "why" },
          { type: "text", content: "so" },
        ],
        finish_reason: "stop",
      },
    ],
    [{ role: "assistant", parts: [{ type: "reasoning", text: "why" }, text("so")], finishReason: "stop" }],
  ],
  [
    "LangChain constructor",
    {
      lc: 1,
      type: "constructor",
      id: ["langchain", "schema", "messages", "AIMessage"],
      kwargs: { content: "x", tool_calls: [{ name: "f", args: {}, id: "1" }] },
    },
    [{ role: "assistant", parts: [text("x"), { type: "tool_call", id: "1", name: "f" }] }],
  ],
  ["LangChain data", { type: "human", data: { content: "x" } }, [{ role: "user", parts: [text("x")] }]],
  ["LangChain flat", { type: "ai", content: "x", tool_calls: [] }, [{ role: "assistant", parts: [text("x")] }]],
  [
    "generations",
    {
      generations: [[{ text: "t", message: { type: "ai", content: "m" }, generation_info: { finish_reason: "stop" } }]],
    },
    [{ role: "assistant", parts: [text("m")], finishReason: "stop" }],
  ],
  [
    "choices",
    { choices: [{ finish_reason: "length", message: { role: "assistant", content: "m" } }] },
    [{ role: "assistant", parts: [text("m")], finishReason: "length" }],
  ],
  [
    "system and messages",
    { system: "be brief", messages: [{ role: "user", content: "hi" }] },
    [
      { role: "system", parts: [text("be brief")] },
      { role: "user", parts: [text("hi")] },
    ],
  ],
  [
    "OpenAI items",
    [
      { type: "message", role: "user", content: [{ type: "input_text", text: "q" }] },
      { type: "reasoning", summary: [{ type: "summary_text", text: "r" }] },
      { type: "function_call", call_id: "c", name: "f", arguments: '{"a":1}' },
      { type: "function_call_output", call_id: "c", output: '{"ok":true}' },
    ],
    [
      { role: "user", parts: [text("q")] },
      { role: "assistant", parts: [{ type: "reasoning", text: "r" }] },
      { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "f", arguments: { a: 1 } }] },
      { role: "tool", parts: [{ type: "tool_result", id: "c", result: { ok: true } }] },
    ],
  ],
  [
    "Anthropic response",
    {
      id: "msg_1",
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm" },
        { type: "tool_use", id: "t", name: "f", input: { a: 1 } },
      ],
      stop_reason: "tool_use",
    },
    [
      {
        role: "assistant",
        parts: [
          { type: "reasoning", text: "hm" },
          { type: "tool_call", id: "t", name: "f", arguments: { a: 1 } },
        ],
        finishReason: "tool_calls",
      },
    ],
  ],
  [
    "Bedrock",
    [{ role: "user", content: [{ toolResult: { toolUseId: "t", status: "error", content: [{ text: "no" }] } }] }],
    [{ role: "tool", parts: [{ type: "tool_result", id: "t", result: "no", isError: true }] }],
  ],
  [
    "Bedrock converse",
    { output: { message: { role: "assistant", content: [{ text: "hi" }] } }, stopReason: "end_turn" },
    [{ role: "assistant", parts: [text("hi")], finishReason: "stop" }],
  ],
  [
    "Gemini",
    {
      candidates: [
        {
          content: { role: "model", parts: [{ text: "hi" }, { functionCall: { name: "f", args: { a: 1 } } }] },
          finish_reason: "STOP",
        },
      ],
    },
    [
      {
        role: "assistant",
        parts: [text("hi"), { type: "tool_call", name: "f", arguments: { a: 1 } }],
        finishReason: "stop",
      },
    ],
  ],
  [
    "Gemini function response",
    { role: "user", parts: [{ functionResponse: { name: "f", response: { result: 4 } } }] },
    [{ role: "tool", parts: [{ type: "tool_result", name: "f", result: 4 }] }],
  ],
  [
    "Haystack",
    {
      role: "assistant",
      meta: { finish_reason: "tool_calls" },
      content: [{ tool_call: { tool_name: "f", arguments: { a: 1 }, id: "c" } }],
    },
    [
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "c", name: "f", arguments: { a: 1 } }],
        finishReason: "tool_calls",
      },
    ],
  ],
  [
    "Vercel tool result",
    {
      role: "tool",
      content: [{ type: "tool-result", toolCallId: "t", toolName: "f", output: { type: "error-text", value: "no" } }],
    },
    [{ role: "tool", parts: [{ type: "tool_result", id: "t", name: "f", result: "no", isError: true }] }],
  ],
  [
    "tool message",
    { role: "tool", tool_call_id: "c", content: "otel" },
    [{ role: "tool", parts: [{ type: "tool_result", id: "c", result: "otel" }] }],
  ],
  [
    "LiveKit",
    {
      items: [
        { type: "message", role: "developer", content: ["short"] },
        { type: "message", role: "user", content: ["hi"] },
      ],
    },
    [
      { role: "system", parts: [text("short")] },
      { role: "user", parts: [text("hi")] },
    ],
  ],
  ["only the input is of interest", { input: "hi", chat_history: [] }, [{ role: "user", parts: [text("hi")] }]],
  [
    "content blocks",
    [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ],
    [{ role: "user", parts: [text("a"), text("b")] }],
  ],
  [
    "roles",
    [
      { role: "model", content: "a" },
      { role: "MessageRole.USER", content: "b" },
    ],
    [
      { role: "assistant", parts: [text("a")] },
      { role: "user", parts: [text("b")] },
    ],
  ],
  ["refusal", { role: "assistant", content: null, refusal: "no" }, [{ role: "assistant", parts: [text("no")] }]],
  [
    "a call listed twice",
    {
      role: "assistant",
      content: [{ type: "tool_use", id: "1", name: "f", input: {} }],
      tool_calls: [{ id: "1", name: "f", args: {} }],
    },
    [{ role: "assistant", parts: [{ type: "tool_call", id: "1", name: "f" }] }],
  ],
  ["an unknown object", { foo: 1 }, [{ role: "user", parts: [{ type: "data", value: { foo: 1 } }] }]],
  ["nothing", [null, { role: "assistant", content: "" }], []],
])("2.6: %s", (_shape, value, messages) => {
  expect(read(value)).toMatchObject(messages);
});

test("2.6: JSON answers of a model stay text, lists of blocks do not", () => {
  expect(read({ role: "assistant", content: '{"text": "x"}' })[0]?.parts).toEqual([text('{"text": "x"}')]);
  expect(read({ role: "assistant", content: '[{"type": "text", "text": "x"}]' })[0]?.parts).toEqual([text("x")]);
});

test("6.2: media leave their type and address, never their bytes", () => {
  const uri = `data:image/png;base64,${"A".repeat(5_000)}`;
  const [message] = read({ role: "user", content: [{ type: "image_url", image_url: { url: uri } }] });
  expect(message?.parts).toEqual([{ type: "media", mimeType: "image/png" }]);
});

test("the last assistant text", () => {
  expect(
    lastAssistantText(
      read([
        { role: "assistant", content: "a" },
        { role: "assistant", tool_calls: [{ name: "f" }] },
        { role: "user", content: "u" },
      ]),
    ),
  ).toBe("a");
});

test("any JSON is read", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      for (const message of toMessages(value as never, "assistant", defaultLimits))
        expect(message.parts.length > 0 || message.finishReason !== undefined).toBe(true);
    }),
  );
});
