import { expect, test } from "vitest";
import { defaultLimits } from "./limits.ts";
import { unwrapArguments, unwrapResult } from "./tool-values.ts";

test.each([
  [
    "OpenLLMetry LangChain",
    { input_str: "{'q': 'docs'}", tags: [], metadata: {}, inputs: { q: "docs" }, kwargs: {} },
    false,
    { q: "docs" },
  ],
  ["OpenLLMetry LangChain without inputs", { input_str: "{'q': 'docs'}", inputs: null }, false, { q: "docs" }],
  ["a named call", { tool_name: "f", arguments: '{"a": 1}' }, false, { a: 1 }],
  ["keyword arguments", { args: [], kwargs: { a: 1 }, sanitize_inputs_outputs: true }, true, { a: 1 }],
  ["one positional object", { args: [{ a: 1 }], kwargs: {} }, true, { a: 1 }],
  ["one positional object as text", { args: ['{"a": 1}'] }, true, { a: 1 }],
  ["both", { args: [1], kwargs: { a: 1 }, sanitize_inputs_outputs: true }, true, { args: [1], kwargs: { a: 1 } }],
  ["kwargs that are the tool's own", { args: [], kwargs: { a: 1 } }, false, { args: [], kwargs: { a: 1 } }],
  ["text of an object", { input: "{'m': 5}" }, true, { m: 5 }],
  ["text", { input: "hello" }, true, { input: "hello" }],
])("2.9: arguments, %s", (_name, value, ambient, args) => {
  expect(unwrapArguments(value as never, ambient, defaultLimits)).toEqual(args);
});

test.each([
  ["text blocks", [{ text: "a" }, { type: "text", text: "b" }], { value: "a\nb", isError: false }],
  ["JSON in one text block stays text", [{ text: '{"a":1}' }], { value: '{"a":1}' }],
  ["a JSON block", [{ json: { a: 1 } }], { value: { a: 1 } }],
  ["output with kwargs", { output: "x", kwargs: { color: "green" } }, { value: "x" }],
  [
    "ToolMessage",
    {
      lc: 1,
      type: "constructor",
      id: ["x", "ToolMessage"],
      kwargs: { content: '{"free": true}', tool_call_id: "c", status: "success" },
    },
    { value: { free: true }, callId: "c", isError: false },
  ],
  [
    "failed ToolMessage",
    { type: "tool", data: { content: "no", tool_call_id: "c", status: "error" } },
    { value: "no", callId: "c", isError: true },
  ],
  ["ADK", { id: "1", name: "f", response: { result: 4 } }, { value: 4 }],
  ["Vercel", { type: "error-json", value: { code: 1 } }, { value: { code: 1 }, isError: true }],
  ["MCP", { content: [{ type: "text", text: "no" }], isError: true }, { value: "no", isError: true }],
  [
    "MCP structured",
    { content: [{ type: "text", text: "no" }], structuredContent: { result: 5 }, isError: false },
    { value: 5, isError: false },
  ],
  [
    "llama-index",
    { blocks: [{ text: "42" }], tool_name: "add", raw_input: {}, raw_output: 42, is_error: false },
    { value: 42, isError: false },
  ],
  ["a general error is data", { error: "no" }, { value: { error: "no" }, isError: false }],
])("2.9: results, %s", (_name, value, result) => {
  expect(unwrapResult(value as never, defaultLimits)).toMatchObject(result);
});
