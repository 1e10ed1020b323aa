/** Event mapping section 4: what a span would answer if it were the root of a turn. */
import type { Json } from "@nonet/proto/json.ts";
import { normaliseFinishReason, splitFinishReasons } from "./finish-reason.ts";
import { isList, isRecord, type JsonRecord, member } from "./json-shape.ts";
import { toCompactJson, tryParseStructure } from "./json-text.ts";
import { keyList } from "./key-list.ts";
import type { RootAnswer } from "./mapped-span.ts";
import { isOneConstructor, lastRepresentedText, representationCharsMax } from "./message-representation.ts";
import { lastAssistantText, textOfParts, toMessages } from "./message-shapes.ts";
import { isPresent } from "./present-value.ts";
import { parsePythonLiteral } from "./python-literal.ts";
import { readWorkflowName } from "./read-agent.ts";
import { readRootOutputMessages } from "./read-messages.ts";
import { readUsageAggregate } from "./read-tokens.ts";
import { cutBytes } from "./sanitise.ts";
import type { SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

const finalTextKeys = keyList([
  "final_result",
  "langfuse.observation.output",
  "langfuse.trace.output",
  "mastra.agent_run.output",
  "mastra.workflow_run.output",
  "haystack.agent.output",
  "haystack.pipeline.output_data",
  "output.value",
  "mlflow.spanOutputs",
  "lmnr.span.output",
  "agentops.entity.output",
  "gen_ai.task.output",
  "crewai.crew.result",
  "traceloop.entity.output",
  "gen_ai.completion",
  "lk.response.text",
  "gen_ai.agent.output",
  "output",
]);

export function readRootAnswer(facts: SpanFacts): RootAnswer {
  const { reader } = facts;
  const own = readRootOutputMessages(reader);
  const content =
    (own === undefined ? undefined : lastAssistantText(own)) ?? readFinalText(reader) ?? readAllMessages(reader);
  const ownReason = own?.findLast((message) => message.finishReason !== undefined)?.finishReason;
  return {
    content: content === undefined ? undefined : limitContent(reader, content),
    finishReason: readFinishReason(reader) ?? ownReason,
    usageAggregate: readUsageAggregate(facts),
    workflowName: readWorkflowName(facts),
    interrupted: isInterrupted(reader),
  };
}

function limitContent(reader: SpanReader, content: string): string {
  const cut = cutBytes(content, reader.limits.textBytesMax);
  if (cut.length !== content.length) reader.exceeded("textBytesMax");
  return cut;
}

function readFinishReason(reader: SpanReader): string | undefined {
  reader.field = "finishReason";
  for (const key of ["gen_ai.response.finish_reasons", "ai.response.finishReason"] as const) {
    if (!reader.attributes.has(key)) continue;
    const [reason] = splitFinishReasons(reader.json(key));
    if (reason !== undefined) return normaliseFinishReason(reason);
  }
  return undefined;
}

function readFinalText(reader: SpanReader): string | undefined {
  reader.field = "content";
  for (const [index, key] of finalTextKeys.entries()) {
    const value = reader.mayHave(finalTextKeys, index) ? reader.json(key) : undefined;
    if (value === undefined) continue;
    // `{}` is what LangSmith gives for a run that failed (corpus).
    if (isEmptyStructure(value)) continue;
    if (isErrorObject(value, reader)) return undefined;
    // What a workflow of Mastra returns is data of its own, not a wrapping (corpus).
    const text = key === "mastra.workflow_run.output" ? textOfWorkflow(value, reader) : finalText(value, reader);
    if (isRepresentation(text)) return textOfRepresentation(text);
    return text === "" ? undefined : text;
  }
  return undefined;
}

function isEmptyStructure(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** What a failed run leaves in place of an answer: ADK's event with `error_code`, `{"error": ...}` alone or on a failed span (corpus). */
function isErrorObject(value: Json, reader: SpanReader): boolean {
  if (!isRecord(value)) return false;
  if ([...answerMembers, "messages"].some((key) => isPresent(member(value, key)))) return false;
  if (isPresent(member(value, "error_code")) || isPresent(member(value, "error_message"))) return true;
  return isPresent(member(value, "error")) && (reader.span.statusCode === 2 || Object.keys(value).length === 1);
}

function textOfWorkflow(value: Json, reader: SpanReader): string {
  const text = finalText(value, reader);
  return tryParseStructure(text, reader.limits) === undefined ? text : toCompactJson(value);
}

/** `StopEvent(result=AgentOutput(...`: the `repr` of a Python object, often cut, is what a log shows and not what was answered (corpus). */
function isRepresentation(text: string): boolean {
  return /^[A-Z]\w{2,80}\(\s{0,8}_?[a-z]\w{0,80}=/.test(text);
}

const answerArgument = /\b(?:answer|final_answer|response|result|output|text)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/s;

/** The first argument that reads like an answer, as in DSPy's `Prediction(answer='...')`; a text that was cut has none, nor have the pieces of a stream. */
function textOfRepresentation(text: string): string | undefined {
  if (text.length > representationCharsMax || !isOneConstructor(text)) return undefined;
  const literal = answerArgument.exec(text)?.[1];
  const value = literal === undefined ? undefined : parsePythonLiteral(literal);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Step 3, Pydantic AI. */
function readAllMessages(reader: SpanReader): string | undefined {
  for (const key of ["pydantic_ai.all_messages", "all_messages_events"] as const) {
    if (!reader.attributes.has(key)) continue;
    const value = reader.json(key);
    const text = value === undefined ? undefined : lastAssistantText(toMessages(value, "user", reader.limits));
    if (text !== undefined) return text;
  }
  return undefined;
}

const answerMembers = [
  "output",
  "outputs",
  "raw",
  "final_output",
  "result",
  "response",
  "answer",
  "text",
  "content",
  "message",
] as const;
const openingsMax = 12;

/** The text that a structured output ends in; a value without one is its compact JSON. */
export function finalText(value: Json, reader: SpanReader): string {
  let current = value;
  for (let round = 0; round < openingsMax; round++) {
    if (typeof current === "string") return current;
    if (current === null || typeof current !== "object") return JSON.stringify(current);
    if (isList(current)) return textOfList(current, reader) ?? toCompactJson(current);
    const text = textOfRecord(current as JsonRecord, reader);
    if (text !== undefined) return text;
    const next = nextValue(current as JsonRecord);
    if (next === undefined) break;
    current = next;
  }
  return typeof current === "string" ? current : toCompactJson(current);
}

function textOfList(list: readonly Json[], reader: SpanReader): string | undefined {
  // A list of several texts is data, not a conversation.
  if (list.length > 1 && list.every((item) => typeof item === "string")) return undefined;
  return lastAssistantText(toMessages(list, "assistant", reader.limits));
}

function textOfRecord(value: JsonRecord, reader: SpanReader): string | undefined {
  const messages = value["messages"];
  if (isList(messages)) {
    const text = lastAssistantText(toMessages(messages, "user", reader.limits)) ?? lastRepresentedText(messages);
    if (text !== undefined) return text;
  }
  const replies = value["replies"];
  if (isList(replies)) {
    const text = lastRepresentedText(replies);
    if (text !== undefined) return text;
  }
  const content = value["content"];
  if (isRecord(content) && isList(content["parts"])) return textOfMessage(content, reader);
  if (isMessage(value)) return textOfMessage(value, reader);
  return undefined;
}

function isMessage(value: JsonRecord): boolean {
  if ("role" in value && ("content" in value || "parts" in value)) return true;
  return (
    (value["type"] === "constructor" && "kwargs" in value) ||
    (isRecord(value["data"]) && "content" in value["data"] && "type" in value)
  );
}

function textOfMessage(value: JsonRecord, reader: SpanReader): string | undefined {
  for (const message of toMessages(value, "assistant", reader.limits)) {
    const text = textOfParts(message.parts);
    if (text !== undefined) return text;
  }
  return undefined;
}

function nextValue(value: JsonRecord): Json | undefined {
  for (const key of answerMembers) {
    const member = value[key];
    if (member !== undefined && Object.hasOwn(value, key) && isPresent(member)) return member;
  }
  const keys = Object.keys(value);
  const only = keys.length === 1 ? value[keys[0] as string] : undefined;
  return typeof only === "object" && only !== null ? only : undefined;
}

const outputKeys = [
  "output.value",
  "traceloop.entity.output",
  "langfuse.observation.output",
  "mlflow.spanOutputs",
  "gen_ai.completion",
] as const;

/** LangGraph's paused runs answer with `__interrupt__`. */
function isInterrupted(reader: SpanReader): boolean {
  for (const key of outputKeys) {
    const raw = reader.attributes.get(key);
    if (typeof raw !== "string" || !raw.includes("__interrupt__")) continue;
    const output = reader.json(key);
    for (const candidate of [output, member(output, "outputs"), member(output, "output")]) {
      if (isPresent(member(candidate, "__interrupt__"))) return true;
    }
  }
  return false;
}
