/**
 * Event mapping 2.3 and 2.8: token counts and cost. `inputTokens` includes cached and cache-written tokens, `outputTokens` reasoning tokens;
 * senders that report otherwise are corrected here.
 */

import type { TokenUsage } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { firstMember, isRecord, type JsonRecord, member } from "./json-shape.ts";
import { keyList, keyLists } from "./key-list.ts";
import { toAmount } from "./present-value.ts";
import type { SpanFacts } from "./span-facts.ts";
import { family } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

export const tokenSources = keyLists({
  inputTokens: [
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "ai.usage.tokens",
    "codex.usage.input_tokens",
    "codex.turn.token_usage.input_tokens",
    "lk.input_tokens",
  ],
  outputTokens: [
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
    "codex.usage.output_tokens",
    "codex.turn.token_usage.output_tokens",
    "lk.output_tokens",
  ],
  totalTokens: [
    "gen_ai.usage.total_tokens",
    "llm.usage.total_tokens",
    "llm.token_count.total",
    "ai.usage.totalTokens",
    "codex.usage.total_tokens",
    "codex.turn.token_usage.total_tokens",
  ],
  cachedInputTokens: [
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "ai.usage.cachedInputTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "codex.usage.cached_input_tokens",
    "codex.turn.token_usage.cached_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.cached_tokens",
  ],
  cacheWriteInputTokens: [
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    // Anthropic's own SDK (corpus).
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
  ],
  reasoningTokens: [
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.reasoningTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
    "codex.usage.reasoning_output_tokens",
    "codex.turn.token_usage.reasoning_output_tokens",
  ],
  cost: [
    "gen_ai.usage.cost",
    "gen_ai.usage.total_cost",
    "operation.cost",
    "llm.cost.total",
    "gen_ai.cost.total_cost",
    "ai.usage.cost",
    "total_cost_usd",
  ],
});

/** Token fields as they are read, before the sums. */
interface Counts {
  input: number | undefined;
  output: number | undefined;
  total: number | undefined;
  cached: number | undefined;
  cacheWrite: number | undefined;
  reasoning: number | undefined;
}

const usageFamilies = family.genAi | family.llm | family.vercel | family.codex | family.livekit;

/**
 * @param modelSpan the general attribute `usage` and Haystack replies count on model spans only.
 * @param rawUsage of the provider's response, used when no attribute has counts.
 */
export function readTokens(
  facts: SpanFacts,
  modelSpan: boolean,
  rawUsage?: JsonRecord,
): TokenUsage & { usagePartial?: true } {
  const { reader } = facts;
  reader.field = "inputTokens";
  const counts = isClaudeCode(facts) ? readClaudeCodeCounts(reader) : readCounts(facts, modelSpan);
  let partial = false;
  if (counts.input === undefined && counts.output === undefined && (facts.families & family.genAi) !== 0) {
    partial = readPartialCounts(reader, counts);
  }
  if (counts.input === undefined && counts.output === undefined && rawUsage !== undefined)
    readUsageObject(rawUsage, counts);
  includeCache(facts, counts);
  return toUsage(counts, partial);
}

function readCounts(facts: SpanFacts, modelSpan: boolean): Counts {
  const { reader, families } = facts;
  const counts: Counts = {
    input: undefined,
    output: undefined,
    total: undefined,
    cached: undefined,
    cacheWrite: undefined,
    reasoning: undefined,
  };
  if ((families & usageFamilies) !== 0) {
    counts.input = readField(reader, "inputTokens");
    counts.output = readField(reader, "outputTokens");
    counts.total = readField(reader, "totalTokens");
    counts.cached = readField(reader, "cachedInputTokens");
    counts.cacheWrite = readField(reader, "cacheWriteInputTokens");
    counts.reasoning = readField(reader, "reasoningTokens");
    readTokenDetails(reader, counts);
  }
  if ((families & family.adk) !== 0) readAdkCounts(reader, counts);
  if ((families & family.mlflow) !== 0) readMlflowCounts(reader, counts);
  if (modelSpan) {
    if ((families & family.haystack) !== 0) readHaystackCounts(facts, counts);
    readUsageAttribute(reader, counts);
  }
  if (counts.input === undefined && counts.output === undefined && (families & family.langfuse) !== 0)
    readBuckets(reader, counts);
  return counts;
}

function readField(reader: SpanReader, field: keyof typeof tokenSources): number | undefined {
  reader.field = field;
  return reader.firstAmount(tokenSources[field]);
}

function readTokenDetails(reader: SpanReader, counts: Counts): void {
  if (reader.attributes.has("gen_ai.usage.input_token_details")) {
    const details = reader.json("gen_ai.usage.input_token_details");
    counts.cached ??= toAmount(firstMember(details, ["cache_read", "cached_tokens"]));
    counts.cacheWrite ??= toAmount(firstMember(details, ["cache_creation", "cache_write"]));
  }
  if (reader.attributes.has("gen_ai.usage.output_token_details")) {
    counts.reasoning ??= toAmount(
      firstMember(reader.json("gen_ai.usage.output_token_details"), ["reasoning", "reasoning_tokens"]),
    );
  }
}

/** Google: `candidates_token_count` excludes thoughts; the response's own counts win over `gen_ai.usage.*`. */
function readAdkCounts(reader: SpanReader, counts: Counts): void {
  const usage = member(reader.json("gcp.vertex.agent.llm_response"), "usage_metadata");
  const input = toAmount(member(usage, "prompt_token_count"));
  if (input === undefined) return;
  const thoughts = toAmount(member(usage, "thoughts_token_count"));
  const candidates = toAmount(member(usage, "candidates_token_count"));
  counts.input = input;
  counts.output =
    candidates === undefined && thoughts === undefined ? counts.output : (candidates ?? 0) + (thoughts ?? 0);
  counts.cached = toAmount(member(usage, "cached_content_token_count")) ?? counts.cached;
  counts.reasoning = thoughts ?? counts.reasoning;
}

function readMlflowCounts(reader: SpanReader, counts: Counts): void {
  const usage = reader.json("mlflow.chat.tokenUsage");
  if (!isRecord(usage)) return;
  counts.input ??= toAmount(usage["input_tokens"]);
  counts.output ??= toAmount(usage["output_tokens"]);
  counts.total ??= toAmount(usage["total_tokens"]);
  counts.cached ??= toAmount(usage["cache_read_input_tokens"]);
  counts.cacheWrite ??= toAmount(usage["cache_creation_input_tokens"]);
}

/** Tokens of Haystack's replies stand only inside the output. */
function readHaystackCounts({ reader }: SpanFacts, counts: Counts): void {
  if (counts.input !== undefined || counts.output !== undefined) return;
  let found = false;
  let input = 0;
  let output = 0;
  for (const meta of haystackReplyMetas(reader)) {
    const usage = member(meta, "usage");
    const promptTokens = toAmount(firstMember(usage, inputUsageKeys));
    const completionTokens = toAmount(firstMember(usage, outputUsageKeys));
    if (promptTokens === undefined && completionTokens === undefined) continue;
    found = true;
    // Several replies of one request share the prompt.
    input = Math.max(input, promptTokens ?? 0);
    output = Math.max(output, completionTokens ?? 0);
    counts.cached ??= toAmount(firstMember(firstMember(usage, inputDetailKeys), ["cached_tokens"]));
    counts.reasoning ??= toAmount(firstMember(firstMember(usage, outputDetailKeys), ["reasoning_tokens"]));
  }
  if (!found) return;
  counts.input = input;
  counts.output = output;
}

const haystackOutputKeys = keyList(["haystack.agent.step.llm.output", "haystack.component.output"]);

/** `meta` of the replies of a Haystack generator: beside each chat message, or in a list of its own for text generators. */
export function haystackReplyMetas(reader: SpanReader): Json[] {
  const output = reader.firstJson(haystackOutputKeys);
  const replies = member(output, "replies");
  const metas: Json[] = [];
  if (Array.isArray(replies)) {
    for (const reply of replies as readonly Json[]) {
      const meta = member(reply, "meta") ?? member(reply, "_meta");
      if (meta !== undefined) metas.push(meta);
    }
  }
  const own = member(output, "meta");
  if (metas.length === 0 && Array.isArray(own)) metas.push(...(own as readonly Json[]));
  return metas;
}

const inputUsageKeys = ["input_tokens", "prompt_tokens"] as const;
const outputUsageKeys = ["output_tokens", "completion_tokens"] as const;
const inputDetailKeys = ["input_tokens_details", "prompt_tokens_details", "input_token_details"] as const;
const outputDetailKeys = ["output_tokens_details", "completion_tokens_details", "output_token_details"] as const;

function readUsageAttribute(reader: SpanReader, counts: Counts): void {
  if (!reader.attributes.has("usage")) return;
  const usage = reader.json("usage");
  if (isRecord(usage)) readUsageObject(usage, counts);
}

/** OpenAI's and Anthropic's usage objects, and LangChain's. */
function readUsageObject(usage: JsonRecord, counts: Counts): void {
  counts.input ??= toAmount(firstMember(usage, inputUsageKeys));
  counts.output ??= toAmount(firstMember(usage, outputUsageKeys));
  counts.total ??= toAmount(usage["total_tokens"]);
  counts.cached ??= toAmount(firstMember(firstMember(usage, inputDetailKeys), ["cached_tokens", "cache_read"]));
  counts.reasoning ??= toAmount(firstMember(firstMember(usage, outputDetailKeys), ["reasoning_tokens", "reasoning"]));
}

/** Langfuse: disjoint buckets whose names only begin alike. */
function readBuckets(reader: SpanReader, counts: Counts): void {
  const buckets = reader.json("langfuse.observation.usage_details");
  if (!isRecord(buckets)) return;
  for (const key of Object.keys(buckets)) {
    const amount = toAmount(buckets[key]);
    if (amount === undefined) continue;
    if (key === "total") counts.total = amount;
    else if (key.startsWith("input") || key.startsWith("prompt") || key.startsWith("cache")) {
      counts.input = (counts.input ?? 0) + amount;
      if (key.includes("cache_creation") || key.includes("cache_write")) counts.cacheWrite ??= amount;
      else if (key.includes("cached") || key.includes("cache_read")) counts.cached ??= amount;
    } else if (key.startsWith("output") || key.startsWith("completion")) {
      counts.output = (counts.output ?? 0) + amount;
      if (key.includes("reasoning")) counts.reasoning ??= amount;
    }
  }
}

function readClaudeCodeCounts(reader: SpanReader): Counts {
  return {
    input: reader.amount("input_tokens"),
    output: reader.amount("output_tokens"),
    total: undefined,
    cached: reader.amount("cache_read_tokens"),
    cacheWrite: reader.amount("cache_creation_tokens"),
    reasoning: undefined,
  };
}

/** Logfire for the Claude Agent SDK: what was known while the answer still streamed. */
function readPartialCounts(reader: SpanReader, counts: Counts): boolean {
  const input = reader.amount("gen_ai.usage.partial.input_tokens");
  const output = reader.amount("gen_ai.usage.partial.output_tokens");
  if (input === undefined && output === undefined) return false;
  counts.input = input;
  counts.output = output;
  counts.cached ??= reader.amount("gen_ai.usage.partial.cache_read.input_tokens");
  counts.cacheWrite ??= reader.amount("gen_ai.usage.partial.cache_creation.input_tokens");
  return true;
}

/** 2.8, steps 3 and 4. */
function includeCache(facts: SpanFacts, counts: Counts): void {
  if (counts.input === undefined) return;
  const cache = (counts.cached ?? 0) + (counts.cacheWrite ?? 0);
  if (cache === 0) return;
  const excludes =
    isClaudeCode(facts) ||
    (facts.oi === "agent" && facts.scope.startsWith("openinference.instrumentation.claude_agent_sdk")) ||
    (counts.total !== undefined && counts.total === counts.input + (counts.output ?? 0) + cache);
  if (excludes) counts.input += cache;
  if ((counts.cached ?? 0) > counts.input) {
    counts.input += cache;
    facts.reader.usageAdjusted = true;
  }
}

function toUsage(counts: Counts, partial: boolean): TokenUsage & { usagePartial?: true } {
  const usage: TokenUsage & { usagePartial?: true } = {};
  const { input, output } = counts;
  setCount(usage, "inputTokens", input);
  setCount(usage, "outputTokens", output);
  setCount(usage, "totalTokens", input !== undefined && output !== undefined ? input + output : counts.total);
  setCount(usage, "cachedInputTokens", counts.cached);
  setCount(usage, "cacheWriteInputTokens", counts.cacheWrite);
  setCount(usage, "reasoningTokens", counts.reasoning);
  if (partial) usage.usagePartial = true;
  return usage;
}

/** Tokens are whole: half a token, or more than anybody can count, is no report. */
function setCount(usage: TokenUsage, field: keyof TokenUsage, count: number | undefined): void {
  if (count !== undefined && Number.isSafeInteger(count)) usage[field] = count;
}

/** USD as the sender reported it. */
export function readCost({ reader, families }: SpanFacts): number | undefined {
  reader.field = "cost";
  const direct = reader.firstAmount(tokenSources.cost);
  if (direct !== undefined) return direct;
  if ((families & family.mlflow) !== 0) {
    const cost = toAmount(member(reader.json("mlflow.llm.cost"), "total_cost"));
    if (cost !== undefined) return cost;
  }
  if ((families & family.langfuse) === 0) return undefined;
  const details = reader.json("langfuse.observation.cost_details");
  if (!isRecord(details)) return undefined;
  const total = toAmount(details["total"]);
  if (total !== undefined) return total;
  let sum: number | undefined;
  for (const key of Object.keys(details)) {
    const amount = toAmount(details[key]);
    if (amount !== undefined) sum = (sum ?? 0) + amount;
  }
  return sum;
}

const aggregateSources = keyLists({
  inputTokens: ["gen_ai.aggregated_usage.input_tokens"],
  outputTokens: ["gen_ai.aggregated_usage.output_tokens"],
  cachedInputTokens: ["gen_ai.aggregated_usage.cache_read.input_tokens"],
  reasoningTokens: [
    "gen_ai.aggregated_usage.reasoning.output_tokens",
    "gen_ai.aggregated_usage.details.reasoning_tokens",
  ],
});

/** Totals that a root reports (section 4); never summed with those of `llm_call`. */
export function readUsageAggregate(facts: SpanFacts): (TokenUsage & { cost?: number }) | undefined {
  const { reader } = facts;
  const { usagePartial: _partial, ...own } = readTokens(facts, false);
  let usage: TokenUsage & { cost?: number } = own;
  if (usage.inputTokens === undefined && usage.outputTokens === undefined && (facts.families & family.genAi) !== 0) {
    const aggregate: TokenUsage = {};
    for (const field of ["inputTokens", "outputTokens", "cachedInputTokens", "reasoningTokens"] as const) {
      setCount(aggregate, field, reader.firstAmount(aggregateSources[field]));
    }
    if (aggregate.inputTokens !== undefined && aggregate.outputTokens !== undefined) {
      setCount(aggregate, "totalTokens", aggregate.inputTokens + aggregate.outputTokens);
    }
    if (Object.keys(aggregate).length > 0) usage = aggregate;
  }
  const cost = readCost(facts);
  if (cost !== undefined) usage.cost = cost;
  return Object.keys(usage).length > 0 ? usage : undefined;
}
