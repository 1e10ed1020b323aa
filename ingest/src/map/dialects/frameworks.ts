/** Event mapping 3.2: frameworks with names or types of their own. They come before operation names because their old versions have none. */
import { family, type SpanFacts } from "../span-facts.ts";
import { kindRule, rule, type SpanRule } from "./span-rule.ts";

export const haystackRules: readonly SpanRule[] = [
  rule("HAYSTACK-AGENT", "agent", ({ name }) => name === "haystack.agent.run"),
  rule(
    "HAYSTACK-PIPE",
    "workflow",
    ({ name }) => name === "haystack.pipeline.run" || name === "haystack.async_pipeline.run",
  ),
  rule("HAYSTACK-LLM", "llm", ({ name }) => name === "haystack.agent.step.llm"),
  rule("HAYSTACK-TOOL", "tool", ({ name }) => name === "haystack.agent.step.tool"),
  rule("HAYSTACK-GEN", "llm", (facts) => isHaystackComponent(facts, "Generator")),
  rule("HAYSTACK-RETR", "retrieval", (facts) => isHaystackComponent(facts, "Retriever")),
  rule("HAYSTACK-EMB", "embedding", (facts) => isHaystackComponent(facts, "Embedder")),
  rule("HAYSTACK-RANK", "rerank", (facts) => isHaystackComponent(facts, "Ranker")),
  rule("HAYSTACK-STEP", "step", ({ name }) => name.startsWith("haystack.")),
];

function isHaystackComponent({ name, reader }: SpanFacts, suffix: string): boolean {
  return name.startsWith("haystack.") && (reader.text("haystack.component.type") ?? "").endsWith(suffix);
}

export const mastraRules: readonly SpanRule[] = [
  kindRule("MASTRA-AGENT", "agent", "ms", ["agent_run"]),
  kindRule("MASTRA-LLM", "llm", "ms", ["model_generation", "model_inference"]),
  kindRule("MASTRA-TOOL", "tool", "ms", ["tool_call", "mcp_tool_call", "client_tool_call", "provider_tool_call"]),
  kindRule("MASTRA-EMB", "embedding", "ms", ["rag_embedding"]),
  kindRule("MASTRA-WF", "workflow", "ms", ["workflow_run"]),
  kindRule("MASTRA-SCORER", "evaluator", "ms", ["scorer_run"]),
  rule("MASTRA-STEP", "step", ({ ms }) => ms !== undefined),
];

const logfireSteps: ReadonlySet<string> = new Set(["task", "turn", "custom"]);

/** Logfire names its spans by message template. */
export const logfireRules: readonly SpanRule[] = [
  rule("LOGFIRE-TRACE", "workflow", ({ template }) => template.startsWith("OpenAI Agents trace")),
  rule("LOGFIRE-AGENT", "agent", ({ template, reader }) => template.startsWith("Agent run: ") && reader.has("name")),
  rule("LOGFIRE-TOOL", "tool", ({ template, reader }) => template.startsWith("Function: ") && reader.has("name")),
  rule(
    "LOGFIRE-LLM",
    "llm",
    ({ template }) => template.startsWith("Responses API") || template.startsWith("Chat completion with"),
  ),
  rule("LOGFIRE-STEP", "step", ({ template, reader, families }) => {
    if (template.startsWith("Custom span:") || template.startsWith("MCP: list tools")) return true;
    return (families & family.other) !== 0 && logfireSteps.has(reader.word("sdk_span_type") ?? "");
  }),
];

export const pydanticAiRules: readonly SpanRule[] = [
  rule("PYDANTIC-AGENT", "agent", (facts) => {
    if (!isOldPydanticAi(facts)) return false;
    return facts.name === "agent run" || (facts.name.endsWith(" run") && facts.reader.has("agent_name"));
  }),
  rule(
    "PYDANTIC-TOOL",
    "tool",
    (facts) => isOldPydanticAi(facts) && facts.name.startsWith("running") && facts.reader.has("gen_ai.tool.name"),
  ),
  rule("PYDANTIC-STEP", "step", (facts) => isOldPydanticAi(facts) && facts.name.startsWith("running")),
];

/** Before version 1 it had no operation names. */
function isOldPydanticAi({ scope, op }: SpanFacts): boolean {
  return scope === "pydantic-ai" && op === undefined;
}

export const adkRules: readonly SpanRule[] = [
  rule("ADK-INVOCATION", "workflow", (facts) => isOldAdk(facts) && facts.name.startsWith("invocation")),
  rule("ADK-AGENT", "agent", (facts) => isOldAdk(facts) && facts.name.startsWith("agent_run")),
  rule("ADK-LLM", "llm", (facts) => facts.op === "call_llm" || (isOldAdk(facts) && facts.name === "call_llm")),
  rule("ADK-TOOL", "tool", (facts) => isOldAdk(facts) && facts.name.startsWith("execute_tool")),
  rule("ADK-STEP", "step", isOldAdk),
];

function isOldAdk({ scope, op }: SpanFacts): boolean {
  return scope === "gcp.vertex.agent" && op === undefined;
}

const livekitModelNames: ReadonlySet<string> = new Set(["llm_node", "llm_request", "llm_request_run"]);

export const livekitRules: readonly SpanRule[] = [
  rule("LIVEKIT-TURN", "agent", (facts) => isLivekit(facts) && facts.name === "agent_turn"),
  rule("LIVEKIT-TOOL", "tool", (facts) => isLivekit(facts) && facts.name === "function_tool"),
  rule("LIVEKIT-LLM", "llm", (facts) => isLivekit(facts) && livekitModelNames.has(facts.name)),
  rule("LIVEKIT-STEP", "step", isLivekit),
];

function isLivekit({ scope, op }: SpanFacts): boolean {
  return scope === "livekit-agents" && op === undefined;
}

const agentFrameworkSteps = ["executor.process", "message.send", "workflow.build"] as const;

export const agentFrameworkRules: readonly SpanRule[] = [
  rule("MAF-WF", "workflow", ({ op, name }) => op === undefined && name.startsWith("workflow.run")),
  rule("MAF-STEP", "step", ({ op, name, families, reader }) => {
    if (op !== undefined) return false;
    if ((families & family.other) !== 0 && (reader.has("executor.id") || reader.has("edge_group.type"))) return true;
    return agentFrameworkSteps.some((prefix) => name.startsWith(prefix));
  }),
];
