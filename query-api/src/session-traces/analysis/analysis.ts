/** The diagnostics of one session: deterministic, without any model. Source: session-traces.md section 8. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { sumUnits } from "@nonet/processor/fold/turn-usage.ts";
import { roundMs } from "../numbers.ts";
import type { Session } from "../session.ts";
import type { SessionView } from "../session-view.ts";
import { findDecisionAnomalies } from "./decision-anomalies.ts";
import { type ErrorPattern, findErrorPatterns } from "./error-patterns.ts";
import { type AnalysisSection, type Finding, orderFindings, type Severity, severities } from "./finding.ts";
import { measuredSpans } from "./measured-span.ts";
import { type Baselines, findSlowSpans, type SlowSpan } from "./slow-spans.ts";
import { findSuggestions } from "./suggestions/find-suggestions.ts";
import type { RankedSuggestion, Suggestion } from "./suggestions/suggestion.ts";
import type { Thresholds } from "./thresholds.ts";

export interface Analysis {
  sessionId: string;
  projectId: string;
  revision: number;
  algorithm: "trace-analysis/1";
  partial: boolean;
  thresholds: Thresholds;
  summary: {
    slowSpans: number;
    errorPatterns: number;
    decisionAnomalies: number;
    optimizationSuggestions: number;
    bySeverity: { high: number; medium: number; low: number };
    estimatedSavings: { latencyMs: number; tokens: number; costAmount: number | null };
  };
  slowSpans?: SlowSpan[];
  errorPatterns?: ErrorPattern[];
  decisionAnomalies?: Finding[];
  optimizationSuggestions?: Suggestion[];
}

export interface AnalysisRequest {
  readonly sections: readonly AnalysisSection[];
  readonly minSeverity: Severity;
  /** Findings a section; the summary counts all. */
  readonly limit: number;
  readonly mayReadContent: boolean;
}

export interface ProjectKnowledge {
  readonly baselines: Baselines;
  seenElsewhere(previewFingerprint: string): number;
}

export const analyzedEventsMax = 50_000;

export function analyzeSession(
  whole: SessionView,
  session: Pick<Session, "id" | "projectId" | "revision">,
  context: { readonly request: AnalysisRequest; readonly knowledge: ProjectKnowledge; readonly thresholds: Thresholds },
): Analysis {
  const { request, knowledge, thresholds } = context;
  const partial = whole.events.length > analyzedEventsMax;
  const view = partial ? firstEvents(whole) : whole;
  const measured = measuredSpans(view);
  const suggestions = findSuggestions(view, measured, thresholds);
  const found = {
    slowSpans: orderFindings(view, findSlowSpans(view, measured, knowledge.baselines, thresholds)),
    errorPatterns: orderFindings(view, findErrorPatterns(view, { ...knowledge, ...request, thresholds })),
    decisionAnomalies: orderFindings(view, findDecisionAnomalies(view, measured, thresholds)),
    optimizationSuggestions: orderFindings(view, suggestions),
  };
  return {
    sessionId: session.id,
    projectId: session.projectId,
    revision: session.revision,
    algorithm: "trace-analysis/1",
    partial,
    thresholds,
    summary: {
      slowSpans: found.slowSpans.length,
      errorPatterns: found.errorPatterns.length,
      decisionAnomalies: found.decisionAnomalies.length,
      optimizationSuggestions: found.optimizationSuggestions.length,
      bySeverity: countSeverities(Object.values(found).flat()),
      estimatedSavings: estimateSavings(found.optimizationSuggestions, suggestions),
    },
    ...shownSections(found, request),
  };
}

/** A view of the first events; spans and turns stay whole, so that only what has an event among them is found. */
function firstEvents(view: SessionView): SessionView {
  const events = view.events.slice(0, analyzedEventsMax);
  const positionOf = new Map(events.map((event, position) => [event.eventId, position]));
  const turns = view.turns.map((turn) => ({
    ...turn,
    events: turn.events.filter((event) => positionOf.has(event.eventId)),
  }));
  return { ...view, events, positionOf, turns, turnById: new Map(turns.map((turn) => [turn.turnId, turn])) };
}

function countSeverities(findings: readonly Finding[]): Analysis["summary"]["bySeverity"] {
  const counts = { high: 0, medium: 0, low: 0 };
  for (const finding of findings) counts[finding.severity] += 1;
  return counts;
}

/** An upper bound: in the order of the section, each event's time and tokens once. */
function estimateSavings(
  ordered: readonly Suggestion[],
  ranked: readonly RankedSuggestion[],
): Analysis["summary"]["estimatedSavings"] {
  const savingsById = new Map(ranked.map(({ finding, savings }) => [finding.id, savings]));
  const timed = new Set<string>();
  const counted = new Set<string>();
  let latencyMs = 0;
  let tokens = 0;
  const costs: (bigint | null)[] = [];
  for (const saving of ordered.flatMap((suggestion) => savingsById.get(suggestion.id) ?? [])) {
    if (saving.latencyMs > 0 && !timed.has(saving.eventId)) {
      timed.add(saving.eventId);
      latencyMs += saving.latencyMs;
    }
    if (saving.tokens > 0 && !counted.has(saving.eventId)) {
      counted.add(saving.eventId);
      tokens += saving.tokens;
      costs.push(saving.costUnits);
    }
  }
  const units = sumUnits(costs);
  return { latencyMs: roundMs(latencyMs), tokens, costAmount: units === null ? null : unitsToUsd(units) };
}

function shownSections(
  found: Required<Pick<Analysis, AnalysisSection>>,
  { sections, minSeverity, limit }: AnalysisRequest,
): Partial<Pick<Analysis, AnalysisSection>> {
  const least = severities.indexOf(minSeverity);
  const shown = <F extends Finding>(section: AnalysisSection, findings: readonly F[]): F[] | undefined =>
    sections.includes(section)
      ? findings.filter((finding) => severities.indexOf(finding.severity) >= least).slice(0, limit)
      : undefined;
  const slowSpans = shown("slowSpans", found.slowSpans);
  const errorPatterns = shown("errorPatterns", found.errorPatterns);
  const decisionAnomalies = shown("decisionAnomalies", found.decisionAnomalies);
  const optimizationSuggestions = shown("optimizationSuggestions", found.optimizationSuggestions);
  return {
    ...(slowSpans === undefined ? {} : { slowSpans }),
    ...(errorPatterns === undefined ? {} : { errorPatterns }),
    ...(decisionAnomalies === undefined ? {} : { decisionAnomalies }),
    ...(optimizationSuggestions === undefined ? {} : { optimizationSuggestions }),
  };
}
