/**
 * Keeps the one-minute windows of the projection current: at most once per refresh it recomputes, whole, those that batches touched. No sum is
 * ever incremented, so a repeated batch changes nothing (law 6). Source: design.md section 5.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { isPipelineError } from "@nonet/proto/errors.ts";
import { metricDimensions, metricSums } from "@nonet/proto/metric-sums.ts";
import type { Projection, WindowProjection } from "@nonet/proto/projection/projection.ts";
import type { Logger } from "pino";

export interface RollingWindows {
  touch(projectId: string, minutes: ReadonlySet<number>): void;
  /** Recomputes what is touched now; for tests and for draining. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RollingWindowsDeps {
  readonly client: ClickHouseClient;
  readonly projection: Projection;
  readonly log: Logger;
  now(): number;
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
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function schedule(): void {
    if (timer !== undefined || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void flush();
    }, config.refreshMs);
  }

  async function flush(): Promise<void> {
    await running;
    const work = [...touched];
    touched.clear();
    running = (async () => {
      for (const [projectId, minutes] of work) await refresh(projectId, [...minutes]);
    })();
    await running;
    running = undefined;
  }

  async function refresh(projectId: string, minutes: readonly number[]): Promise<void> {
    for (let first = 0; first < minutes.length; first += minutesPerQuery) {
      const slice = minutes.slice(first, first + minutesPerQuery);
      try {
        const startedAt = BigInt(deps.now()) * 1_000_000n;
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
        // The store is away: the windows stay touched and are computed when it is back. A defect must not be tried for ever.
        deps.onFailure();
        deps.log.warn({ err: caught, projectId }, "windows were not recomputed");
        if (!isPipelineError(caught) || caught.retryable) touch(projectId, new Set(slice));
      }
    }
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
    flush,
    async close() {
      closed = true;
      clearTimeout(timer);
      await flush();
    },
  };
}
