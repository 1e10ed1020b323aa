/** What every finding of the analysis has, its id and its order. Source: session-traces.md section 8. */
import type { AgentEvent } from "@nonet/proto/event.ts";
import { shortHash } from "../canonical-json.ts";
import type { SessionView } from "../session-view.ts";

export const severities = ["low", "medium", "high"] as const;
export type Severity = (typeof severities)[number];

export const analysisSections = ["slowSpans", "errorPatterns", "decisionAnomalies", "optimizationSuggestions"] as const;
export type AnalysisSection = (typeof analysisSections)[number];

export interface Finding {
  id: string;
  kind: string;
  severity: Severity;
  title: string;
  detail: string;
  turnIndexes: number[];
  evidence: string[];
}

/** A finding with what orders it in its section. */
export interface RankedFinding<F extends Finding> {
  readonly finding: F;
  /** Of equal severity, larger ones come first; compared member by member. */
  readonly impact: readonly number[];
}

const evidenceMax = 50;

/** The members of a finding, from the events that prove it. */
export function findingOf(
  view: SessionView,
  section: AnalysisSection,
  described: Pick<Finding, "kind" | "severity" | "title" | "detail">,
  events: readonly AgentEvent[],
): Finding {
  const ordered = events
    .toSorted((a, b) => positionOf(view, a.eventId) - positionOf(view, b.eventId))
    .slice(0, evidenceMax);
  const evidence = ordered.map((event) => event.eventId);
  const turnIndexes = new Set(ordered.map((event) => view.turnById.get(event.turnId)?.index ?? 0));
  return {
    id: findingId(view, section, described.kind, evidence),
    ...described,
    turnIndexes: [...turnIndexes].sort((a, b) => a - b),
    evidence,
  };
}

function findingId(view: SessionView, section: AnalysisSection, kind: string, evidence: readonly string[]): string {
  return `fnd_${shortHash([view.projectId, view.sessionId, section, kind, ...evidence.toSorted()].join("\n"))}`;
}

/** Severity, then impact, then first evidence in event order. */
export function orderFindings<F extends Finding>(view: SessionView, ranked: readonly RankedFinding<F>[]): F[] {
  return ranked
    .toSorted((a, b) => {
      const bySeverity = severities.indexOf(b.finding.severity) - severities.indexOf(a.finding.severity);
      if (bySeverity !== 0) return bySeverity;
      for (const [index, impact] of a.impact.entries()) {
        const difference = (b.impact[index] ?? 0) - impact;
        if (difference !== 0) return difference;
      }
      return positionOf(view, a.finding.evidence[0]) - positionOf(view, b.finding.evidence[0]);
    })
    .map(({ finding }) => finding);
}

export function positionOf(view: SessionView, eventId: string | undefined): number {
  return view.positionOf.get(eventId ?? "") ?? Number.MAX_SAFE_INTEGER;
}
