/**
 * The events of many sessions, one after the other, with bounded memory. Source: session-traces.md section 9.
 *
 * Sessions come by (start, id). A session of ordinary size is ordered as a whole, as `/traces` orders it. A larger one is read in groups of
 * traces that overlap in time, which is the same order wherever no span event lies outside its trace.
 */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { ClickhouseReader } from "../../store/clickhouse-reader.ts";
import { loadSessions, type StoredSession } from "../../store/session-rows.ts";
import type { TraceReader } from "../../store/stored-trace.ts";
import { createEventPredicate, type EventFilter } from "../event-filter.ts";
import { type EventShape, toTraceEvent } from "../event-shape.ts";
import { findSessions, type SessionListRequest } from "../session-list-query.ts";
import { createSessionView, type SessionView } from "../session-view.ts";
import { traceGroups, turnIndexesOf } from "../trace-groups.ts";
import type { ExportedEvent } from "./event-columns.ts";

export interface ExportRequest {
  readonly sessions: SessionListRequest;
  readonly events: EventFilter & { readonly model: readonly string[] | undefined };
  readonly shape: EventShape;
  /** The store as it was then: spans received later are not in the export. */
  readonly receivedUntil: bigint;
  readonly signal: AbortSignal;
}

export interface ExportDeps {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
}

const sessionsPerBatch = 200;
export async function* exportRows(deps: ExportDeps, request: ExportRequest): AsyncGenerator<ExportedEvent> {
  const { projectId } = request.sessions;
  for await (const found of findSessions(deps.reader, request.sessions, sessionsPerBatch)) {
    const stored = await loadSessions(
      deps.reader,
      projectId,
      found.map((session) => session.sessionId),
    );
    for (const { sessionId } of found) {
      const session = stored.get(sessionId);
      if (session === undefined) continue;
      if (request.signal.aborted) return;
      yield* sessionRows(deps, request, session);
    }
  }
}

async function* sessionRows(
  deps: ExportDeps,
  request: ExportRequest,
  session: StoredSession,
): AsyncGenerator<ExportedEvent> {
  const { projectId } = request.sessions;
  const channel = session.parts.find((row) => row.part.channel !== null)?.part.channel ?? null;
  const turnIndexes = turnIndexesOf(session.parts);
  for (const group of traceGroups(session.parts)) {
    const traces = await deps.traces.loadTraces(
      projectId,
      group.map((row) => row.traceId),
      request.receivedUntil,
    );
    const view = createSessionView({ projectId, sessionId: session.sessionId }, traces, turnIndexes);
    const matches = exportPredicate(view, request.events);
    for (const event of view.events) {
      if (!matches(event)) continue;
      yield { event: toTraceEvent(view, event, request.shape), channel };
    }
  }
}

function exportPredicate(view: SessionView, filter: ExportRequest["events"]): (event: AgentEvent) => boolean {
  const { model, ...events } = filter;
  const matches = createEventPredicate(view, events);
  if (model === undefined) return matches;
  const models = new Set(model);
  return (event) =>
    event.eventType === "llm_call" &&
    (models.has(event.responseModel ?? "") || models.has(event.requestModel ?? "")) &&
    matches(event);
}
