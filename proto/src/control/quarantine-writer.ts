/**
 * The way into the quarantine: a bounded queue that is written in the background, so that whoever fills it neither waits nor fails. A crash
 * loses what was queued in the last half second; what does not fit is dropped and counted.
 */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { PipelineError } from "../errors.ts";
import type { NewQuarantined, QuarantineStore } from "./quarantine.ts";

const megabyte = 1_048_576;

export const quarantineSettings = {
  NONET_QUARANTINE_ENTRIES_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe("entries of the quarantine per project; the oldest go first"),
  NONET_QUARANTINE_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(megabyte)
    .default(256 * megabyte)
    .describe("bytes of the quarantine per project; the oldest entries go first"),
  NONET_QUARANTINE_ENTRY_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(1_024)
    .max(64 * megabyte)
    .default(megabyte)
    .describe("bytes kept of one entry; one that is cut can be read but not replayed"),
  NONET_QUARANTINE_DAYS: z.coerce.number().min(0.01).max(3_650).default(7).describe("how long an entry is kept"),
} as const;

export type QuarantineSettings = z.infer<z.ZodObject<typeof quarantineSettings>>;

/** What the writer is offered: it cuts the bytes itself. */
export type OfferedToQuarantine = Omit<NewQuarantined, "size">;

export interface QuarantineWriter {
  /** Takes a copy. @returns false when there is no room: dropped and counted. */
  offer(entry: OfferedToQuarantine): boolean;
  /** Counts what was not even offered. */
  drop(count: number): void;
  /** Writes what is queued, as far as the database answers within a few seconds; safe to call twice. */
  close(): Promise<void>;
}

export interface QuarantineWriterDeps {
  readonly store: Pick<QuarantineStore, "add">;
  onHeld(count: number): void;
  /** `no_room` in the queue, `evicted` from the store by newer ones, `unwritten` at the end of the process. */
  onDropped(cause: "no_room" | "evicted" | "unwritten", count: number): void;
  /** At each failure after a success. */
  onError(error: PipelineError): void;
}

const queueEntriesMax = 5_000;
const queueBytesMax = 32 * megabyte;
const batchEntriesMax = 200;
const batchBytesMax = 4 * megabyte;
/** Between two writes. With SQLite a write of 200 entries holds the thread for some 10 ms; this bounds what a flood of bad spans costs others. */
const pauseMs = 500;
const closeTimeoutMs = 3_000;

export function createQuarantineWriter(settings: QuarantineSettings, deps: QuarantineWriterDeps): QuarantineWriter {
  const limits = {
    entriesMax: settings.NONET_QUARANTINE_ENTRIES_MAX,
    bytesMax: settings.NONET_QUARANTINE_BYTES_MAX,
    ageMsMax: settings.NONET_QUARANTINE_DAYS * 86_400_000,
  };
  const queue: NewQuarantined[] = [];
  let queuedBytes = 0;
  let writing: Promise<void> | undefined;
  let failing = false;
  const closed = new AbortController();

  function nextBatch(): NewQuarantined[] {
    let count = 0;
    let bytes = 0;
    for (const entry of queue) {
      bytes += entry.bytes.length;
      if (count === batchEntriesMax || (count > 0 && bytes > batchBytesMax)) break;
      count += 1;
    }
    return queue.slice(0, count);
  }

  async function writeBatch(): Promise<boolean> {
    const batch = nextBatch();
    try {
      const evicted = await deps.store.add(batch, limits);
      for (const entry of queue.splice(0, batch.length)) queuedBytes -= entry.bytes.length + entry.key.length;
      deps.onHeld(batch.length);
      if (evicted > 0) deps.onDropped("evicted", evicted);
      failing = false;
      return true;
    } catch (caught) {
      if (!failing) deps.onError(PipelineError.from(caught, "CONTROL_UNAVAILABLE"));
      failing = true;
      return false;
    }
  }

  async function writeAll(): Promise<void> {
    while (queue.length > 0) {
      // Interrupted by close, which then has no time to lose.
      await delay(pauseMs, undefined, { signal: closed.signal }).catch(() => undefined);
      if (!(await writeBatch()) && closed.signal.aborted) return;
    }
  }

  return {
    offer(entry) {
      const bytes = Buffer.from(entry.bytes.subarray(0, settings.NONET_QUARANTINE_ENTRY_BYTES_MAX));
      const size = bytes.length + entry.key.length;
      if (closed.signal.aborted || queue.length >= queueEntriesMax || queuedBytes + size > queueBytesMax) {
        deps.onDropped("no_room", 1);
        return false;
      }
      queue.push({ ...entry, bytes, size: entry.bytes.length, key: Buffer.from(entry.key) });
      queuedBytes += size;
      writing ??= writeAll().finally(() => {
        writing = undefined;
      });
      return true;
    },
    drop: (count) => deps.onDropped("no_room", count),
    async close() {
      closed.abort();
      const timeout = new AbortController();
      await Promise.race([
        writing,
        delay(closeTimeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined),
      ]);
      timeout.abort();
      if (queue.length > 0) deps.onDropped("unwritten", queue.splice(0).length);
    },
  };
}
