/** Control that goes back and forth, or round and round. Source: session-traces.md 8.4. */
import type { HandoffEvent } from "@nonet/proto/event.ts";

/** Positions in the list of transfers, end exclusive. */
export interface TransferRun {
  readonly start: number;
  readonly end: number;
}

export interface TransferCycle extends TransferRun {
  /** Agents in one round. */
  readonly period: number;
}

/** Maximal runs in which each transfer undoes the one before it, at least `min` long. */
export function findPingPong(transfers: readonly HandoffEvent[], min: number): TransferRun[] {
  const runs: TransferRun[] = [];
  let start = 0;
  for (let end = 1; end <= transfers.length; end += 1) {
    if (end < transfers.length && undoes(transfers[end], transfers[end - 1])) continue;
    if (end - start >= min) runs.push({ start, end });
    start = end;
  }
  return runs;
}

function undoes(next: HandoffEvent | undefined, previous: HandoffEvent | undefined): boolean {
  if (next?.fromAgent === undefined || next.toAgent === undefined) return false;
  return next.fromAgent === previous?.toAgent && next.toAgent === previous.fromAgent;
}

/** Runs that walk one round of three or more agents at least `minWalks` times; of those that begin together the longest. */
export function findCycles(transfers: readonly HandoffEvent[], minWalks: number): TransferCycle[] {
  const cycles: TransferCycle[] = [];
  let start = 0;
  while (start < transfers.length) {
    let longest: TransferCycle | undefined;
    for (let period = 3; start + period * minWalks <= transfers.length; period += 1) {
      const end = cycleEnd(transfers, start, period);
      if (end - start < period * minWalks) continue;
      if (longest === undefined || end > longest.end) longest = { start, end, period };
    }
    if (longest !== undefined) cycles.push(longest);
    start = longest?.end ?? start + 1;
  }
  return cycles;
}

/** How far the run from `start` goes on as a cycle of this period; `start` when its first round is none. */
function cycleEnd(transfers: readonly HandoffEvent[], start: number, period: number): number {
  const round = transfers.slice(start, start + period).map((transfer) => transfer.toAgent);
  const first = transfers[start]?.fromAgent;
  if (round.includes(undefined) || new Set(round).size < period || round.at(-1) !== first) return start;
  let end = start;
  while (end < transfers.length && transfers[end]?.toAgent === round[(end - start) % period]) {
    const previous = end === start ? first : transfers[end - 1]?.toAgent;
    if (transfers[end]?.fromAgent !== previous) break;
    end += 1;
  }
  return end;
}
