/** README.md, "Facts seen in these captures": sessions, tools. */
import { describe, expect, test } from "vitest";
import { buildSpans, changeAttributes } from "../e2e/corpus/build-span.ts";
import { mapCapture, mapSpans } from "../e2e/corpus/map-capture.ts";
import { countedCalls, eventsOfType, handoffPairs, sessionsOf, toolNames } from "../e2e/corpus/pick-events.ts";
import { readCapture } from "../e2e/corpus/read-capture.ts";

describe("sessions", () => {
  test.each(["agent-framework-builtin/handoff", "agent-framework-builtin/workflow-edges"])(
    "Agent Framework: gen_ai.conversation.id is the previous resp_... id, another at each call; not a session (%s)",
    (name) => {
      const events = mapCapture(name);
      expect(new Set(events.map((event) => event.sessionIdSource))).toEqual(new Set(["fallback"]));
      for (const event of events) expect(event.sessionId).toBe(event.traceId);
    },
  );

  test("LangChain's thread_id overrides a session set around it", () => {
    const sessions = new Set(mapCapture("langgraph-openinference/session").map((event) => event.sessionId));
    expect(sessions).toEqual(new Set(["lc-thread-9"]));
  });

  test("agno invents a session id", () => {
    const sessions = new Set(mapCapture("agno-openinference/agent-stream").map((event) => event.sessionId));
    expect(sessions).toEqual(new Set(["b4b9ddb9-f12d-413e-8e11-a73fd633a0d5"]));
  });

  test("pydantic-ai 2 makes a conversation id per run when none is set, and a delegated agent gets another: still one session", () => {
    const sessions = new Set(mapCapture("pydantic-ai-native/delegation").map((event) => event.sessionId));
    expect(sessions).toEqual(new Set(["01a20f0c-7bd9-75cd-925c-33797c523b61"]));
  });

  test("the OpenAI Agents group_id appears nowhere", () => {
    const events = mapCapture("openai-agents-traceloop/session");
    expect(new Set(events.map((event) => event.sessionIdSource))).toEqual(new Set(["fallback"]));
    expect(new Set(events.map((event) => event.sessionId)).size).toBe(3);
  });

  test("AI SDK 7: ai.settings.context.sessionId on root and step spans", () => {
    const events = mapCapture("ai-sdk-v7-otel-legacy/generate-text-tools");
    expect(new Set(events.map((event) => event.sessionId))).toEqual(new Set(["sess-ai-7"]));
  });

  test("AI SDK 7: session.id only on the application's own parent span", () => {
    const spans = readCapture("ai-sdk-v5-builtin/agent-two-turns").map((span) =>
      changeAttributes(span, { "ai.telemetry.metadata.sessionId": undefined }),
    );
    expect(sessionsOf(mapSpans(spans))).toEqual(["sess-ai-5 (ancestor)"]);
  });

  test("Strands' swarm root lacks the id its children have", () => {
    const events = mapCapture("strands-builtin/swarm-handoff");
    expect(new Set(events.map((event) => event.sessionId))).toEqual(new Set(["sess-strands-1"]));
    expect(eventsOfType(events, "response").map((event) => event.sessionId)).toEqual(["sess-strands-1"]);
  });

  test("mastra.metadata.sessionId", () => {
    const events = mapCapture("mastra-otel-exporter/agent-tools-generate-json");
    expect(new Set(events.map((event) => event.sessionId))).toEqual(new Set(["sess-mastra-1"]));
  });

  test("mastra.metadata.threadId", () => {
    const spans = readCapture("mastra-otel-exporter/agent-tools-generate-json").map((span) =>
      changeAttributes(span, { "mastra.metadata.sessionId": undefined, "mastra.metadata.threadId": "thread-m-1" }),
    );
    expect(new Set(mapSpans(spans).map((event) => event.sessionId))).toEqual(new Set(["thread-m-1"]));
  });

  test("langsmith.metadata.session_id", () => {
    const events = mapCapture("langsmith-otel/langchain-agent");
    expect(new Set(events.map((event) => event.sessionId))).toEqual(new Set(["sess-ls-1"]));
  });

  test("one AutoGen swarm run makes many traces, joined only by links: each maps by itself", () => {
    const events = mapCapture("autogen-builtin/round-robin");
    expect(toolNames(events)).toEqual(["get_invoice"]);
    expect(new Set(events.map((event) => event.sessionIdSource))).toEqual(new Set(["fallback"]));
  });

  test("one Semantic Kernel handoff makes 10 traces, joined only by links: the handoff is seen in its own", () => {
    const spans = readCapture("semantic-kernel-builtin/handoff");
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(10);
    expect(handoffPairs(mapSpans(spans))).toEqual(["triage_agent -> billing_agent"]);
  });
});

describe("tools", () => {
  const argumentsOf = (name: string) =>
    eventsOfType(mapCapture(name), "tool_call").map((call) => ({ tool: call.toolName, arguments: call.arguments }));
  const weatherAndSum = [
    { tool: "get_weather", arguments: { city: "Paris" } },
    { tool: "get_weather", arguments: { city: "Lima" } },
    { tool: "add", arguments: { a: 2, b: 40 } },
  ];

  test("OpenInference LangChain gives one argument as a bare string and several as JSON", () => {
    const calls = argumentsOf("langgraph-openinference/react-parallel");
    expect(calls).toHaveLength(3);
    expect(calls).toEqual(expect.arrayContaining(weatherAndSum));
  });

  test('OpenLLMetry LangChain gives {"input_str": "<Python repr>"}', () => {
    const calls = argumentsOf("langgraph-traceloop+openai/react-parallel");
    expect(calls).toHaveLength(3);
    expect(calls).toEqual(expect.arrayContaining(weatherAndSum));
  });

  test.each(["smolagents-openinference/toolcalling", "llama-index-openinference/function-agent-stream"])(
    "smolagents and llama-index wrap arguments in kwargs: %s",
    (name) => {
      expect(argumentsOf(name)).toEqual(expect.arrayContaining(weatherAndSum));
    },
  );

  test("agno puts the values in tool.parameters", () => {
    const spans = readCapture("agno-openinference/agent-tools").map((span) =>
      span.attributes.has("tool.name") ? changeAttributes(span, { "input.value": undefined }) : span,
    );
    const calls = eventsOfType(mapSpans(spans), "tool_call").map((call) => call.arguments);
    expect(calls).toEqual([{ city: "Paris" }, { city: "Lima" }, { a: 2, b: 40 }]);
  });

  test("others put a schema in tool.parameters, which is not the arguments", () => {
    const spans = readCapture("crewai-openinference/session").map((span) =>
      span.attributes.has("tool.name") ? changeAttributes(span, { "input.value": undefined }) : span,
    );
    expect(eventsOfType(mapSpans(spans), "tool_call").map((call) => call.arguments)).toEqual([undefined]);
  });

  test("smolagents names the span after the class (use tool.name) and may give an integer as output", () => {
    const events = mapCapture("smolagents-openinference/toolcalling");
    expect(toolNames(events)).toEqual(["add", "final_answer", "get_weather", "get_weather"]);
    const sum = eventsOfType(events, "tool_result").find((event) => event.toolName === "add");
    expect(String(sum?.result)).toBe("42");
  });

  test("OpenLLMetry for LangChain JS names every tool DynamicStructuredTool with kind task", () => {
    const events = mapCapture("langchain-js-traceloop-sdk/agent-tools");
    expect(toolNames(events)).toEqual(["get_order", "get_weather", "track_parcel"]);
  });

  test("the call id sits in output.value.data.tool_call_id (OpenInference LangChain)", () => {
    const events = mapCapture("langgraph-openinference/react-parallel");
    const asked = eventsOfType(events, "decision").flatMap((event) => event.calls ?? []);
    const ran = eventsOfType(events, "tool_call").map((call) => call.callId);
    expect([...ran].sort()).toEqual(asked.map((call) => call.callId).sort());
  });

  test("OpenLLMetry OpenAI on Responses reports fc_... where the agents instrumentation says call_...: one choice, not two", () => {
    const output = (id: string) =>
      JSON.stringify([
        {
          role: "assistant",
          parts: [{ type: "tool_call", id, name: "get_weather", arguments: { city: "Paris" } }],
          finish_reason: "tool_call",
        },
      ]);
    const model = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.response.id": "resp_1" };
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "Weather agent.agent",
          scope: "opentelemetry.instrumentation.openai_agents",
          start: 0,
          end: 90,
          attributes: { "traceloop.span.kind": "agent", "gen_ai.agent.name": "Weather agent" },
        },
        {
          id: 2,
          parent: 1,
          name: "openai.response",
          scope: "opentelemetry.instrumentation.openai_agents",
          start: 10,
          end: 40,
          attributes: { ...model, "gen_ai.usage.input_tokens": 101, "gen_ai.output.messages": output("call_1") },
        },
        {
          id: 3,
          parent: 2,
          name: "openai.response",
          scope: "opentelemetry.instrumentation.openai.v1",
          start: 12,
          end: 38,
          attributes: { ...model, "gen_ai.usage.input_tokens": 101, "gen_ai.output.messages": output("fc_1") },
        },
      ]),
    );
    expect(countedCalls(events)).toHaveLength(1);
    expect(eventsOfType(events, "decision").map((event) => event.selected)).toEqual([["get_weather"]]);
  });

  test('OpenLIT puts gen_ai.tool.name = "a, b" on chat spans: look at the operation first', () => {
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "chat gpt-4o-mini",
          scope: "openlit.otel.tracing",
          attributes: {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.tool.name": "get_order, get_weather",
            "gen_ai.usage.input_tokens": 10,
          },
        },
      ]),
    );
    expect(countedCalls(events)).toHaveLength(1);
    expect(eventsOfType(events, "tool_call")).toEqual([]);
  });

  test("AutoGen with OpenInference shows every tool twice", () => {
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "execute_tool get_order",
          scope: "autogen-core",
          start: 0,
          end: 20,
          attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_order" },
        },
        {
          id: 2,
          parent: 1,
          name: "FunctionTool.run_json",
          scope: "openinference.instrumentation.autogen_agentchat",
          start: 2,
          end: 18,
          attributes: {
            "openinference.span.kind": "TOOL",
            "tool.name": "get_order",
            "input.value": '{"orderId":"A-1001"}',
            "output.value": "shipped",
          },
        },
      ]),
    );
    expect(eventsOfType(events, "tool_call").map((call) => call.arguments)).toEqual([{ orderId: "A-1001" }]);
    expect(eventsOfType(events, "tool_result").map((event) => event.result)).toEqual(["shipped"]);
  });

  test("ADK adds a bogus execute_tool (merged)", () => {
    expect(toolNames(mapCapture("adk-builtin/agent-tools"))).toEqual(["get_order", "get_weather", "track_parcel"]);
  });
});
