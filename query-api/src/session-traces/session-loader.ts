/** Brings a stored session to life: its row-made summary, and on demand its whole view. */

import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSession, type StoredSession } from "../store/session-rows.ts";
import type { TraceReader } from "../store/stored-trace.ts";
import { createWeightedCache, type WeightedCache } from "../store/weighted-cache.ts";
import { isLargeSession } from "./large-session.ts";
import { largeSessionMetrics } from "./large-session-metrics.ts";
import { type SessionMetrics, sessionMetrics } from "./metrics.ts";
import { type Session, toSession } from "./session.ts";
import { createSessionView, type SessionView } from "./session-view.ts";

export interface LoadedSession {
  readonly session: Session;
  readonly stored: StoredSession;
  view(): Promise<SessionView>;
  metrics(): Promise<SessionMetrics>;
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

/** Metrics of large sessions that are kept: each is up to two thousand entries of turns and calls. */
const largeMetricsMax = 32;

export function createSessionLoader(deps: SessionLoaderDeps): SessionLoader {
  const largeMetrics = createWeightedCache<SessionMetrics>(largeMetricsMax);

  async function loadLargeMetrics(projectId: string, stored: StoredSession, session: Session): Promise<SessionMetrics> {
    const key = JSON.stringify([projectId, session.id, session.revision]);
    const known = largeMetrics.get(key);
    // The status depends on the clock alone.
    if (known !== undefined) return { ...known, status: session.status };
    const metrics = await largeSessionMetrics(deps.traces, { projectId, stored }, session);
    largeMetrics.set(key, metrics, 1);
    return metrics;
  }

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
      const view = () => loadView(projectId, stored);
      return {
        session,
        stored,
        view,
        metrics: async () =>
          isLargeSession(stored) ? loadLargeMetrics(projectId, stored, session) : sessionMetrics(await view(), session),
      };
    },
  };
}
