/** Event mapping 3.3: the `llm_call` of a model span, and the decision that its answer asks for tools. */
import type { TokenUsage } from "@nonet/proto/event.ts";
import type { Classification } from "./classify-span.ts";
import type { DraftOf, SpanTimes } from "./event-draft.ts";
import { limitMessages } from "./limit-draft.ts";
import { lastAssistantText } from "./message-shapes.ts";
import { readRawResponse } from "./raw-response.ts";
import { readEmbeddingInput, readInputMessages, readOutputMessages } from "./read-messages.ts";
import {
  modelCallSources,
  readFinishReasons,
  readModelNames,
  readOperation,
  readParams,
  readProvider,
  readResponseId,
  readStreaming,
  readToolDefinitions,
  readTtftMs,
} from "./read-model-call.ts";
import { readCost, readTokens } from "./read-tokens.ts";
import type { SpanContent } from "./span-content.ts";
import type { SpanFacts } from "./span-facts.ts";
import { hasPendingToolCalls, toolSelection } from "./tool-selection.ts";

export function addModelCall(
  content: SpanContent,
  facts: SpanFacts,
  classification: Classification,
  times: SpanTimes,
): void {
  const { reader, name } = facts;
  const isText = classification.class === "llm";
  const output = isText ? limitMessages(readOutputMessages(facts), reader) : undefined;
  const input = limitMessages(isText ? readInputMessages(reader) : readEmbeddingInput(reader), reader);
  const raw = classification.class === "rerank" ? undefined : readRawResponse(facts);
  const { requestModel, responseModel } = readModelNames(facts, raw);
  const finishReasons = readFinishReasons(facts, { output, raw });
  const ttftMs = readTtftMs(facts);
  const usage = readTokens(facts, true, raw?.usage);
  reader.field = "promptName";
  const promptName = reader.firstName(modelCallSources.promptName);
  reader.field = "promptVersion";
  const promptVersion = reader.firstName(modelCallSources.promptVersion);
  // Member by member: model calls are the most frequent drafts with the most absent members.
  const draft: DraftOf<"llm_call"> = {
    eventType: "llm_call",
    discriminator: "",
    phase: "start",
    ruleId: classification.ruleId,
    name: responseModel ?? requestModel ?? reader.toName(name) ?? name,
    timeUnixNano: times.start,
    operation: readOperation(facts, classification),
  };
  if (times.end !== undefined && times.durationMs !== undefined) {
    draft.endTimeUnixNano = times.end;
    draft.durationMs = times.durationMs;
    // Mastra exports a failed call as OK, with nothing but this reason (corpus).
    const endedInError = facts.ms !== undefined && finishReasons?.every((reason) => reason === "error") === true;
    draft.status = content.failed || endedInError ? "error" : "ok";
  }
  const provider = readProvider(facts, classification.ruleId);
  if (provider !== undefined) draft.provider = provider;
  if (requestModel !== undefined) draft.requestModel = requestModel;
  if (responseModel !== undefined) draft.responseModel = responseModel;
  const responseId = readResponseId(facts, raw);
  if (responseId !== undefined) draft.responseId = responseId;
  addUsage(draft, usage);
  const cost = readCost(facts);
  if (cost !== undefined) draft.cost = cost;
  const params = readParams(facts);
  if (params !== undefined) draft.params = params;
  if (input !== undefined) draft.inputMessages = input;
  if (output !== undefined) draft.outputMessages = output;
  const toolDefinitions = isText ? readToolDefinitions(facts) : undefined;
  if (toolDefinitions !== undefined) draft.toolDefinitions = toolDefinitions;
  if (finishReasons !== undefined) draft.finishReasons = finishReasons;
  if (ttftMs !== undefined) draft.ttftMs = ttftMs;
  const streaming = isText ? readStreaming(facts, ttftMs) : undefined;
  if (streaming !== undefined) draft.streaming = streaming;
  if (promptName !== undefined) draft.promptName = promptName;
  if (promptVersion !== undefined) draft.promptVersion = promptVersion;
  reader.field = "selected";
  const decision = isText
    ? toolSelection({
        outputMessages: output,
        finishReasons,
        hasToolCall: reader.boolean("response.has_tool_call") === true,
        ruleTime: times.end ?? times.start,
        callsMax: reader.limits.toolCallsMax,
      })
    : undefined;
  content.drafts.push(draft);
  if (decision !== undefined) content.drafts.push(decision);
  content.nestable = classification.ruleId !== "GENAI-MEDIA";
  content.pendingToolCalls = hasPendingToolCalls(draft);
  content.outputText = output === undefined ? undefined : lastAssistantText(output);
  content.outputMessages = output;
}

function addUsage(draft: DraftOf<"llm_call">, usage: TokenUsage & { usagePartial?: true }): void {
  if (usage.inputTokens !== undefined) draft.inputTokens = usage.inputTokens;
  if (usage.outputTokens !== undefined) draft.outputTokens = usage.outputTokens;
  if (usage.totalTokens !== undefined) draft.totalTokens = usage.totalTokens;
  if (usage.cachedInputTokens !== undefined) draft.cachedInputTokens = usage.cachedInputTokens;
  if (usage.cacheWriteInputTokens !== undefined) draft.cacheWriteInputTokens = usage.cacheWriteInputTokens;
  if (usage.reasoningTokens !== undefined) draft.reasoningTokens = usage.reasoningTokens;
  if (usage.usagePartial !== undefined) draft.usagePartial = usage.usagePartial;
}
