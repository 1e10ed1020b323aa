/** Tokens that prompts could do without: common beginnings, large tool results, tools nobody uses, answers cut short. Source: session-traces.md 8.5. */
import { isCounted } from "@nonet/processor/fold/event-facts.ts";
import type { LlmCallEvent, Message } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { canonicalJson } from "../../canonical-json.ts";
import { modelOf } from "../../metrics.ts";
import { charactersOf, toToolDef } from "../../prompt-meta.ts";
import type { SessionView } from "../../session-view.ts";
import type { Thresholds } from "../thresholds.ts";
import { cacheSavingOf, inputCostOf } from "./input-price.ts";
import type { Saving, SuggestedChange } from "./suggestion.ts";

const charactersPerToken = 4;

export function countedCalls(view: SessionView): LlmCallEvent[] {
  return view.events.filter((event) => event.eventType === "llm_call" && isCounted(event)) as LlmCallEvent[];
}

/** For each provider and model, calls that begin like the one before them and do not say that a cache helped. */
export function cachePrefixes(calls: readonly LlmCallEvent[], thresholds: Thresholds): SuggestedChange[] {
  const withContent = calls.filter((call) => call.inputMessages !== undefined);
  const groups = Map.groupBy(withContent, (call) => JSON.stringify([call.provider ?? null, modelOf(call)]));
  return [...groups.values()].flatMap((group) => {
    const prompts = group.map((call) => ({ call, segments: segmentsOf(call) }));
    const counting = prompts.flatMap(({ call, segments }, index) => {
      const earlier = latestRecent(prompts, index, thresholds);
      const tokens = earlier === undefined ? 0 : prefixTokens(call, segments, earlier.segments);
      const isCached = (call.cachedInputTokens ?? 0) > 0;
      return tokens >= thresholds["prefix.minTokens"] && !isCached ? [{ call, tokens }] : [];
    });
    if (counting.length === 0) return [];
    const savings = counting.map(
      ({ call, tokens }): Saving => ({
        eventId: call.eventId,
        latencyMs: 0,
        tokens,
        costUnits: cacheSavingOf(call, tokens),
      }),
    );
    const total = savings.reduce((sum, saving) => sum + saving.tokens, 0);
    return [
      {
        kind: "cache_prompt_prefix",
        title: `${total} input tokens of ${modelOf(counting[0]?.call ?? (group[0] as LlmCallEvent)) ?? "a model"} repeat the prompt before`,
        detail: `${counting.length} calls begin like an earlier one of the last minutes and read nothing from a cache.`,
        confidence: "medium" as const,
        events: counting.map(({ call }) => call),
        savings,
      },
    ];
  });
}

function segmentsOf(call: LlmCallEvent): string[] {
  const messages = call.inputMessages ?? [];
  const firstOther = messages.findIndex((message) => message.role !== "system");
  const systemCount = firstOther === -1 ? messages.length : firstOther;
  return [
    canonicalJson((call.toolDefinitions ?? []).map(toToolDef) as unknown as Json),
    canonicalJson(messages.slice(0, systemCount) as unknown as Json),
    ...messages.slice(systemCount).map((message) => canonicalJson(message as unknown as Json)),
  ];
}

/** The latest call before the one at `index` that ended in time for its prompt to be remembered. */
function latestRecent<P extends { readonly call: LlmCallEvent }>(
  prompts: readonly P[],
  index: number,
  thresholds: Thresholds,
): P | undefined {
  const call = prompts[index]?.call;
  for (let before = index - 1; call !== undefined && before >= 0; before -= 1) {
    const earlier = prompts[before];
    if (earlier !== undefined && isRecent(earlier.call, call, thresholds)) return earlier;
  }
  return undefined;
}

function isRecent(earlier: LlmCallEvent, later: LlmCallEvent, thresholds: Thresholds): boolean {
  if (earlier.endTimeUnixNano === undefined) return false;
  const gap = BigInt(later.timeUnixNano) - BigInt(earlier.endTimeUnixNano);
  return gap >= 0n && gap <= BigInt(Math.round(thresholds["prefix.maxAgeSeconds"] * 1e9));
}

function prefixTokens(call: LlmCallEvent, segments: readonly string[], earlier: readonly string[]): number {
  if (call.inputTokens === undefined) return 0;
  let prefix = 0;
  let total = 0;
  let isEqual = true;
  for (const [index, segment] of segments.entries()) {
    isEqual = isEqual && segment === earlier[index];
    if (isEqual) prefix += segment.length;
    total += segment.length;
  }
  return total === 0 ? 0 : Math.floor((call.inputTokens * prefix) / total);
}

const resentMin = 2;

/** A tool result that fills much of a prompt and is sent again and again. */
export function trimToolResults(calls: readonly LlmCallEvent[], thresholds: Thresholds): SuggestedChange[] {
  const sent = new Map<string, { tokens: number; calls: LlmCallEvent[] }>();
  for (const call of calls) {
    const all = charactersOf(call.inputMessages ?? []);
    for (const [text, message] of toolMessages(call)) {
      const known = sent.get(text);
      const characters = charactersOf([message]);
      const tokens = Math.floor(characters / charactersPerToken);
      if (known !== undefined) known.calls.push(call);
      else if (tokens >= thresholds["toolResult.minTokens"] && characters >= thresholds["toolResult.minShare"] * all) {
        sent.set(text, { tokens, calls: [call] });
      }
    }
  }
  return [...sent.values()]
    .filter((entry) => entry.calls.length - 1 >= resentMin)
    .map(({ tokens, calls: carrying }) => ({
      kind: "trim_tool_result",
      title: `A tool result of about ${tokens} tokens was sent ${carrying.length} times`,
      detail: "It makes much of the prompt; a shorter form would do for later calls.",
      confidence: "medium",
      events: carrying,
      savings: carrying
        .slice(1)
        .map((call) => ({ eventId: call.eventId, latencyMs: 0, tokens, costUnits: inputCostOf(call, tokens) })),
    }));
}

/** Each different one once. */
function toolMessages(call: LlmCallEvent): Map<string, Message> {
  const messages = (call.inputMessages ?? []).filter((message) => message.role === "tool");
  return new Map(messages.map((message) => [canonicalJson(message as unknown as Json), message]));
}

const offersMin = 3;

export function dropUnusedTools(
  view: SessionView,
  calls: readonly LlmCallEvent[],
  thresholds: Thresholds,
): SuggestedChange[] {
  const requested = new Set(
    view.events.flatMap((event) =>
      event.eventType === "decision" ? (event.calls ?? []).map((call) => call.toolName) : [],
    ),
  );
  const offers = new Map<string, number>();
  for (const call of calls) {
    for (const name of new Set((call.toolDefinitions ?? []).map((tool) => tool.name))) {
      offers.set(name, (offers.get(name) ?? 0) + 1);
    }
  }
  const unused = new Set(
    [...offers].filter(([name, count]) => count >= offersMin && !requested.has(name)).map(([name]) => name),
  );
  const savings = calls.flatMap((call): Saving[] => {
    const definitions = (call.toolDefinitions ?? []).filter((tool) => unused.has(tool.name));
    const tokens = definitions.reduce((sum, tool) => sum + definitionTokens(toToolDef(tool) as unknown as Json), 0);
    return tokens === 0 ? [] : [{ eventId: call.eventId, latencyMs: 0, tokens, costUnits: inputCostOf(call, tokens) }];
  });
  const total = savings.reduce((sum, saving) => sum + saving.tokens, 0);
  if (unused.size === 0 || total < thresholds["unusedTools.minTokens"]) return [];
  const carrying = new Set(savings.map((saving) => saving.eventId));
  return [
    {
      kind: "drop_unused_tools",
      title: `${unused.size} tools were offered and never asked for`,
      detail: [...unused].sort().join(", "),
      confidence: "low",
      events: calls.filter((call) => carrying.has(call.eventId)),
      savings,
    },
  ];
}

function definitionTokens(definition: Json): number {
  return Math.floor(canonicalJson(definition).length / charactersPerToken);
}

export function raiseOutputLimits(calls: readonly LlmCallEvent[]): SuggestedChange[] {
  return calls
    .filter((call) => call.finishReasons?.includes("length"))
    .map((call) => ({
      kind: "raise_output_limit",
      title: `${modelOf(call) ?? "A model"} stopped at its output limit`,
      detail: "The answer was cut; a higher limit lets it finish.",
      confidence: "high",
      events: [call],
      savings: [],
    }));
}
