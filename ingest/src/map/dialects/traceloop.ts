import { family } from "../span-facts.ts";
import { kindRule, llmOperations, rule, type SpanRule, weakRule } from "./span-rule.ts";

const taskOperations: ReadonlySet<string> = new Set(["invoke_agent", "execute_task"]);
const requestTypes: ReadonlySet<string> = new Set(["chat", "completion", "unknown"]);

/** Event mapping 3.2: OpenLLMetry's `traceloop.span.kind` and, before it had operation names, `llm.request.type`. */
export const traceloopRules: readonly SpanRule[] = [
  kindRule("TRACELOOP-AGENT", "agent", "tl", ["agent"]),
  kindRule("TRACELOOP-TOOL", "tool", "tl", ["tool"]),
  kindRule("TRACELOOP-WF", "workflow", "tl", ["workflow"]),
  // CrewAI tasks claim `invoke_agent`.
  rule("TRACELOOP-TASK", "step", ({ tl, op }) => tl === "task" && (op === undefined || taskOperations.has(op))),
  kindRule("TRACELOOP-STEP", "step", "tl", ["session", "server"]),
  weakRule("TRACELOOP-OTHER", "step", ({ tl }) => tl !== undefined),
  rule(
    "TRACELOOP-EMB",
    "embedding",
    ({ families, reader }) => (families & family.llm) !== 0 && reader.word("llm.request.type") === "embedding",
  ),
  rule(
    "TRACELOOP-RERANK",
    "rerank",
    ({ families, reader }) => (families & family.llm) !== 0 && reader.word("llm.request.type") === "rerank",
  ),
  rule("TRACELOOP-LLM", "llm", ({ families, op, reader }) => {
    if ((families & family.llm) === 0 || (op !== undefined && !llmOperations.has(op))) return false;
    return requestTypes.has(reader.word("llm.request.type") ?? "");
  }),
];
