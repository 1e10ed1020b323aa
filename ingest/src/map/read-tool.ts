/** Event mapping 2.9: tools and retrievals. */

import type { McpCall } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { hasOnlyKeys, isList, isRecord, member, newRecord } from "./json-shape.ts";
import { keyLists } from "./key-list.ts";
import { isPresent } from "./present-value.ts";
import { readDispatch } from "./read-dispatch.ts";
import { partInOperationDetails } from "./read-messages.ts";
import { eventJson, eventsOf } from "./span-events.ts";
import { family, type SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";
import { unwrapArguments, unwrapResult } from "./tool-values.ts";

export const toolSources = keyLists({
  toolName: [
    "gen_ai.tool.name",
    "tool.name",
    "ai.toolCall.name",
    "haystack.tool.name",
    "lk.function_tool.name",
    "mcp.tool.name",
    "tool_name",
  ],
  callId: [
    "gen_ai.tool.call.id",
    "ai.toolCall.id",
    "tool.id",
    "tool_use_id",
    "tool_call.id",
    "tool_call_id",
    "lk.function_tool.id",
  ],
  toolType: ["gen_ai.tool.type", "gen_ai.tool.call.type"],
  toolDescription: ["gen_ai.tool.description", "tool.description", "haystack.tool.description"],
  preciseArguments: [
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.arguments",
    "tool_arguments",
    "ai.toolCall.args",
    "ai.toolCall.input",
    "gcp.vertex.agent.tool_call_args",
    "gen_ai.tool.input",
    "mastra.tool_call.input",
    "mastra.mcp_tool_call.input",
    "mastra.client_tool_call.input",
    "mastra.provider_tool_call.input",
    "haystack.agent.step.tool.input",
    "tool_input",
    "lk.function_tool.arguments",
  ],
  ambientArguments: [
    "langfuse.observation.input",
    "input.value",
    "mlflow.spanInputs",
    "lmnr.span.input",
    "agentops.entity.input",
    "traceloop.entity.input",
    "gen_ai.prompt",
    "input",
  ],
  preciseResult: [
    "gen_ai.tool.call.result",
    "gen_ai.tool.response",
    "tool_response",
    "ai.toolCall.result",
    "ai.toolCall.output",
    "gcp.vertex.agent.tool_response",
    "gen_ai.tool.output",
    "mastra.tool_call.output",
    "mastra.mcp_tool_call.output",
    "mastra.client_tool_call.output",
    "mastra.provider_tool_call.output",
    "haystack.agent.step.tool.output",
    "lk.function_tool.output",
    // Anthropic's own SDK (corpus).
    "anthropic.tool_result.content",
  ],
  ambientResult: [
    "langfuse.observation.output",
    "output.value",
    "mlflow.spanOutputs",
    "lmnr.span.output",
    "agentops.entity.output",
    "traceloop.entity.output",
    "gen_ai.completion",
    "output",
  ],
  retrievalName: [
    "tool.name",
    "gen_ai.data_source.id",
    "haystack.component.name",
    "gen_ai.memory.store.name",
    "traceloop.entity.name",
  ],
  retrievalQuery: [
    "gen_ai.retrieval.query.text",
    "gen_ai.memory.query.text",
    "gen_ai.memory.query",
    "langfuse.observation.input",
    "input.value",
    "mlflow.spanInputs",
    "lmnr.span.input",
    "agentops.entity.input",
    "traceloop.entity.input",
    "haystack.component.input",
    "gen_ai.prompt",
  ],
  retrievalResult: [
    "gen_ai.retrieval.documents",
    "gen_ai.memory.records",
    "langfuse.observation.output",
    "output.value",
    "mlflow.spanOutputs",
    "lmnr.span.output",
    "agentops.entity.output",
    "traceloop.entity.output",
    "haystack.component.output",
    "gen_ai.completion",
  ],
});

export interface ToolReading {
  readonly toolName: string;
  readonly toolType: string | undefined;
  readonly toolDescription: string | undefined;
  readonly callId: string | undefined;
  readonly arguments: Json | undefined;
  readonly result: Json | undefined;
  /** The result or a status attribute says so; whether the span failed is 3.3 ERROR's to say. */
  readonly isError: boolean;
  readonly mcp: McpCall | undefined;
}

export function readTool(facts: SpanFacts): ToolReading {
  const { reader } = facts;
  const result = readResult(facts);
  const spanToolName = readToolName(facts, result.name);
  reader.field = "callId";
  const callId = reader.firstName(toolSources.callId) ?? result.callId;
  reader.field = "toolType";
  const toolType = reader.firstName(toolSources.toolType);
  reader.field = "toolDescription";
  const toolDescription = reader.firstText(toolSources.toolDescription);
  const args = readArguments(facts);
  // A framework that gives a call id knows the tool as the model does, even one with the name of a dispatcher.
  const dispatched = callId === undefined ? readDispatch(spanToolName, args, reader.limits) : undefined;
  const toolName = (dispatched && reader.toName(dispatched.toolName)) ?? spanToolName;
  return {
    toolName,
    toolType,
    toolDescription,
    callId,
    arguments: dispatched?.arguments ?? dropOwnName(args, toolName),
    result: result.value,
    isError: result.isError || readErrorMark(facts),
    mcp: readMcp(facts),
  };
}

const namePrefixes = [
  "execute_tool ",
  "tool.execute ",
  "MCP send tools/call ",
  "tools/call ",
  "running tool: ",
  "tool ",
] as const;

/** Names of classes that LangChain gives for every tool; the result knows better (corpus). */
const classNames: ReadonlySet<string> = new Set(["DynamicStructuredTool", "DynamicTool", "StructuredTool", "Tool"]);

function readToolName(facts: SpanFacts, resultName: string | undefined): string {
  const named = readOwnToolName(facts);
  return resultName !== undefined && classNames.has(named) ? (facts.reader.toName(resultName) ?? named) : named;
}

function readOwnToolName(facts: SpanFacts): string {
  const { reader, name } = facts;
  reader.field = "toolName";
  const named = reader.firstName(toolSources.toolName);
  if (named !== undefined) return named;
  if (facts.template.startsWith("Function: ")) {
    const logfireName = reader.name("name");
    if (logfireName !== undefined) return logfireName;
  }
  const entity =
    (facts.tl === undefined ? undefined : reader.name("traceloop.entity.name")) ?? reader.name("agentops.entity.name");
  if (entity !== undefined) return entity;
  return reader.toName(stripPrefix(name, namePrefixes, ".tool")) ?? reader.toName(name) ?? "tool";
}

/** A decorated dispatcher `call(name, arguments)`: its positional arguments repeat the name of the tool (corpus, Langfuse). */
function dropOwnName(args: Json | undefined, toolName: string): Json | undefined {
  const positional = member(args, "args");
  if (!isList(positional) || positional.length !== 2 || positional[0] !== toolName || isPresent(member(args, "kwargs")))
    return args;
  return isRecord(positional[1]) ? positional[1] : args;
}

/** The name without the first prefix and the suffix it has. */
function stripPrefix(name: string, prefixes: readonly string[], suffix?: string): string {
  let rest = name;
  for (const prefix of prefixes) {
    if (rest.startsWith(prefix)) {
      rest = rest.slice(prefix.length);
      break;
    }
  }
  return suffix !== undefined && rest.endsWith(suffix) && rest.length > suffix.length
    ? rest.slice(0, -suffix.length)
    : rest;
}

const claudeArgumentKeys = ["file_path", "full_command", "skill_name", "subagent_type"] as const;

function readArguments(facts: SpanFacts): Json | undefined {
  const { reader } = facts;
  reader.field = "arguments";
  const precise = reader.firstJson(toolSources.preciseArguments);
  if (precise !== undefined) return unwrapArguments(precise, false, reader.limits);
  if (reader.span.events.length > 0) {
    const ofEvents = partInOperationDetails(reader, "tool_call") ?? readToolMessageEvent(reader);
    if (isPresent(ofEvents)) return unwrapArguments(ofEvents ?? null, false, reader.limits);
  }
  const ambient = reader.firstJson(toolSources.ambientArguments);
  const parameters = reader.json("tool.parameters");
  const values = parameters !== undefined && !isSchema(parameters) ? parameters : undefined;
  if (ambient !== undefined) {
    const unwrapped = unwrapArguments(ambient, true, reader.limits);
    // A bare text says less than named values beside it.
    return typeof unwrapped === "string" && isRecord(values) ? values : unwrapped;
  }
  if (values !== undefined) return unwrapArguments(values, true, reader.limits);
  return isClaudeCode(facts) ? readClaudeArguments(reader) : undefined;
}

function readClaudeArguments(reader: SpanReader): Json | undefined {
  const args = newRecord();
  let any = false;
  for (const key of claudeArgumentKeys) {
    const text = reader.text(key);
    if (text === undefined) continue;
    args[key] = text;
    any = true;
  }
  return any ? args : undefined;
}

function readToolMessageEvent(reader: SpanReader): Json | undefined {
  for (const event of eventsOf(reader)) {
    if (event.name !== "gen_ai.tool.message") continue;
    const content = eventJson(reader, event, "content");
    if (content !== undefined) return content;
  }
  return undefined;
}

/** `tool.parameters` holds a schema by convention and arguments in practice (Agno, ADK, Claude senders). */
export function isSchema(value: Json): boolean {
  if (!isRecord(value)) return false;
  if ("properties" in value || "$schema" in value) return true;
  const members = Object.values(value);
  return (
    members.length > 0 &&
    members.every((item) => isRecord(item) && ("type" in item || "title" in item || "$ref" in item || "anyOf" in item))
  );
}

interface ResultReading {
  readonly value: Json | undefined;
  readonly isError: boolean;
  readonly callId: string | undefined;
  readonly name: string | undefined;
}

const noResult: ResultReading = { value: undefined, isError: false, callId: undefined, name: undefined };

function readResult(facts: SpanFacts): ResultReading {
  const { reader } = facts;
  reader.field = "result";
  for (const [index, key] of toolSources.preciseResult.entries()) {
    const value = reader.mayHave(toolSources.preciseResult, index) ? reader.json(key) : undefined;
    if (value === undefined) continue;
    return readValue(key === "gcp.vertex.agent.tool_response" ? openOnlyResult(value) : value, reader);
  }
  if (reader.span.events.length > 0) {
    const ofEvents = readResultEvents(reader);
    if (ofEvents !== undefined) return readValue(ofEvents, reader);
  }
  const ambient = reader.firstJson(toolSources.ambientResult);
  return ambient === undefined ? noResult : readValue(ambient, reader);
}

function readValue(value: Json, reader: SpanReader): ResultReading {
  const unwrapped = unwrapResult(value, reader.limits);
  const callId = unwrapped.callId === undefined ? undefined : reader.toName(unwrapped.callId);
  return {
    value: unwrapped.value,
    isError: unwrapped.isError || isHaystackError(reader, value),
    callId,
    name: unwrapped.name,
  };
}

function openOnlyResult(value: Json): Json {
  return isRecord(value) && "result" in value && Object.keys(value).length === 1 ? (value["result"] ?? null) : value;
}

const errorOnly: ReadonlySet<string> = new Set(["error"]);

/** Haystack reports a failed tool as `{error: ...}` alone; elsewhere that is data. */
function isHaystackError(reader: SpanReader, value: Json): boolean {
  return (
    reader.attributes.has("haystack.agent.step.tool.output") &&
    isRecord(value) &&
    "error" in value &&
    hasOnlyKeys(value, errorOnly)
  );
}

const toolOutputMembers = ["output", "content", "diff"] as const;

function readResultEvents(reader: SpanReader): Json | undefined {
  const events = eventsOf(reader);
  for (const event of events) {
    if (event.name !== "tool.output") continue;
    for (const key of toolOutputMembers) {
      const value = eventJson(reader, event, key);
      if (value !== undefined) return value;
    }
  }
  const part = partInOperationDetails(reader, "tool_result");
  if (isPresent(part)) return part;
  for (const event of events) {
    if (event.name !== "gen_ai.choice") continue;
    const value = eventJson(reader, event, "message");
    if (value !== undefined) return value;
  }
  return undefined;
}

/** 2.9, `isError`: marks beside the result. */
function readErrorMark(facts: SpanFacts): boolean {
  const { reader } = facts;
  reader.field = "isError";
  if (reader.word("gen_ai.tool.status") === "error") return true;
  if (isClaudeCode(facts) && reader.boolean("success") === false) return true;
  return (facts.families & family.livekit) !== 0 && reader.boolean("lk.function_tool.is_error") === true;
}

export function readMcp({ reader, families }: SpanFacts): McpCall | undefined {
  if ((families & family.other) === 0) return undefined;
  reader.field = "mcp";
  const mcp: McpCall = {};
  const method = reader.name("mcp.method.name");
  if (method !== undefined) mcp.method = method;
  const sessionId = reader.name("mcp.session.id");
  if (sessionId !== undefined) mcp.sessionId = sessionId;
  const protocolVersion = reader.name("mcp.protocol.version");
  if (protocolVersion !== undefined) mcp.protocolVersion = protocolVersion;
  const requestId = reader.name("jsonrpc.request.id");
  if (requestId !== undefined) mcp.requestId = requestId;
  return Object.keys(mcp).length > 0 ? mcp : undefined;
}

const retrievalPrefixes = ["retrieval ", "search_memory ", "vector_db_retrieve ", "retrieve "] as const;
const queryMembers = ["query", "query_str", "input", "str_or_query_bundle", "text"] as const;

export function readRetrieval(facts: SpanFacts): ToolReading {
  const { reader, name, op } = facts;
  reader.field = "toolName";
  const toolName =
    reader.firstName(toolSources.retrievalName) ?? reader.toName(stripPrefix(name, retrievalPrefixes)) ?? "retrieval";
  reader.field = "callId";
  const callId = reader.firstName(toolSources.callId);
  reader.field = "toolDescription";
  const toolDescription = reader.firstText(toolSources.toolDescription);
  return {
    toolName,
    toolType: op === "search_memory" ? "memory" : "retrieval",
    toolDescription,
    callId,
    arguments: readQuery(reader),
    result: readDocuments(reader),
    isError: false,
    mcp: readMcp(facts),
  };
}

/** Of an object the first text among the usual names; a text becomes `{query}`. */
function readQuery(reader: SpanReader): Json | undefined {
  reader.field = "arguments";
  const value = reader.firstJson(toolSources.retrievalQuery);
  if (value === undefined) return undefined;
  const query = findQuery(unwrapArguments(value, true, reader.limits), 0);
  return typeof query === "string" ? { query } : query;
}

function findQuery(value: Json, depth: number): Json {
  if (!isRecord(value) || depth > 3) return value;
  for (const key of queryMembers) {
    const text = member(value, key);
    if (typeof text === "string" && isPresent(text)) return text;
  }
  for (const key of queryMembers) {
    const nested = member(value, key);
    if (!isRecord(nested)) continue;
    const found = findQuery(nested, depth + 1);
    if (typeof found === "string") return found;
  }
  return value;
}

function readDocuments(reader: SpanReader): Json | undefined {
  reader.field = "result";
  const folded = reader.indexed("retrieval.documents");
  if (folded.length > 0) return folded.map((item) => member(item, "document") ?? item);
  const value = reader.firstJson(toolSources.retrievalResult);
  if (value === undefined) return undefined;
  const documents = member(value, "documents");
  return isList(documents) ? documents : value;
}
