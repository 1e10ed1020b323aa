/** All rows that follow from a folded trace, by key. A pure function: equal traces give equal texts. */
import type { LlmCallEvent } from "@nonet/proto/event.ts";
import { type CallCost, type CostOf, costOfCall } from "../../../fold/cost.ts";
import type { FoldedTrace } from "../../../fold/folded-trace.ts";
import { metricPointsOf } from "../../../fold/metric-points.ts";
import type { CallReport } from "../../../fold/trace-copies.ts";
import { type RowText, toRowText } from "../row-text.ts";
import { toEventRow } from "./event-row.ts";
import { toMetricPointRow } from "./metric-point-row.ts";
import { toSessionRows } from "./session-row.ts";
import { type TraceFacts, toTraceRow } from "./trace-row.ts";

export interface DerivedRow {
  readonly text: RowText;
  /** Under which the row stands. */
  readonly hour: number;
  /** Of a metric point; 0 otherwise. */
  readonly minute: number;
}

export interface DerivedRows {
  readonly events: ReadonlyMap<string, DerivedRow>;
  readonly sessions: ReadonlyMap<string, DerivedRow>;
  readonly metric_points: ReadonlyMap<string, DerivedRow>;
  /** The trace's own row, for the hours given. */
  traceRow(facts: TraceFacts): RowText;
}

export interface Derivation {
  /** What other traces are told of its model calls. */
  readonly reports?: readonly CallReport[];
  /** By the prices of its stamp; those of the installed table when left out. */
  readonly costOf?: CostOf;
}

/** @param folded  with the marks of copies in other traces. */
export function derivedRowsOf(
  projectId: string,
  folded: FoldedTrace,
  { reports = [], costOf = costOfCall }: Derivation = {},
): DerivedRows {
  const costs = new Map<string, CallCost>();
  for (const event of folded.events) {
    const cost = event.eventType === "llm_call" ? costOf(event) : undefined;
    if (cost !== undefined) costs.set(event.eventId, cost);
  }
  const costUnitsOf = (call: LlmCallEvent) => costs.get(call.eventId)?.units ?? null;

  const reportsById = new Map(reports.map((report) => [report.key, report]));
  const events = new Map<string, DerivedRow>();
  for (const event of folded.events) {
    const row = toEventRow(projectId, event, costs.get(event.eventId), reportsById.get(event.eventId));
    add(events, { text: toRowText("events", row), hour: row.hour, minute: 0 });
  }
  const sessions = new Map<string, DerivedRow>();
  for (const row of toSessionRows(projectId, folded, costUnitsOf)) {
    add(sessions, { text: toRowText("sessions", row), hour: row.hour, minute: 0 });
  }
  const points = new Map<string, DerivedRow>();
  for (const point of metricPointsOf(folded.events, costs)) {
    const row = toMetricPointRow(projectId, folded.traceId, point);
    add(points, { text: toRowText("metric_points", row), hour: Math.floor(row.minute / 60), minute: row.minute });
  }
  return {
    events,
    sessions,
    metric_points: points,
    traceRow: (facts) => toRowText("traces", toTraceRow(facts, folded, costUnitsOf)),
  };
}

function add(rows: Map<string, DerivedRow>, row: DerivedRow): void {
  rows.set(row.text.key, row);
}
