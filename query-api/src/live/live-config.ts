/** The limits and times of the live streams, each with its reason. */
import type { ConnectionLimits } from "./connections.ts";
import type { EventStreamConfig } from "./event-stream.ts";
import type { FreshLoaderConfig } from "./fresh-loader.ts";
import type { LiveSessionLimits } from "./live-session.ts";
import type { OpenStreamsConfig } from "./open-streams.ts";
import type { ProjectStreamConfig } from "./project-stream.ts";
import type { SessionStreamConfig } from "./session-stream.ts";

export interface LiveConfig
  extends ConnectionLimits,
    EventStreamConfig,
    FreshLoaderConfig,
    LiveSessionLimits,
    OpenStreamsConfig,
    ProjectStreamConfig,
    SessionStreamConfig {
  /** Of each of two caches: traces as they were shaped, and what followers were told. */
  readonly cacheCharactersMax: number;
}

/** What an operator does not set. */
export const liveDefaults = {
  /** Proxies cut a connection that is silent for 30 to 60 s. */
  heartbeatMs: 15_000,
  /** Longer than a phone is without a network; then the client comes back and resumes. */
  slowMsMax: 30_000,
  waitingBytesMax: 67_108_864,
  /** A fresh change shows at once; a session that changes all the time ten times a second, and takes a quarter of the time that its loads take. */
  restMsMin: 100,
  restFactor: 3,
  /** About 5,000 spans: more than anybody looks at, and a snapshot of a few MiB. */
  nodesMax: 10_000,
  charactersMax: 4_194_304,
  cacheCharactersMax: 8_388_608,
  gatherMs: 100,
  sessionsMax: 500,
  tickMs: 1_000,
  awayPollMs: 2_000,
  refreshMs: 60_000,
  retryMs: 1_000,
  /** A revoked key is known as such a minute later (credentials.ts); looking more often would find nothing. */
  recheckMs: 15_000,
  /** So that not all come back at once: between the first and the second. */
  comeBackMs: [1_000, 5_000],
} as const satisfies Partial<LiveConfig>;
