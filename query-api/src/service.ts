/** The query API as a service: the Express app on its port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { formatAddress, listenError } from "@nonet/proto/listen-address.ts";
import type { Redis } from "ioredis";
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import { type AppDeps, createApp } from "./app.ts";
import type { QueryApiConfig } from "./config.ts";
import { refuseBadHeads } from "./http/refuse-head.ts";
import { liveDefaults } from "./live/live-config.ts";

export interface QueryApi {
  /** host:port as it listens. */
  readonly address: string;
  /** Ends running requests within a short time; safe to call twice. */
  close(): Promise<void>;
}

export interface QueryApiDeps
  extends Omit<
    AppDeps,
    "rateLimiter" | "readerLimits" | "traceCacheCharactersMax" | "receiptRetentionMs" | "live" | "closing"
  > {
  /** Where several processes count requests together; without it each counts its own. */
  readonly redis?: Redis;
}

/** Well above what a page takes; a query beyond them is a defect or an attack. */
const readerLimits = { executionSecondsMax: 30, memoryBytesMax: 1_073_741_824 };

/** Above the longest request target that we take, so that a longer one gets its 414 from us. */
const headerBytesMax = 65_536;

/** Longer than common proxies keep a connection, so that the proxy closes first. */
const keepAliveTimeoutMs = 75_000;
const closeGraceMs = 5_000;

/** @throws PipelineError `ADDRESS_IN_USE`. */
export async function startQueryApi(config: QueryApiConfig, deps: QueryApiDeps): Promise<QueryApi> {
  const closing = new AbortController();
  const app = createApp({
    ...deps,
    rateLimiter: createRateLimiter(config.NONET_API_RATE_PER_MINUTE, deps.redis),
    readerLimits,
    receiptRetentionMs: config.NONET_RECEIPT_DAYS * 86_400_000,
    traceCacheCharactersMax: config.NONET_API_TRACE_CACHE_CHARACTERS_MAX,
    live: {
      ...liveDefaults,
      stuckMs: config.NONET_LIVE_STUCK_SECONDS * 1000,
      connectionsMax: config.NONET_LIVE_CONNECTIONS_MAX,
      projectConnectionsMax: config.NONET_LIVE_PROJECT_CONNECTIONS_MAX,
    },
    closing: closing.signal,
  });
  const server = createServer({ maxHeaderSize: headerBytesMax }, app);
  server.keepAliveTimeout = keepAliveTimeoutMs;
  refuseBadHeads(server, deps);
  const { host, port } = config.NONET_API_ADDRESS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, { host, port, setting: "NONET_API_ADDRESS" })));
    server.listen(port, host, resolve);
  });
  // `as`: a TCP server that listens has an AddressInfo.
  const listening = server.address() as AddressInfo;
  return {
    address: formatAddress({ host, port: listening.port }),
    async close() {
      if (!server.listening) return;
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Redis that is away makes limits local and refuses nobody. */
function createRateLimiter(perMinute: number, redis: Redis | undefined): RateLimiterAbstract {
  const points = perMinute === 0 ? Number.MAX_SAFE_INTEGER : perMinute;
  const local = new RateLimiterMemory({ points, duration: 60, keyPrefix: "rate" });
  if (redis === undefined) return local;
  return new RateLimiterRedis({ storeClient: redis, points, duration: 60, keyPrefix: "rate", insuranceLimiter: local });
}
