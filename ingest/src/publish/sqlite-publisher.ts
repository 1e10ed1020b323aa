/** Publishes into standalone's SQLite log: all requests that wait share one transaction. */
import { PipelineError } from "@nonet/proto/errors.ts";
import type { SqliteLog } from "@nonet/proto/sqlite-log.ts";
import { agentEventsTopic } from "@nonet/proto/topics.ts";
import type { LogRecord, PublishedTo, Publisher } from "./publisher.ts";

export interface SqlitePublisherConfig {
  recordBytesMax: number;
  /** Bytes of requests that wait for the next transaction. */
  queueBytesMax: number;
}

/** A write is news for so long. */
const contactMs = 5_000;
/** And a failure. */
const failedContactMs = 500;

interface Waiting {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  resolve(result: PublishedTo): void;
  reject(error: PipelineError): void;
}

export function createSqlitePublisher(
  config: SqlitePublisherConfig,
  deps: { log: SqliteLog; now(): number },
): Publisher {
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  let healthy = true;
  let lastContactMs = Number.NEGATIVE_INFINITY;
  let closed = false;

  function writeWaiting(): void {
    scheduled = false;
    const batch = waiting;
    waiting = [];
    waitingBytes = 0;
    try {
      const placed = deps.log.append(
        batch.map((each) => each.records),
        deps.now(),
      );
      healthy = true;
      lastContactMs = performance.now();
      batch.forEach((each, index) => {
        each.resolve(toPublishedTo(placed[index] ?? new Map()));
      });
    } catch (caught) {
      const error = PipelineError.from(caught, "LOG_UNAVAILABLE");
      healthy = error.code !== "LOG_UNAVAILABLE";
      lastContactMs = performance.now();
      for (const each of batch) each.reject(error);
    }
  }

  /** By the last write, or by one that was made to find out: without it a log that failed once would have no sender left to show that it is back. */
  function isWritable(): boolean {
    const nowMs = performance.now();
    if (nowMs - lastContactMs > (healthy ? contactMs : failedContactMs)) {
      healthy = deps.log.isWritable();
      lastContactMs = nowMs;
    }
    return healthy;
  }

  return {
    recordBytesMax: config.recordBytesMax,
    publish(records) {
      if (closed) return Promise.reject(new PipelineError("DRAINING", "the publisher is closed"));
      let bytes = 0;
      for (const record of records) {
        const size = record.key.length + record.value.length;
        if (size > config.recordBytesMax) {
          return Promise.reject(
            new PipelineError(
              "RECORD_TOO_LARGE",
              `record of ${size} bytes exceeds recordBytesMax ${config.recordBytesMax}`,
            ),
          );
        }
        bytes += size;
      }
      if (waitingBytes + bytes > config.queueBytesMax && waitingBytes > 0) {
        return Promise.reject(
          new PipelineError(
            "OVERLOADED",
            `${waitingBytes} bytes wait for the log, queueBytesMax is ${config.queueBytesMax}`,
          ),
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({ records, bytes, resolve, reject });
        waitingBytes += bytes;
        // After the I/O of this turn of the event loop, so that all requests that came with it share the transaction.
        if (!scheduled) setImmediate(writeWaiting);
        scheduled = true;
      });
    },
    isHealthy: () => !closed && isWritable(),
    async close() {
      closed = true;
      if (waiting.length > 0) writeWaiting();
    },
  };
}

function toPublishedTo(lastOffsets: ReadonlyMap<number, number>): PublishedTo {
  return {
    topic: agentEventsTopic,
    partitions: [...lastOffsets].map(([partition, offset]) => ({ partition, lastOffset: BigInt(offset) })),
  };
}
