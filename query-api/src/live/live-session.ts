/** A session as a live stream shows it: its newest traces whole, as many as a client can hold, and what is still open. */
import type { EventShape } from "../session-traces/event-shape.ts";
import { type Session, type Turn, toSession } from "../session-traces/session.ts";
import { createSessionView } from "../session-traces/session-view.ts";
import { turnIndexesOf } from "../session-traces/trace-groups.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSession, type SessionPartRow, type StoredSession } from "../store/session-rows.ts";
import type { StoredTrace, TraceReader } from "../store/stored-trace.ts";
import type { WeightedCache } from "../store/weighted-cache.ts";
import { type LiveNodeText, type LiveTrace, type OpenNode, toLiveTrace } from "./live-nodes.ts";

export interface LiveSession {
  /** Undefined when no span of the project is in it, or no longer. */
  readonly session: Session | undefined;
  readonly nodes: ReadonlyMap<string, LiveNodeText>;
  /** Of the traces that are shown, in the order of the session. */
  readonly turns: readonly Turn[];
  readonly oldestOpen: OpenNode | undefined;
  readonly openCount: number;
  /** Nanoseconds since 1970; 0 without a trace. */
  readonly lastReceivedUnixNano: bigint;
  /** Older traces, or too large ones, that are not shown. */
  readonly omittedTraces: number;
}

export interface LiveSessionLimits {
  readonly nodesMax: number;
  readonly charactersMax: number;
}

export interface LiveSessionDeps {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
  /** Traces shaped before, by the rows they were made from. */
  readonly shaped: WeightedCache<LiveTrace>;
  readonly limits: LiveSessionLimits;
  now(): number;
}

/** @throws PipelineError as `ClickhouseReader`. */
export async function loadLiveSession(
  projectId: string,
  sessionId: string,
  shape: EventShape,
  deps: LiveSessionDeps,
): Promise<LiveSession> {
  const stored = await loadSession(deps.reader, projectId, sessionId);
  if (stored === undefined) return nothing;
  const wanted = newestParts(stored.parts, deps.limits.nodesMax);
  const traces = await deps.traces.loadTraces(projectId, wanted);
  const byId = new Map(traces.map((trace) => [trace.trace.traceId, trace]));
  const shaper = createShaper(stored, { projectId, shape, deps });
  const shown: LiveTrace[] = [];
  let characters = 0;
  for (const traceId of wanted) {
    const trace = byId.get(traceId);
    const live = trace === undefined ? undefined : shaper(trace);
    if (live === undefined || characters + live.characters > deps.limits.charactersMax) continue;
    characters += live.characters;
    shown.push(live);
  }
  const open = shown.flatMap((live) => live.open);
  return {
    session: toSession(stored, { projectId, nowMs: deps.now() }),
    nodes: new Map(shown.toReversed().flatMap((live) => live.nodes.map((node) => [node.nodeId, node] as const))),
    turns: shown.flatMap((live) => live.turns).sort((a, b) => a.index - b.index),
    oldestOpen: open.reduce<OpenNode | undefined>(
      (oldest, node) => (oldest === undefined || node.startUnixNano < oldest.startUnixNano ? node : oldest),
      undefined,
    ),
    openCount: open.length,
    lastReceivedUnixNano: traces.reduce(
      (last, trace) => (trace.receivedUnixNano > last ? trace.receivedUnixNano : last),
      0n,
    ),
    omittedTraces: new Set(stored.parts.map((row) => row.traceId)).size - shown.length,
  };
}

/** Of a node besides its text, in characters. */
const nodeWeight = 200;

const nothing: LiveSession = {
  session: undefined,
  nodes: new Map(),
  turns: [],
  oldestOpen: undefined,
  openCount: 0,
  lastReceivedUnixNano: 0n,
  omittedTraces: 0,
};

/** Trace ids, newest first, as many as have few nodes together; one that has too many by itself is left out. */
function newestParts(parts: readonly SessionPartRow[], nodesMax: number): string[] {
  const chosen = new Set<string>();
  let nodes = 0;
  for (const row of parts.toReversed()) {
    const own = row.part.spanCount + row.part.eventCount;
    if (nodes + own > nodesMax) continue;
    nodes += own;
    chosen.add(row.traceId);
  }
  return [...chosen];
}

/** A trace that was shaped before, and has not changed, nor the places of its turns, is not shaped again. */
function createShaper(
  stored: StoredSession,
  {
    projectId,
    shape,
    deps,
  }: { readonly projectId: string; readonly shape: EventShape; readonly deps: LiveSessionDeps },
): (trace: StoredTrace) => LiveTrace {
  const { sessionId } = stored;
  const indexes = turnIndexesOf(stored.parts);
  const partsByTrace = Map.groupBy(stored.parts, (row) => row.traceId);
  return (trace) => {
    const { traceId } = trace.trace;
    const turns = (partsByTrace.get(traceId) ?? []).flatMap((row) => row.part.turns);
    const places = turns.map((turn) => indexes.get(turn.turnId));
    const { content, mayReadContent } = shape;
    const key = JSON.stringify([projectId, sessionId, traceId, trace.versionKey, content, mayReadContent, places]);
    const known = deps.shaped.get(key);
    if (known !== undefined) return known;
    const view = createSessionView({ projectId, sessionId }, [trace]);
    const live = toLiveTrace(view, shape, (turnId) => indexes.get(turnId));
    deps.shaped.set(key, live, live.characters + nodeWeight * live.nodes.length);
    return live;
  };
}
