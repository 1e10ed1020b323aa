/** The spans of a session that are compared with others, and tried again when they fail. Source: session-traces.md 8.2. */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import { primaryEvent } from "@nonet/processor/fold/primary-event.ts";
import type { AgentEvent } from "@nonet/proto/event.ts";
import { toMs } from "../numbers.ts";
import type { SessionView } from "../session-view.ts";
import { measuredSpanKey } from "../span-key.ts";
import { positionOf } from "./finding.ts";

export interface MeasuredSpan {
  readonly span: FoldedSpan;
  readonly key: string;
  readonly durationMs: number;
  /** The primary event; of an agent span the earliest event under it. */
  readonly evidence: AgentEvent;
}

/** In span order. An agent span without any event under it proves nothing and is left out. */
export function measuredSpans(view: SessionView): MeasuredSpan[] {
  const measured: MeasuredSpan[] = [];
  for (const span of view.spans) {
    const key = measuredSpanKey(span);
    const evidence = key === undefined ? undefined : (ownEvidence(view, span) ?? earliestBelow(view, span));
    if (key === undefined || evidence === undefined) continue;
    const length = span.endTimeUnixNano - span.startTimeUnixNano;
    measured.push({ span, key, durationMs: toMs(length > 0n ? length : 0n), evidence });
  }
  return measured;
}

function ownEvidence(view: SessionView, span: FoldedSpan): AgentEvent | undefined {
  const primary = primaryEvent(span);
  return primary !== undefined && view.positionOf.has(primary.eventId) ? primary : undefined;
}

function earliestBelow(view: SessionView, span: FoldedSpan): AgentEvent | undefined {
  let earliest: AgentEvent | undefined;
  const open = [span];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const event of next.events) {
      if (!view.positionOf.has(event.eventId)) continue;
      if (earliest === undefined || positionOf(view, event.eventId) < positionOf(view, earliest.eventId))
        earliest = event;
    }
    for (const child of next.children) open.push(child);
  }
  return earliest;
}

/** Attempts at one thing within a turn, in the order in which they began. */
export function attemptsByTurn(measured: readonly MeasuredSpan[]): MeasuredSpan[][] {
  return [...Map.groupBy(measured, (each) => `${each.span.turnId}\n${each.key}`).values()];
}
