import { kindRule, rule, type SpanRule, weakRule } from "./span-rule.ts";

/** Event mapping 3.2: `openinference.span.kind` (Arize Phoenix and its instrumentations). */
export const openInferenceRules: readonly SpanRule[] = [
  // LlamaIndex calls this before a model call to build its arguments, and has it labelled LLM (corpus).
  rule(
    "OI-PREPARE",
    "step",
    ({ oi, scope, name }) =>
      oi === "llm" && scope.startsWith("openinference.instrumentation.llama_index") && /\._prepare_\w+$/.test(name),
  ),
  // Haystack's agents are components like any other to it: CHAIN (corpus).
  rule(
    "OI-HAYSTACK-AGENT",
    "agent",
    ({ oi, scope, name }) =>
      oi === "chain" &&
      scope.startsWith("openinference.instrumentation.haystack") &&
      (name === "Agent.run" || name === "Agent.run_async"),
  ),
  kindRule("OI-LLM", "llm", "oi", ["llm"]),
  kindRule("OI-EMB", "embedding", "oi", ["embedding"]),
  kindRule("OI-RETR", "retrieval", "oi", ["retriever"]),
  kindRule("OI-RERANK", "rerank", "oi", ["reranker"]),
  kindRule("OI-TOOL", "tool", "oi", ["tool"]),
  kindRule("OI-AGENT", "agent", "oi", ["agent"]),
  kindRule("OI-GUARD", "guardrail", "oi", ["guardrail"]),
  kindRule("OI-EVAL", "evaluator", "oi", ["evaluator"]),
  kindRule("OI-PROMPT", "step", "oi", ["prompt"]),
  weakRule("OI-CHAIN", "chain", ({ oi }) => oi === "chain"),
  weakRule("OI-OTHER", "step", ({ oi }) => oi !== undefined),
];
