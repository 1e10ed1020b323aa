/** Event mapping 2.3: the fields of a model call, as ordered lists of attributes. */

import type { Message, SpanClass, ToolDefinition } from "@nonet/proto/event.ts";
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { normaliseFinishReason, splitFinishReasons } from "./finish-reason.ts";
import { firstMember, isList, isRecord, type JsonRecord, member } from "./json-shape.ts";
import { keyList, keyLists } from "./key-list.ts";
import { isPresent, toNumber } from "./present-value.ts";
import { normaliseProvider } from "./provider.ts";
import type { RawResponse } from "./raw-response.ts";
import { haystackReplyMetas } from "./read-tokens.ts";
import { eventsOf } from "./span-events.ts";
import { family, type SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

export const modelCallSources = keyLists({
  provider: [
    "gen_ai.provider.name",
    "gen_ai.system",
    "llm.provider",
    "llm.system",
    "ai.model.provider",
    "mlflow.llm.provider",
    "langsmith.metadata.ls_provider",
    "langfuse.observation.metadata.ls_provider",
    "traceloop.association.properties.ls_provider",
  ],
  requestModel: [
    "gen_ai.request.model",
    "llm.request.model_name",
    "llm.request.model",
    "langfuse.observation.model.name",
    "ai.model.id",
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
    "mlflow.llm.model",
    "haystack.model",
    "lk.request.model",
    "model",
    "model_name",
  ],
  responseModel: ["gen_ai.response.model", "llm.response.model_name", "llm.response.model", "ai.response.model"],
  responseId: ["gen_ai.response.id", "ai.response.id", "response_id", "llm.response.id"],
  temperature: ["gen_ai.request.temperature", "ai.settings.temperature", "llm.temperature"],
  topP: ["gen_ai.request.top_p", "ai.settings.topP", "llm.top_p"],
  topK: ["gen_ai.request.top_k", "ai.settings.topK", "llm.top_k"],
  maxTokens: [
    "gen_ai.request.max_tokens",
    "gen_ai.request.max_output_tokens",
    "ai.settings.maxOutputTokens",
    "ai.settings.maxTokens",
    "llm.request.max_tokens",
  ],
  frequencyPenalty: ["gen_ai.request.frequency_penalty", "ai.settings.frequencyPenalty", "llm.frequency_penalty"],
  presencePenalty: ["gen_ai.request.presence_penalty", "ai.settings.presencePenalty", "llm.presence_penalty"],
  seed: ["gen_ai.request.seed", "ai.settings.seed", "gen_ai.openai.request.seed"],
  choiceCount: ["gen_ai.request.choice.count"],
  stopSequences: ["gen_ai.request.stop_sequences", "ai.settings.stopSequences", "llm.chat.stop_sequences"],
  finishReasons: [
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "llm.response.stop_reason",
    "ai.response.finishReason",
    "ai.finishReason",
    "stop_reason",
    "gen_ai.finish_reason",
    // Anthropic's own SDK (corpus).
    "anthropic.message.stop_reason",
    // Langfuse's wrapper of OpenAI's SDK, when streaming (corpus).
    "langfuse.observation.metadata.finish_reason",
  ],
  ttftSeconds: [
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.streaming.time_to_first_token",
    "gen_ai.server.time_to_first_token",
    "lk.response.ttft",
  ],
  ttftMs: ["ai.response.msToFirstChunk", "ai.stream.msToFirstChunk", "ttft_ms", "llm.time_to_first_token_ms"],
  ttftTime: ["langfuse.observation.completion_start_time", "mastra.completion_start_time"],
  streaming: [
    "gen_ai.request.stream",
    "gen_ai.is_streaming",
    "llm.is_streaming",
    "gen_ai.request.is_stream",
    "gen_ai.request.streaming",
    "langsmith.request.streaming",
  ],
  promptName: [
    "gen_ai.prompt.name",
    "langfuse.observation.prompt.name",
    "traceloop.prompt.key",
    "prompt.id",
    "gen_ai.prompt.id",
  ],
  promptVersion: [
    "langfuse.observation.prompt.version",
    "traceloop.prompt.version",
    "prompt.version",
    "gen_ai.prompt.version",
  ],
});

export function readProvider(facts: SpanFacts, ruleId: string): string | undefined {
  const { reader } = facts;
  reader.field = "provider";
  if (isClaudeCode(facts)) return "anthropic";
  for (const key of modelCallSources.provider) {
    if (!reader.attributes.has(key)) continue;
    const name = reader.name(key);
    const provider = name === undefined ? undefined : normaliseProvider(name);
    if (provider !== undefined) return provider;
  }
  // LangChain's metadata as OpenInference keeps it.
  if ((facts.families & family.metadata) !== 0 && reader.attributes.has("metadata")) {
    const name = reader.toName(member(reader.json("metadata"), "ls_provider"));
    const provider = name === undefined ? undefined : normaliseProvider(name);
    if (provider !== undefined) return provider;
  }
  return ruleId === "CODEX-LLM" ? "openai" : undefined;
}

export interface ModelNames {
  readonly requestModel: string | undefined;
  readonly responseModel: string | undefined;
}

/** Models under these keys may be the response's: instrumentations overwrite the request's with it. */
const overwrittenModelKeys: ReadonlySet<string> = new Set(["llm.model_name", "mlflow.llm.model"]);

export function readModelNames(facts: SpanFacts, raw: RawResponse | undefined): ModelNames {
  const { reader, families } = facts;
  reader.field = "responseModel";
  let responseModel = reader.firstName(modelCallSources.responseModel);
  if (responseModel === undefined && (families & family.haystack) !== 0) responseModel = readHaystackModel(reader);
  reader.field = "requestModel";
  for (const key of modelCallSources.requestModel) {
    if (!reader.attributes.has(key)) continue;
    const named = reader.name(key);
    if (named === undefined) continue;
    const asked = overwrittenModelKeys.has(key) ? readAskedModel(facts) : undefined;
    // What was asked for is told apart only where the request itself says so.
    const answered =
      responseModel ?? reader.toName(raw?.model) ?? (asked === undefined || asked === named ? undefined : named);
    return { requestModel: asked ?? named, responseModel: answered };
  }
  const requestModel =
    (families & family.adk) === 0
      ? undefined
      : reader.toName(member(reader.json("gcp.vertex.agent.llm_request"), "model"));
  return {
    requestModel: requestModel ?? readAskedModel(facts),
    responseModel: responseModel ?? reader.toName(raw?.model),
  };
}

/** `model` of the request as the instrumentation kept it. */
function readAskedModel(facts: SpanFacts): string | undefined {
  const { reader, families } = facts;
  const parameters =
    (families & family.llm) === 0 ? undefined : member(reader.json("llm.invocation_parameters"), "model");
  const asked =
    parameters ?? ((families & family.mlflow) === 0 ? undefined : member(reader.json("mlflow.spanInputs"), "model"));
  return reader.toName(asked);
}

function readHaystackModel(reader: SpanReader): string | undefined {
  for (const meta of haystackReplyMetas(reader)) {
    const name = reader.toName(member(meta, "model"));
    if (name !== undefined) return name;
  }
  return undefined;
}

export function readResponseId(facts: SpanFacts, raw: RawResponse | undefined): string | undefined {
  const { reader } = facts;
  reader.field = "responseId";
  const id = reader.firstName(modelCallSources.responseId);
  if (id !== undefined) return id;
  return isClaudeCode(facts) ? reader.name("request_id") : reader.toName(raw?.id);
}

/** *Request JSON*: first of these that is an object; then the config of ADK's request. */
export function readRequestJson({ reader, families }: SpanFacts): JsonRecord | undefined {
  if (
    (families & (family.llm | family.langfuse | family.adk)) === 0 &&
    !reader.attributes.has("model_request_parameters")
  )
    return undefined;
  for (const key of [
    "llm.invocation_parameters",
    "langfuse.observation.model.parameters",
    "model_request_parameters",
  ] as const) {
    if (!reader.attributes.has(key)) continue;
    const value = reader.json(key);
    if (isRecord(value)) return value;
  }
  if ((families & family.adk) === 0) return undefined;
  const config = member(reader.json("gcp.vertex.agent.llm_request"), "config");
  return isRecord(config) ? config : undefined;
}

const numberParams = [
  ["temperature", ["temperature"]],
  ["topP", ["top_p", "topP"]],
  ["topK", ["top_k", "topK"]],
  ["maxTokens", ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens"]],
  ["frequencyPenalty", ["frequency_penalty", "frequencyPenalty"]],
  ["presencePenalty", ["presence_penalty", "presencePenalty"]],
  ["seed", ["seed"]],
  ["choiceCount", ["n", "choice_count"]],
] as const;

export function readParams(facts: SpanFacts): JsonObject | undefined {
  const { reader } = facts;
  const request = readRequestJson(facts);
  const params: JsonObject = {};
  let any = false;
  for (const [field, requestKeys] of numberParams) {
    reader.field = `params.${field}`;
    const value = reader.firstNumber(modelCallSources[field]) ?? toNumber(firstMember(request, requestKeys));
    if (value === undefined) continue;
    params[field] = value;
    any = true;
  }
  const stop = readStopSequences(facts, request);
  if (stop !== undefined) params["stopSequences"] = stop;
  return any || stop !== undefined ? params : undefined;
}

function readStopSequences({ reader }: SpanFacts, request: JsonRecord | undefined): string[] | undefined {
  reader.field = "params.stopSequences";
  const value = reader.firstJson(modelCallSources.stopSequences) ?? firstMember(request, ["stop", "stop_sequences"]);
  if (value === undefined) return undefined;
  const list = (isList(value) ? value : [value]).filter((item) => typeof item === "string" && item !== "") as string[];
  return list.length > 0 ? list : undefined;
}

interface Answer {
  /** Whose finish reasons stand in when the span gives none. */
  readonly output: readonly Message[] | undefined;
  readonly raw: RawResponse | undefined;
}

export function readFinishReasons(facts: SpanFacts, { output, raw }: Answer): string[] | undefined {
  const stated = readStatedReasons(facts, output);
  const ofResponse = raw?.finishReasons.map(normaliseFinishReason) ?? [];
  // OpenInference takes `completed` of OpenAI's Responses for `stop`, whatever the model asked for; the response itself knows (corpus).
  if (stated === undefined || (ofResponse.includes("tool_calls") && stated.every((reason) => reason === "stop"))) {
    return ofResponse.length > 0 ? ofResponse : stated;
  }
  return stated;
}

function readStatedReasons(
  { reader, families }: SpanFacts,
  output: readonly Message[] | undefined,
): string[] | undefined {
  reader.field = "finishReasons";
  for (const key of modelCallSources.finishReasons) {
    if (!reader.attributes.has(key)) continue;
    const reasons = splitFinishReasons(reader.json(key));
    if (reasons.length > 0) return reasons.map(normaliseFinishReason);
  }
  const ofMessages =
    output?.flatMap((message) => (message.finishReason === undefined ? [] : [message.finishReason])) ?? [];
  if (ofMessages.length > 0) return ofMessages;
  if ((families & family.haystack) !== 0) {
    const ofReplies = haystackReplyMetas(reader).flatMap((meta) => splitFinishReasons(member(meta, "finish_reason")));
    if (ofReplies.length > 0) return ofReplies.map(normaliseFinishReason);
  }
  if ((families & family.adk) !== 0) {
    const reasons = splitFinishReasons(member(reader.json("gcp.vertex.agent.llm_response"), "finish_reason"));
    if (reasons.length > 0) return reasons.map(normaliseFinishReason);
  }
  return undefined;
}

/** Milliseconds until the first token. */
export function readTtftMs(facts: SpanFacts): number | undefined {
  const { reader, span } = facts;
  reader.field = "ttftMs";
  for (const key of modelCallSources.ttftSeconds) {
    const value = reader.amount(key);
    if (value === undefined) continue;
    return key === "gen_ai.server.time_to_first_token" && isStrands(reader) ? value : value * 1_000;
  }
  const ms = reader.firstAmount(modelCallSources.ttftMs);
  if (ms !== undefined) return ms;
  const start = Number(span.startTimeUnixNano) / 1e6;
  if ((facts.families & (family.langfuse | family.mastra)) !== 0) {
    const time = reader.firstText(modelCallSources.ttftTime);
    const at = time === undefined ? Number.NaN : Date.parse(time.replaceAll('"', "").replaceAll("\\", ""));
    if (at >= start) return at - start;
  }
  return span.events.length === 0 ? undefined : readTtftEvent(reader);
}

function isStrands(reader: SpanReader): boolean {
  return reader.word("gen_ai.system") === "strands-agents" || reader.word("gen_ai.provider.name") === "strands-agents";
}

function readTtftEvent(reader: SpanReader): number | undefined {
  const events = eventsOf(reader);
  for (const event of events) {
    if (event.name !== "ai.stream.firstChunk") continue;
    const ms = toNumber(event.attributes.get("ai.response.msToFirstChunk"));
    if (ms !== undefined && ms >= 0) return ms;
  }
  for (const event of events) {
    if (event.name !== "First Token Stream Event" && event.name !== "gen_ai.content.first_token") continue;
    const ms = Number(event.timeUnixNano - reader.span.startTimeUnixNano) / 1e6;
    if (ms >= 0) return ms;
  }
  return undefined;
}

export function readStreaming({ reader, vercelId }: SpanFacts, ttftMs: number | undefined): boolean | undefined {
  reader.field = "streaming";
  const streaming = reader.firstBoolean(modelCallSources.streaming);
  if (streaming !== undefined) return streaming;
  return vercelId?.endsWith("doStream") === true || ttftMs !== undefined ? true : undefined;
}

/** 2.3, last row. */
export function readOperation(
  facts: SpanFacts,
  classification: { readonly class: SpanClass; readonly ruleId: string },
): string {
  const { reader, op, vercelId } = facts;
  reader.field = "operation";
  if (classification.class === "embedding") return "embeddings";
  if (classification.class === "rerank") return "rerank";
  if (classification.ruleId === "GENAI-MEDIA" && op !== undefined) return op;
  if (op === "text_completion" || op === "text_completions" || op === "completion") return "text_completion";
  if (op === "generate_content") return op;
  if ((facts.families & family.llm) !== 0 && reader.word("llm.request.type") === "completion") return "text_completion";
  if (vercelId !== undefined) {
    const [, operation, call] = vercelId.split(".");
    if (operation !== undefined && call?.startsWith("do") === true && !chatOperations.has(operation)) return operation;
  }
  return "chat";
}

const chatOperations: ReadonlySet<string> = new Set(["generateText", "streamText", "generateObject", "streamObject"]);

const definitionKeys = keyList(["gen_ai.tool.definitions", "llm.tools", "mlflow.chat.tools"]);
/** Sentry and LiveKit; read last. */
const lastDefinitionKeys = keyList(["gen_ai.request.available_tools", "lk.function_tools"]);
const definitionFamilies = family.genAi | family.llm | family.mlflow | family.vercel | family.adk | family.livekit;

export function readToolDefinitions(facts: SpanFacts): ToolDefinition[] | undefined {
  const { reader, families } = facts;
  reader.field = "toolDefinitions";
  if ((families & definitionFamilies) === 0 && !reader.attributes.has("model_request_parameters")) return undefined;
  const list = findToolDefinitions(facts);
  if (list === undefined) return undefined;
  const definitions: ToolDefinition[] = [];
  for (const item of list) {
    if (definitions.length === reader.limits.toolDefinitionsMax) {
      reader.exceeded("toolDefinitionsMax");
      break;
    }
    const definition = toDefinition(typeof item === "string" ? reader.parse(item) : item, reader);
    if (definition !== undefined) definitions.push(definition);
  }
  return definitions.length > 0 ? definitions : undefined;
}

function findToolDefinitions({ reader, families }: SpanFacts): readonly Json[] | undefined {
  for (const key of definitionKeys) {
    if (!reader.attributes.has(key)) continue;
    const value = reader.json(key);
    if (isList(value) && value.length > 0) return value;
  }
  if ((families & family.llm) !== 0) {
    const tools = reader.indexed("llm.tools").map((item) => firstMember(member(item, "tool"), ["json_schema"]) ?? item);
    if (tools.length > 0) return tools;
    const functions = reader.indexed("llm.request.functions");
    if (functions.length > 0) return functions;
  }
  if ((families & family.vercel) !== 0) {
    const tools = reader.json("ai.prompt.tools");
    if (isList(tools) && tools.length > 0) return tools;
  }
  if ((families & family.adk) !== 0) {
    const tools = member(member(reader.json("gcp.vertex.agent.llm_request"), "config"), "tools");
    if (isList(tools)) {
      const declared = tools.flatMap((tool) => {
        const declarations = firstMember(tool, ["function_declarations", "functionDeclarations"]);
        return isList(declarations) ? declarations : [];
      });
      if (declared.length > 0) return declared;
    }
  }
  if (reader.attributes.has("model_request_parameters")) {
    const tools = member(reader.json("model_request_parameters"), "function_tools");
    if (isList(tools)) return tools;
  }
  const last = reader.firstJson(lastDefinitionKeys);
  return isList(last) ? last : undefined;
}

const parameterKeys = ["parameters", "input_schema", "inputSchema", "parameters_json_schema", "json_schema"] as const;
const readMembers: ReadonlySet<string> = new Set([
  "name",
  "description",
  "function",
  "toolSpec",
  "tool_spec",
  ...parameterKeys,
]);

function toDefinition(value: Json, reader: SpanReader): ToolDefinition | undefined {
  if (typeof value === "string") return isPresent(value) ? { name: reader.toName(value) ?? value } : undefined;
  if (!isRecord(value)) return undefined;
  const inner = firstMember(value, ["function", "toolSpec", "tool_spec"]);
  const body = isRecord(inner) ? inner : value;
  const name = reader.toName(body["name"]) ?? reader.toName(value["name"]);
  if (name === undefined) return undefined;
  const definition: ToolDefinition = { name };
  const description = body["description"];
  if (typeof description === "string" && description !== "") definition.description = description;
  let parameters = firstMember(body, parameterKeys);
  if (typeof parameters === "string") parameters = reader.parse(parameters);
  if (isRecord(parameters) && isRecord(parameters["json"]) && Object.keys(parameters).length === 1)
    parameters = parameters["json"];
  if (parameters !== undefined) definition.parameters = parameters;
  addOtherMembers(definition, body);
  if (body !== value) addOtherMembers(definition, value);
  return definition;
}

/** Members of the definition itself win over those that stand around it. */
function addOtherMembers(definition: ToolDefinition, value: JsonRecord): void {
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (readMembers.has(key) || member === undefined || member === null || key === "__proto__") continue;
    if (!Object.hasOwn(definition, key)) definition[key] = member;
  }
}
