import { keyList } from "../key-list.ts";
import { aiFamilies, family, type SpanFacts } from "../span-facts.ts";
import {
  agentOperations,
  embeddingOperations,
  llmOperations,
  mediaOperations,
  retrievalOperations,
  rule,
  type SpanRule,
  stateOperations,
  toolOperations,
  weakRule,
  workflowOperations,
} from "./span-rule.ts";

/** Event mapping 3.2: operation names of the GenAI convention, MCP methods, and our neutral `state.*`. */
export const operationRules: readonly SpanRule[] = [
  operationRule("GENAI-LLM", "llm", llmOperations),
  operationRule("GENAI-MEDIA", "llm", mediaOperations),
  operationRule("GENAI-EMB", "embedding", embeddingOperations),
  rule("GENAI-RERANK", "rerank", ({ op }) => op === "rerank"),
  operationRule("GENAI-TOOL", "tool", toolOperations),
  rule("GENAI-WF", "workflow", ({ op, name, reader }) => {
    if (op === "invoke_agent") return name.endsWith(".workflow") && !reader.has("gen_ai.agent.name");
    return op !== undefined && workflowOperations.has(op);
  }),
  operationRule("GENAI-AGENT", "agent", agentOperations),
  rule("GENAI-PLAN", "planning", ({ op }) => op === "plan"),
  rule("GENAI-MEMORY", "state", ({ op }) => op !== undefined && stateOperations.has(op)),
  operationRule("GENAI-RETR", "retrieval", retrievalOperations),
  weakRule("GENAI-STEP", "step", ({ op }) => op !== undefined),
  // After the operation names: a tool span with both is a GENAI tool.
  rule(
    "MCP-TOOL",
    "tool",
    ({ families, reader }) => (families & family.other) !== 0 && reader.text("mcp.method.name") === "tools/call",
  ),
  rule("MCP-STEP", "step", ({ families, reader }) => (families & family.other) !== 0 && reader.has("mcp.method.name")),
  rule("STATE-ATTR", "state", ({ families, reader }) => (families & family.other) !== 0 && reader.has("state.key")),
];

function operationRule(id: string, spanClass: SpanRule["class"], operations: ReadonlySet<string>): SpanRule {
  return rule(id, spanClass, ({ op }) => op !== undefined && operations.has(op));
}

/** Tried after the remembered weak rule. */
export const fallbackRules: readonly SpanRule[] = [
  rule("FALLBACK-TOOL", "tool", ({ reader }) => {
    return reader.has("gen_ai.tool.name") || reader.has("gen_ai.tool.call.id") || reader.has("ai.toolCall.name");
  }),
  rule("FALLBACK-LLM", "llm", isModelCallByContent),
  rule("FALLBACK-STEP", "step", ({ families }) => (families & aiFamilies) !== 0),
];

const modelKeys = keyList([
  "gen_ai.request.model",
  "gen_ai.response.model",
  "llm.model_name",
  "llm.request.model",
  "llm.response.model",
]);
const modelCallPrefixes = [
  "gen_ai.usage.",
  "llm.usage.",
  "llm.token_count.",
  "gen_ai.prompt",
  "gen_ai.completion",
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "llm.input_messages",
  "llm.output_messages",
] as const;

function isModelCallByContent({ reader, families, span }: SpanFacts): boolean {
  if ((families & (family.genAi | family.llm)) === 0 || reader.firstKey(modelKeys) === undefined) return false;
  for (const key of reader.attributes.keys()) {
    for (const prefix of modelCallPrefixes) if (key.startsWith(prefix)) return true;
  }
  return span.events.some((event) => event.name.startsWith("gen_ai."));
}
