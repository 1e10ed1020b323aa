/** All suggestions for a session. Source: session-traces.md 8.5. */
import type { SessionView } from "../../session-view.ts";
import type { MeasuredSpan } from "../measured-span.ts";
import type { Thresholds } from "../thresholds.ts";
import { parallelizeGuardrails } from "./parallel-guardrails.ts";
import { parallelizeTools } from "./parallel-tools.ts";
import { cachePrefixes, countedCalls, dropUnusedTools, raiseOutputLimits, trimToolResults } from "./prompt-size.ts";
import { cacheToolResults, deduplicateCalls, reduceRetries } from "./repeated-work.ts";
import { type RankedSuggestion, toSuggestion } from "./suggestion.ts";

export function findSuggestions(
  view: SessionView,
  measured: readonly MeasuredSpan[],
  thresholds: Thresholds,
): RankedSuggestion[] {
  const calls = countedCalls(view);
  const changes = [
    ...view.turns.flatMap((turn) => parallelizeTools(view, turn, thresholds)),
    ...view.turns.flatMap((turn) => parallelizeGuardrails(turn, thresholds)),
    ...cacheToolResults(view),
    ...deduplicateCalls(view),
    ...cachePrefixes(calls, thresholds),
    ...trimToolResults(calls, thresholds),
    ...dropUnusedTools(view, calls, thresholds),
    ...reduceRetries(measured),
    ...raiseOutputLimits(calls),
  ];
  return changes.map((change) => toSuggestion(view, change, thresholds));
}
