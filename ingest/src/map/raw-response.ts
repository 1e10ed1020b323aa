/**
 * What a provider's response says about itself, where an instrumentation keeps it only as JSON (`output.value`, `mlflow.spanOutputs`).
 *
 * Not in the specification's lists; read after them, because real captures have ids, models and finish reasons nowhere else (corpus).
 */

import type { Json } from "@nonet/proto/json.ts";
import { firstMember, isList, isRecord, type JsonRecord, member } from "./json-shape.ts";
import { keyList } from "./key-list.ts";
import { isPresent } from "./present-value.ts";
import { family, type SpanFacts } from "./span-facts.ts";

export interface RawResponse {
  /** Only ids in the providers' own form: LangChain puts run ids of its own into the same place. */
  readonly id: string | undefined;
  readonly model: string | undefined;
  readonly finishReasons: readonly string[];
  /** Of the response; undefined when it has none. */
  readonly usage: JsonRecord | undefined;
}

const rawOutputKeys = keyList([
  "output.value",
  "mlflow.spanOutputs",
  "langfuse.observation.output",
  "response_data",
  // LangSmith.
  "gen_ai.completion",
]);
const rawFamilies = family.openinference | family.mlflow | family.langfuse | family.logfire | family.langsmith;
const responseIdShape = /^(chatcmpl|resp|msg|gen|cmpl)[-_]/;

/** @returns undefined when the output is no response of a provider or of LangChain. */
export function readRawResponse({ reader, families }: SpanFacts): RawResponse | undefined {
  if ((families & rawFamilies) === 0) return undefined;
  const whole = reader.firstJson(rawOutputKeys);
  if (!isRecord(whole)) return undefined;
  // LlamaIndex's ChatResponse keeps the provider's in `raw` (corpus).
  const output = isRecord(whole["raw"]) ? whole["raw"] : whole;
  const generation = firstGeneration(output);
  if (generation !== undefined) return fromGeneration(output, generation);
  const isResponse =
    isList(output["choices"]) ||
    isList(output["candidates"]) ||
    "usage" in output ||
    "model_version" in output ||
    output["object"] === "response";
  if (!isResponse) return undefined;
  // MLflow's vector has the model of the span stand for both.
  const hasOwnModel = reader.attributes.has("mlflow.llm.model");
  return {
    id: responseId(output["id"]),
    model: hasOwnModel ? undefined : text(output["model"] ?? output["model_version"]),
    finishReasons: reasonsOf(output),
    usage: isRecord(output["usage"]) ? output["usage"] : undefined,
  };
}

function firstGeneration(output: JsonRecord): JsonRecord | undefined {
  const generations = output["generations"];
  const first = isList(generations) ? generations[0] : undefined;
  const generation = isList(first) ? first[0] : first;
  return isRecord(generation) ? generation : undefined;
}

/** LangChain's LLMResult: the response lies in the metadata of its first message. */
function fromGeneration(output: JsonRecord, generation: JsonRecord): RawResponse {
  const message = member(generation, "message");
  const body = member(message, "kwargs") ?? member(message, "data") ?? message;
  const metadata = member(body, "response_metadata");
  const llmOutput = member(output, "llm_output");
  const info = firstMember(generation, ["generation_info", "generationInfo"]);
  const reason = text(
    member(metadata, "finish_reason") ?? member(metadata, "stop_reason") ?? member(info, "finish_reason"),
  );
  const usage = member(body, "usage_metadata") ?? member(llmOutput, "token_usage") ?? member(metadata, "token_usage");
  return {
    id: responseId(member(metadata, "id")) ?? responseId(member(body, "id")),
    model: text(member(metadata, "model_name") ?? member(metadata, "model") ?? member(llmOutput, "model_name")),
    finishReasons: reason === undefined ? [] : [reason],
    usage: isRecord(usage) ? usage : undefined,
  };
}

function responseId(value: Json | undefined): string | undefined {
  return typeof value === "string" && responseIdShape.test(value) ? value : undefined;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && isPresent(value) ? value : undefined;
}

function reasonsOf(output: JsonRecord): string[] {
  for (const key of ["choices", "candidates"] as const) {
    const list = output[key];
    if (!isList(list)) continue;
    return list.flatMap((item) => text(firstMember(item, ["finish_reason", "finishReason"])) ?? []);
  }
  const stop = text(output["stop_reason"]);
  if (stop !== undefined) return [stop];
  // OpenAI Responses: `completed` whatever the model wants next.
  if (output["object"] !== "response" || typeof output["status"] !== "string") return [];
  const asks = isList(output["output"]) && output["output"].some((item) => member(item, "type") === "function_call");
  return [asks ? "tool_calls" : output["status"]];
}
