/** README.md, "Facts seen in these captures": model spans that are copies, model spans that are missing, finish reasons. */
import { describe, expect, test } from "vitest";
import { buildSpans } from "../e2e/corpus/build-span.ts";
import { mapCapture, mapSpans } from "../e2e/corpus/map-capture.ts";
import { callTotals, countedCalls, eventsOfType } from "../e2e/corpus/pick-events.ts";

describe("model spans that are copies", () => {
  test("llama-index gives three model-kind spans per call, only the innermost has tokens and messages", () => {
    const events = mapCapture("llama-index-openinference/handoff");
    expect(callTotals(events)).toEqual([4, 1049, 81]);
    for (const call of countedCalls(events)) expect(call.inputMessages?.length).toBeGreaterThan(0);
  });

  test("OpenAI Agents with a second instrumentation of the client: model span under model span", () => {
    expect(callTotals(mapCapture("openai-agents-openinference+openai/handoff"))).toEqual([4, 1020, 68]);
  });

  test("Anthropic's SDK makes spans of its own: with a second instrumentation each call has two siblings with equal response id", () => {
    const events = mapCapture("anthropic-traceloop/tool-runner");
    expect(callTotals(events)).toEqual([2, 222, 57]);
    expect(new Set(countedCalls(events).map((call) => call.responseId)).size).toBe(2);
  });

  test.each(["tools", "tools-stream", "tools-stream-helper"])(
    "Anthropic's own spans and the second instrumentation's are in separate traces when there is no parent (%s)",
    (scenario) => {
      const events = mapCapture(`anthropic-traceloop/${scenario}`);
      const [calls, inputTokens] = callTotals(events);
      expect([calls, inputTokens]).toEqual([2, 400]);
      expect(eventsOfType(events, "llm_call"), "the copies stay visible").toHaveLength(4);
    },
  );

  test("LangGraph with OpenInference for both LangChain and OpenAI gives the copy a trace of its own, without an id in its attributes", () => {
    expect(countedCalls(mapCapture("langgraph-openinference+openai/react-stream"))).toHaveLength(2);
  });

  test("Mastra: model_generation > agent_step > chat > model_chunk; only chat counts", () => {
    const events = mapCapture("mastra-otel-exporter/agent-tools-generate-json");
    expect(callTotals(events)).toEqual([3, 1000, 77]);
    for (const call of countedCalls(events)) expect(call.inputTokens).toBeDefined();
  });

  test("AI SDK 7 embed gives two nested embeddings spans", () => {
    const calls = countedCalls(mapCapture("ai-sdk-v7-otel/embed"));
    expect(calls.map((call) => [call.operation, call.inputTokens])).toEqual([["embeddings", 6]]);
  });

  test.each([
    ["smolagents-openinference/toolcalling", 2, 2338, 72],
    ["pydantic-ai-native/tool-use", 2, 423, 57],
    ["strands-builtin/agent-tools", 3, 896, 77],
    ["ai-sdk-v7-otel/generate-text-tools", 3, 1015, 77],
    ["agent-framework-builtin/agent-tools-chat", 6, 2687, 154],
  ])("token totals are repeated on agent spans, and count once: %s", (name, calls, inputTokens, outputTokens) => {
    expect(callTotals(mapCapture(name))).toEqual([calls, inputTokens, outputTokens]);
  });

  test("pydantic-ai 2 says gen_ai.aggregated_usage.* on the agent span: it is the aggregate of the response", () => {
    const [response] = eventsOfType(mapCapture("pydantic-ai-native/tool-use"), "response");
    expect(response?.usageAggregate).toMatchObject({ inputTokens: 423, outputTokens: 57 });
  });

  test("ADK under OpenInference keeps one of three calls, its attributes on a span named invoke_agent X", () => {
    const events = mapCapture("adk-openinference/agent-tools");
    const calls = countedCalls(events);
    expect(calls.map((call) => [call.requestModel, call.inputTokens, call.outputTokens])).toEqual([
      ["gemini-2.5-flash", 279, 28],
    ]);
    const selections = eventsOfType(events, "decision").filter((event) => event.decisionKind === "tool_selection");
    expect(selections, "the call that is left asked for no tool").toEqual([]);
  });
});

describe("model spans that are missing", () => {
  test.each([
    "crewai-openinference/hierarchical",
    "crewai-openinference/session",
    "autogen-builtin/agent-tools",
    "autogen-builtin/round-robin",
    "haystack-openinference/tool-error",
  ])("%s has no model spans, and none is invented", (name) => {
    expect(eventsOfType(mapCapture(name), "llm_call")).toEqual([]);
  });

  test("Haystack's own spans have tokens only inside step.llm.output JSON", () => {
    const reply = {
      role: "assistant",
      content: [{ text: "9" }],
      meta: { model: "gpt-4o-mini", finish_reason: "stop", usage: { prompt_tokens: 12, completion_tokens: 3 } },
    };
    const events = mapSpans(
      buildSpans([
        { id: 1, name: "haystack.agent.run", scope: "haystack", start: 0, end: 90 },
        {
          id: 2,
          parent: 1,
          name: "haystack.agent.step.llm",
          scope: "haystack",
          attributes: { "haystack.agent.step.llm.output": JSON.stringify({ replies: [reply] }) },
        },
      ]),
    );
    expect(callTotals(events)).toEqual([1, 12, 3]);
  });

  test("Haystack outside an agent: the model is a haystack.component.run", () => {
    const events = mapSpans(
      buildSpans([
        { id: 1, name: "haystack.pipeline.run", scope: "haystack", start: 0, end: 90 },
        {
          id: 2,
          parent: 1,
          name: "haystack.component.run",
          scope: "haystack",
          attributes: {
            "haystack.component.type": "OpenAIChatGenerator",
            "haystack.component.output": JSON.stringify({
              replies: [{ role: "assistant", content: [{ text: "hi" }], meta: { model: "gpt-4o-mini" } }],
            }),
          },
        },
      ]),
    );
    expect(countedCalls(events).map((call) => call.responseModel)).toEqual(["gpt-4o-mini"]);
  });
});

describe("finish reasons", () => {
  const finishReasons = (name: string) => countedCalls(mapCapture(name)).map((call) => call.finishReasons?.join());

  test("OpenInference OpenAI Agents says stop even for tool calls", () => {
    expect(finishReasons("openai-agents-openinference/handoff")).toEqual([
      "tool_calls",
      "tool_calls",
      "tool_calls",
      "stop",
    ]);
  });

  test("ADK says stop for calls that ask for tools, and without content nothing else tells", () => {
    expect(finishReasons("adk-builtin/agent-tools")).toEqual(["stop", "stop", "stop"]);
  });

  test.each(["langgraph-traceloop/session", "pydantic-ai-native/tool-use", "openai-traceloop/tools"])(
    "OpenLLMetry and pydantic-ai say tool_call (singular): %s",
    (name) => {
      expect(finishReasons(name)[0]).toBe("tool_calls");
    },
  );

  test("Semantic Kernel: gen_ai.response.finish_reason = FinishReason.TOOL_CALLS", () => {
    expect(finishReasons("semantic-kernel-builtin/agent-tools")).toEqual(["tool_calls", "tool_calls", "stop"]);
  });

  test("Mastra: a JSON string", () => {
    expect(finishReasons("mastra-otel-exporter/agent-tools-generate-json")).toEqual([
      "tool_calls",
      "tool_calls",
      "stop",
    ]);
  });

  test("Anthropic's own: anthropic.message.stop_reason", () => {
    expect(finishReasons("anthropic-native/tools-metadata")).toEqual(["tool_calls", "stop"]);
  });

  test("Anthropic's own: cache writes in gen_ai.usage.cache_write.input_tokens", () => {
    const [call] = countedCalls(
      mapSpans(
        buildSpans([
          {
            id: 1,
            name: "anthropic.messages.create",
            scope: "com.anthropic.sdk.python",
            attributes: {
              "gen_ai.operation.name": "chat",
              "gen_ai.provider.name": "anthropic",
              "gen_ai.request.model": "claude-sonnet-4-5",
              "gen_ai.usage.input_tokens": 140,
              "gen_ai.usage.output_tokens": 9,
              "gen_ai.usage.cache_write.input_tokens": 100,
              "gen_ai.usage.cache_read.input_tokens": 20,
            },
          },
        ]),
      ),
    );
    expect(call).toMatchObject({ cacheWriteInputTokens: 100, cachedInputTokens: 20 });
  });

  test("Anthropic's own: tool results in anthropic.tool_result.content", () => {
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "anthropic.custom_tool_use add",
          scope: "com.anthropic.sdk.python",
          attributes: {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "add",
            "gen_ai.tool.call.id": "toolu_1",
            "anthropic.tool_result.content": '[{"type":"text","text":"42"}]',
          },
        },
      ]),
    );
    expect(eventsOfType(events, "tool_result").map((event) => event.result)).toEqual(["42"]);
  });
});
