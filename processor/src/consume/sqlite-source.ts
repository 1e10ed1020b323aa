/** Consumes standalone's SQLite log. One consumer owns all partitions; they are read in turn. */
import { setTimeout as delay } from "node:timers/promises";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { SqliteLog } from "@nonet/proto/sqlite-log.ts";
import type { RecordSource, SourceHandlers, SourceRecord } from "./record-source.ts";

export interface SqliteSourceConfig {
  consumerGroup: string;
  batchCountMax: number;
  batchBytesMax: number;
  /** A batch below `batchCountMax` waits this long for more, so that a trickle does not become one insert per span. */
  lingerMs: number;
  /** Pause after a batch that failed, doubled up to the maximum. */
  retryMs: number;
  retryMsMax: number;
}

const ownedForEver = { isLost: () => false };

export function createSqliteSource(
  config: SqliteSourceConfig,
  deps: {
    log: SqliteLog;
    onError(error: PipelineError): void;
    /** Records that are gone before they were read: offsets from `from` to before `to`. */
    onGap(partition: number, from: bigint, to: bigint): void;
  },
): RecordSource {
  const { log } = deps;
  const partitions = Array.from({ length: log.partitionCount }, (_, partition) => partition);
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let healthy = true;

  async function consume(handlers: SourceHandlers): Promise<void> {
    let failures = 0;
    while (!stop.signal.aborted) {
      try {
        const found = await consumeOnce(handlers);
        failures = 0;
        healthy = true;
        if (!found) await appended();
        await pause(config.lingerMs);
      } catch (caught) {
        healthy = false;
        deps.onError(PipelineError.from(caught));
        await pause(Math.min(config.retryMsMax, config.retryMs * 2 ** failures));
        failures += 1;
      }
    }
  }

  /** @returns whether any partition had records. */
  async function consumeOnce(handlers: SourceHandlers): Promise<boolean> {
    let found = false;
    for (const partition of partitions) {
      let full = true;
      while (full && !stop.signal.aborted) {
        const offset = log.committed(config.consumerGroup, partition);
        const stored = log.read(partition, offset, config.batchCountMax, config.batchBytesMax);
        const last = stored.at(-1);
        if (last === undefined) break;
        found = true;
        const records: SourceRecord[] = stored.map((record) => ({ ...record, offset: BigInt(record.offset) }));
        await handlers.batch(partition, records, ownedForEver);
        log.commit(config.consumerGroup, partition, last.offset + 1);
        full = last.offset + 1 < log.end(partition) && stored.length * 2 > config.batchCountMax;
      }
    }
    return found;
  }

  function appended(): Promise<void> {
    if (partitions.some((each) => log.committed(config.consumerGroup, each) < log.end(each))) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        off();
        stop.signal.removeEventListener("abort", wake);
        resolve();
      };
      const off = log.onAppended(wake);
      stop.signal.addEventListener("abort", wake);
    });
  }

  async function pause(ms: number): Promise<void> {
    // Aborted by close: the loop ends at its next check.
    await delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  }

  return {
    async run(handlers) {
      await handlers.assigned(partitions);
      for (const partition of partitions) {
        const committed = log.committed(config.consumerGroup, partition);
        const begin = log.begin(partition);
        if (committed < begin) deps.onGap(partition, BigInt(committed), BigInt(begin));
      }
      running = consume(handlers).then(() => handlers.revoked(partitions));
    },
    async positions() {
      return partitions.map((partition) => ({
        partition,
        committed: BigInt(log.committed(config.consumerGroup, partition)),
        end: BigInt(log.end(partition)),
      }));
    },
    isHealthy: () => healthy,
    async close() {
      stop.abort();
      await running;
    },
  };
}
