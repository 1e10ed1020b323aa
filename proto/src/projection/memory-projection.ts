import { isTraceId, liveFeedKey, traceKey, windowFloorKey, windowKey } from "../redis-keys.ts";
import { createFeedQueue, type FeedQueue } from "./feed-queue.ts";
import { createLruMap } from "./lru-map.ts";
import {
  assertVersion,
  type FeedItem,
  type LiveNotice,
  type Projection,
  type ProjectionOutcome,
  splitNotice,
  valueBytesMax,
} from "./projection.ts";

export interface MemoryProjectionConfig {
  /** Of trees and windows together. Default 64 MiB: the whole of standalone idles below 450 MB. */
  readonly bytesMax?: number;
  /** Trees and windows. */
  readonly countMax?: number;
  readonly ttlMs?: number;
  /** Notices that each project's feed keeps for those who resume. */
  readonly feedLengthMax?: number;
  /** Of all projects' feeds together; beyond it the feed not used for longest is forgotten. */
  readonly feedBytesMax?: number;
}

export interface MemoryProjectionDeps {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

interface Value {
  readonly version: bigint;
  /** Undefined: too large to keep; it only holds the place against older versions. */
  readonly body: string | undefined;
  readonly expiresAtMs: number;
}

interface Feed {
  /** Without a notice: a place to resume from in a feed that had none. */
  entries: { readonly id: string; readonly notice: LiveNotice | undefined; readonly bytes: number }[];
  bytes: number;
}

const valueOverheadBytes = 200;
const feedsMax = 10_000;

/** The projection of standalone: gone with the process, which is a miss like any other. */
export function createMemoryProjection(
  config: MemoryProjectionConfig = {},
  deps: MemoryProjectionDeps = {},
): Projection {
  const { bytesMax = 67_108_864, countMax = 100_000, ttlMs = 3_600_000 } = config;
  const { now = Date.now } = deps;
  const values = createLruMap<Value>({ countMax, bytesMax });
  const feeds = createFeeds(config, now);
  let closed = false;

  function write(key: string, version: bigint, body: string): "written" | "stale" | "oversize" {
    assertVersion(version);
    const stored = values.get(key);
    if (stored !== undefined && stored.version > version && stored.expiresAtMs > now()) return "stale";
    const bytes = Buffer.byteLength(body);
    const kept = bytes <= valueBytesMax ? body : undefined;
    const value = { version, body: kept, expiresAtMs: now() + ttlMs };
    values.set(key, value, valueOverheadBytes + 2 * key.length + (kept === undefined ? 0 : bytes));
    return kept === undefined ? "oversize" : "written";
  }

  function read(key: string): Value | undefined {
    const value = values.get(key);
    return value !== undefined && value.expiresAtMs > now() ? value : undefined;
  }

  return {
    async writeTraces(rows) {
      return countResults(rows.map((row) => write(traceKey(row.projectId, row.traceId), row.version, row.tree)));
    },
    async writeWindows(rows) {
      return countResults(
        rows.map((row) =>
          write(windowKey(row.projectId, row.windowSeconds, row.windowStartSeconds), row.queryStartedAt, row.body),
        ),
      );
    },
    async forgetWindows(projectId, before) {
      return countResults([write(windowFloorKey(projectId), before, "")]);
    },
    async notify(notices) {
      for (const notice of notices.flatMap(splitNotice)) feeds.append(notice);
      return countResults(notices.map(() => "written"));
    },
    async readTrace(projectId, traceId, atLeast = 0n) {
      if (!isTraceId(traceId)) return undefined;
      const value = read(traceKey(projectId, traceId));
      if (value?.body === undefined || value.version < atLeast) return undefined;
      return { version: value.version, tree: value.body };
    },
    async readWindows(projectId, windowSeconds, starts) {
      const floor = read(windowFloorKey(projectId))?.version ?? 0n;
      const found = new Map<number, string>();
      for (const start of starts) {
        const value = read(windowKey(projectId, windowSeconds, start));
        if (value?.body !== undefined && value.version >= floor) found.set(start, value.body);
      }
      return found;
    },
    subscribe: feeds.subscribe,
    isHealthy: () => !closed,
    async close() {
      closed = true;
      feeds.close();
    },
  };
}

function createFeeds(config: MemoryProjectionConfig, now: () => number) {
  const { feedLengthMax = 10_000, feedBytesMax = 16_777_216 } = config;
  const feeds = createLruMap<Feed>({ countMax: feedsMax, bytesMax: feedBytesMax });
  const queues = new Map<string, Set<FeedQueue>>();
  let lastMs = 0;
  let sequence = 0;
  let closed = false;

  /** Grows over restarts too, as far as the clock does: an id of an earlier process is unknown, not somebody else's. */
  function nextId(): string {
    const ms = now();
    sequence = ms > lastMs ? 0 : sequence + 1;
    lastMs = Math.max(ms, lastMs);
    return `${lastMs}-${sequence}`;
  }

  function append(notice: LiveNotice): void {
    const key = liveFeedKey(notice.projectId);
    const id = addEntry(key, notice);
    for (const queue of queues.get(key) ?? []) queue.push({ id, notice });
  }

  function addEntry(key: string, notice: LiveNotice | undefined): string {
    const feed = feeds.get(key) ?? { entries: [], bytes: 0 };
    const bytes = 300 + (notice?.sessionIds.reduce((sum, id) => sum + 2 * id.length, 0) ?? 0);
    const entry = { id: nextId(), notice, bytes };
    feed.entries.push(entry);
    feed.bytes += bytes;
    // Half at a time, so that dropping costs nothing per notice.
    if (feed.entries.length > feedLengthMax || feed.bytes > feedBytesMax) dropOlderHalf(feed);
    feeds.set(key, feed, feed.bytes);
    return entry.id;
  }

  function catchUp(queue: FeedQueue, key: string, fromId: string | undefined): void {
    const entries = feeds.get(key)?.entries ?? [];
    const position = fromId === undefined ? -1 : entries.findLastIndex((entry) => entry.id === fromId);
    if (position === -1) queue.reset(entries.at(-1)?.id ?? addEntry(key, undefined));
    else for (const { id, notice } of entries.slice(position + 1)) if (notice !== undefined) queue.push({ id, notice });
  }

  async function* subscribe(
    projectId: string,
    fromId: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<FeedItem> {
    if (closed) return;
    const key = liveFeedKey(projectId);
    const queue = createFeedQueue();
    const listening = queues.get(key) ?? new Set();
    queues.set(key, listening.add(queue));
    try {
      catchUp(queue, key, fromId);
      yield* queue.items(signal);
    } finally {
      listening.delete(queue);
      if (listening.size === 0 && queues.get(key) === listening) queues.delete(key);
    }
  }

  return {
    append,
    subscribe,
    close() {
      closed = true;
      for (const listening of queues.values()) for (const queue of listening) queue.end();
    },
  };
}

function dropOlderHalf(feed: Feed): void {
  feed.entries = feed.entries.slice(Math.ceil(feed.entries.length / 2));
  feed.bytes = feed.entries.reduce((sum, entry) => sum + entry.bytes, 0);
}

function countResults(results: readonly ("written" | "stale" | "oversize")[]): ProjectionOutcome {
  const count = (result: string) => results.filter((each) => each === result).length;
  const oversize = count("oversize");
  return { written: count("written") + oversize, stale: count("stale"), oversize, failed: 0, skipped: 0 };
}
