/** Work that was done before: equal tool results, equal prompts, failed attempts. Source: session-traces.md 8.5. */
import { isCounted } from "@nonet/processor/fold/event-facts.ts";
import type { LlmCallEvent, ToolCallEvent, ToolResultEvent } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { canonicalJson } from "../../canonical-json.ts";
import { hashOf, partnerOf } from "../../event-data.ts";
import { modelOf } from "../../metrics.ts";
import { promptMetaOf } from "../../prompt-meta.ts";
import type { SessionView } from "../../session-view.ts";
import { attemptsByTurn, type MeasuredSpan } from "../measured-span.ts";
import type { SuggestedChange } from "./suggestion.ts";

/** Equal calls with equal results; a state change between them may be why the second was made. */
export function cacheToolResults(view: SessionView): SuggestedChange[] {
  const groups = new Map<string, { call: ToolCallEvent; result: ToolResultEvent }[]>();
  let stretch = 0;
  for (const event of view.events) {
    if (event.eventType === "state_change") stretch += 1;
    if (event.eventType !== "tool_call" || event.arguments === undefined) continue;
    const result = resultOf(view, event);
    if (result === undefined || result.isError || result.result === undefined) continue;
    const key = JSON.stringify([stretch, event.toolName, hashOf(event.arguments), hashOf(result.result)]);
    groups.set(key, [...(groups.get(key) ?? []), { call: event, result }]);
  }
  return [...groups.values()]
    .filter((group) => group.length >= 2)
    .map((group) => ({
      kind: "cache_tool_result",
      title: `${group[0]?.call.toolName ?? ""} gave the same result ${group.length} times`,
      detail: "Arguments and results were equal, and nothing changed in between.",
      confidence: "medium",
      events: group.map(({ call }) => call),
      savings: group.slice(1).map(({ call, result }) => ({
        eventId: call.eventId,
        latencyMs: result.durationMs ?? 0,
        tokens: 0,
        costUnits: 0n,
      })),
    }));
}

function resultOf(view: SessionView, call: ToolCallEvent): ToolResultEvent | undefined {
  const span = view.spanOf(call);
  const id = partnerOf(call, span, "tool_result");
  const result = span.events.find((event) => event.eventId === id);
  return result?.eventType === "tool_result" ? result : undefined;
}

export function deduplicateCalls(view: SessionView): SuggestedChange[] {
  const groups = new Map<string, LlmCallEvent[]>();
  for (const call of view.events) {
    if (call.eventType !== "llm_call" || call.status === "error" || !isCounted(call)) continue;
    const { fingerprint } = promptMetaOf(call);
    if (fingerprint === null) continue;
    const parameters = canonicalJson((call.params ?? {}) as Json);
    const key = JSON.stringify([call.provider ?? null, modelOf(call), parameters, fingerprint]);
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  return [...groups.values()]
    .filter((group) => group.length >= 2)
    .map((group) => ({
      kind: "deduplicate_llm_calls",
      title: `The same prompt went to ${(group[0] && modelOf(group[0])) ?? "a model"} ${group.length} times`,
      detail: "Model, parameters, messages and tools were equal.",
      confidence: group[0]?.params?.temperature === 0 ? "high" : "medium",
      events: group,
      savings: group.slice(1).map((call) => ({
        eventId: call.eventId,
        latencyMs: call.durationMs ?? 0,
        tokens: call.totalTokens ?? 0,
        costUnits: view.costOf(call.eventId)?.units ?? null,
      })),
    }));
}

const failedAttemptsMin = 2;

export function reduceRetries(measured: readonly MeasuredSpan[]): SuggestedChange[] {
  return attemptsByTurn(measured).flatMap((attempts) => {
    const failed = attempts.filter((attempt) => attempt.span.failed);
    if (failed.length < failedAttemptsMin) return [];
    const total = failed.reduce((sum, attempt) => sum + attempt.durationMs, 0);
    const succeeded = attempts.some((attempt) => !attempt.span.failed);
    return [
      {
        kind: "reduce_retries",
        title: `${failed.length} failed attempts of ${failed[0]?.key ?? ""} cost ${total} ms`,
        detail: succeeded ? "Another attempt succeeded." : "No attempt succeeded.",
        confidence: "medium",
        events: failed.map((attempt) => attempt.evidence),
        savings: failed.map((attempt) => ({
          eventId: attempt.evidence.eventId,
          latencyMs: attempt.durationMs,
          tokens: 0,
          costUnits: 0n,
        })),
      } satisfies SuggestedChange,
    ];
  });
}
