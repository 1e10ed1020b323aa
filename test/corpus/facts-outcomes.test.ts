/** README.md, "Facts seen in these captures": handoffs, guardrails, errors and pauses, shapes. */
import { describe, expect, test } from "vitest";
import { buildSpans, changeAttributes } from "../e2e/corpus/build-span.ts";
import { mapCapture, mapSpans } from "../e2e/corpus/map-capture.ts";
import {
  callTotals,
  countedCalls,
  eventsOfType,
  failures,
  handoffPairs,
  toolNames,
} from "../e2e/corpus/pick-events.ts";
import { readCapture } from "../e2e/corpus/read-capture.ts";

describe("handoffs", () => {
  test("OpenInference OpenAI Agents: kind TOOL, name `handoff to X`, input = from, output = to", () => {
    const events = mapCapture("openai-agents-openinference/handoff");
    expect(handoffPairs(events)).toEqual(["Triage agent -> Billing agent"]);
    expect(toolNames(events)).toEqual(["lookup_customer", "refund_order"]);
  });

  test("OpenLLMetry: `A -> unknown.handoff` with only gen_ai.handoff.from_agent; the target is the next agent span", () => {
    const scope = "opentelemetry.instrumentation.openai_agents";
    const agent = (name: string) => ({ "traceloop.span.kind": "agent", "gen_ai.agent.name": name });
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "Agent Workflow",
          scope,
          start: 0,
          end: 90,
          attributes: { "traceloop.span.kind": "workflow", "traceloop.workflow.name": "Agent Workflow" },
        },
        { id: 2, parent: 1, name: "Triage agent.agent", scope, start: 1, end: 30, attributes: agent("Triage agent") },
        {
          id: 3,
          parent: 2,
          name: "Triage agent → unknown.handoff",
          scope,
          start: 28,
          end: 29,
          attributes: { "traceloop.span.kind": "handoff", "gen_ai.handoff.from_agent": "Triage agent" },
        },
        {
          id: 4,
          parent: 1,
          name: "Billing agent.agent",
          scope,
          start: 31,
          end: 80,
          attributes: agent("Billing agent"),
        },
      ]),
    );
    expect(handoffPairs(events)).toEqual(["Triage agent -> Billing agent"]);
  });

  test.each(["langgraph-traceloop", "langgraph-traceloop-047", "langgraph-openinference"])(
    "LangGraph goto, `__end__` and back-to-supervisor included, as spans or only in the node's output JSON: %s",
    (family) => {
      expect(handoffPairs(mapCapture(`${family}/supervisor`))).toEqual([
        "supervisor -> researcher",
        "researcher -> supervisor",
        "supervisor -> writer",
        "writer -> supervisor",
      ]);
    },
  );

  test("llama-index tool `handoff`", () => {
    const events = mapCapture("llama-index-openinference/handoff");
    expect(eventsOfType(events, "handoff").map((event) => event.toAgent)).toEqual(["billing"]);
  });

  test("agno `delegate_task_to_member`", () => {
    const scope = "openinference.instrumentation.agno";
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "Docs_Team.run",
          scope,
          start: 0,
          end: 90,
          attributes: { "openinference.span.kind": "AGENT", "agent.name": "Docs Team" },
        },
        {
          id: 2,
          parent: 1,
          name: "delegate_task_to_member",
          scope,
          attributes: {
            "openinference.span.kind": "TOOL",
            "tool.name": "delegate_task_to_member",
            "tool.parameters": '{"member_id": "researcher", "task": "Find facts"}',
            "output.value": "done",
          },
        },
      ]),
    );
    const [handoff] = eventsOfType(events, "handoff");
    expect(handoff).toMatchObject({ fromAgent: "Docs Team", toAgent: "researcher", mechanism: "delegation" });
  });

  test("CrewAI `Delegate work to coworker`", () => {
    expect(handoffPairs(mapCapture("crewai-openinference/hierarchical"))).toEqual(["Crew Manager -> Researcher"]);
  });

  test("Agent Framework: a tool call in the output messages, then links to the next executor.process", () => {
    expect(handoffPairs(mapCapture("agent-framework-builtin/handoff"))).toEqual(["triage_agent -> billing_agent"]);
  });

  test("ADK without content: the next invoke_agent", () => {
    expect(handoffPairs(mapCapture("adk-builtin/transfer"))).toEqual(["triage_agent -> billing_agent"]);
  });
});

describe("guardrails", () => {
  const results = (name: string) =>
    eventsOfType(mapCapture(name), "guardrail_eval").map((event) => `${event.guardrailName}: ${event.result}`);

  test("OpenInference OpenAI Agents: a GUARDRAIL span without attributes, status OK even when tripped; only the parent turn's status message tells", () => {
    expect(results("openai-agents-openinference/guardrail")).toEqual(["homework_guardrail: fail"]);
    expect(results("openai-agents-openinference/guardrail-ok")).toEqual([
      expect.stringMatching(/^homework_guardrail: (?:pass|unknown)$/),
      expect.stringMatching(/^no_secrets_guardrail: (?:pass|unknown)$/),
    ]);
  });

  test("OpenLLMetry: no guardrail span", () => {
    expect(results("openai-agents-traceloop/guardrail")).toEqual([]);
  });
});

describe("errors and pauses", () => {
  test.each(["langgraph-openinference/interrupt", "langgraph-traceloop/interrupt"])(
    "interrupts are no errors, whatever the status: %s",
    (name) => {
      const events = mapCapture(name);
      const interrupts = eventsOfType(events, "decision").filter((event) => event.decisionKind === "interrupt");
      expect(eventsOfType(events, "error")).toEqual([]);
      expect(interrupts).toHaveLength(1);
      expect(toolNames(events)).toEqual(["send_email", "send_email"]);
      expect(eventsOfType(events, "tool_result").map((event) => event.result)).toEqual(["sent to boss@example.com"]);
    },
  );

  test.each(["openai-agents-openinference/tool-error-fatal", "openai-agents-traceloop/tool-error-fatal"])(
    "OpenAI Agents puts tool errors into the status message only: %s",
    (name) => {
      const events = mapCapture(name);
      const [result] = eventsOfType(events, "tool_result");
      expect(result).toMatchObject({ isError: true });
      expect(result?.errorMessage).toContain("weather backend down");
      expect(failures(events)).toHaveLength(1);
    },
  );

  test("agno's provider errors end as a normal answer", () => {
    const events = mapCapture("agno-openinference/provider-error");
    const text = "Rate limit reached for gpt-4o-mini: Limit 3 RPM. Please try again in 20s.";
    expect(failures(events).map((error) => error.message)).toEqual([text]);
    expect(eventsOfType(events, "response").map((event) => event.content)).toEqual([text]);
  });

  test("pydantic-ai hides the client's retries", () => {
    const events = mapCapture("pydantic-ai-native/provider-error");
    expect(countedCalls(events).map((call) => call.status)).toEqual(["error"]);
    expect(failures(events)).toHaveLength(1);
  });

  test("pydantic-ai's ModelRetry is status ERROR with a tool result", () => {
    const [first, second] = eventsOfType(mapCapture("pydantic-ai-native/tool-retry"), "tool_result");
    expect(first).toMatchObject({ isError: true, result: "No user named 'Jon', remember to give the full name" });
    expect(second?.isError).toBe(false);
    expect(String(second?.result)).toBe("42");
  });

  test('a failed Mastra chat is OK with finish ["error"]', () => {
    const spans = readCapture("mastra-otel-exporter/agent-structured").map((span) =>
      span.name.startsWith("chat ")
        ? changeAttributes(span, { "gen_ai.response.finish_reasons": '["error"]', "gen_ai.output.messages": undefined })
        : span,
    );
    const events = mapSpans(spans);
    expect(countedCalls(events).map((call) => [call.status, call.finishReasons])).toEqual([["error", ["error"]]]);
  });

  test("failed Haystack tools are UNSET", () => {
    const events = mapSpans(
      buildSpans([
        { id: 1, name: "haystack.agent.run", scope: "haystack", start: 0, end: 90 },
        {
          id: 2,
          parent: 1,
          name: "haystack.agent.step.tool",
          scope: "haystack",
          attributes: {
            "haystack.tool.name": "refund_order",
            "haystack.agent.step.tool.output": '{"error": "provider refused the refund"}',
          },
        },
      ]),
    );
    expect(eventsOfType(events, "tool_result").map((event) => event.isError)).toEqual([true]);
    expect(failures(events)).toHaveLength(1);
  });

  test.each(["adk-openinference/tool-error", "autogen-builtin/llm-error", "semantic-kernel-builtin/llm-error"])(
    "one exception recorded twice, or on every span above, is one failure: %s",
    (name) => {
      expect(failures(mapCapture(name))).toHaveLength(1);
    },
  );

  test("AutoGen with OpenInference logs a CancelledError on a successful agent", () => {
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "AssistantAgent.on_messages_stream",
          scope: "openinference.instrumentation.autogen_agentchat",
          status: 1,
          attributes: { "openinference.span.kind": "AGENT", "agent.name": "shop_agent", "output.value": "done" },
          events: [
            {
              name: "exception",
              attributes: { "exception.type": "asyncio.exceptions.CancelledError", "exception.message": "" },
            },
          ],
        },
      ]),
    );
    expect(failures(events)).toEqual([]);
    expect(eventsOfType(events, "response").map((event) => event.content)).toEqual(["done"]);
  });
});

describe("shapes", () => {
  test("MLflow's attribute values are JSON-quoted", () => {
    const [call] = countedCalls(mapCapture("mlflow-otlp/langgraph"));
    expect(call?.requestModel).toBe("gpt-4o-mini");
  });

  test.each([
    ["langfuse-v4/observe-agent", 3, 758, 77],
    ["mlflow-otlp/langgraph", 3, 749, 77],
  ])("Langfuse and MLflow keep tokens in JSON strings: %s", (name, calls, inputTokens, outputTokens) => {
    expect(callTotals(mapCapture(name))).toEqual([calls, inputTokens, outputTokens]);
  });

  test.each(["strands-builtin/agent-tools", "strands-builtin-latest-semconv/agent-tools"])(
    "Strands keeps messages in span events: %s",
    (name) => {
      const calls = countedCalls(mapCapture(name));
      for (const call of calls) expect(call.inputMessages?.length).toBeGreaterThan(0);
      expect(JSON.stringify(calls.at(-1)?.outputMessages)).toContain("It is snowing there");
    },
  );

  test.each(["openai-openinference/responses", "openai-openinference/responses-stream"])(
    "parallel calls from OpenAI Responses come as separate llm.output_messages.N: %s",
    (name) => {
      const [selection] = eventsOfType(mapCapture(name), "decision");
      expect(selection?.calls?.map((call) => call.toolName)).toEqual(["get_weather", "get_weather", "add"]);
    },
  );

  test("a root span can be lost (mlflow-otlp-rootlost: 7 orphans)", () => {
    const events = mapCapture("mlflow-otlp-rootlost/agent-tools");
    expect(callTotals(events)).toEqual([3, 626, 77]);
    expect(eventsOfType(events, "tool_result")).toHaveLength(3);
    for (const event of events) expect(event.parentSpanId).toBeDefined();
  });

  test("OpenLIT's decorator root has gen_ai.output.messages as plain text", () => {
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "invoke_agent shop",
          scope: "openlit.otel.tracing",
          attributes: {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "shop",
            "gen_ai.output.messages": "It is on its way.",
          },
        },
      ]),
    );
    expect(eventsOfType(events, "response").map((event) => event.content)).toEqual(["It is on its way."]);
  });

  test("LangSmith labels retrievers `embeddings`", () => {
    const events = mapSpans(
      buildSpans([
        {
          id: 1,
          name: "docs_retriever",
          scope: "langsmith",
          attributes: {
            "langsmith.span.kind": "retriever",
            "gen_ai.operation.name": "embeddings",
            "gen_ai.prompt": '{"query":"refunds"}',
          },
        },
      ]),
    );
    expect(eventsOfType(events, "llm_call")).toEqual([]);
    expect(eventsOfType(events, "tool_call").map((call) => call.toolType)).toEqual(["retrieval"]);
  });

  test("LangSmith leaks environment variables into attributes: they are no metadata of the run", () => {
    for (const event of mapCapture("langsmith-otel/langchain-agent")) {
      const leaked = Object.keys(event.metadata ?? {}).filter((key) => /^[A-Z][A-Z0-9_]+$/.test(key));
      expect(leaked, event.name).toEqual([]);
    }
  });

  test("`create_agent` and `workflow.build` come as traces of one span, without an event", () => {
    for (const name of ["langgraph-traceloop/interrupt", "agent-framework-builtin/handoff"]) {
      const spans = readCapture(name).filter((span) => /^(?:create_agent|workflow\.build)/.test(span.name));
      expect(spans.length, name).toBeGreaterThan(0);
      expect(mapSpans(spans), name).toEqual([]);
    }
  });
});
