/** Brings a stored session to life: its row-made summary, and on demand its whole view. */

import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSession, type StoredSession } from "../store/session-rows.ts";
import type { TraceReader } from "../store/stored-trace.ts";
import type { WeightedCache } from "../store/weighted-cache.ts";
import { type Session, toSession } from "./session.ts";
import { createSessionView, type SessionView } from "./session-view.ts";

export interface LoadedSession {
  readonly session: Session;
  readonly stored: StoredSession;
  view(): Promise<SessionView>;
}

export interface SessionLoader {
  /** @returns undefined when the project has no such session. @throws PipelineError as `ClickhouseReader`. */
  load(projectId: string, sessionId: string): Promise<LoadedSession | undefined>;
}

export interface SessionLoaderDeps {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
  /** Views made before, by project, session and the rows they were made from: a walk over many pages orders the events once. */
  readonly views: WeightedCache<SessionView>;
  now(): number;
}

export function createSessionLoader(deps: SessionLoaderDeps): SessionLoader {
  async function loadView(projectId: string, stored: StoredSession): Promise<SessionView> {
    const traceIds = [...new Set(stored.parts.map((row) => row.traceId))];
    const traces = await deps.traces.loadTraces(projectId, traceIds);
    const versions = traces.map((trace) => `${trace.trace.traceId}.${trace.versionKey}`).sort();
    const key = `${projectId}/${stored.sessionId}/${versions.join("/")}`;
    const known = deps.views.get(key);
    if (known !== undefined) return known;
    const view = createSessionView({ projectId, sessionId: stored.sessionId }, traces);
    deps.views.set(
      key,
      view,
      traces.reduce((sum, trace) => sum + trace.weight, key.length),
    );
    return view;
  }

  return {
    async load(projectId, sessionId) {
      const stored = await loadSession(deps.reader, projectId, sessionId);
      if (stored === undefined) return undefined;
      const session = toSession(stored, { projectId, nowMs: deps.now() });
      return { session, stored, view: () => loadView(projectId, stored) };
    },
  };
}
