/** A row of the results: one cell, what was sent, and what came of it. */
import { type Comparison, compare, type Sent } from "./run-cell.ts";
import type { StoredSpans } from "./stored-spans.ts";

export interface MatrixRow extends Comparison {
  readonly sender: string;
  readonly wire: string;
  /** What was ended in the middle, and how. */
  readonly restart: string;
  readonly acknowledged: number | undefined;
  readonly awayMs: number;
  readonly reason: string;
}

export function toRow(
  cell: { readonly sender: string; readonly wire: string; readonly restart: string; readonly hasOwnIds?: boolean },
  sent: Sent,
  stored: StoredSpans,
): MatrixRow {
  return {
    sender: cell.sender,
    wire: cell.wire,
    restart: cell.restart,
    acknowledged: cell.hasOwnIds === true ? undefined : sent.acknowledged.size,
    awayMs: sent.awayMs,
    reason: sent.reason,
    ...compare(sent, stored),
  };
}

/** Nothing acknowledged is lost, and nothing is there twice. */
export function holds(row: MatrixRow): boolean {
  return row.sent > 0 && row.lost === 0 && row.doubled === 0;
}
