/** What an operator sets of the query API. Parsed once in main.ts; everything else receives values. docs/config.md is generated from it. */

import {
  clickhouseSettings,
  databaseSettings,
  receiptSettings,
  redisSettings,
} from "@nonet/proto/connection-settings.ts";
import { listenAddress } from "@nonet/proto/listen-address.ts";
import { z } from "zod";

export const queryApiConfigSchema = z.object({
  NONET_API_ADDRESS: listenAddress.prefault("127.0.0.1:4319").describe("listen address of the APIs and the UI"),
  NONET_API_RATE_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(0)
    .default(6_000)
    .describe("requests per key and minute; 0 is unlimited. A UI that polls stays far below"),
  NONET_API_TRACE_CACHE_CHARACTERS_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .default(16_777_216)
    .describe(
      "characters of stored spans whose traces are kept mapped for the next page; in memory about four times that",
    ),
  NONET_RECEIPT_DAYS: z.coerce
    .number()
    .min(0.0001)
    .max(36_500)
    .default(90)
    .describe("how long a receipt says more than `expired`; give it the retention of the store"),
  NONET_LIVE_STUCK_SECONDS: z.coerce
    .number()
    .min(1)
    .max(86_400)
    .default(120)
    .describe(
      "silence after which a session that runs is marked as stuck; model calls and tools rarely say nothing for two minutes",
    ),
  NONET_LIVE_CONNECTIONS_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .default(200)
    .describe("live streams of this process; beyond them 503. Each may hold one event that its client has not taken"),
  NONET_LIVE_PROJECT_CONNECTIONS_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .default(50)
    .describe("live streams of one project in this process, so that none takes all; beyond them 429"),
  NONET_API_CURSOR_SECRET: z
    .string()
    .min(16)
    .optional()
    .describe(
      "signs cursors and ids of live events; processes that serve one API must share it. Standalone makes its own; without it here, cursors end with the process",
    ),
});

export type QueryApiConfig = z.infer<typeof queryApiConfigSchema>;

/** The same, and what a process of its own needs to reach the others. */
export const queryApiProcessSchema = z.object({
  ...queryApiConfigSchema.shape,
  ...clickhouseSettings,
  ...databaseSettings,
  ...receiptSettings,
  ...redisSettings,
  NONET_ADMIN_ADDRESS: listenAddress.prefault("127.0.0.1:4322").describe("admin port: /ready, /live, /metrics"),
  NONET_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("level of the log"),
});
