/**
 * Keeps the one-minute windows of the projection current: at most once per refresh it recomputes, whole, those that batches touched. No sum is
 * ever incremented, so a repeated batch changes nothing (law 6). Source: design.md section 5.
 *
 * Of two processors that recompute one window the newer query wins. When it began is read from the store's clock, which is one for all, after
 * the window was touched and before the query: so the winner has seen every point whose touch was answered.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { isPipelineError, PipelineError } from "@nonet/proto/errors.ts";
import { metricDimensions, metricSums } from "@nonet/proto/metric-sums.ts";
import type { Projection, WindowProjection } from "@nonet/proto/projection/projection.ts";
import type { Logger } from "pino";

export interface RollingWindows {
  touch(projectId: string, minutes: ReadonlySet<number>): void;
  /** What is projected of these projects may be behind, as after a crash: it is void from now on. Tried until it succeeds. */
  forget(projectIds: readonly string[]): void;
  /** Recomputes what is touched now; for tests and for draining. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RollingWindowsDeps {
  readonly client: ClickHouseClient;
  readonly projection: Projection;
  readonly log: Logger;
  onFailure(): void;
}

export const windowSeconds = 60;

/** A project with more touched minutes (a backfill) is recomputed in slices. */
const minutesPerQuery = 120;

const windowQuery = `
  SELECT minute, ${metricDimensions}, ${metricSums}
  FROM metric_points FINAL
  WHERE project_id = {project:String} AND minute IN {minutes:Array(UInt32)}
  GROUP BY minute, ${metricDimensions}
  ORDER BY minute, ${metricDimensions}`;

export function createRollingWindows(config: { refreshMs: number }, deps: RollingWindowsDeps): RollingWindows {
  const touched = new Map<string, Set<number>>();
  const forgotten = new Set<string>();
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function schedule(): void {
    if (timer !== undefined || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void flush();
    }, config.refreshMs);
  }

  function flush(): Promise<void> {
    running = running.then(refreshAll);
    return running;
  }

  async function refreshAll(): Promise<void> {
    const projects = [...forgotten];
    const work = [...touched];
    if (projects.length === 0 && work.length === 0) return;
    forgotten.clear();
    touched.clear();
    let startedAt: bigint;
    try {
      startedAt = await storeTime(deps.client);
    } catch (caught) {
      failed(caught, "windows were not recomputed");
      again(projects, work);
      return;
    }
    for (const projectId of projects) await forgetOne(projectId, startedAt);
    for (const [projectId, minutes] of work) await refresh(projectId, [...minutes], startedAt);
  }

  async function forgetOne(projectId: string, before: bigint): Promise<void> {
    try {
      const outcome = await deps.projection.forgetWindows(projectId, before);
      if (outcome.error !== undefined) throw outcome.error;
    } catch (caught) {
      // A projection that comes back with what it had would show it.
      failed(caught, "windows were not forgotten");
      if (isCurable(caught)) again([projectId], []);
    }
  }

  async function refresh(projectId: string, minutes: readonly number[], startedAt: bigint): Promise<void> {
    for (let first = 0; first < minutes.length; first += minutesPerQuery) {
      const slice = minutes.slice(first, first + minutesPerQuery);
      try {
        const answer = await deps.client.query({
          query: windowQuery,
          query_params: { project: projectId, minutes: slice },
          format: "JSONEachRow",
        });
        const rows = Map.groupBy(await answer.json<{ minute: number }>(), (row) => row.minute);
        const windows = slice.map(
          (minute): WindowProjection => ({
            projectId,
            windowSeconds,
            windowStartSeconds: minute * windowSeconds,
            queryStartedAt: startedAt,
            body: JSON.stringify(rows.get(minute) ?? []),
          }),
        );
        const outcome = await deps.projection.writeWindows(windows);
        // Until they are written, readers may see the older ones.
        if (outcome.error !== undefined) throw outcome.error;
      } catch (caught) {
        // The store is away: the windows stay touched and are computed when it is back.
        failed(caught, "windows were not recomputed");
        if (isCurable(caught)) again([], [[projectId, new Set(slice)]]);
      }
    }
  }

  function failed(caught: unknown, message: string): void {
    deps.onFailure();
    deps.log.warn({ err: caught }, message);
  }

  function again(projects: readonly string[], work: readonly (readonly [string, ReadonlySet<number>])[]): void {
    for (const projectId of projects) forgotten.add(projectId);
    for (const [projectId, minutes] of work) touch(projectId, minutes);
    schedule();
  }

  function touch(projectId: string, minutes: ReadonlySet<number>): void {
    if (minutes.size === 0) return;
    const known = touched.get(projectId) ?? new Set();
    for (const minute of minutes) known.add(minute);
    touched.set(projectId, known);
    schedule();
  }

  return {
    touch,
    forget(projectIds) {
      again(projectIds, []);
      void flush();
    },
    flush,
    async close() {
      closed = true;
      clearTimeout(timer);
      await flush();
    },
  };
}

/** A defect must not be tried for ever. */
function isCurable(caught: unknown): boolean {
  return !isPipelineError(caught) || caught.retryable;
}

/** Nanoseconds since 1970 by the store's clock. */
async function storeTime(client: ClickHouseClient): Promise<bigint> {
  try {
    const answer = await client.query({
      query: "SELECT toString(toUnixTimestamp64Nano(now64(9))) AS now",
      format: "JSONEachRow",
    });
    const [row] = await answer.json<{ now: string }>();
    return BigInt(row?.now ?? 0);
  } catch (caught) {
    throw PipelineError.from(caught, "STORE_UNAVAILABLE");
  }
}
