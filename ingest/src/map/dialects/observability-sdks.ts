/** Event mapping 3.2, explicit kinds that observability SDKs write by hand: Langfuse, LangSmith, MLflow, AgentOps, Laminar. */
import { kindRule, rule, type SpanRule, weakRule } from "./span-rule.ts";

export const langfuseRules: readonly SpanRule[] = [
  kindRule("LANGFUSE-GEN", "llm", "lf", ["generation"]),
  kindRule("LANGFUSE-EMB", "embedding", "lf", ["embedding"]),
  kindRule("LANGFUSE-AGENT", "agent", "lf", ["agent"]),
  kindRule("LANGFUSE-TOOL", "tool", "lf", ["tool"]),
  kindRule("LANGFUSE-RETR", "retrieval", "lf", ["retriever"]),
  kindRule("LANGFUSE-GUARD", "guardrail", "lf", ["guardrail"]),
  kindRule("LANGFUSE-EVAL", "evaluator", "lf", ["evaluator"]),
  weakRule("LANGFUSE-SPAN", "chain", ({ lf }) => lf === "span" || lf === "chain"),
  weakRule("LANGFUSE-EVENT", "step", ({ lf }) => lf !== undefined && lf !== "span" && lf !== "chain"),
];

/** Its operation names for prompt and retriever are wrong, so the kind decides alone. */
export const langsmithRules: readonly SpanRule[] = [
  kindRule("LANGSMITH-LLM", "llm", "ls", ["llm"]),
  kindRule("LANGSMITH-TOOL", "tool", "ls", ["tool"]),
  kindRule("LANGSMITH-RETR", "retrieval", "ls", ["retriever"]),
  kindRule("LANGSMITH-EMB", "embedding", "ls", ["embedding"]),
  kindRule("LANGSMITH-STEP", "step", "ls", ["prompt", "parser"]),
  rule("LANGSMITH-CHAIN", "chain", ({ ls }) => ls !== undefined),
];

export const mlflowRules: readonly SpanRule[] = [
  kindRule("MLFLOW-LLM", "llm", "mlflowType", ["llm", "chat_model"]),
  kindRule("MLFLOW-EMB", "embedding", "mlflowType", ["embedding"]),
  kindRule("MLFLOW-RETR", "retrieval", "mlflowType", ["retriever"]),
  kindRule("MLFLOW-RERANK", "rerank", "mlflowType", ["reranker"]),
  kindRule("MLFLOW-TOOL", "tool", "mlflowType", ["tool"]),
  kindRule("MLFLOW-AGENT", "agent", "mlflowType", ["agent"]),
  kindRule("MLFLOW-WF", "workflow", "mlflowType", ["workflow"]),
  kindRule("MLFLOW-GUARD", "guardrail", "mlflowType", ["guardrail"]),
  kindRule("MLFLOW-EVAL", "evaluator", "mlflowType", ["evaluator"]),
  weakRule("MLFLOW-CHAIN", "chain", ({ mlflowType }) => mlflowType === "chain"),
  weakRule("MLFLOW-OTHER", "step", ({ mlflowType }) => mlflowType !== undefined),
];

export const agentopsRules: readonly SpanRule[] = [
  kindRule("AGENTOPS-AGENT", "agent", "agentopsKind", ["agent"]),
  kindRule("AGENTOPS-TOOL", "tool", "agentopsKind", ["tool"]),
  kindRule("AGENTOPS-LLM", "llm", "agentopsKind", ["llm", "llm.call"]),
  kindRule("AGENTOPS-GUARD", "guardrail", "agentopsKind", ["guardrail"]),
  kindRule("AGENTOPS-WF", "workflow", "agentopsKind", ["workflow", "session"]),
  weakRule("AGENTOPS-CHAIN", "chain", ({ agentopsKind }) => agentopsKind === "chain"),
  weakRule("AGENTOPS-OTHER", "step", ({ agentopsKind }) => agentopsKind !== undefined),
];

export const laminarRules: readonly SpanRule[] = [
  kindRule("LAMINAR-LLM", "llm", "laminarType", ["llm", "cached"]),
  kindRule("LAMINAR-TOOL", "tool", "laminarType", ["tool"]),
  kindRule("LAMINAR-EVAL", "evaluator", "laminarType", ["evaluator", "human_evaluator"]),
  weakRule("LAMINAR-OTHER", "chain", ({ laminarType }) => laminarType !== undefined),
];
