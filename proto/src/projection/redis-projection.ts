import type { PipelineError } from "../errors.ts";
import { isTraceId, traceKey, windowFloorKey, windowKey } from "../redis-keys.ts";
import type { Projection, WindowProjection } from "./projection.ts";
import { connectRedis, type RedisCommand } from "./redis-connection.ts";
import { createFeedReader } from "./redis-feed-reader.ts";
import { createFeedWriter } from "./redis-feed-writer.ts";
import { formatVersion, readVersioned, writeVersioned } from "./redis-values.ts";

export interface RedisProjectionConfig {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url: string;
  /** Default 1 s: Redis answers in under a millisecond, or it is in trouble. */
  readonly commandTimeoutMs?: number;
  /** How long Redis is left alone after a failure. Default 1 s. */
  readonly pauseMs?: number;
  /** No call starts another pipeline after it, however many rows are left. Default 2 s. */
  readonly writeMsMax?: number;
  /** Default 1 h: older traces are read rarely. */
  readonly traceTtlMs?: number;
  /** Default 5 min: a window in use is written every second, and one whose last write was lost must not stay wrong. */
  readonly windowTtlMs?: number;
  /** Notices that a project's feed keeps for those who resume. Default 10,000. */
  readonly feedLengthMax?: number;
  /** A feed without news is forgotten. Default 1 h. */
  readonly feedTtlMs?: number;
  /** How often a followed feed is asked for news. Default 100 ms, of the second in which a change must show. */
  readonly feedPollMs?: number;
}

export interface RedisProjectionDeps {
  /** Called when Redis is lost or refuses work: once, until it is back. */
  readonly onError?: (error: PipelineError) => void;
}

/**
 * The projection in Redis, shared by many processes. Connects in the background; until that is done writes are `failed` or `skipped`, and
 * reads are misses. A single server, Sentinel's master or a proxy, not Redis Cluster: pipelines hold keys of many slots.
 *
 * @throws PipelineError `CONFIG_INVALID` for a URL that is none.
 */
export function createRedisProjection(config: RedisProjectionConfig, deps: RedisProjectionDeps = {}): Projection {
  const { url, commandTimeoutMs = 1_000, pauseMs = 1_000, writeMsMax = 2_000 } = config;
  const { traceTtlMs = 3_600_000, windowTtlMs = 300_000 } = config;
  const { feedLengthMax = 10_000, feedTtlMs = 3_600_000, feedPollMs = 100 } = config;
  const connection = connectRedis({ url, commandTimeoutMs, pauseMs }, deps.onError ?? (() => {}));
  const feedWriter = createFeedWriter(connection, { lengthMax: feedLengthMax, ttlMs: feedTtlMs });
  const feedReader = createFeedReader(connection, { pollMs: feedPollMs, ttlMs: feedTtlMs });

  return {
    async writeTraces(rows) {
      const values = rows.map((row) => ({
        key: traceKey(row.projectId, row.traceId),
        version: row.version,
        body: row.tree,
      }));
      return writeVersioned(connection, values, { ttlMs: traceTtlMs, writeMsMax });
    },
    async writeWindows(rows) {
      // A failure here pauses the connection, and the write below tells of it.
      await connection.run(keepFloors(rows, windowTtlMs)).catch(() => {});
      const values = rows.map((row) => ({
        key: windowKey(row.projectId, row.windowSeconds, row.windowStartSeconds),
        version: row.queryStartedAt,
        body: row.body,
      }));
      return writeVersioned(connection, values, { ttlMs: windowTtlMs, writeMsMax });
    },
    async forgetWindows(projectId, before) {
      const floor = { key: windowFloorKey(projectId), version: before, body: "" };
      return writeVersioned(connection, [floor], { ttlMs: windowTtlMs, writeMsMax });
    },
    notify: feedWriter.notify,
    async readTrace(projectId, traceId, atLeast = 0n) {
      if (!isTraceId(traceId)) return undefined;
      const [value] = await readVersioned(connection, [traceKey(projectId, traceId)]);
      if (value === undefined || value.body === "" || value.version < atLeast) return undefined;
      return { version: value.version, tree: value.body };
    },
    async readWindows(projectId, windowSeconds, starts) {
      const keys = starts.map((start) => windowKey(projectId, windowSeconds, start));
      const [floor, ...values] = await readVersioned(connection, [windowFloorKey(projectId), ...keys]);
      const found = new Map<number, string>();
      // Without a floor (evicted, or an empty server) nobody can say which windows are void.
      if (floor === undefined) return found;
      for (const [i, start] of starts.entries()) {
        const value = values[i];
        if (value !== undefined && value.body !== "" && value.version >= floor.version) found.set(start, value.body);
      }
      return found;
    },
    subscribe: feedReader.subscribe,
    isHealthy: connection.isHealthy,
    async close() {
      feedWriter.close();
      feedReader.close();
      connection.close();
    },
  };
}

/** A floor outlives the windows above it. Where it is missing the oldest of these windows becomes it, and older ones are void. */
function keepFloors(rows: readonly WindowProjection[], ttlMs: number): RedisCommand[] {
  const oldest = new Map<string, bigint>();
  for (const { projectId, queryStartedAt } of rows) {
    const known = oldest.get(projectId);
    if (known === undefined || queryStartedAt < known) oldest.set(projectId, queryStartedAt);
  }
  return [...oldest].flatMap(([projectId, startedAt]): RedisCommand[] => {
    const key = windowFloorKey(projectId);
    return [
      ["set", key, formatVersion(startedAt), "PX", ttlMs, "NX"],
      ["pexpire", key, ttlMs],
    ];
  });
}
