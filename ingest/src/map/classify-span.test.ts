/** Event mapping 3.2, line by line: attributes that meet exactly one rule, and the orders that matter. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classifySpan, spanRules } from "./classify-span.ts";
import { defaultLimits } from "./limits.ts";
import { mapSpan } from "./map-span.ts";
import { mayBeAi, readSpanFacts, scanFamilies } from "./span-facts.ts";
import { SpanReader } from "./span-reader.ts";
import { buildSpan, type Loose } from "./testdata/build-span.ts";

type Attributes = { readonly [key: string]: Loose };
const op = (name: string): Attributes => ({ "gen_ai.operation.name": name });
const oi = (kind: string): Attributes => ({ "openinference.span.kind": kind });
const tl = (kind: string): Attributes => ({ "traceloop.span.kind": kind });
const template = (text: string): Attributes => ({ "logfire.msg_template": text });

const table: readonly (readonly [
  ruleId: string,
  spanClass: string,
  attributes: Attributes,
  name?: string,
  scope?: string,
])[] = [
  ["DROP-1", "drop", { "logfire.span_type": "pending_span", ...op("chat") }],
  ["DROP-2", "inert", { ...op("execute_tool"), "gen_ai.tool.name": "(merged tools)" }],
  ["DROP-2", "inert", {}, "execute_tool (merged)", "gcp.vertex.agent"],
  ["DROP-3", "step", { ...op("execute_tool"), "gen_ai.tool.name": "mcp_list_tools", "gen_ai.mcp.server": "s" }],
  ["HANDOFF-1", "handoff", { ...op("invoke_agent"), "gen_ai.handoff.to_agent": "B" }],
  ["HANDOFF-1", "handoff", op("transfer_agent")],
  ["HANDOFF-1", "handoff", tl("handoff")],
  ["HANDOFF-1", "handoff", { "sentry.op": "gen_ai.handoff" }],
  ["HANDOFF-2", "handoff", { ...op("invoke_agent"), "gen_ai.agent.source": "A" }],
  ["HANDOFF-3", "handoff", oi("TOOL"), "Handoff to Billing"],
  ["HANDOFF-4", "handoff", { ...template("Handoff: {from_agent} → {to_agent}"), to_agent: "b" }],
  ["GUARD-1", "guardrail", op("run_guardrail")],
  ["GUARD-1", "guardrail", { ...op("invoke_agent"), "gen_ai.guardrail.triggered": false }],
  ["GENAI-AGENT", "agent", { ...op("invoke_agent"), "gen_ai.guardrail.triggered": false, "gen_ai.agent.id": "1" }],
  ["GENAI-LLM", "llm", { ...op("chat"), "gen_ai.guardrail.triggered": false }],
  ["GUARD-2", "guardrail", { ...template("Guardrail {name!r}"), triggered: false }],
  ["GUARD-3", "guardrail", { validator_name: "Toxic" }],
  ["ROUTE-1", "routing", op("goto")],
  ["ROUTE-1", "routing", { "langgraph.command.goto_node": "x" }],
  ["ROUTE-2", "routing", { "mastra.span.type": "workflow_conditional" }],
  ["ROUTE-3", "routing", { "haystack.component.type": "FileTypeRouter" }, "haystack.component.run"],
  ["ROUTE-4", "routing", { "edge_group.type": "SwitchCaseEdgeGroup" }],
  [
    "ROUTE-4",
    "routing",
    { "edge_group.type": "SingleEdgeGroup", "edge_group.delivery_status": "dropped condition evaluated to false" },
  ],
  ["MAF-STEP", "step", { "edge_group.type": "SingleEdgeGroup", "edge_group.delivery_status": "delivered" }],
  ["ROUTE-5", "routing", { ...oi("CHAIN"), "flow.node.type": "router" }],
  [
    "ROUTE-6",
    "routing",
    { ...oi("CHAIN"), "output.value": "tools" },
    "should_continue",
    "openinference.instrumentation.langchain",
  ],
  [
    "ROUTE-6",
    "routing",
    { ...oi("CHAIN"), "output.value": '["a", "b"]' },
    "intent_router",
    "openinference.instrumentation.langchain",
  ],
  [
    "OI-CHAIN",
    "chain",
    { ...oi("CHAIN"), "output.value": '{"a": 1}' },
    "should_continue",
    "openinference.instrumentation.langchain",
  ],
  ["OI-CHAIN", "chain", { ...oi("CHAIN"), "output.value": "tools" }, "should_continue", "other"],
  ["LANGFUSE-GEN", "llm", { "langfuse.observation.type": "generation" }],
  ["LANGFUSE-EVAL", "evaluator", { "langfuse.observation.type": "EVALUATOR" }],
  ["LANGFUSE-SPAN", "chain", { "langfuse.observation.type": "span" }],
  ["LANGFUSE-EVENT", "step", { "langfuse.observation.type": "event" }],
  ["OI-LLM", "llm", oi("LLM")],
  ["OI-RETR", "retrieval", oi("RETRIEVER")],
  ["OI-RERANK", "rerank", oi("RERANKER")],
  ["OI-PROMPT", "step", oi("PROMPT")],
  ["OI-OTHER", "step", oi("UNKNOWN_KIND")],
  ["LANGSMITH-STEP", "step", { "langsmith.span.kind": "prompt", ...op("chat") }],
  ["LANGSMITH-RETR", "retrieval", { "langsmith.span.kind": "retriever", ...op("embeddings") }],
  ["LANGSMITH-CHAIN", "chain", { "langsmith.span.kind": "chain", ...op("chain") }],
  ["MLFLOW-LLM", "llm", { "mlflow.spanType": '"CHAT_MODEL"' }],
  ["MLFLOW-WF", "workflow", { "mlflow.spanType": '"WORKFLOW"' }],
  ["MLFLOW-OTHER", "step", { "mlflow.spanType": '"PARSER"' }],
  ["AGENTOPS-LLM", "llm", { "agentops.span.kind": "llm.call" }],
  ["AGENTOPS-WF", "workflow", { "agentops.span.kind": "session" }],
  ["LAMINAR-LLM", "llm", { "lmnr.span.type": "CACHED" }],
  ["LAMINAR-OTHER", "chain", { "lmnr.span.type": "DEFAULT" }],
  ["VERCEL-TOOL", "tool", { "ai.operationId": "ai.toolCall" }],
  ["VERCEL-EMB", "embedding", { "ai.operationId": "ai.embed.doEmbed" }],
  ["VERCEL-LLM", "llm", { "operation.name": "ai.streamText.doStream my-function" }],
  ["VERCEL-RUN", "agent", { "ai.operationId": "ai.streamObject" }],
  ["VERCEL-STEP", "step", { "ai.operationId": "ai.embed" }],
  ["CLAUDE-RUN", "agent", {}, "claude_code.interaction"],
  ["CLAUDE-APPROVAL", "approval", {}, "claude_code.tool.blocked_on_user"],
  ["CLAUDE-HOOK", "guardrail", { num_blocking: 1 }, "claude_code.hook"],
  ["CLAUDE-STEP", "step", { num_blocking: 0 }, "claude_code.hook"],
  ["CODEX-TURN", "agent", {}, "session_task.turn"],
  ["CODEX-LLM", "llm", { "codex.usage.total_tokens": 1 }, "completed"],
  ["HAYSTACK-AGENT", "agent", {}, "haystack.agent.run"],
  ["HAYSTACK-PIPE", "workflow", {}, "haystack.async_pipeline.run"],
  ["HAYSTACK-GEN", "llm", { "haystack.component.type": "OpenAIChatGenerator" }, "haystack.component.run"],
  ["HAYSTACK-STEP", "step", { "haystack.component.type": "PromptBuilder" }, "haystack.component.run"],
  ["MASTRA-LLM", "llm", { "mastra.span.type": "model_inference" }],
  ["MASTRA-SCORER", "evaluator", { "mastra.span.type": "scorer_run" }],
  ["MASTRA-STEP", "step", { "mastra.span.type": "model_step", ...op("chat") }],
  ["LOGFIRE-TRACE", "workflow", template("OpenAI Agents trace: {name}")],
  ["LOGFIRE-AGENT", "agent", { ...template("Agent run: {name!r}"), name: "a" }],
  ["LOGFIRE-LLM", "llm", template("Responses API with {gen_ai.request.model!r}")],
  ["LOGFIRE-STEP", "step", { sdk_span_type: "turn" }],
  ["PYDANTIC-AGENT", "agent", {}, "agent run", "pydantic-ai"],
  ["PYDANTIC-TOOL", "tool", { "gen_ai.tool.name": "t" }, "running tool", "pydantic-ai"],
  ["PYDANTIC-STEP", "step", {}, "running tools", "pydantic-ai"],
  ["ADK-INVOCATION", "workflow", {}, "invocation", "gcp.vertex.agent"],
  ["ADK-AGENT", "agent", {}, "agent_run [a]", "gcp.vertex.agent"],
  ["ADK-LLM", "llm", {}, "call_llm", "gcp.vertex.agent"],
  ["ADK-LLM", "llm", op("call_llm")],
  ["ADK-STEP", "step", {}, "other", "gcp.vertex.agent"],
  ["LIVEKIT-TURN", "agent", {}, "agent_turn", "livekit-agents"],
  ["LIVEKIT-LLM", "llm", {}, "llm_node", "livekit-agents"],
  ["LIVEKIT-STEP", "step", {}, "tts_node", "livekit-agents"],
  ["TRACELOOP-WF", "workflow", tl("workflow")],
  ["TRACELOOP-TASK", "step", { ...tl("task"), ...op("invoke_agent") }],
  ["GENAI-TOOL", "tool", { ...tl("task"), ...op("execute_tool") }],
  ["TRACELOOP-OTHER", "step", { ...tl("unknown_kind") }],
  ["TRACELOOP-EMB", "embedding", { "llm.request.type": "embedding" }],
  ["TRACELOOP-LLM", "llm", { "llm.request.type": "completion" }],
  ["GENAI-TOOL", "tool", { "llm.request.type": "chat", ...op("execute_tool") }],
  ["MAF-WF", "workflow", {}, "workflow.run"],
  ["MAF-STEP", "step", { "executor.id": "x" }],
  ["GENAI-LLM", "llm", { ...op("generate_content"), "gen_ai.tool.name": "a, b" }],
  ["GENAI-MEDIA", "llm", op("speech")],
  ["GENAI-EMB", "embedding", op("embed")],
  ["GENAI-RERANK", "rerank", op("rerank")],
  ["GENAI-WF", "workflow", op("invoke_agent"), "crewai.workflow"],
  ["GENAI-WF", "workflow", op("invoke_swarm")],
  ["GENAI-PLAN", "planning", op("plan")],
  ["GENAI-MEMORY", "state", op("delete_memory_store")],
  ["GENAI-RETR", "retrieval", op("search_memory")],
  ["GENAI-STEP", "step", op("create_agent")],
  ["GENAI-TOOL", "tool", { ...op("execute_tool"), "mcp.method.name": "tools/call" }],
  ["MCP-TOOL", "tool", { "mcp.method.name": "tools/call" }],
  ["MCP-STEP", "step", { "mcp.method.name": "tools/list" }],
  ["STATE-ATTR", "state", { "state.key": "cart" }],
  ["FALLBACK-TOOL", "tool", { "gen_ai.tool.call.id": "c" }],
  ["FALLBACK-LLM", "llm", { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1 }],
  ["FALLBACK-STEP", "step", { "gen_ai.request.model": "m" }],
  ["PLAIN", "plain", { "http.request.method": "GET", "session.id": "s", metadata: "{}", "mlflow.traceRequestId": "x" }],
];

describe("3.2", () => {
  const lines = table.map(([ruleId, spanClass, attributes, name = "span", scopeName = "test"]) => ({
    ruleId,
    spanClass,
    attributes,
    name,
    scopeName,
  }));

  test.each(lines)(
    "$ruleId, class $spanClass: $attributes $name",
    ({ ruleId, spanClass, attributes, name, scopeName }) => {
      expect(mapSpan(buildSpan(attributes, { name, scopeName }))).toMatchObject({
        ruleId,
        class: spanClass,
        defect: undefined,
      });
    },
  );

  test("a weak kind gives way to any later rule, and the first weak one counts", () => {
    expect(mapSpan(buildSpan({ ...oi("CHAIN"), ...op("execute_tool") })).ruleId).toBe("GENAI-TOOL");
    expect(
      mapSpan(buildSpan({ "langfuse.observation.type": "span", ...oi("CHAIN"), ...op("create_agent") })).ruleId,
    ).toBe("LANGFUSE-SPAN");
  });

  test("rule ids are unique", () => {
    const ids = spanRules.map((rule) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("the way out for plain spans never takes a span from a rule", { timeout: 60_000 }, () => {
    const keys = fc.constantFrom(
      "metadata",
      "mlflow.traceRequestId",
      "http.route",
      "state.key",
      "mcp.method.name",
      "lk.x",
      "agno.x",
      "validator_name",
      "sdk_span_type",
      "operation.name",
      "flow.node.type",
      "executor.id",
      "sentry.op",
      "codex.usage.x",
    );
    const values = fc.constantFrom("x", "router", "turn", "ai.toolCall y", "gen_ai.handoff", "tools/call");
    const names = fc.constantFrom(
      "span",
      "workflow.run x",
      "message.send",
      "claude_code.x",
      "x (merged tools)",
      "session_task.turn",
      "haystack.x",
    );
    fc.assert(
      fc.property(
        fc.dictionary(keys, values),
        names,
        fc.constantFrom("t", "pydantic-ai", "livekit-agents"),
        (attributes, name, scopeName) => {
          const span = buildSpan(attributes, { name, scopeName });
          const { families, textChars } = scanFamilies(span);
          if (mayBeAi(span, families)) return;
          const facts = readSpanFacts(new SpanReader(span, defaultLimits), families, textChars);
          expect(classifySpan(facts, { ruleId: "" }).class).toBe("plain");
        },
      ),
    );
  });
});
