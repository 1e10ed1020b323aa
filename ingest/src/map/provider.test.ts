import { expect, test } from "vitest";
import { normaliseFinishReason, splitFinishReasons } from "./finish-reason.ts";
import { normaliseProvider } from "./provider.ts";

test.each([
  ["OpenAI", "openai"],
  ["langchain", undefined],
  ["microsoft.agent_framework", undefined],
  ["vertex_ai", "gcp.vertex_ai"],
  ["google", "gcp.gemini"],
  ["google_genai", "gcp.gemini"],
  ["azure", "azure.ai.openai"],
  ["xai", "x_ai"],
  ["amazon_bedrock", "aws.bedrock"],
  ["mistralai", "mistral_ai"],
  ["claude", "anthropic"],
  ["openai.chat", "openai"],
  ["anthropic.messages", "anthropic"],
  ["google.generative-ai.chat", "gcp.gemini"],
  ["google.vertex.chat", "gcp.vertex_ai"],
  ["amazon-bedrock", "aws.bedrock"],
  ["azure-openai.chat", "azure.ai.openai"],
  ["deepseek.chat", "deepseek"],
  ["xai.chat", "x_ai"],
  ["groq", "groq"],
])("2.7: provider %s", (name, provider) => {
  expect(normaliseProvider(name)).toBe(provider);
});

test.each([
  ["FinishReason.STOP", "stop"],
  ["end_turn", "stop"],
  ["tool-calls", "tool_calls"],
  ["tool_use", "tool_calls"],
  ["MAX_TOKENS", "length"],
  ["incomplete", "length"],
  ["content-filter", "content_filter"],
  ["SAFETY", "content_filter"],
  ["cancelled", "error"],
  ["banana", "other"],
])("2.7: finish reason %s", (text, reason) => {
  expect(normaliseFinishReason(text)).toBe(reason);
});

test("2.3: finish reasons as a list or as text split at commas", () => {
  expect([
    splitFinishReasons(["stop", "length"]),
    splitFinishReasons("stop, length"),
    splitFinishReasons("None"),
    splitFinishReasons(3),
  ]).toEqual([["stop", "length"], ["stop", "length"], [], []]);
});
