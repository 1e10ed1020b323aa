/** What every optimization suggestion has. Savings are estimates, never negative. Source: session-traces.md 8.5. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { sumUnits } from "@nonet/processor/fold/turn-usage.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import { roundMs } from "../../numbers.ts";
import type { SessionView } from "../../session-view.ts";
import { type Finding, findingOf, type RankedFinding, type Severity } from "../finding.ts";
import type { Thresholds } from "../thresholds.ts";

export interface Suggestion extends Finding {
  savings: { latencyMs: number; tokens: number; costAmount: number | null };
  confidence: Severity;
}

/** What would be saved at one event; the summary counts no event's time or tokens twice. */
export interface Saving {
  readonly eventId: string;
  readonly latencyMs: number;
  readonly tokens: number;
  /** 10^-12 USD; null when a price it needs is unknown. */
  readonly costUnits: bigint | null;
}

export interface SuggestedChange {
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  readonly confidence: Severity;
  readonly events: readonly AgentEvent[];
  readonly savings: readonly Saving[];
}

export interface RankedSuggestion extends RankedFinding<Suggestion> {
  readonly savings: readonly Saving[];
}

export function toSuggestion(view: SessionView, change: SuggestedChange, thresholds: Thresholds): RankedSuggestion {
  const latencyMs = roundMs(change.savings.reduce((sum, saving) => sum + saving.latencyMs, 0));
  const tokens = change.savings.reduce((sum, saving) => sum + saving.tokens, 0);
  const costUnits = change.savings.some((saving) => saving.costUnits === null)
    ? null
    : sumUnits(change.savings.map((saving) => saving.costUnits));
  const finding = {
    ...findingOf(
      view,
      "optimizationSuggestions",
      {
        kind: change.kind,
        severity: severityOf(latencyMs, tokens, thresholds),
        title: change.title,
        detail: change.detail,
      },
      change.events,
    ),
    savings: { latencyMs, tokens, costAmount: costUnits === null ? null : unitsToUsd(costUnits) },
    confidence: change.confidence,
  };
  return { finding, impact: [latencyMs, tokens], savings: change.savings };
}

function severityOf(latencyMs: number, tokens: number, thresholds: Thresholds): Severity {
  if (latencyMs >= thresholds["severity.highMs"] || tokens >= thresholds["severity.highTokens"]) return "high";
  if (latencyMs >= thresholds["severity.mediumMs"] || tokens >= thresholds["severity.mediumTokens"]) return "medium";
  return "low";
}

/** Of every event but the longest: what would run beside it costs no time of its own. */
export function savingsBesideLongest(
  timed: readonly { readonly eventId: string; readonly durationMs: number }[],
): Saving[] {
  const longest = timed.reduce<(typeof timed)[number] | undefined>(
    (best, each) => (best === undefined || each.durationMs > best.durationMs ? each : best),
    undefined,
  );
  return timed
    .filter((each) => each !== longest)
    .map((each) => ({ eventId: each.eventId, latencyMs: each.durationMs, tokens: 0, costUnits: 0n }));
}

export function latencyOf(savings: readonly Saving[]): number {
  return savings.reduce((sum, saving) => sum + saving.latencyMs, 0);
}
