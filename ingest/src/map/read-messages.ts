/** Event mapping 2.6: from which attribute or span event the input and output of a model call are read. The first that gives messages wins alone. */

import type { Message, MessagePart } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { DecodedSpanEvent } from "@nonet/proto/otlp-span.ts";
import { isList, isRecord, type JsonRecord, member } from "./json-shape.ts";
import { type KeyList, keyList } from "./key-list.ts";
import { readToolCall } from "./message-parts.ts";
import { readSystemParts, toMessages } from "./message-shapes.ts";
import { isPresent } from "./present-value.ts";
import { eventJson, eventRecord, eventsOf } from "./span-events.ts";
import type { SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

type MessageSource = (reader: SpanReader) => Message[];

const operationDetails = "gen_ai.client.inference.operation.details";

const generalInputKeys = keyList([
  "ai.prompt.messages",
  "pydantic_ai.all_messages",
  "ai.prompt",
  "mastra.model_generation.input",
  "mastra.model_inference.input",
  "mastra.agent_run.input",
  "haystack.agent.step.llm.input",
  "haystack.component.input",
  "haystack.agent.input",
  "langfuse.observation.input",
  "input.value",
  "mlflow.spanInputs",
  "lmnr.span.input",
  "agentops.entity.input",
  "traceloop.entity.input",
  "request_data",
  "raw_input",
  "user_prompt",
  "gen_ai.prompt",
  "lk.chat_ctx",
  "lk.user_input",
  "input",
  // Sentry.
  "gen_ai.request.messages",
]);

const inputSources: readonly MessageSource[] = [
  fromAttribute("gen_ai.input.messages", "user"),
  fromOperationDetails("gen_ai.input.messages", "user"),
  fromIndexed("gen_ai.prompt", "user"),
  fromIndexed("llm.input_messages", "user"),
  fromPrompts,
  fromInputEvents,
  (reader) => fromEventsAttribute(reader).input,
  fromFirst(generalInputKeys, "user"),
  fromAdkRequest,
];

const generalOutputKeys = keyList([
  "haystack.agent.step.llm.output",
  "mastra.model_generation.output",
  "mastra.model_inference.output",
  "mastra.agent_run.output",
  "haystack.component.output",
  "langfuse.observation.output",
  "output.value",
  "mlflow.spanOutputs",
  "lmnr.span.output",
  "agentops.entity.output",
  "traceloop.entity.output",
  "response",
  // Logfire.
  "response_data",
  "response.model_output",
  "gen_ai.completion",
  "lk.response.text",
  "output",
]);

/** Sources in which a span gives its own messages; an agent's are its answer (section 4, step 1). */
const ownOutputSources: readonly MessageSource[] = [
  fromAttribute("gen_ai.output.messages", "assistant"),
  fromOperationDetails("gen_ai.output.messages", "assistant"),
  fromIndexed("gen_ai.completion", "assistant"),
  fromIndexed("llm.output_messages", "assistant"),
];

const rootOutputSources: readonly MessageSource[] = [...ownOutputSources, fromOutputEvents];

const outputSources: readonly MessageSource[] = [
  ...ownOutputSources,
  fromChoices,
  fromOutputEvents,
  (reader) => fromEventsAttribute(reader).output,
  fromVercelResponse,
  fromAdkResponse,
  fromLivekitResponse,
  fromReplies,
  fromSentryResponse,
];

export function readInputMessages(reader: SpanReader): Message[] | undefined {
  reader.field = "inputMessages";
  const messages = firstSource(inputSources, reader);
  const withSystem = addSystemInstructions(reader, messages);
  return withSystem.length > 0 ? withSystem : undefined;
}

const embeddingInputKeys = [
  "ai.value",
  "ai.values",
  "reranker.query",
  "gen_ai.retrieval.query.text",
  "gen_ai.input.messages",
  "input.value",
  "gen_ai.prompt",
] as const;

/** Embeddings and reranks: each text is a user message. */
export function readEmbeddingInput(reader: SpanReader): Message[] | undefined {
  reader.field = "inputMessages";
  const messages: Message[] = [];
  for (const item of reader.indexed("embedding.embeddings")) {
    const text =
      member(item, "embedding") === undefined ? member(item, "text") : member(member(item, "embedding"), "text");
    if (typeof text === "string" && isPresent(text)) messages.push({ role: "user", parts: [{ type: "text", text }] });
  }
  if (messages.length > 0) return messages;
  for (const key of embeddingInputKeys) {
    const value = reader.json(key);
    if (value === undefined) continue;
    const read = toMessages(value, "user", reader.limits);
    if (read.length > 0) return read;
  }
  const indexed = firstSource([fromIndexed("gen_ai.prompt", "user"), fromFirst(generalInputKeys, "user")], reader);
  return indexed.length > 0 ? indexed : undefined;
}

export function readOutputMessages({ reader, scope, oi, name }: SpanFacts): Message[] | undefined {
  reader.field = "outputMessages";
  // ADK under OpenInference writes all calls of a run onto one span (corpus): indexed attributes mix them, only the whole output is the last call's.
  const overwritten = scope === "gcp.vertex.agent" && oi === "llm" && name.startsWith("invoke_agent");
  const sources = overwritten ? [fromAttribute("output.value", "assistant"), ...outputSources] : outputSources;
  const messages = firstSource(sources, reader);
  return messages.length > 0 ? messages : undefined;
}

/** Section 4, step 1: the root's own output messages, where it has any of the sources named there. */
export function readRootOutputMessages(reader: SpanReader): Message[] | undefined {
  reader.field = "content";
  const messages = firstSource(rootOutputSources, reader);
  if (messages.length > 0) return messages;
  if (reader.has("ai.response.text") || reader.has("ai.response.object")) return fromVercelResponse(reader);
  return undefined;
}

function firstSource(sources: readonly MessageSource[], reader: SpanReader): Message[] {
  for (const source of sources) {
    const messages = source(reader);
    if (messages.length > 0) return messages;
  }
  return [];
}

function fromAttribute(key: string, role: "user" | "assistant"): MessageSource {
  return (reader) => {
    const value = reader.json(key);
    return value === undefined ? [] : toMessages(value, role, reader.limits);
  };
}

function fromFirst(keys: KeyList, role: "user" | "assistant"): MessageSource {
  return (reader) => {
    for (const [index, key] of keys.entries()) {
      const value = reader.mayHave(keys, index) ? reader.json(key) : undefined;
      if (value === undefined) continue;
      const messages = toMessages(value, role, reader.limits);
      if (messages.length > 0) return messages;
    }
    return [];
  };
}

function fromIndexed(prefix: string, role: "user" | "assistant"): MessageSource {
  const anyKey = keyList([`${prefix}.0`]);
  return (reader) => (reader.mayHave(anyKey, 0) ? toMessages(reader.indexed(prefix), role, reader.limits) : []);
}

function fromOperationDetails(key: string, role: "user" | "assistant"): MessageSource {
  return (reader) => {
    if (reader.span.events.length === 0) return [];
    const messages: Message[] = [];
    for (const event of eventsOf(reader)) {
      if (event.name !== operationDetails) continue;
      const value = eventJson(reader, event, key);
      if (value !== undefined) messages.push(...toMessages(value, role, reader.limits));
    }
    return messages;
  };
}

/** OpenInference completions: `llm.prompts.N.prompt.text`, older ones a list. */
function fromPrompts(reader: SpanReader): Message[] {
  const folded = reader.indexed("llm.prompts");
  const list = folded.length > 0 ? folded : reader.json("llm.prompts");
  if (list === undefined) return [];
  const items = isList(list) ? list : [list];
  return toMessages(
    items.map((item) => member(member(item, "prompt"), "text") ?? item),
    "user",
    reader.limits,
  );
}

function fromChoices(reader: SpanReader): Message[] {
  const items = reader.indexed("llm.choices").map((item) => member(member(item, "completion"), "text") ?? item);
  return toMessages(items, "assistant", reader.limits);
}

const messageEventRoles: ReadonlyMap<string, string> = new Map([
  ["gen_ai.system.message", "system"],
  ["gen_ai.user.message", "user"],
  ["gen_ai.assistant.message", "assistant"],
  ["gen_ai.tool.message", "tool"],
]);

function fromInputEvents(reader: SpanReader): Message[] {
  if (reader.span.events.length === 0) return [];
  const messages: Message[] = [];
  for (const event of eventsOf(reader)) {
    const role = messageEventRoles.get(event.name);
    if (role !== undefined) {
      messages.push(...toMessages(messageOfEvent(reader, event, role), "user", reader.limits));
    } else if (event.name === "gen_ai.content.prompt") {
      const value = eventJson(reader, event, "gen_ai.prompt");
      if (value !== undefined) messages.push(...toMessages(value, "user", reader.limits));
    }
  }
  return messages;
}

/** The attributes of a message event; older Azure SDKs put all of it into one JSON text. */
function messageOfEvent(reader: SpanReader, event: DecodedSpanEvent, role: string): Json {
  const whole = eventJson(reader, event, "gen_ai.event.content");
  const record = isRecord(whole) ? { ...whole } : eventRecord(reader, event);
  record["role"] ??= role;
  return record;
}

function fromOutputEvents(reader: SpanReader): Message[] {
  if (reader.span.events.length === 0) return [];
  const messages: Message[] = [];
  for (const event of eventsOf(reader)) {
    if (event.name === "gen_ai.choice") {
      const whole = eventJson(reader, event, "gen_ai.event.content");
      const record = isRecord(whole) ? { ...whole } : eventRecord(reader, event);
      if (typeof record["message"] === "string") record["message"] = reader.parse(record["message"]);
      messages.push(...readChoice(record, reader));
    } else if (event.name === "gen_ai.content.completion") {
      const value = eventJson(reader, event, "gen_ai.completion");
      if (value !== undefined) messages.push(...toMessages(value, "assistant", reader.limits));
    }
  }
  return messages;
}

/** A choice: its message may be an object, a list of blocks or text; its finish reason stands beside it. */
function readChoice(choice: JsonRecord, reader: SpanReader): Message[] {
  const { message } = choice;
  const finishReason = choice["finish_reason"] ?? choice["finishReason"] ?? null;
  if (message === undefined) return toMessages({ role: "assistant", ...choice }, "assistant", reader.limits);
  if (isRecord(message) && "message" in message && !("role" in message))
    return readChoice({ ...choice, message: message["message"] ?? null }, reader);
  const inner: JsonRecord = isRecord(message) ? message : { content: message };
  const calls = choice["tool_calls"];
  const record: { [key: string]: Json } = { role: "assistant", finish_reason: finishReason, ...inner };
  if (calls !== undefined && !("tool_calls" in inner))
    record["tool_calls"] = typeof calls === "string" ? reader.parse(calls) : calls;
  return toMessages(record, "assistant", reader.limits);
}

/** JSON attribute `events` (Pydantic AI, Logfire): choices, or else the assistant messages at the end, are the output. */
function fromEventsAttribute(reader: SpanReader): { input: Message[]; output: Message[] } {
  const value = reader.json("events");
  if (!isList(value)) return { input: [], output: [] };
  const events = value.filter(isRecord).filter((event) => typeof event["event.name"] === "string");
  let outputFrom = events.length;
  const hasChoice = events.some((event) => event["event.name"] === "gen_ai.choice");
  if (!hasChoice)
    while (outputFrom > 0 && events[outputFrom - 1]?.["event.name"] === "gen_ai.assistant.message") outputFrom--;
  const input: Message[] = [];
  const output: Message[] = [];
  events.forEach((event, index) => {
    if (event["event.name"] === "gen_ai.choice") {
      output.push(...readChoice(event, reader));
      return;
    }
    const role = messageEventRoles.get(event["event.name"] as string);
    const message = role === undefined || "role" in event ? event : { ...event, role };
    if (index >= outputFrom) output.push(...toMessages(message, "assistant", reader.limits));
    else input.push(...toMessages(message, "user", reader.limits));
  });
  return { input, output };
}

/** The AI SDK spreads one assistant message over attributes. */
function fromVercelResponse(reader: SpanReader): Message[] {
  const parts: MessagePart[] = [];
  const reasoning = reader.json("ai.response.reasoning");
  if (typeof reasoning === "string") parts.push({ type: "reasoning", text: reasoning });
  else if (isList(reasoning)) {
    for (const item of reasoning) {
      const text = typeof item === "string" ? item : member(item, "text");
      if (typeof text === "string" && text !== "") parts.push({ type: "reasoning", text });
    }
  }
  const text = reader.text("ai.response.text");
  if (text !== undefined) parts.push({ type: "text", text });
  const object = reader.text("ai.response.object");
  if (object !== undefined) parts.push({ type: "text", text: object });
  const calls = reader.json("ai.response.toolCalls");
  if (isList(calls)) for (const call of calls) if (isRecord(call)) parts.push(readToolCall(call, reader.limits));
  return parts.length === 0 ? [] : [{ role: "assistant", parts }];
}

/** LiveKit: the text and the calls of one answer. */
function fromLivekitResponse(reader: SpanReader): Message[] {
  return answerOf(reader.text("lk.response.text"), reader.json("lk.response.function_calls"), reader);
}

function fromSentryResponse(reader: SpanReader): Message[] {
  const text = reader.json("gen_ai.response.text");
  const first = isList(text) && text.length === 1 ? text[0] : text;
  return answerOf(typeof first === "string" ? first : undefined, reader.json("gen_ai.response.tool_calls"), reader);
}

function answerOf(text: string | undefined, calls: Json | undefined, reader: SpanReader): Message[] {
  const parts: MessagePart[] = [];
  if (text !== undefined) parts.push({ type: "text", text });
  if (isList(calls)) for (const call of calls) if (isRecord(call)) parts.push(readToolCall(call, reader.limits));
  return parts.length === 0 ? [] : [{ role: "assistant", parts }];
}

function fromAdkRequest(reader: SpanReader): Message[] {
  const request = reader.json("gcp.vertex.agent.llm_request");
  if (!isRecord(request)) return [];
  const contents = request["contents"];
  const messages = contents === undefined ? [] : toMessages(contents, "user", reader.limits);
  const system = member(request["config"], "system_instruction");
  if (!isPresent(system) || messages.some((message) => message.role === "system")) return messages;
  const parts: MessagePart[] = [];
  readSystemParts(system ?? null, parts, reader.limits);
  return parts.length === 0 ? messages : [{ role: "system", parts }, ...messages];
}

function fromAdkResponse(reader: SpanReader): Message[] {
  const response = reader.json("gcp.vertex.agent.llm_response");
  const content = member(response, "content");
  return content === undefined || content === null ? [] : toMessages(content, "assistant", reader.limits);
}

/** General outputs; an object with a list `replies` (Haystack) stands for that list. */
function fromReplies(reader: SpanReader): Message[] {
  for (const [index, key] of generalOutputKeys.entries()) {
    const value = reader.mayHave(generalOutputKeys, index) ? reader.json(key) : undefined;
    if (value === undefined) continue;
    const replies = member(value, "replies");
    const messages = toMessages(isList(replies) ? replies : value, "assistant", reader.limits);
    if (messages.length > 0) return messages;
  }
  return [];
}

/** `gen_ai.system_instructions` goes first as a system message, unless there is one. */
function addSystemInstructions(reader: SpanReader, messages: Message[]): Message[] {
  if (messages.some((message) => message.role === "system")) return messages;
  let value = reader.json("gen_ai.system_instructions");
  if (value === undefined && reader.span.events.length > 0) {
    for (const event of eventsOf(reader)) {
      if (event.name !== operationDetails) continue;
      value = eventJson(reader, event, "gen_ai.system_instructions");
      if (value !== undefined) break;
    }
  }
  if (value === undefined) return messages;
  const parts: MessagePart[] = [];
  readSystemParts(value, parts, reader.limits);
  return parts.length === 0 ? messages : [{ role: "system", parts }, ...messages];
}

/** First tool_call or tool_result part in operation-details events (2.9). */
export function partInOperationDetails(reader: SpanReader, type: "tool_call" | "tool_result"): Json | undefined {
  for (const event of eventsOf(reader)) {
    if (event.name !== operationDetails) continue;
    for (const key of ["gen_ai.input.messages", "gen_ai.output.messages"] as const) {
      const value = eventJson(reader, event, key);
      if (value === undefined) continue;
      for (const message of toMessages(value, "user", reader.limits)) {
        for (const part of message.parts) {
          if (part.type === "tool_call" && type === "tool_call") return part.arguments ?? null;
          if (part.type === "tool_result" && type === "tool_result") return part.result;
        }
      }
    }
  }
  return undefined;
}
