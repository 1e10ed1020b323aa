/** The order of turns in a session, over the parts that its traces contribute. Source: session-traces.md 1.5. */
import type { TurnPart } from "@nonet/proto/tables.ts";

export interface RankedTurnPart {
  readonly turn: TurnPart;
  readonly traceId: string;
}

export interface TurnRank {
  readonly turn: Pick<TurnPart, "startUnixNano" | "rankSpanId">;
  readonly traceId: string;
}

/** Ascending (start, rank span, trace id), as `compareTurns` has it for folded turns. */
export function compareTurnParts(a: TurnRank, b: TurnRank): number {
  return (
    compareNano(a.turn.startUnixNano, b.turn.startUnixNano) ||
    compareText(a.turn.rankSpanId, b.turn.rankSpanId) ||
    compareText(a.traceId, b.traceId)
  );
}

/** Decimal texts without leading zeros. */
export function compareNano(a: string, b: string): number {
  return a.length - b.length || compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
