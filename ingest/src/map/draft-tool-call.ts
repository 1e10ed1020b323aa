/** Event mapping 3.3: the `tool_call` and `tool_result` of tool and retrieval spans, and the handoff that a tool can be (2.10). */
import type { Classification } from "./classify-span.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { addHandoff } from "./draft-handoff.ts";
import type { DraftOf, SpanTimes } from "./event-draft.ts";
import type { ToolHandoff } from "./mapped-span.ts";
import { norm } from "./read-agent.ts";
import type { ErrorReading } from "./read-errors.ts";
import { readClaudeHandoff, readMastraHandoff, readToolHandoff } from "./read-handoff.ts";
import { readCommandTargets } from "./read-routing.ts";
import type { ToolReading } from "./read-tool.ts";
import type { SpanContent } from "./span-content.ts";
import type { SpanFacts } from "./span-facts.ts";

interface ToolSpan {
  readonly facts: SpanFacts;
  readonly classification: Classification;
  readonly times: SpanTimes;
  readonly errors: ErrorReading;
  readonly tool: ToolReading;
}

export function addToolCall(content: SpanContent, span: ToolSpan): void {
  const { facts, classification, times, errors, tool } = span;
  content.drafts.push(toolCallDraft(span));
  const handoff = classification.class === "tool" ? toolHandoffOf(facts, tool) : undefined;
  if (handoff !== undefined)
    addHandoff(
      content.drafts,
      { ...handoff, fromAgent: undefined, callId: tool.callId },
      { ruleId: "TOOL-HANDOFF", times, failed: errors.failed },
    );
  // A tool that was paused or that jumped away has no result yet.
  if (!errors.endedInControlFlow) content.drafts.push(toolResultDraft(span));
  content.toolName = tool.toolName;
  content.toolNorm = norm(tool.toolName);
  content.callId = tool.callId;
  content.toolHandoff = handoff;
  content.mcp = tool.mcp;
  content.commandTargets = readCommandTargets(facts);
}

function toolCallDraft({ classification, times, tool }: ToolSpan): DraftOf<"tool_call"> {
  const draft: DraftOf<"tool_call"> = {
    eventType: "tool_call",
    discriminator: "",
    phase: "start",
    ruleId: classification.ruleId,
    name: tool.toolName,
    timeUnixNano: times.start,
    toolName: tool.toolName,
  };
  if (tool.toolType !== undefined) draft.toolType = tool.toolType;
  if (tool.toolDescription !== undefined) draft.toolDescription = tool.toolDescription;
  if (tool.callId !== undefined) draft.callId = tool.callId;
  if (tool.arguments !== undefined) draft.arguments = tool.arguments;
  if (tool.mcp !== undefined) draft.mcp = tool.mcp;
  return draft;
}

function toolResultDraft({ classification, times, errors, tool }: ToolSpan): DraftOf<"tool_result"> {
  const isError = errors.failed;
  const draft: DraftOf<"tool_result"> = {
    eventType: "tool_result",
    discriminator: "",
    phase: "end",
    ruleId: classification.ruleId,
    name: tool.toolName,
    timeUnixNano: times.end ?? times.start,
    status: isError ? "error" : "ok",
    toolName: tool.toolName,
    isError,
  };
  if (times.end !== undefined) draft.endTimeUnixNano = times.end;
  if (times.durationMs !== undefined) draft.durationMs = times.durationMs;
  if (tool.toolType !== undefined) draft.toolType = tool.toolType;
  if (tool.callId !== undefined) draft.callId = tool.callId;
  if (tool.mcp !== undefined) draft.mcp = tool.mcp;
  if (tool.result !== undefined) draft.result = tool.result;
  const message = isError ? errors.errors.findLast((error) => error.message !== undefined)?.message : undefined;
  if (message !== undefined) draft.errorMessage = message;
  return draft;
}

function toolHandoffOf(facts: SpanFacts, tool: ToolReading): ToolHandoff | undefined {
  facts.reader.field = "toAgent";
  const handoff = readToolHandoff(tool.toolName, tool.arguments);
  if (handoff !== undefined) return handoff;
  if (facts.ms !== undefined) return readMastraHandoff(tool.toolName, tool.arguments);
  return isClaudeCode(facts) ? readClaudeHandoff(tool.arguments) : undefined;
}
