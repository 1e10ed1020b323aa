/** With which model and settings the primary generation was made. Source: tenant-traces.md 5.6. */
import type { LlmCallEvent } from "@nonet/proto/event.ts";
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import type { RequestSettings } from "./request-settings.ts";
import type { ModelConfig } from "./trace-detail.ts";

/** Parameters of the event, and their names here. */
const parameterNames = [
  ["temperature", "temperature"],
  ["maxTokens", "max_tokens"],
  ["topP", "top_p"],
  ["topK", "top_k"],
  ["frequencyPenalty", "frequency_penalty"],
  ["presencePenalty", "presence_penalty"],
  ["seed", "seed"],
  ["choiceCount", "n"],
  ["stopSequences", "stop"],
] as const;

/** Members of the request JSON that are shown as something else: fields of the event, messages, tools, and our own two. */
const readMembers: ReadonlySet<string> = new Set([
  ...["model", "provider", "response_format"],
  ...["temperature", "top_p", "topP", "top_k", "topK", "seed", "n", "choice_count", "stop", "stop_sequences"],
  ...["max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens"],
  ...["frequency_penalty", "frequencyPenalty", "presence_penalty", "presencePenalty"],
  ...["messages", "input", "inputs", "prompt", "prompts", "contents"],
  ...["system", "instructions", "system_instruction", "systemInstruction", "system_instructions"],
  ...["tools", "functions", "function_tools", "function_declarations"],
  ...["tool_choice", "toolChoice", "function_call", "tool_config"],
]);

/** @param settings  of the call's span; undefined where they may not be read: they are attributes as sent. */
export function toModelConfig(call: LlmCallEvent, settings: RequestSettings | undefined): ModelConfig {
  const config: JsonObject = Object.create(null);
  for (const [parameter, name] of parameterNames) {
    const value = parameterOf(call, parameter);
    if (value !== undefined) config[name] = value;
  }
  if (settings !== undefined) {
    const format = member(settings, "response_format") ?? settings.outputType;
    if (format !== undefined) config.response_format = format;
    for (const [name, value] of Object.entries(settings.request)) {
      if (!readMembers.has(name) && value !== null) config[name] = value;
    }
  }
  return { model: call.responseModel ?? call.requestModel ?? null, provider: call.provider ?? null, ...config };
}

/** A value over the limits of the mapping is its text, which has no members. */
function parameterOf(call: LlmCallEvent, name: string): Json | undefined {
  const { params } = call;
  return typeof params === "object" && Object.hasOwn(params, name) ? params[name] : undefined;
}

function member({ request }: RequestSettings, name: string): Json | undefined {
  const value = Object.hasOwn(request, name) ? request[name] : undefined;
  return value === null ? undefined : value;
}
