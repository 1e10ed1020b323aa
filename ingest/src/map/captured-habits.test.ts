/** Habits of instrumentations that only real captures show (test/corpus), each with the neighbour that must not be taken for it. */
import type { AgentEvent } from "@nonet/proto/event.ts";
import { describe, expect, test } from "vitest";
import { defaultLimits } from "./limits.ts";
import { mapSpan } from "./map-span.ts";
import type { EventDraft } from "./mapped-span.ts";
import { isOneConstructor, lastRepresentedText } from "./message-representation.ts";
import { readDispatch } from "./read-dispatch.ts";
import { buildSpan, type Loose } from "./testdata/build-span.ts";

type Attributes = { readonly [key: string]: Loose };
type Parts = Parameters<typeof buildSpan>[1];

const map = (attributes: Attributes, parts?: Parts) => mapSpan(buildSpan(attributes, parts));
function draft<T extends AgentEvent["eventType"]>(type: T, attributes: Attributes, parts?: Parts) {
  return map(attributes, parts).drafts.find(
    (found): found is Extract<EventDraft, { eventType: T }> => found.eventType === type,
  );
}

describe("dispatchers", () => {
  test.each([
    ["call_tool", { name: "add", args: { a: 1 } }],
    ["call_tool", { name: "add", arguments: '{"a": 1}' }],
    ["dispatch", ["add", { a: 1 }]],
    ["executeToolCall", { args: ["add", { a: 1 }], kwargs: {} }],
  ])("%s(%j) is a call of add", (toolName, args) => {
    expect(readDispatch(toolName, args, defaultLimits)).toEqual({ toolName: "add", arguments: { a: 1 } });
  });

  test.each([
    ["search", { name: "add", args: { a: 1 } }],
    ["call_tool", { name: "add", args: { a: 1 }, timeout: 3 }],
    ["call_tool", { name: "add", args: "one" }],
    ["call_tool", ["add", { a: 1 }, 2]],
    ["call_tool", { args: ["add", { a: 1 }], kwargs: { retries: 2 } }],
    ["call_tool", undefined],
  ])("%s(%j) is itself", (toolName, args) => {
    expect(readDispatch(toolName, args, defaultLimits)).toBeUndefined();
  });

  test("a tool that the model called by that name keeps it", () => {
    const call = draft("tool_call", {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "call_tool",
      "gen_ai.tool.call.id": "call_1",
      "gen_ai.tool.call.arguments": '{"name": "add", "args": {"a": 1}}',
    });
    expect(call).toMatchObject({ toolName: "call_tool", arguments: { name: "add", args: { a: 1 } } });
  });
});

describe("representations of Python objects", () => {
  const said = (role: string, content: string) =>
    `ChatMessage(_role=<ChatRole.${role.toUpperCase()}: '${role}'>, _content=[${content}], _name=None, _meta={})`;

  test("the last text of an assistant, in three spellings", () => {
    expect(
      lastRepresentedText([said("user", "TextContent(text='hi')"), said("assistant", "TextContent(text='a')")]),
    ).toBe("a");
    expect(
      lastRepresentedText([
        said("assistant", 'TextContent(text="it\'s\\nhere")'),
        said("assistant", "ToolCall(id='1')"),
      ]),
    ).toBe("it's\nhere");
    expect(
      lastRepresentedText([
        "ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text='b')])",
      ]),
    ).toBe("b");
    expect(lastRepresentedText(["ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, content='c')"])).toBe("c");
    expect(lastRepresentedText([said("user", "TextContent(text='hi')"), "text='hi'", 4, null])).toBeUndefined();
  });

  test("the pieces of a stream and a text that was cut are no object", () => {
    expect(isOneConstructor("Prediction(answer='a) (b')")).toBe(true);
    expect(isOneConstructor("Delta(content=None)Delta(output='x')")).toBe(false);
    expect(isOneConstructor("Prediction(answer='a")).toBe(false);
    expect(isOneConstructor(")(")).toBe(false);
  });

  test("a run that streamed its pieces has no answer of its own", () => {
    const content = "Delta(content=None, calls=None)ToolOutput(id='1', output='22 C, sunny')";
    expect(map({ "openinference.span.kind": "AGENT", "output.value": content }).rootAnswer?.content).toBeUndefined();
  });
});

describe("what is no answer", () => {
  const answer = (value: string, parts?: Parts) =>
    map({ "openinference.span.kind": "AGENT", "output.value": value }, parts).rootAnswer?.content;

  test("nothing, and what an error leaves", () => {
    expect(answer("{}")).toBeUndefined();
    expect(answer('{"error_code": "E", "error_message": "no", "author": "a"}')).toBeUndefined();
    expect(answer('{"error": "no"}')).toBeUndefined();
    expect(answer('{"error": "no", "order": 1}', { statusCode: 2 })).toBeUndefined();
    expect(answer('{"error": "no", "order": 1}')).toBe('{"error":"no","order":1}');
    expect(answer('{"error": "one failed", "output": "the rest is done"}')).toBe("the rest is done");
  });

  test("the result of a Mastra workflow stays whole, unless it ends in a text", () => {
    const result = (value: string) =>
      map({ "mastra.span.type": "workflow_run", "mastra.workflow_run.output": value }).rootAnswer?.content;
    expect(result('{"approve": {"decision": "yes"}}')).toBe('{"approve":{"decision":"yes"}}');
    expect(result('{"result": "done"}')).toBe("done");
  });
});

describe("where fields hide", () => {
  test("the response of the provider", () => {
    const response = '{"id": "chatcmpl-1", "model": "m-2", "choices": [{"finish_reason": "stop"}]}';
    const expected = { responseId: "chatcmpl-1", responseModel: "m-2", requestModel: "m", finishReasons: ["stop"] };
    const openInference = { "openinference.span.kind": "LLM", "llm.model_name": "m" };
    expect(
      draft("llm_call", { ...openInference, "output.value": `{"message": {"role": "assistant"}, "raw": ${response}}` }),
    ).toMatchObject(expected);
    const message = `{"kwargs": {"response_metadata": {"id": "chatcmpl-1", "model_name": "m-2", "finish_reason": "stop"}}}`;
    expect(
      draft("llm_call", {
        "langsmith.span.kind": "llm",
        "gen_ai.request.model": "m",
        "gen_ai.completion": `{"generations": [[{"text": "a", "message": ${message}}]]}`,
      }),
    ).toMatchObject(expected);
    expect(
      draft("llm_call", { ...openInference, "output.value": '{"model_version": "m-2", "content": {"parts": []}}' }),
    ).toMatchObject({ responseModel: "m-2" });
    expect(
      draft("llm_call", {
        "openinference.span.kind": "EMBEDDING",
        "embedding.model_name": "e",
        "output.value": '{"data": [], "model": "e-2", "usage": {}}',
      }),
    ).toMatchObject({ requestModel: "e", responseModel: "e-2" });
  });

  test("the tools that a step of Mastra asked for", () => {
    const output = '{"text": "", "toolCalls": [{"toolCallId": "c", "toolName": "add", "args": {"a": 1}}]}';
    const step = map({ "mastra.span.type": "model_step", "mastra.model_step.output": output });
    expect(step.class).toBe("step");
    expect(step.drafts).toEqual([]);
    expect(step.outputMessages?.flatMap(({ parts }) => parts).filter((part) => part.type === "tool_call")).toEqual([
      { type: "tool_call", id: "c", name: "add", arguments: { a: 1 } },
    ]);
  });

  test("the failure of a Mastra call", () => {
    const call = (reason: string) =>
      draft("llm_call", { "mastra.span.type": "model_inference", "gen_ai.response.finish_reasons": [reason] });
    expect(call("error")?.status).toBe("error");
    expect(call("stop")?.status).toBe("ok");
  });

  test("the name of the tool that an MCP client calls", () => {
    const call = draft("tool_call", { "mcp.method.name": "tools/call" }, { name: "MCP send tools/call add" });
    expect(call?.toolName).toBe("add");
  });

  test("LangSmith's own variables are no metadata", () => {
    const { metadata } = map({
      "langsmith.span.kind": "chain",
      "langsmith.metadata.LANGSMITH_ENDPOINT": "http://x",
      "langsmith.metadata.LANGCHAIN_PROJECT": "p",
      "langsmith.metadata.LANGUAGE": "no",
      "langsmith.metadata.revision_id": "r1",
    });
    expect(metadata).toEqual({ LANGUAGE: "no", revision_id: "r1" });
  });
});

describe("kinds that mislead", () => {
  const llama = { scopeName: "openinference.instrumentation.llama_index" };

  test("LlamaIndex prepares a call in a span of kind LLM", () => {
    const kind = { "openinference.span.kind": "LLM" };
    expect(map(kind, { ...llama, name: "OpenAI._prepare_chat_with_tools" }).class).toBe("step");
    expect(map(kind, { ...llama, name: "OpenAI.achat" }).class).toBe("llm");
    expect(map(kind, { name: "OpenAI._prepare_chat_with_tools" }).class).toBe("llm");
  });

  test("Haystack's agent comes as a chain", () => {
    const haystack = { scopeName: "openinference.instrumentation.haystack" };
    const kind = { "openinference.span.kind": "CHAIN" };
    expect(map(kind, { ...haystack, name: "Agent.run" }).class).toBe("agent");
    expect(map(kind, { ...haystack, name: "Pipeline.run" }).class).toBe("chain");
  });

  test.each<[string, Attributes, Parts]>([
    [
      "OpenLLMetry",
      {
        "traceloop.span.kind": "task",
        "traceloop.entity.name": "route",
        "gen_ai.operation.name": "execute_task",
        "traceloop.association.properties.langgraph_node": "classify",
        "traceloop.entity.output": '{"outputs": "math", "kwargs": {}}',
      },
      { name: "execute_task route" },
    ],
    [
      "LangSmith",
      {
        "langsmith.span.kind": "chain",
        "langsmith.metadata.langgraph_node": "classify",
        "gen_ai.completion": '{"output": "math"}',
      },
      { name: "route" },
    ],
  ])("the function of a conditional edge under %s decides a route", (_name, attributes, parts) => {
    expect(draft("decision", attributes, parts)).toMatchObject({
      decisionKind: "routing",
      selected: ["math"],
      source: "classify",
    });
  });

  test("a node that is named like one decides nothing", () => {
    const attributes = {
      "traceloop.span.kind": "task",
      "traceloop.entity.name": "router",
      "traceloop.association.properties.langgraph_node": "router",
      "traceloop.entity.output": '{"outputs": "math"}',
    };
    expect(draft("decision", attributes, { name: "router.task" })).toBeUndefined();
  });
});
