/** What the child is told at its start; everything but the directory has a default. */
export interface ChdbServerConfig {
  /** Made when missing. Holds the tables (`clickhouse/`), large results while they are sent (`spool/`) and the lock. */
  readonly dataDirectory: string;
  /** Loopback port; 0 chooses a free one. */
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Statements that read at the same time; each is a connection of about a megabyte. */
  readonly readSessions: number;
  /** Most that a client may ask for in `max_execution_time` of a read, and what it gets without asking. */
  readonly readSecondsMax: number;
  /** The same of `max_memory_usage`. */
  readonly readMemoryBytesMax: number;
  /** `max_memory_usage` of inserts, merges asked for by hand, and DDL. */
  readonly writeMemoryBytesMax: number;
  /** The whole engine; above it statements fail with MEMORY_LIMIT_EXCEEDED. */
  readonly engineMemoryBytesMax: number;
  /** Writes that may wait for the one write session. */
  readonly writeWaitersMax: number;
  /** Below the 30 s after which `@clickhouse/client` gives up by itself: the refusal says more than a broken connection. */
  readonly waitMsMax: number;
  readonly readWaitersMax: number;
  /** One request, after decompression. */
  readonly bodyBytesMax: number;
  /** All requests whose bodies are held at the same time. */
  readonly bodyBytesInFlightMax: number;
  /** A result up to this size (in the engine's columns) is held in memory; a larger one goes through a file. */
  readonly bufferedResultBytesMax: number;
  readonly bufferedResultRowsMax: number;
  /** The same for a client that limits its result itself: it gets an error instead of a file. */
  readonly limitedResultBytesMax: number;
  /** Size of the file; above it the read is stopped with an error. */
  readonly spooledResultBytesMax: number;
  /** How long a predecessor on the same directory may take to finish its writes. */
  readonly lockWaitMs: number;
  /** After a request to stop: how long the running writes may take before the process ends anyway. */
  readonly drainMsMax: number;
}

const mebibyte = 1024 * 1024;

export const defaultConfig: Omit<ChdbServerConfig, "dataDirectory" | "password"> = {
  port: 0,
  username: "default",
  readSessions: 3,
  readSecondsMax: 30,
  readMemoryBytesMax: 1024 * mebibyte,
  writeMemoryBytesMax: 2048 * mebibyte,
  engineMemoryBytesMax: 3072 * mebibyte,
  writeWaitersMax: 64,
  waitMsMax: 20_000,
  readWaitersMax: 256,
  bodyBytesMax: 128 * mebibyte,
  bodyBytesInFlightMax: 256 * mebibyte,
  bufferedResultBytesMax: 8 * mebibyte,
  bufferedResultRowsMax: 100_000,
  limitedResultBytesMax: 64 * mebibyte,
  spooledResultBytesMax: 4096 * mebibyte,
  lockWaitMs: 5_000,
  drainMsMax: 10_000,
};
