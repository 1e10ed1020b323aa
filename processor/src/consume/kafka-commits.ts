import { setTimeout as delay } from "node:timers/promises";

export interface KafkaCommits {
  /** The partition's next offset to read from now on. Committed soon, together with the other partitions'; a later call replaces it. */
  request(partition: number, nextOffset: bigint): void;
  /** The partition is no longer ours: what was requested for it and is not under way must not be committed. */
  forget(partition: number): void;
  /** The last offset that Kafka confirmed since the partition was assigned. */
  confirmed(partition: number): bigint | undefined;
  /** Resolves when nothing is left to commit, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
  close(): void;
}

const retryMs = 200;

/**
 * Commits offsets one request at a time. A failed one is tried again for as long as the partition is ours: what it stands for is stored
 * already, so until it succeeds only the work after a crash grows.
 *
 * @param send  makes one attempt, in the group's generation at the time of the call. It must not try again by itself: a second attempt could
 * fall into a later generation, and carry a partition that has moved.
 */
export function createKafkaCommits(send: (offsets: ReadonlyMap<number, bigint>) => Promise<void>): KafkaCommits {
  const requested = new Map<number, bigint>();
  const confirmed = new Map<number, bigint>();
  const stop = new AbortController();
  let running: Promise<void> | undefined;

  async function commitAll(): Promise<void> {
    while (requested.size > 0 && !stop.signal.aborted) {
      const offsets = new Map(requested);
      try {
        await send(offsets);
        for (const [partition, offset] of offsets) {
          if (!requested.has(partition)) continue;
          confirmed.set(partition, offset);
          if (requested.get(partition) === offset) requested.delete(partition);
        }
      } catch {
        // Away, or rebalancing: the consumer itself notices and tells; here it is only too early.
        await delay(retryMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  }

  return {
    request(partition, nextOffset) {
      requested.set(partition, nextOffset);
      running ??= commitAll().finally(() => {
        running = undefined;
      });
    },
    forget(partition) {
      requested.delete(partition);
      confirmed.delete(partition);
    },
    confirmed: (partition) => confirmed.get(partition),
    async flush(timeoutMs) {
      const timeout = new AbortController();
      await Promise.race([running, delay(timeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined)]);
      timeout.abort();
    },
    close: () => stop.abort(),
  };
}
