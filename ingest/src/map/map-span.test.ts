/** Fields and events of single spans, section by section; whole traces are in the vectors. */

import type { AgentEvent } from "@nonet/proto/event.ts";
import { describe, expect, test } from "vitest";
import { mapSpan } from "./map-span.ts";
import type { EventDraft } from "./mapped-span.ts";
import { buildSpan, type Loose } from "./testdata/build-span.ts";

type Attributes = { readonly [key: string]: Loose };
type Parts = Parameters<typeof buildSpan>[1];

const map = (attributes: Attributes, parts?: Parts) => mapSpan(buildSpan(attributes, parts));
const drafts = (attributes: Attributes, parts?: Parts) => map(attributes, parts).drafts;
function draft<T extends AgentEvent["eventType"]>(type: T, attributes: Attributes, parts?: Parts) {
  return drafts(attributes, parts).find(
    (found): found is Extract<EventDraft, { eventType: T }> => found.eventType === type,
  );
}
const chat = (attributes: Attributes, parts?: Parts) =>
  draft("llm_call", { "gen_ai.operation.name": "chat", ...attributes }, parts);

describe("2.3 model calls", () => {
  test.each<[string, Attributes, object]>([
    [
      "a framework is no provider",
      { "gen_ai.provider.name": "langgraph", "gen_ai.system": "openai" },
      { provider: "openai" },
    ],
    [
      "ADK's own usage wins",
      {
        "gcp.vertex.agent.llm_response":
          '{"usage_metadata": {"prompt_token_count": 30, "candidates_token_count": 4, "thoughts_token_count": 6, "cached_content_token_count": 8}}',
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.output_tokens": 1,
      },
      { inputTokens: 30, outputTokens: 10, reasoningTokens: 6, cachedInputTokens: 8, totalTokens: 40 },
    ],
    [
      "request JSON",
      { "llm.invocation_parameters": '{"temperature": 0.1, "max_completion_tokens": 9, "n": 2, "stop": "X"}' },
      { params: { temperature: 0.1, maxTokens: 9, choiceCount: 2, stopSequences: ["X"] } },
    ],
    [
      "attributes before request JSON",
      { "gen_ai.request.temperature": "0.5", "llm.invocation_parameters": '{"temperature": 0.1}' },
      { params: { temperature: 0.5 } },
    ],
    ["seconds to the first chunk", { "gen_ai.response.time_to_first_chunk": 0.25 }, { ttftMs: 250, streaming: true }],
    [
      "milliseconds from Strands",
      { "gen_ai.system": "strands-agents", "gen_ai.server.time_to_first_token": 250 },
      { ttftMs: 250 },
    ],
    [
      "an ISO time, quoted twice",
      { "langfuse.observation.completion_start_time": '"\\"2026-01-01T00:00:00.300Z\\""' },
      { ttftMs: 300 },
    ],
    [
      "prompt name and version",
      { "langfuse.observation.prompt.name": "p", "langfuse.observation.prompt.version": 3 },
      { promptName: "p", promptVersion: "3" },
    ],
    [
      "the cost is the total, else the sum",
      { "langfuse.observation.cost_details": '{"input": 0.25, "output": 0.5}' },
      { cost: 0.75 },
    ],
    [
      "finish reasons split at commas",
      { "gen_ai.response.finish_reason": "FinishReason.STOP,MAX_TOKENS" },
      { finishReasons: ["stop", "length"] },
    ],
    [
      "tool definitions in every spelling",
      {
        "gen_ai.tool.definitions":
          '[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}},{"toolSpec":{"name":"g","inputSchema":{"json":{"type":"object"}}}},{"name":"h","input_schema":{}},"i"]',
      },
      {
        toolDefinitions: [
          { name: "f", parameters: { type: "object" } },
          { name: "g", parameters: { type: "object" } },
          { name: "h" },
          { name: "i" },
        ],
      },
    ],
  ])("%s", (_name, attributes, fields) => {
    expect(chat(attributes)).toMatchObject(fields);
  });

  test("a status without failure is ok, and an open call has none", () => {
    expect(chat({})?.status).toBe("ok");
    expect(chat({}, { endTimeUnixNano: 0n })).toMatchObject({ timeUnixNano: "1767225600000000000" });
    expect(chat({}, { endTimeUnixNano: 0n })).not.toHaveProperty("status");
    expect(map({ "gen_ai.operation.name": "chat" }, { endTimeUnixNano: 0n }).flags).toEqual(["open"]);
  });

  test("what was asked for and what answered are told apart where the request says so", () => {
    const attributes = { "openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-2024-08-06" };
    expect(draft("llm_call", attributes)).toMatchObject({ requestModel: "gpt-4o-2024-08-06" });
    expect(draft("llm_call", { ...attributes, "llm.invocation_parameters": '{"model": "gpt-4o"}' })).toMatchObject({
      requestModel: "gpt-4o",
      responseModel: "gpt-4o-2024-08-06",
    });
  });

  test("operations", () => {
    expect(chat({})?.operation).toBe("chat");
    expect(draft("llm_call", { "gen_ai.operation.name": "text_completion" })?.operation).toBe("text_completion");
    expect(draft("llm_call", { "gen_ai.operation.name": "embeddings" })?.operation).toBe("embeddings");
    expect(draft("llm_call", { "gen_ai.operation.name": "transcription" })?.operation).toBe("transcription");
    expect(draft("llm_call", { "ai.operationId": "ai.generateImage.doGenerate" })?.operation).toBe("generateImage");
    expect(draft("llm_call", { "ai.operationId": "ai.generateText.doGenerate" })?.operation).toBe("chat");
  });
});

describe("2.8 token arithmetic", () => {
  test.each<[string, Attributes, Parts, object]>([
    [
      "disjoint buckets",
      {
        "langfuse.observation.type": "generation",
        "langfuse.observation.usage_details":
          '{"input": 36, "input_cached_tokens": 64, "cache_creation": 2, "output": 5, "output_reasoning_tokens": 3, "total": 110}',
      },
      {},
      { inputTokens: 102, outputTokens: 8, cachedInputTokens: 64, cacheWriteInputTokens: 2, reasoningTokens: 3 },
    ],
    [
      "partial counts",
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.partial.input_tokens": 5,
        "gen_ai.usage.partial.output_tokens": 1,
      },
      {},
      { inputTokens: 5, outputTokens: 1, usagePartial: true },
    ],
    [
      "Claude Code excludes cache",
      { input_tokens: 15, output_tokens: 40, cache_read_tokens: 20300, cache_creation_tokens: 10 },
      { name: "claude_code.llm_request" },
      { inputTokens: 20325, cachedInputTokens: 20300, cacheWriteInputTokens: 10 },
    ],
    [
      "a total that shows that the cache was left out",
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.total_tokens": 19,
      },
      {},
      { inputTokens: 14, totalTokens: 19 },
    ],
    [
      "totals are sums where both sides are known",
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.total_tokens": 99,
      },
      {},
      { totalTokens: 15 },
    ],
    [
      "negative counts are absent",
      { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -5, "gen_ai.usage.total_tokens": 7 },
      {},
      { totalTokens: 7 },
    ],
  ])("%s", (_name, attributes, parts, fields) => {
    expect(draft("llm_call", attributes, parts)).toMatchObject(fields);
  });

  test("more cached than read at all: corrected and flagged", () => {
    const span = map({
      "gen_ai.operation.name": "chat",
      "gen_ai.usage.input_tokens": 3,
      "gen_ai.usage.cache_read.input_tokens": 4,
    });
    expect(span.drafts[0]).toMatchObject({ inputTokens: 7 });
    expect(span.flags).toEqual(["usage_adjusted"]);
  });

  test("totals of agents go nowhere but to the aggregate", () => {
    const agent = map({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.aggregated_usage.input_tokens": 7,
      "gen_ai.aggregated_usage.output_tokens": 2,
    });
    expect(agent.drafts).toEqual([]);
    expect(agent.rootAnswer?.usageAggregate).toEqual({ inputTokens: 7, outputTokens: 2, totalTokens: 9 });
  });
});

describe("2.4 session and user", () => {
  test.each<[string, Attributes, Parts, string | undefined]>([
    ["session.id first", { "session.id": "a", "gen_ai.conversation.id": "b" }, {}, "a"],
    ["conversation", { "gen_ai.conversation.id": "b" }, {}, "b"],
    ["a response is no conversation", { "gen_ai.conversation.id": "resp_1" }, {}, undefined],
    ["ADK", { "gcp.vertex.agent.session_id": "c" }, {}, "c"],
    [
      "associations, session before thread",
      { "traceloop.association.properties.thread_id": "t", "traceloop.association.properties.session_id": "s" },
      {},
      "s",
    ],
    ["Mastra", { "mastra.metadata.threadId": "m" }, {}, "m"],
    ["metadata JSON", { metadata: '{"thread_id": "th"}' }, {}, "th"],
    ["metadata attributes", { "metadata.session_id": "ms" }, {}, "ms"],
    ["Logfire group", { group_id: "g" }, {}, "g"],
    ["numbers are ids", { "session.id": 42 }, {}, "42"],
    [
      "never a LangSmith project, nor an MCP connection",
      { "langsmith.trace.session_id": "p", "mcp.session.id": "x" },
      {},
      undefined,
    ],
    [
      "Codex: the thread of a task",
      { "thread.id": "th", "gen_ai.conversation.id": "5" },
      { name: "session_task.turn" },
      "th",
    ],
    [
      "Codex: not the number of a thread",
      { "thread.id": 7, "gen_ai.conversation.id": "5" },
      { scopeName: "codex_cli_rs" },
      undefined,
    ],
    ["plain spans have one too", { "session.id": "web" }, { name: "POST /chat" }, "web"],
    ["unknown is absent", { "session.id": "unknown" }, {}, undefined],
  ])("%s", (_name, attributes, parts, sessionId) => {
    expect(map(attributes, parts).ownSessionId).toBe(sessionId);
  });

  test("ruling 3: long ids never merge", () => {
    const [a, b] = ["a", "b"].map((last) => map({ "session.id": `${"x".repeat(300)}${last}` }).ownSessionId);
    expect([a?.length, a?.slice(0, 191), a === b]).toEqual([255, `${"x".repeat(190)}~`, false]);
  });

  test("users", () => {
    expect(map({ "langfuse.user.id": "l" }).ownUserId).toBe("l");
    expect(map({ "ai.telemetry.metadata.userId": "v" }).ownUserId).toBe("v");
    expect(map({ metadata: '{"user_id": "m"}' }).ownUserId).toBe("m");
  });
});

describe("2.5 agents", () => {
  test.each<[string, Attributes, Parts, string | undefined]>([
    ["gen_ai.agent.name", { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a" }, {}, "a"],
    ["the span name", { "gen_ai.operation.name": "invoke_agent" }, { name: "invoke_agent trip" }, "trip"],
    [
      "not the model",
      { "gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-5.1" },
      { name: "invoke_agent gpt-5.1" },
      undefined,
    ],
    ["nothing left", { "gen_ai.operation.name": "invoke_agent" }, { name: "invoke_agent" }, undefined],
    ["suffixes", { "openinference.span.kind": "AGENT" }, { name: "News_Team.arun" }, "News_Team"],
    ["brackets", {}, { name: "agent_run [coordinator]", scopeName: "gcp.vertex.agent" }, "coordinator"],
    [
      "CrewAI's node",
      { "openinference.span.kind": "AGENT", "graph.node.id": "Lead" },
      { scopeName: "openinference.instrumentation.crewai" },
      "Lead",
    ],
    ["Claude Code", {}, { name: "claude_code.interaction" }, "claude-code"],
    ["Codex", {}, { name: "session_task.turn" }, "codex"],
    ["not on handoffs", { "gen_ai.operation.name": "handoff", "gen_ai.agent.name": "other" }, {}, undefined],
    ["not on guardrails", { "gen_ai.operation.name": "apply_guardrail", "gen_ai.agent.name": "other" }, {}, undefined],
  ])("%s", (_name, attributes, parts, agentName) => {
    expect(map(attributes, parts).ownAgentName).toBe(agentName);
  });
});

describe("2.9 tools", () => {
  test.each<[string, Attributes, Parts, object]>([
    [
      "precise sources before ambient ones",
      {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "f",
        "input.value": '{"b": 2}',
        "gen_ai.tool.call.arguments": '{"a": 1}',
      },
      {},
      { name: "f", arguments: { a: 1 } },
    ],
    [
      "tool.parameters as arguments",
      { "openinference.span.kind": "TOOL", "tool.name": "f", "tool.parameters": '{"member_id": "scout"}' },
      {},
      { arguments: { member_id: "scout" } },
    ],
    ["the span name", { "gen_ai.operation.name": "execute_tool" }, { name: "execute_tool add" }, { toolName: "add" }],
    [
      "Claude Code",
      { tool_name: "Bash", full_command: "npm test", file_path: "" },
      { name: "claude_code.tool" },
      { toolName: "Bash", arguments: { full_command: "npm test" } },
    ],
    [
      "secrets in arguments",
      {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.call.arguments": '{"user": "u", "password": "p", "nested": [{"api_key": "k"}]}',
      },
      {},
      { arguments: { user: "u", password: "[masked]", nested: [{ api_key: "[masked]" }] } },
    ],
    [
      "MCP fields",
      { "mcp.method.name": "tools/call", "gen_ai.tool.name": "f", "mcp.session.id": "s", "jsonrpc.request.id": 3 },
      {},
      { mcp: { method: "tools/call", sessionId: "s", requestId: "3" } },
    ],
    [
      "a retrieval's query",
      { "openinference.span.kind": "RETRIEVER", "input.value": '{"str_or_query_bundle": "what?"}' },
      { name: "VectorIndexRetriever.retrieve" },
      { toolType: "retrieval", arguments: { query: "what?" } },
    ],
    [
      "a search in memory",
      { "gen_ai.operation.name": "search_memory", "gen_ai.memory.query.text": "what?" },
      { name: "search_memory store" },
      { toolName: "store", toolType: "memory", arguments: { query: "what?" } },
    ],
  ])("%s", (_name, attributes, parts, fields) => {
    expect(draft("tool_call", attributes, parts)).toMatchObject(fields);
  });

  test("a schema is no argument", () => {
    expect(
      draft("tool_call", { "openinference.span.kind": "TOOL", "tool.parameters": '{"city": {"type": "string"}}' }),
    ).not.toHaveProperty("arguments");
  });

  test("documents of a retrieval", () => {
    const attributes = {
      "openinference.span.kind": "RETRIEVER",
      "retrieval.documents.1.document.content": "b",
      "retrieval.documents.0.document.content": "a",
    };
    expect(draft("tool_result", attributes)?.result).toEqual([{ content: "a" }, { content: "b" }]);
  });

  test.each<[string, Attributes, Parts, boolean]>([
    ["a failed status", {}, { statusCode: 2 }, true],
    [
      "an unwrapped mark",
      { "gen_ai.tool.call.result": '{"content": [{"type": "text", "text": "x"}], "isError": true}' },
      {},
      true,
    ],
    ["gen_ai.tool.status", { "gen_ai.tool.status": "error" }, {}, true],
    ["a general error in the result", { "gen_ai.tool.call.result": '{"error": "x"}' }, {}, false],
    ["a Haystack error", { "haystack.agent.step.tool.output": '{"error": "x"}' }, {}, true],
  ])("isError: %s", (_name, attributes, parts, isError) => {
    const mapped = drafts({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", ...attributes }, parts);
    expect(mapped.find((found) => found.eventType === "tool_result")).toMatchObject({ isError });
    expect(mapped.some((found) => found.eventType === "error")).toBe(isError);
  });
});

describe("2.10 handoffs", () => {
  test.each<[string, Attributes, Parts, object]>([
    [
      "HANDOFF-1",
      { "gen_ai.handoff.from_agent": "A", "gen_ai.handoff.to_agent": "B" },
      {},
      { ruleId: "HANDOFF-1", fromAgent: "A", toAgent: "B", name: "A -> B" },
    ],
    [
      "unknown target",
      { "gen_ai.operation.name": "handoff", "gen_ai.handoff.from_agent": "A" },
      { name: "A → unknown.handoff" },
      { name: "A -> ?" },
    ],
    [
      "by span name",
      { "gen_ai.operation.name": "handoff" },
      { name: "A -> B.handoff" },
      { fromAgent: "A", toAgent: "B" },
    ],
    [
      "HANDOFF-2",
      { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.source": "A", "gen_ai.agent.name": "B" },
      {},
      { fromAgent: "A", toAgent: "B" },
    ],
    [
      "HANDOFF-3",
      { "openinference.span.kind": "TOOL", "input.value": "A", "output.value": "B" },
      { name: "handoff to B" },
      { fromAgent: "A", toAgent: "B" },
    ],
    [
      "a transfer tool",
      { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_refund_agent" },
      {},
      { ruleId: "TOOL-HANDOFF", toAgent: "refund_agent", mechanism: "transfer" },
    ],
    [
      "Semantic Kernel's plugin",
      { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Handoff-transfer_to_billing" },
      {},
      { toAgent: "billing" },
    ],
    [
      "a coworker",
      {
        "openinference.span.kind": "TOOL",
        "tool.name": "Delegate work to coworker",
        "input.value": '{"coworker": "Analyst", "task": "check"}',
      },
      {},
      { toAgent: "Analyst", mechanism: "delegation", message: "check" },
    ],
    [
      "a subagent",
      { tool_name: "Task", subagent_type: "scout" },
      { name: "claude_code.tool" },
      { toAgent: "scout", mechanism: "delegation" },
    ],
    [
      "Mastra's agents",
      { "mastra.span.type": "tool_call", "gen_ai.tool.name": "agent-billingAgent" },
      {},
      { toAgent: "billing_agent", mechanism: "delegation" },
    ],
  ])("%s", (_name, attributes, parts, fields) => {
    expect(draft("handoff", attributes, parts)).toMatchObject(fields);
    expect(draft("decision", attributes, parts)).toMatchObject({ decisionKind: "handoff" });
  });

  test("a tool that fails hands nothing over", () => {
    const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_x" };
    expect(drafts(attributes, { statusCode: 2 }).map((found) => found.eventType)).toEqual([
      "tool_call",
      "decision",
      "tool_result",
      "error",
    ]);
  });
});

describe("2.11 guardrails, evaluations, state", () => {
  const guard = (attributes: Attributes, parts?: Parts) =>
    draft("guardrail_eval", { "gen_ai.operation.name": "apply_guardrail", ...attributes }, parts);

  test.each<[string, Attributes, Parts, object]>([
    ["triggered", { "gen_ai.guardrail.triggered": true }, {}, { result: "fail" }],
    ["words", { "gen_ai.guardrail.result": "BLOCKED" }, {}, { result: "fail", action: "block" }],
    [
      "an action",
      { "gen_ai.guardrail.action": "redact", "gen_ai.guardrail.status": "ok" },
      {},
      { result: "pass", action: "modify" },
    ],
    ["the output's booleans", { "output.value": '{"passed": false}' }, {}, { result: "fail" }],
    ["true in an output means nothing", { "output.value": "true" }, {}, { result: "unknown" }],
    ["a failed check", {}, { statusCode: 2 }, { result: "error" }],
    ["no word is never a pass", {}, {}, { result: "unknown" }],
    [
      "guardrails-ai",
      { validator_name: "Toxic", validator_on_fail: "refrain", "gen_ai.guardrail.result": "fail" },
      {},
      { guardrailName: "Toxic", action: "block" },
    ],
    [
      "score, label, reason, target",
      {
        "gen_ai.guardrail.risk.score": 0.5,
        "gen_ai.guardrail.risk.category": "pii",
        "gen_ai.guardrail.verdict.reason": "r",
        "gen_ai.guardrail.target.type": "llm_input",
      },
      {},
      { score: 0.5, label: "pii", reason: "r", target: "llm_input" },
    ],
  ])("guardrail: %s", (_name, attributes, parts, fields) => {
    expect(guard(attributes, parts)).toMatchObject(fields);
  });

  test("a blocking hook", () => {
    expect(draft("guardrail_eval", { num_blocking: 1, hook_name: "lint" }, { name: "claude_code.hook" })).toMatchObject(
      { evalKind: "hook", name: "lint", result: "fail", action: "block" },
    );
  });

  test("evaluations from attributes, annotations and events", () => {
    const found = drafts(
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.evaluation.name": "Relevance",
        "gen_ai.evaluation.score.label": "pass",
        "annotations.0.name": "a",
        "annotations.0.score": 0.1,
        "annotations.1.name": "b",
        "annotations.1.label": "fail",
      },
      {
        events: [
          { name: "gen_ai.evaluation.result", attributes: { "gen_ai.evaluation.name": "e", "error.type": "x" } },
        ],
      },
    ).filter((event) => event.eventType === "guardrail_eval");
    expect(found.map(({ discriminator, name, result }) => [discriminator, name, result])).toEqual([
      ["attr-eval", "Relevance", "pass"],
      ["annotations:0", "a", "unknown"],
      ["annotations:1", "b", "fail"],
      ["e0", "e", "error"],
    ]);
  });

  test("an evaluator's JSON output", () => {
    expect(
      draft(
        "guardrail_eval",
        {
          "openinference.span.kind": "EVALUATOR",
          "output.value": '{"score": 0.2, "label": "fail", "explanation": "x"}',
        },
        { name: "judge" },
      ),
    ).toMatchObject({
      evalKind: "evaluation",
      name: "judge",
      result: "fail",
      score: 0.2,
      reason: "x",
    });
  });

  test("guardrail attributes on another span", () => {
    expect(
      draft("guardrail_eval", {
        "gen_ai.operation.name": "chat",
        "gen_ai.guardrail.triggered": false,
        "gen_ai.guardrail.name": "g",
      }),
    ).toMatchObject({ ruleId: "ATTR-GUARD", discriminator: "attr", result: "pass", name: "g" });
  });

  test("state changes", () => {
    expect(
      draft("state_change", {
        "gen_ai.operation.name": "upsert_memory",
        "gen_ai.memory.store.name": "m",
        "gen_ai.memory.content": '{"a": 1}',
      }),
    ).toMatchObject({ operation: "upsert", scope: "memory", stateKey: "m", after: { a: 1 } });
    expect(
      draft("state_change", {
        "state.key": "cart",
        "state.before": "1",
        "state.after": "[2]",
        "state.operation": "update",
      }),
    ).toMatchObject({ operation: "update", scope: "session", before: "1", after: [2] });
  });

  test("STATE-LANGGRAPH: one event per key but messages and internals", () => {
    const attributes = {
      "openinference.span.kind": "CHAIN",
      metadata: '{"langgraph_node": "tools"}',
      "output.value": '{"messages": [], "b": 1, "a": {"x": 2}, "__x": 3}',
    };
    expect(drafts(attributes, { name: "tools" }).map((event) => [event.discriminator, event.name])).toEqual([
      ["key:a", "a"],
      ["key:b", "b"],
    ]);
    expect(drafts(attributes, { name: "other" })).toEqual([]);
  });

  test("STATE-ADK", () => {
    const attributes = { "openinference.span.kind": "AGENT", "output.value": '{"actions": {"state_delta": {"k": 1}}}' };
    expect(drafts(attributes, { scopeName: "openinference.instrumentation.google_adk" })[0]).toMatchObject({
      scope: "session",
      stateKey: "k",
      after: 1,
    });
  });
});

describe("3.3 errors and control flow", () => {
  const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f" };
  const exception = (type: string, message: string) => ({
    name: "exception",
    attributes: { "exception.type": type, "exception.message": message, "exception.stacktrace": "s" },
  });
  const errors = (attributes: Attributes, parts?: Parts) =>
    drafts(attributes, parts).filter((event) => event.eventType === "error");

  test("an exception without a failed status was handled", () => {
    expect(errors(tool, { events: [exception("E", "m")] })).toMatchObject([
      { discriminator: "e0", errorType: "E", message: "m", stack: "s", handled: true, sourceKind: "exception_event" },
    ]);
  });

  test("of several the last one ended the span, and repeats count once", () => {
    const events = [exception("A", "a"), exception("A", "a"), exception("B", "b")];
    expect(
      errors(tool, { events, statusCode: 2 }).map(({ discriminator, handled }) => [discriminator, handled]),
    ).toEqual([
      ["e0", true],
      ["e2", false],
    ]);
  });

  test.each<[string, Attributes, Parts, object]>([
    [
      "status text",
      tool,
      { statusCode: 2, statusMessage: "litellm.Timeout: no answer" },
      { errorType: "litellm.Timeout", message: "no answer", sourceKind: "status" },
    ],
    [
      "a bare Error says nothing",
      tool,
      { statusCode: 2, statusMessage: "Error: sea model offline" },
      { errorType: "error", message: "Error: sea model offline" },
    ],
    [
      "attributes",
      { ...tool, "error.type": "<class 'x.Y'>", "error.message": "m" },
      {},
      { errorType: "x.Y", message: "m", sourceKind: "attribute" },
    ],
    [
      "Logfire's JSON",
      { ...tool, error: '{"message": "m", "data": {"error": "d"}}' },
      {},
      { errorType: "error", message: "m: d" },
    ],
    [
      "Langfuse's level",
      {
        "langfuse.observation.type": "tool",
        "langfuse.observation.level": "ERROR",
        "langfuse.observation.status_message": "m",
      },
      {},
      { message: "m" },
    ],
    [
      "the text of a failed result",
      { ...tool, "gen_ai.tool.status": "error", "gen_ai.tool.call.result": "gone" },
      {},
      { message: "gone" },
    ],
    [
      "the last text of LangSmith's exception",
      tool,
      { statusCode: 2, events: [exception("Exception", "PaymentError('no')Traceback (most recent call last):\n")] },
      { errorType: "PaymentError", message: "no" },
    ],
  ])("%s", (_name, attributes, parts, fields) => {
    expect(errors(attributes, parts)).toMatchObject([{ handled: false, propagated: false, ...fields }]);
  });

  test("spans that are no AI spans emit no errors, whatever happened", () => {
    expect(map({ "http.request.method": "POST" }, { statusCode: 2, events: [exception("E", "m")] })).toMatchObject({
      class: "plain",
      drafts: [],
      failed: true,
    });
  });

  test.each<[string, Attributes, Parts, string, string]>([
    [
      "an exception event, status OK",
      tool,
      { events: [exception("langgraph.errors.GraphInterrupt", "i")] },
      "interrupt",
      "GraphInterrupt",
    ],
    [
      "a failed status with error.type",
      { ...tool, "error.type": "GraphInterrupt" },
      { statusCode: 2, statusMessage: "GraphInterrupt((Interrupt(value=1),))" },
      "interrupt",
      "GraphInterrupt",
    ],
    [
      "a status text alone",
      tool,
      { statusCode: 2, statusMessage: "GraphInterrupt((Interrupt(value=1),))" },
      "interrupt",
      "GraphInterrupt",
    ],
    [
      "Pydantic AI's deferral",
      { ...tool, "pydantic_ai.tool.deferral.name": "ApprovalRequired" },
      {},
      "approval",
      "ApprovalRequired",
    ],
    ["a deferred call", tool, { events: [exception("CallDeferred", "")], statusCode: 2 }, "deferral", "CallDeferred"],
  ])("a pause is no error: %s", (_name, attributes, parts, kind, type) => {
    const mapped = map(attributes, parts);
    expect(mapped).toMatchObject({
      failed: false,
      controlFlow: [{ kind, type, draft: { decisionKind: kind, name: "f" } }],
    });
    expect(mapped.drafts.map((event) => event.eventType)).toEqual(["tool_call"]);
  });

  test("the end of a generator is nothing", () => {
    expect(
      map({ "gen_ai.operation.name": "chat" }, { statusCode: 2, events: [exception("GeneratorExit", "")] }),
    ).toMatchObject({ failed: false, controlFlow: [] });
  });

  test("a pause beside a real failure", () => {
    const mapped = map(tool, {
      statusCode: 2,
      statusMessage: "ValueError: bad",
      events: [exception("GraphInterrupt", "i"), exception("ValueError", "bad")],
    });
    expect(mapped.failed).toBe(true);
    expect(mapped.drafts.map((event) => event.eventType)).toEqual(["tool_call", "tool_result", "error"]);
  });

  test("routing", () => {
    expect(
      draft(
        "decision",
        {
          "gen_ai.operation.name": "goto",
          "langgraph.command.goto_nodes": '["a", "b"]',
          "langgraph.command.source_node": "s",
        },
        { name: "goto a" },
      ),
    ).toMatchObject({ selected: ["a", "b"], source: "s", name: "a, b" });
    expect(
      draft("decision", {
        "edge_group.type": "X.SwitchCaseEdgeGroup",
        "edge_group.delivered": false,
        "edge_group.delivery_status": "dropped",
      }),
    ).toMatchObject({ ruleId: "ROUTE-4", selected: [], reason: "dropped", name: "span" });
    expect(
      draft(
        "decision",
        { "haystack.component.type": "ConditionalRouter", "haystack.component.output": '{"math": 1}' },
        { name: "haystack.component.run" },
      ),
    ).toMatchObject({ selected: ["math"] });
  });
});

describe("4, what a root would answer", () => {
  const answer = (attributes: Attributes) =>
    map({ "openinference.span.kind": "AGENT", ...attributes }).rootAnswer?.content;

  test.each<[string, Attributes, string | undefined]>([
    [
      "its own messages",
      {
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"own"}]}]',
        "output.value": "other",
      },
      "own",
    ],
    ["text", { "output.value": "plain" }, "plain"],
    ["a quoted text", { "mlflow.spanOutputs": '"It is 3."' }, "It is 3."],
    [
      "messages",
      {
        "output.value":
          '{"messages": [{"type": "ai", "content": "last"}, {"type": "tool", "content": "t", "tool_call_id": "1"}]}',
      },
      "last",
    ],
    ["nested members", { "output.value": '{"output": {"result": {"answer": "deep"}}}' }, "deep"],
    [
      "one member",
      {
        "haystack.pipeline.output_data": '{"agent": {"messages": [{"role": "assistant", "content": [{"text": "9"}]}]}}',
      },
      "9",
    ],
    ["an ADK event", { "output.value": '{"content": {"role": "model", "parts": [{"text": "adk"}]}}' }, "adk"],
    ["a message", { "langfuse.observation.output": '{"role": "assistant", "content": "m"}' }, "m"],
    ["data", { "output.value": '{"a": 1, "b": 2}' }, '{"a":1,"b":2}'],
    ["a list of texts is data", { "output.value": '["a", "b"]' }, '["a","b"]'],
    [
      "the repr of an object is no answer",
      { "output.value": "StopEvent(result=AgentOutput(response=ChatMessage(..." },
      undefined,
    ],
    [
      "an answer among the arguments of a repr",
      { "output.value": "Prediction(\n    reasoning='r',\n    answer='It\\'s Paris'\n)" },
      "It's Paris",
    ],
    [
      "Pydantic AI's messages",
      { "pydantic_ai.all_messages": '[{"role":"assistant","parts":[{"type":"text","content":"p"}]}]' },
      "p",
    ],
  ])("%s", (_name, attributes, content) => {
    expect(answer(attributes)).toBe(content);
  });

  test("a paused graph", () => {
    expect(
      map({ "openinference.span.kind": "CHAIN", "output.value": '{"__interrupt__": [{"value": 1}]}' }).rootAnswer
        ?.interrupted,
    ).toBe(true);
  });
});

describe("3.3, events of span events", () => {
  test("Codex reports tools on plain spans", () => {
    const mapped = map(
      { "thread.id": 7 },
      {
        name: "handle_tool_call",
        events: [
          {
            name: "event x.rs:1",
            attributes: {
              "event.name": "codex.tool_result",
              tool_name: "apply_patch",
              call_id: "c",
              duration_ms: "250",
              success: "false",
              "error.message": "bad",
            },
          },
        ],
      },
    );
    expect(mapped.class).toBe("plain");
    expect(mapped.drafts).toMatchObject([
      { eventType: "tool_call", timeUnixNano: "1767225600250000000", callId: "c" },
      { eventType: "tool_result", timeUnixNano: "1767225600500000000", isError: true, status: "error" },
      { eventType: "error", errorType: "tool_error", message: "bad", sourceKind: "span_event" },
    ]);
  });

  test("approvals, threats, memories", () => {
    const events = [
      { name: "codex.tool_decision", attributes: { decision: "approved", source: "user" } },
      {
        name: "agent.threat.detection",
        attributes: { "agent.threat.category": "injection", "agent.threat.confidence": 0.9 },
      },
      { name: "long_term_memory.save", attributes: { value: '{"k": 1}' } },
    ];
    expect(drafts({}, { events })).toMatchObject([
      { discriminator: "approval:e0", decisionKind: "approval", selected: ["approved"], reason: "user" },
      { discriminator: "e1", evalKind: "threat", result: "fail", name: "injection", score: 0.9 },
      {
        discriminator: "e2",
        eventType: "state_change",
        operation: "create",
        stateKey: "long_term_memory",
        after: { k: 1 },
      },
    ]);
  });
});

describe("2.12 labels", () => {
  test("metadata: earlier wins, secrets are masked", () => {
    expect(
      map({
        metadata: '{"a": 1, "password": "p"}',
        "metadata.a": 2,
        "langfuse.trace.metadata.b": "x",
        "metadata.api_key": "k",
      }).metadata,
    ).toEqual({ a: 1, password: "[masked]", b: "x", api_key: "[masked]" });
  });

  test("tags and environment", () => {
    expect(map({ "tag.tags": '["a", "b"]' }).tags).toEqual(["a", "b"]);
    expect(map({ "langfuse.trace.tags": ["x", "x"] }).tags).toEqual(["x"]);
    expect(
      map({ tags: "a, b" }, { resource: { "deployment.environment.name": "prod", "service.name": "svc" } }),
    ).toMatchObject({ tags: ["a", "b"], environment: "prod", serviceName: "svc" });
  });

  test("flags", () => {
    expect(
      map(
        { "gen_ai.operation.name": "chat", "gen_ai.output.messages": "[bro" },
        { endTimeUnixNano: 1n, droppedEventsCount: 1 },
      ).flags,
    ).toEqual(["clock_skew", "malformed_json", "source_dropped"]);
  });
});
