/** Event mapping 3.2: Claude Code and Codex. */
import { family, type SpanFacts } from "../span-facts.ts";
import { rule, type SpanRule } from "./span-rule.ts";

export function isClaudeCode({ name }: { readonly name: string }): boolean {
  return name.startsWith("claude_code.");
}

/** 2.4: on Codex spans `thread.id` as text is the session, elsewhere the number of a thread of the operating system. */
export function isCodex({ span }: SpanFacts): boolean {
  if (span.scope.name.startsWith("codex") || span.name.startsWith("session_task.")) return true;
  const service = span.resource.attributes.get("service.name");
  return typeof service === "string" && service.startsWith("codex");
}

export const codingAgentRules: readonly SpanRule[] = [
  rule("CLAUDE-RUN", "agent", ({ name }) => name === "claude_code.interaction"),
  rule("CLAUDE-LLM", "llm", ({ name }) => name === "claude_code.llm_request"),
  rule("CLAUDE-TOOL", "tool", ({ name }) => name === "claude_code.tool"),
  rule("CLAUDE-APPROVAL", "approval", ({ name }) => name === "claude_code.tool.blocked_on_user"),
  rule(
    "CLAUDE-HOOK",
    "guardrail",
    ({ name, reader }) => name === "claude_code.hook" && (reader.number("num_blocking") ?? 0) > 0,
  ),
  rule("CLAUDE-STEP", "step", isClaudeCode),
  rule("CODEX-TURN", "agent", ({ name }) => name === "session_task.turn"),
  rule("CODEX-LLM", "llm", ({ families, reader }) => {
    if ((families & family.codex) === 0) return false;
    for (const key of reader.attributes.keys()) if (key.startsWith("codex.usage.")) return true;
    return false;
  }),
];
