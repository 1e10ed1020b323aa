import { type FeedItem, type FeedNotice, feedQueueMax } from "./projection.ts";

export interface FeedQueue {
  push(item: FeedNotice): void;
  /** Drops what waits: the subscriber reads everything again, and what comes later follows `id`. */
  reset(id: string | undefined): void;
  /** Ends the iteration, after what waits was taken. */
  end(): void;
  /** For one reader. Ends at once when the signal aborts. */
  items(signal: AbortSignal): AsyncGenerator<FeedItem, void>;
}

/** What waits for one subscriber: at most `feedQueueMax` items; one more than that, and they become a single reset. */
export function createFeedQueue(): FeedQueue {
  let waiting: FeedItem[] = [];
  let ended = false;
  let wake = () => {};

  const reset = (id: string | undefined) => {
    waiting = [id === undefined ? { reset: true } : { reset: true, id }];
    wake();
  };
  return {
    push(item) {
      if (waiting.length >= feedQueueMax) reset(item.id);
      else waiting.push(item);
      wake();
    },
    reset,
    end() {
      ended = true;
      wake();
    },
    async *items(signal) {
      const onAbort = () => wake();
      signal.addEventListener("abort", onAbort);
      try {
        while (!signal.aborted) {
          const taken = waiting;
          waiting = [];
          for (const item of taken) {
            if (signal.aborted) return;
            yield item;
          }
          if (waiting.length > 0) continue;
          if (ended) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (signal.aborted) resolve();
          });
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
