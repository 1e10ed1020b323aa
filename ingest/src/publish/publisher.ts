/** The way into the log. One interface, two implementations (Kafka, and standalone's SQLite log), one conformance suite beside it. */

export interface LogRecord {
  /** `partitionKey(projectId, traceId)`. */
  readonly key: Uint8Array;
  /** An encoded `nonet.v1.AgentRecord`. */
  readonly value: Uint8Array;
  /** Only Kafka keeps them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where the records of one call lie. */
export interface PublishedTo {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly lastOffset: bigint }[];
}

export interface Publisher {
  /**
   * Resolves once every record is durable (law 1), within `publishTimeoutMs`. The order of records with one key is kept.
   *
   * @throws PipelineError `OVERLOADED` at once when more than the queue's bytes are waiting, `LOG_UNAVAILABLE`, `LOG_TIMEOUT` (the records may
   * then be there or not: the sender retries), `RECORD_TOO_LARGE` when a record exceeds `recordBytesMax`.
   */
  publish(records: readonly LogRecord[]): Promise<PublishedTo>;
  /** Largest key + value, in bytes, that the log takes. */
  readonly recordBytesMax: number;
  /** The log took a record, or answered a metadata call, in the last 15 s. */
  isHealthy(): boolean;
  /** Waits for what was taken; safe to call twice. */
  close(): Promise<void>;
}
