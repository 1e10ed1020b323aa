/**
 * A session that is too large to be mapped at once, in pieces that follow each other in time. Events of two pieces never mix, wherever no
 * span event lies outside its trace; so the pieces, one after the other, are in the order of session-traces.md 1.11.
 */
import type { SessionPartRow } from "../store/session-rows.ts";
import { compareTurnParts } from "./turn-rank.ts";

/** Spans of traces that are held mapped at a time. */
export const spansAtOnceMax = 2000;

/** All traces together while they are few spans; else the traces that overlap, and as many such groups as are few spans. */
export function traceGroups(parts: readonly SessionPartRow[]): SessionPartRow[][] {
  const groups: SessionPartRow[][] = [];
  let group: SessionPartRow[] = [];
  let spans = 0;
  let end = 0n;
  for (const row of parts) {
    if (group.length > 0 && spans + row.part.spanCount > spansAtOnceMax && row.startUnixNano >= end) {
      groups.push(group);
      group = [];
      spans = 0;
    }
    group.push(row);
    spans += row.part.spanCount;
    if (row.endUnixNano > end) end = row.endUnixNano;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** The index of each turn, which no piece alone can tell. */
export function turnIndexesOf(parts: readonly SessionPartRow[]): Map<string, number> {
  const turns = parts.flatMap((row) => row.part.turns.map((turn) => ({ turn, traceId: row.traceId })));
  return new Map(turns.sort(compareTurnParts).map(({ turn }, index) => [turn.turnId, index]));
}
