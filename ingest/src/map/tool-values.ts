/** Event mapping 2.9: what frameworks wrap around the arguments and results of a tool. */
import type { Json } from "@nonet/proto/json.ts";
import { hasOnlyKeys, isList, isRecord, type JsonRecord, member } from "./json-shape.ts";
import { parseJsonText, tryParseStructure } from "./json-text.ts";
import type { MappingLimits } from "./limits.ts";
import { isPresent } from "./present-value.ts";

const argumentRoundsMax = 4;
const resultRoundsMax = 6;

const callKeys: ReadonlySet<string> = new Set(["args", "kwargs", "sanitize_inputs_outputs"]);

/** @param ambient the arguments come from a general source such as `input.value`, where decorators put `{args, kwargs}`. */
export function unwrapArguments(value: Json, ambient: boolean, limits: MappingLimits): Json {
  let current = value;
  for (let round = 0; round < argumentRoundsMax; round++) {
    const next = unwrapArgumentsOnce(current, ambient, limits);
    if (next === undefined) return current;
    current = next;
  }
  return current;
}

function unwrapArgumentsOnce(value: Json, ambient: boolean, limits: MappingLimits): Json | undefined {
  if (!isRecord(value)) return undefined;
  const inputText = member(value, "input_str");
  if (inputText !== undefined) {
    const inputs = member(value, "inputs");
    if (isPresent(inputs)) return inputs;
    return typeof inputText === "string" ? parseJsonText(inputText, limits).value : inputText;
  }
  if (
    typeof member(value, "tool_name") === "string" &&
    member(value, "arguments") !== undefined &&
    Object.keys(value).length === 2
  ) {
    return parsed(member(value, "arguments") ?? null, limits);
  }
  if (ambient) {
    const call = unwrapCall(value, limits);
    if (call !== undefined) return call;
  }
  const input = onlyMember(value, "input");
  if (typeof input === "string") {
    const inner = tryParseStructure(input, limits);
    return isRecord(inner) ? inner : undefined;
  }
  return undefined;
}

function unwrapCall(value: JsonRecord, limits: MappingLimits): Json | undefined {
  if (!("args" in value || "kwargs" in value) || !hasOnlyKeys(value, callKeys)) return undefined;
  const args = value["args"] ?? null;
  const kwargs = value["kwargs"] ?? null;
  if (!isPresent(args)) return "kwargs" in value ? kwargs : undefined;
  if (isPresent(kwargs)) return Object.keys(value).length === 2 ? undefined : { args, kwargs };
  if (isList(args) && args.length === 1) {
    // LangChain for JavaScript gives the one argument as JSON text.
    const only = typeof args[0] === "string" ? tryParseStructure(args[0], limits) : args[0];
    if (isRecord(only)) return only;
  }
  return Object.keys(value).length <= 2 ? undefined : { args, kwargs };
}

function onlyMember(value: JsonRecord, key: string): Json | undefined {
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === key ? value[key] : undefined;
}

function parsed(value: Json, limits: MappingLimits): Json {
  return typeof value === "string" ? parseJsonText(value, limits).value : value;
}

export interface UnwrappedResult {
  readonly value: Json | undefined;
  readonly isError: boolean;
  readonly callId: string | undefined;
  /** Of the tool, where a message says it. */
  readonly name: string | undefined;
}

/** Opens a tool's result, noting errors and the call id that the wrappings carry. */
export function unwrapResult(value: Json, limits: MappingLimits): UnwrappedResult {
  let current: Json | undefined = value;
  let isError = false;
  let callId: string | undefined;
  let name: string | undefined;
  for (let round = 0; round < resultRoundsMax && current !== undefined; round++) {
    const step = unwrapResultOnce(current);
    if (step === undefined) break;
    current = step.value;
    isError ||= step.isError === true;
    callId ??= step.callId;
    name ??= step.name;
    if (step.stop === true) break;
    if (typeof current === "string") current = parseJsonText(current, limits).value;
  }
  return { value: isPresent(current) ? current : undefined, isError, callId, name };
}

interface ResultStep {
  readonly value: Json | undefined;
  readonly isError?: boolean;
  readonly callId?: string | undefined;
  readonly name?: string | undefined;
  readonly stop?: boolean;
}

const outputKeys: ReadonlySet<string> = new Set(["output", "kwargs"]);
const namedResponseKeys: ReadonlySet<string> = new Set(["id", "name", "response", "scheduling", "will_continue"]);
const typedValues: ReadonlySet<string> = new Set(["text", "json", "content", "error-text", "error-json"]);
const mcpResultKeys: ReadonlySet<string> = new Set([
  "content",
  "isError",
  "structuredContent",
  "status",
  "toolUseId",
  "_meta",
  "is_error",
  "meta",
]);

function unwrapResultOnce(value: Json): ResultStep | undefined {
  if (isList(value)) return unwrapBlocks(value);
  if (!isRecord(value)) return undefined;
  if ("output" in value && hasOnlyKeys(value, outputKeys)) return { value: value["output"] };
  const message = unwrapToolMessage(value);
  if (message !== undefined) return message;
  // llama-index ToolOutput (corpus).
  if ("raw_output" in value && "tool_name" in value)
    return { value: value["raw_output"], isError: value["is_error"] === true };
  if (typeof value["name"] === "string" && "response" in value && hasOnlyKeys(value, namedResponseKeys)) {
    return { value: onlyResult(value["response"]) };
  }
  const type = value["type"];
  if (typeof type === "string" && "value" in value && typedValues.has(type) && Object.keys(value).length <= 3) {
    return { value: value["value"], isError: type.startsWith("error") };
  }
  if (isList(value["content"]) && hasOnlyKeys(value, mcpResultKeys)) {
    const structured = value["structuredContent"];
    const isError = value["isError"] === true || value["is_error"] === true || value["status"] === "error";
    const callId = typeof value["toolUseId"] === "string" ? value["toolUseId"] : undefined;
    if (isPresent(structured)) return { value: onlyResult(structured), isError, callId };
    return { value: value["content"], isError, callId };
  }
  return undefined;
}

/** A function response that has only `result` stands for it. */
function onlyResult(value: Json | undefined): Json | undefined {
  if (!isRecord(value)) return value;
  const result = onlyMember(value, "result");
  return result === undefined ? value : result;
}

function unwrapBlocks(list: readonly Json[]): ResultStep | undefined {
  if (list.length === 0) return undefined;
  if (list.length === 1) {
    const only = list[0];
    if (isRecord(only)) {
      const json = onlyMember(only, "json");
      if (json !== undefined) return { value: json };
    }
  }
  const texts: string[] = [];
  for (const item of list) {
    const text = blockText(item);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return { value: texts.join("\n"), stop: true };
}

function blockText(block: Json): string | undefined {
  if (!isRecord(block)) return undefined;
  const type = block["type"];
  const text = block["text"];
  if (typeof text !== "string") return undefined;
  if (type === "text" || type === "output_text" || type === "input_text") return text;
  return type === undefined && Object.keys(block).length === 1 ? text : undefined;
}

/** A LangChain ToolMessage in one of its three spellings. */
function unwrapToolMessage(value: JsonRecord): ResultStep | undefined {
  let body: JsonRecord | undefined;
  if (value["type"] === "constructor" && isList(value["id"])) {
    const className = value["id"][value["id"].length - 1];
    if (className !== "ToolMessage" && className !== "FunctionMessage") return undefined;
    body = isRecord(value["kwargs"]) ? value["kwargs"] : undefined;
  } else if (value["type"] === "tool") {
    if (isRecord(value["data"])) body = value["data"];
    else if ("tool_call_id" in value) body = value;
  }
  if (body === undefined || !("content" in body)) return undefined;
  const callId = body["tool_call_id"];
  const name = body["name"];
  return {
    name: typeof name === "string" && isPresent(name) ? name : undefined,
    value: body["content"],
    isError: body["status"] === "error",
    callId: typeof callId === "string" && callId !== "" ? callId : undefined,
  };
}
