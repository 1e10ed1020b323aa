import { Redis } from "ioredis";
import { PipelineError } from "../errors.ts";

export interface RedisConnectionConfig {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url: string;
  /** For one command, and so for one pipeline. */
  readonly commandTimeoutMs: number;
  /** How long Redis is left alone after a failure. */
  readonly pauseMs: number;
}

export type RedisCommand = readonly [name: string, ...args: (string | number)[]];
/** What Redis answered to one command of a pipeline; its refusal of one command is an Error in its place. */
export type RedisReply = unknown;

export interface RedisConnection {
  /**
   * Runs a pipeline. After a failure everything is refused at once until the pause is over; then one pipeline tries, and the others are
   * refused until it came back.
   *
   * @returns a reply for each command.
   * @throws PipelineError `PROJECTION_UNAVAILABLE`: no connection, no answer in time, or Redis refuses work (loading, out of memory, read-only).
   */
  run(commands: readonly RedisCommand[]): Promise<RedisReply[]>;
  /** Whether `run` would be refused without trying. */
  isPaused(): boolean;
  isHealthy(): boolean;
  close(): void;
}

/** Refusals of one command for its key alone, which say nothing about Redis; by the code that a Redis error begins with. */
const refusalsOfOneKey = new Set(["WRONGTYPE", "NOSCRIPT", "ERR"]);
const reconnectMsMax = 1_000;

/**
 * One connection, made at once and again for ever. Nothing is queued while it is away and nothing is sent twice: the caller's batch is over by
 * then, and what it projects is in ClickHouse.
 */
export function connectRedis(config: RedisConnectionConfig, onError: (error: PipelineError) => void): RedisConnection {
  const redis = openClient(config);
  let connectProblem = "connecting";
  let paused = false;
  let closed = false;
  let retryAtMs = 0;
  let lastError = unavailable("not connected yet");

  function fail(error: PipelineError): never {
    const firstFailure = !paused;
    paused = true;
    retryAtMs = performance.now() + config.pauseMs;
    lastError = error;
    if (firstFailure) onError(error);
    throw error;
  }

  redis.on("ready", () => {
    paused = false;
  });
  redis.on("error", (error) => {
    // The next pipeline tells it; without a listener ioredis prints every attempt to connect.
    connectProblem = error.message;
  });

  const isPaused = () => paused && performance.now() < retryAtMs;

  return {
    async run(commands) {
      if (commands.length === 0) return [];
      if (isPaused()) throw lastError;
      if (redis.status !== "ready") fail(unavailable(`not connected: ${connectProblem}`));
      // While this pipeline tries, the others wait for its result.
      if (paused) retryAtMs = performance.now() + config.commandTimeoutMs + config.pauseMs;
      const results = await redis.pipeline(commands.map((command) => [...command])).exec();
      const replies = (results ?? []).map(([error, reply]) => error ?? reply);
      const failure = replies.find(isFailureOfRedis);
      if (failure !== undefined) {
        // A connection that went silent would keep every pipeline in its buffers: it is given up with its first timeout.
        if (!isRedisRefusal(failure) && redis.status === "ready") redis.disconnect(true);
        fail(unavailable(failure.message, failure));
      }
      if (replies.length !== commands.length) fail(unavailable("the pipeline ended without replies"));
      paused = false;
      return replies;
    },
    isPaused,
    isHealthy: () => !closed && redis.status === "ready" && !paused,
    close() {
      closed = true;
      redis.disconnect();
    },
  };
}

function openClient(config: RedisConnectionConfig): Redis {
  if (!/^rediss?:\/\//.test(config.url) || !URL.canParse(config.url)) {
    // The URL may hold a password: it is not repeated.
    throw new PipelineError("CONFIG_INVALID", "REDIS_URL must be a URL that starts with redis:// or rediss://");
  }
  const redis = new Redis(config.url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: config.commandTimeoutMs,
    connectTimeout: 2_000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), reconnectMsMax) * (0.5 + Math.random() / 2),
    connectionName: "nonet",
  });
  return redis;
}

function isFailureOfRedis(reply: unknown): reply is Error {
  return reply instanceof Error && !(isRedisRefusal(reply) && refusalsOfOneKey.has(refusalCode(reply)));
}

function isRedisRefusal(error: Error): boolean {
  return error.name === "ReplyError";
}

/** Redis errors begin with their code: `OOM command not allowed when used memory > 'maxmemory'`. */
export function refusalCode(error: Error): string {
  return error.message.split(" ", 1)[0] ?? "";
}

function unavailable(reason: string, cause?: unknown): PipelineError {
  return new PipelineError("PROJECTION_UNAVAILABLE", `Redis: ${reason}`, { cause });
}
