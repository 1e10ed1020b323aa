/**
 * Sessions as the list shows them, for all project streams of one process together: streams that heard of a change share one load, which began
 * after the last of them had heard.
 */
import { type Session, toSession } from "../session-traces/session.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSessions } from "../store/session-rows.ts";

export interface SessionHeads {
  /**
   * @param heardMs  by session id, of `performance.now()`: what is returned is not older.
   * @returns those that there are. @throws PipelineError as `ClickhouseReader`.
   */
  load(projectId: string, heardMs: ReadonlyMap<string, number>): Promise<Map<string, Session>>;
}

interface Load {
  readonly beganMs: number;
  readonly sessions: Promise<Map<string, Session>>;
}

/** Streams hear of a change, and ask, within this time of each other. */
const keptMs = 1_000;

export function createSessionHeads(deps: { readonly reader: ClickhouseReader; now(): number }): SessionHeads {
  const loads = new Map<string, Load>();
  const keyOf = (projectId: string, sessionId: string): string => `${projectId}/${sessionId}`;

  async function loadAll(projectId: string, sessionIds: readonly string[]): Promise<Map<string, Session>> {
    const stored = await loadSessions(deps.reader, projectId, sessionIds);
    const nowMs = deps.now();
    return new Map([...stored].map(([id, each]) => [id, toSession(each, { projectId, nowMs })]));
  }

  function begin(projectId: string, sessionIds: readonly string[]): void {
    const load: Load = { beganMs: performance.now(), sessions: loadAll(projectId, sessionIds) };
    const keys = sessionIds.map((id) => keyOf(projectId, id));
    for (const key of keys) loads.set(key, load);
    setTimeout(() => {
      for (const key of keys) if (loads.get(key) === load) loads.delete(key);
    }, keptMs).unref();
  }

  return {
    async load(projectId, heardMs) {
      const missing = [...heardMs].filter(([id, ms]) => !((loads.get(keyOf(projectId, id))?.beganMs ?? 0) > ms));
      const ids = missing.map(([id]) => id);
      if (ids.length > 0) begin(projectId, ids);
      const wanted = new Set([...heardMs.keys()].flatMap((id) => loads.get(keyOf(projectId, id)) ?? []));
      const found = new Map<string, Session>();
      for (const sessions of await Promise.all([...wanted].map((load) => load.sessions))) {
        for (const [id, session] of sessions) if (heardMs.has(id)) found.set(id, session);
      }
      return found;
    },
  };
}
