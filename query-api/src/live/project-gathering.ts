/** The changes of a project's live feed, gathered by session. Reads the feed no further than it can hold; the feed then resets its reader. */
import type { FeedItem, FeedReset, Projection } from "@nonet/proto/projection/projection.ts";
import { createWaker } from "./waker.ts";

export interface ChangedSession {
  /** Of `performance.now()`, of the last notice. */
  heardMs: number;
  /** Newest version by trace id. */
  readonly traces: Map<string, bigint>;
}

export interface Gathered {
  /** Came before the changes. */
  readonly reset: FeedReset | undefined;
  readonly sessions: ReadonlyMap<string, ChangedSession>;
  /** In the feed, after the last of it. */
  readonly place: string | undefined;
}

export interface Gathering {
  /** @returns undefined when there will be nothing more. */
  next(): Promise<Gathered | undefined>;
  /** Changes are gathered at least until then. */
  restUntil(ms: number): void;
}

export interface GatheringConfig {
  readonly gatherMs: number;
  readonly sessionsMax: number;
}

/** A wait that is this long has been forgotten by whoever should have ended it. */
const idleMs = 60_000;

export function startGathering(
  projection: Pick<Projection, "subscribe">,
  feed: { readonly projectId: string; readonly fromId: string | undefined; readonly signal: AbortSignal },
  config: GatheringConfig,
): Gathering {
  const { signal } = feed;
  const [news, room, full] = [createWaker(), createWaker(), createWaker()];
  signal.addEventListener("abort", () => {
    for (const waker of [news, room, full]) waker.wake();
  });
  let sessions = new Map<string, ChangedSession>();
  let reset: FeedReset | undefined;
  let place = feed.fromId;
  let firstHeardMs = 0;
  let restUntilMs = 0;
  let ended = false;

  function add(item: FeedItem): void {
    place = item.id;
    if ("reset" in item) {
      reset = item;
      sessions.clear();
      full.wake();
      return;
    }
    const heardMs = performance.now();
    if (sessions.size === 0) firstHeardMs = heardMs;
    const { traceId, version, sessionIds } = item.notice;
    for (const sessionId of sessionIds) {
      const known = sessions.get(sessionId) ?? { heardMs, traces: new Map<string, bigint>() };
      known.heardMs = heardMs;
      const before = known.traces.get(traceId);
      if (before === undefined || before < version) known.traces.set(traceId, version);
      sessions.set(sessionId, known);
    }
  }

  void (async () => {
    for await (const item of projection.subscribe(feed.projectId, feed.fromId, signal)) {
      add(item);
      news.wake();
      while (sessions.size >= config.sessionsMax && !signal.aborted) {
        full.wake();
        await room.wait(idleMs);
      }
    }
    ended = true;
    news.wake();
  })();

  return {
    async next() {
      while (reset === undefined && sessions.size === 0) {
        if (ended || signal.aborted) return undefined;
        await news.wait(idleMs);
      }
      while (reset === undefined && sessions.size < config.sessionsMax && !signal.aborted) {
        const waitMs = Math.max(firstHeardMs + config.gatherMs, restUntilMs) - performance.now();
        if (waitMs <= 0) break;
        await full.wait(waitMs);
      }
      const taken = { reset, sessions, place };
      reset = undefined;
      sessions = new Map();
      room.wake();
      return taken;
    },
    restUntil(ms) {
      restUntilMs = ms;
    },
  };
}
