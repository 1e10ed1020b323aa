/**
 * The turns of one trace as one session sees them. Source: session-traces.md 1.5.
 *
 * A turn belongs to a session when one of its events, or its root span, does. Start and end are those of the root; a turn whose root lies
 * elsewhere reaches from the first start to the last end of its spans here that have an event.
 */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { FoldedSpan, FoldedTrace, FoldedTurn } from "./folded-trace.ts";

export interface TurnFacts {
  readonly turnId: string;
  readonly traceId: string;
  readonly runId: string | undefined;
  /** The span named in `turnId`, when it lies in this session. */
  readonly root: FoldedSpan | undefined;
  readonly rootSpanId: string | null;
  /** The rank of a turn in its session is by (start, this, trace id): the root, else the earliest span with an event. */
  readonly rankSpanId: string;
  readonly startUnixNano: bigint;
  /** Never before the start; undefined while the turn is running. */
  readonly endUnixNano: bigint | undefined;
  readonly extentStartUnixNano: bigint;
  readonly extentEndUnixNano: bigint;
  readonly status: "ok" | "error" | "running";
  readonly paused: boolean;
  /** Events of the turn in this session, in order. */
  readonly events: readonly AgentEvent[];
  readonly eventCount: number;
}

/**
 * @param sessionId  undefined: the turns over all their spans, in whatever session.
 * @returns in the order of `compareTurns`.
 */
export function turnsOf(trace: FoldedTrace, sessionId: string | undefined): TurnFacts[] {
  const inSession = (owner: { readonly sessionId: string }): boolean =>
    sessionId === undefined || owner.sessionId === sessionId;
  const spansByTurn = Map.groupBy(trace.spans.filter(inSession), (span) => span.turnId);
  const turns: TurnFacts[] = [];
  for (const turn of trace.turns) {
    const facts = turnFacts(trace.traceId, turn, {
      root: turn.root !== undefined && inSession(turn.root) ? turn.root : undefined,
      spans: spansByTurn.get(turn.turnId) ?? [],
      events: turn.events.filter(inSession),
    });
    if (facts !== undefined) turns.push(facts);
  }
  return turns.sort(compareTurns);
}

/** Ascending (start, rank span, trace id): the order in which a session numbers its turns. */
export function compareTurns(
  a: Pick<TurnFacts, "startUnixNano" | "rankSpanId" | "traceId">,
  b: Pick<TurnFacts, "startUnixNano" | "rankSpanId" | "traceId">,
): number {
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano < b.startUnixNano ? -1 : 1;
  return compareText(a.rankSpanId, b.rankSpanId) || compareText(a.traceId, b.traceId);
}

interface TurnHere {
  readonly root: FoldedSpan | undefined;
  readonly spans: readonly FoldedSpan[];
  readonly events: readonly AgentEvent[];
}

function turnFacts(traceId: string, turn: FoldedTurn, here: TurnHere): TurnFacts | undefined {
  const { root, spans, events } = here;
  if (root === undefined && events.length === 0) return undefined;
  const withEvents = new Set(events.map((event) => event.spanId));
  const timed = root === undefined ? spans.filter((span) => withEvents.has(span.spanId)) : [root];
  const earliest = timed.toSorted(
    (a, b) => compareTimes(a.startTimeUnixNano, b.startTimeUnixNano) || compareText(a.spanId, b.spanId),
  )[0];
  if (earliest === undefined) return undefined;
  const startUnixNano = earliest.startTimeUnixNano;
  const endUnixNano = latestEnd(timed);
  return {
    turnId: turn.turnId,
    traceId,
    runId: turn.runId,
    root,
    rootSpanId: root?.spanId ?? null,
    rankSpanId: earliest.spanId,
    startUnixNano,
    endUnixNano,
    ...extentOf(spans, startUnixNano),
    status: endUnixNano === undefined ? "running" : failedTurn(root, events) ? "error" : "ok",
    paused: turn.paused,
    events,
    eventCount: events.length,
  };
}

function failedTurn(root: FoldedSpan | undefined, events: readonly AgentEvent[]): boolean {
  if (root !== undefined) return root.failed;
  const last = events.findLast((event) => event.eventType === "llm_call" || event.eventType === "tool_result");
  return last?.status === "error";
}

/** The latest end of those that have ended. */
function latestEnd(spans: readonly FoldedSpan[]): bigint | undefined {
  let latest: bigint | undefined;
  for (const span of spans) {
    if (span.endTimeUnixNano === 0n) continue;
    const end = endOf(span);
    if (latest === undefined || end > latest) latest = end;
  }
  return latest;
}

function extentOf(
  spans: readonly FoldedSpan[],
  fallback: bigint,
): { extentStartUnixNano: bigint; extentEndUnixNano: bigint } {
  let start: bigint | undefined;
  let end: bigint | undefined;
  for (const span of spans) {
    if (start === undefined || span.startTimeUnixNano < start) start = span.startTimeUnixNano;
    const spanEnd = endOf(span);
    if (end === undefined || spanEnd > end) end = spanEnd;
  }
  return { extentStartUnixNano: start ?? fallback, extentEndUnixNano: end ?? fallback };
}

/** An open span counts with its start, and so does one that ended before it began (event mapping 2.12). */
function endOf(span: FoldedSpan): bigint {
  return span.endTimeUnixNano > span.startTimeUnixNano ? span.endTimeUnixNano : span.startTimeUnixNano;
}

function compareTimes(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
