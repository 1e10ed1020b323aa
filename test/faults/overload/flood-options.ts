/** What the flood's sender is told and what it says, as JSON in its first argument and on its standard output. */

export interface FloodOptions {
  readonly transport: "http" | "grpc";
  readonly port: number;
  readonly apiKey: string;
  /** Connections; over gRPC each carries `callsPerConnection` calls at a time. */
  readonly connections: number;
  readonly callsPerConnection: number;
  readonly spansPerRequest: number;
  /** Requests a second over all connections; 0 sends the next as soon as one is answered. */
  readonly requestsPerSecond: number;
  /** A refused caller waits as long as it was told. One that does not obey sends on at once. */
  readonly obeysHints: boolean;
  readonly durationMs: number;
  /** As SDKs do, an answer that takes longer is given up. */
  readonly timeoutMs: number;
}

export interface FloodResult {
  readonly acceptedSpans: number;
  readonly accepted: number;
  readonly refused: number;
  /** Of `refused`: retryable, with RetryInfo or Retry-After. */
  readonly hinted: number;
  readonly timedOut: number;
  /** Connections that broke, and answers that are neither success nor a retryable refusal. */
  readonly failed: number;
  readonly acceptedMs: Quantiles;
  /** Of those that were not let in. */
  readonly turnedAwayMs: Quantiles;
  readonly turnedAway: number;
  /** Of all that were refused: some were let in and then waited for the log in vain. */
  readonly refusedMs: Quantiles;
  /** Milliseconds since 1970 of successes, at most one in 10 ms. */
  readonly acceptedAtMs: readonly number[];
  readonly elapsedMs: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
