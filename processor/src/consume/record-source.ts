/** The way out of the log. One interface, two implementations (Kafka, and standalone's SQLite log). */

export interface SourceRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** When the log took it, ms since 1970. */
  readonly timestampMs: number;
}

/** Tells whether the partition still belongs to this consumer. Nothing may be written after it is lost; the version fence catches the rest. */
export interface PartitionLease {
  isLost(): boolean;
}

export interface SourceHandlers {
  /** Before the first batch of these partitions. */
  assigned(partitions: readonly number[]): Promise<void>;
  /** After the last batch of these partitions has ended. */
  revoked(partitions: readonly number[]): Promise<void>;
  /**
   * One partition's records in offset order. When it resolves, the source commits the last offset + 1 (law 2). When it throws, nothing is
   * committed and the same records come again after a back-off.
   */
  batch(partition: number, records: readonly SourceRecord[], lease: PartitionLease): Promise<void>;
}

export interface PartitionPosition {
  readonly partition: number;
  /** The next offset to read; 0 when nothing was committed yet. */
  readonly committed: bigint;
  /** The offset the next record will get. */
  readonly end: bigint;
}

export interface RecordSource {
  /** Starts consuming; resolves once the source takes part (it need not own a partition yet). */
  run(handlers: SourceHandlers): Promise<void>;
  positions(): Promise<readonly PartitionPosition[]>;
  isHealthy(): boolean;
  /** Ends after the running batch; safe to call twice and before `run`. */
  close(): Promise<void>;
}
