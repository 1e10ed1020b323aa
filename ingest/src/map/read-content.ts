/** **Where a span becomes events**: the readers of each class (event mapping 3.3). */
import type { SpanClass } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { Classification } from "./classify-span.ts";
import { addErrors, readControlFlow } from "./draft-errors.ts";
import { addHandoffOfSpan } from "./draft-handoff.ts";
import { addModelCall } from "./draft-model-call.ts";
import { addOwnEvent } from "./draft-own-event.ts";
import { addStateChanges } from "./draft-state.ts";
import { addToolCall } from "./draft-tool-call.ts";
import { type SpanTimes, toSpanTimes } from "./event-draft.ts";
import { limitMessages } from "./limit-draft.ts";
import { toMessages } from "./message-shapes.ts";
import { type ErrorReading, readErrors, readTripwire } from "./read-errors.ts";
import { readCommandTargets } from "./read-routing.ts";
import { addAttributeEvaluations } from "./read-span-events.ts";
import { readRetrieval, readTool } from "./read-tool.ts";
import { readRootAnswer } from "./root-answer.ts";
import { createContent, type SpanContent } from "./span-content.ts";
import type { SpanFacts } from "./span-facts.ts";

/** Events and fields of a span from an AI library. */
export function readContent(facts: SpanFacts, classification: Classification): SpanContent {
  const { class: spanClass } = classification;
  const times = toSpanTimes(facts.span);
  const content = createContent(false);
  const errors = readClass(content, facts, classification, times);
  addErrors(content.drafts, errors, times);
  addAttributeEvaluations(content.drafts, facts, spanClass, times);
  addStateChanges(content.drafts, facts, spanClass, times);
  if (errors.controlFlow.length > 0 && times.end !== undefined)
    content.controlFlow = readControlFlow(facts, errors, times, content);
  return content;
}

function readClass(
  content: SpanContent,
  facts: SpanFacts,
  classification: Classification,
  times: SpanTimes,
): ErrorReading {
  const { class: spanClass } = classification;
  if (spanClass === "tool" || spanClass === "retrieval") {
    const tool = spanClass === "tool" ? readTool(facts) : readRetrieval(facts);
    const errors = readErrors(facts, { isError: tool.isError, resultText: textOfResult(tool.result) });
    content.failed = errors.failed;
    addToolCall(content, { facts, classification, times, errors, tool });
    return errors;
  }
  const errors = readErrors(facts, undefined);
  content.failed = errors.failed;
  switch (spanClass) {
    case "llm":
    case "embedding":
    case "rerank":
      addModelCall(content, facts, classification, times);
      break;
    case "handoff":
      addHandoffOfSpan(content, facts, classification.ruleId, times);
      break;
    default:
      addOwnEvent(content, facts, classification, times);
      readContainer(content, facts, spanClass);
  }
  return errors;
}

function textOfResult(result: Json | undefined): string | undefined {
  if (typeof result === "string") return result;
  if (typeof result !== "object" || result === null || Array.isArray(result)) return undefined;
  const error = (result as { readonly [key: string]: Json })["error"];
  return typeof error === "string" ? error : undefined;
}

function readContainer(content: SpanContent, facts: SpanFacts, spanClass: SpanClass): void {
  const { reader, name } = facts;
  if (spanClass === "agent" || spanClass === "workflow" || spanClass === "chain")
    content.rootAnswer = readRootAnswer(facts);
  // Mastra keeps what the model asked for on the step around its call; Stage B hands it on (corpus).
  const modelStep = facts.ms === "model_step" ? reader.json("mastra.model_step.output") : undefined;
  if (modelStep !== undefined)
    content.outputMessages = limitMessages(toMessages(modelStep, "assistant", reader.limits), reader);
  content.commandTargets = readCommandTargets(facts);
  content.tripwire = readTripwire(facts);
  if (name === "session_task.turn") content.codexModel = reader.name("model");
  content.toolExecutionFailed = name === "claude_code.tool.execution" && reader.boolean("success") === false;
}
