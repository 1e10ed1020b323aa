/**
 * Tells others how far each partition is processed (receipts answer from it): a note per partition, written in the background at most once a
 * second, newest first. What a crash leaves unwritten is made up for when the partition is assigned again, from what the group has committed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { OwnedPosition } from "@nonet/proto/control/processed-positions.ts";
import type { PartitionPosition } from "./record-source.ts";

export interface PositionReporter {
  /** The partition is ours from now on; what the group committed before counts as queryable. */
  assigned(partition: number, epoch: bigint): void;
  revoked(partition: number): void;
  /** @param nextOffset everything before it is in the store. */
  stored(partition: number, nextOffset: bigint): void;
  /** @param nextOffset everything before it is projected too. */
  queryable(partition: number, nextOffset: bigint): void;
  /** Writes what is not yet written; safe to call twice. */
  close(): Promise<void>;
}

export interface PositionReporterDeps {
  save(positions: readonly OwnedPosition[]): Promise<void>;
  committed(): Promise<readonly PartitionPosition[]>;
  /** At each failure after a success; it goes on by itself. */
  onError(error: unknown): void;
}

interface Owned {
  readonly epoch: bigint;
  stored: bigint;
  queryable: bigint;
  /** Something is to be written. */
  dirty: boolean;
  /** The group's commit has been asked for. */
  known: boolean;
}

export function createPositionReporter(intervalMs: number, deps: PositionReporterDeps): PositionReporter {
  const owned = new Map<number, Owned>();
  const stop = new AbortController();
  let writing: Promise<void> | undefined;
  let failing = false;

  async function writeOnce(): Promise<void> {
    if ([...owned.values()].some((each) => !each.known)) {
      for (const { partition, committed } of await deps.committed()) {
        const each = owned.get(partition);
        if (each === undefined || each.known) continue;
        each.known = true;
        raise(each, "stored", committed);
        raise(each, "queryable", committed);
      }
    }
    const dirty = [...owned].filter(([, each]) => each.dirty);
    for (const [, each] of dirty) each.dirty = false;
    try {
      await deps.save(
        dirty.map(([partition, { epoch, stored, queryable }]) => ({ partition, epoch, stored, queryable })),
      );
    } catch (caught) {
      for (const [, each] of dirty) each.dirty = true;
      throw caught;
    }
  }

  async function write(): Promise<void> {
    while ([...owned.values()].some((each) => each.dirty || !each.known)) {
      try {
        await writeOnce();
        failing = false;
      } catch (caught) {
        if (!failing) deps.onError(caught);
        failing = true;
        if (stop.signal.aborted) return;
      }
      // Interrupted by close, which waits for one more write.
      await delay(intervalMs, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted && failing) return;
    }
  }

  function start(): void {
    writing ??= write().finally(() => {
      writing = undefined;
    });
  }

  function move(partition: number, which: "stored" | "queryable", nextOffset: bigint): void {
    const each = owned.get(partition);
    if (each === undefined) return;
    raise(each, which, nextOffset);
    start();
  }

  return {
    assigned(partition, epoch) {
      owned.set(partition, { epoch, stored: 0n, queryable: 0n, dirty: false, known: false });
      start();
    },
    revoked: (partition) => owned.delete(partition),
    stored: (partition, nextOffset) => move(partition, "stored", nextOffset),
    queryable: (partition, nextOffset) => move(partition, "queryable", nextOffset),
    async close() {
      stop.abort();
      await writing;
    },
  };
}

function raise(each: Owned, which: "stored" | "queryable", nextOffset: bigint): void {
  if (nextOffset <= each[which]) return;
  each[which] = nextOffset;
  each.dirty = true;
}
