import type { SpanClass } from "@nonet/proto/event.ts";
import type { SpanFacts } from "../span-facts.ts";

/** One line of the table in event mapping 3.2. */
export interface SpanRule {
  readonly id: string;
  readonly class: SpanClass;
  /** Only remembered: used when no later rule matches, so that a vague kind never hides a precise operation name. */
  readonly weak: boolean;
  readonly matches: (facts: SpanFacts) => boolean;
}

export function rule(id: string, spanClass: SpanClass, matches: SpanRule["matches"]): SpanRule {
  return { id, class: spanClass, weak: false, matches };
}

export function weakRule(id: string, spanClass: SpanClass, matches: SpanRule["matches"]): SpanRule {
  return { id, class: spanClass, weak: true, matches };
}

type KindVariable = "op" | "oi" | "tl" | "ls" | "lf" | "ms" | "mlflowType" | "agentopsKind" | "laminarType";

/** A rule that asks only whether a variable of 3.1 is one of some words. */
export function kindRule(id: string, spanClass: SpanClass, variable: KindVariable, words: readonly string[]): SpanRule {
  if (words.length === 1) {
    const [word] = words;
    return rule(id, spanClass, (facts) => facts[variable] === word);
  }
  const set = new Set(words);
  return rule(id, spanClass, (facts) => {
    const word = facts[variable];
    return word !== undefined && set.has(word);
  });
}

/** The sets of operation names of event mapping 3.1. */
export const llmOperations: ReadonlySet<string> = new Set([
  "chat",
  "chat.completions",
  "generate_content",
  "text_completion",
  "text_completions",
  "completion",
  "response",
  "responses",
  "llm_call",
  "model_generation",
  "model_inference",
]);
export const mediaOperations: ReadonlySet<string> = new Set([
  "transcription",
  "speech",
  "speech_generation",
  "image_generation",
  "generate_image",
  "video_generation",
  "moderation",
]);
export const embeddingOperations: ReadonlySet<string> = new Set(["embeddings", "embedding", "embed"]);
export const retrievalOperations: ReadonlySet<string> = new Set([
  "retrieval",
  "retrieve",
  "vector_db_retrieve",
  "search_memory",
]);
export const toolOperations: ReadonlySet<string> = new Set(["execute_tool", "tool_call", "tool.execute"]);
export const agentOperations: ReadonlySet<string> = new Set(["invoke_agent", "agent_call", "agent.run", "user_prompt"]);
export const workflowOperations: ReadonlySet<string> = new Set([
  "invoke_workflow",
  "workflow.run",
  "invoke_swarm",
  "invoke_graph",
]);
export const stateOperations: ReadonlyMap<string, "create" | "update" | "upsert" | "delete"> = new Map([
  ["create_memory", "create"],
  ["create_memory_store", "create"],
  ["update_memory", "update"],
  ["upsert_memory", "upsert"],
  ["delete_memory", "delete"],
  ["delete_memory_store", "delete"],
]);
export const guardrailOperations: ReadonlySet<string> = new Set([
  "apply_guardrail",
  "run_guardrail",
  "guardrail_check",
  "guardrail.run",
  "run_guard",
  "guard",
  "guardrail",
]);
export const handoffOperations: ReadonlySet<string> = new Set([
  "handoff",
  "agent_handoff",
  "transfer",
  "transfer_agent",
]);
