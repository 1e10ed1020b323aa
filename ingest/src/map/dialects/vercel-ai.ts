import type { SpanFacts } from "../span-facts.ts";
import { rule, type SpanRule } from "./span-rule.ts";

const runs: ReadonlySet<string> = new Set(["ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject"]);

/** Event mapping 3.2: the AI SDK's `ai.operationId`; the `do...` operation inside a run is the model call. */
export const vercelRules: readonly SpanRule[] = [
  rule("VERCEL-TOOL", "tool", ({ vercelId }) => vercelId === "ai.toolCall"),
  rule("VERCEL-EMB", "embedding", (facts) => lastSegment(facts) === "doEmbed"),
  rule("VERCEL-RERANK", "rerank", (facts) => lastSegment(facts) === "doRerank"),
  rule("VERCEL-LLM", "llm", (facts) => lastSegment(facts).startsWith("do")),
  rule("VERCEL-RUN", "agent", ({ vercelId }) => vercelId !== undefined && runs.has(vercelId)),
  rule("VERCEL-STEP", "step", ({ vercelId }) => vercelId?.startsWith("ai.") === true),
];

function lastSegment({ vercelId }: SpanFacts): string {
  return vercelId === undefined ? "" : vercelId.slice(vercelId.lastIndexOf(".") + 1);
}
