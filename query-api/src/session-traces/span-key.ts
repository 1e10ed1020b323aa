/** The key by which spans of one kind are compared across a project. Source: session-traces.md 8.2, 8.3. */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import { primaryEvent } from "@nonet/processor/fold/primary-event.ts";

/** @returns undefined for a span that is not measured: without a call, tool or guardrail of its own and no agent, or still open. */
export function measuredSpanKey(span: FoldedSpan): string | undefined {
  if (span.endTimeUnixNano === 0n) return undefined;
  const primary = primaryEvent(span);
  switch (primary?.eventType) {
    case "llm_call":
      return `llm_call:${primary.provider ?? ""}:${primary.responseModel ?? primary.requestModel ?? ""}:${primary.operation}`;
    case "tool_call":
      return `tool_call:${primary.toolName}`;
    case "guardrail_eval":
      return `guardrail_eval:${primary.guardrailName}`;
    default:
      return span.class === "agent" ? `agent:${span.agentName ?? ""}` : undefined;
  }
}

export function errorScopeOf(span: FoldedSpan): string {
  return measuredSpanKey(span) ?? `span:${span.name}`;
}
