/** What an operator sets of the processor. Parsed once in main.ts; everything else receives values. docs/config.md is generated from it. */
import {
  clickhouseSettings,
  databaseSettings,
  kafkaSettings,
  redisSettings,
} from "@nonet/proto/connection-settings.ts";
import { quarantineSettings } from "@nonet/proto/control/quarantine-writer.ts";
import { listenAddress } from "@nonet/proto/listen-address.ts";
import { z } from "zod";

const megabyte = 1_048_576;

export const processorConfigSchema = z.object({
  NONET_BATCH_RECORDS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(5_000)
    .describe("records of one partition folded and stored together; the engine's cost per row is flat from here on"),
  NONET_BATCH_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(megabyte)
    .default(32 * megabyte)
    .describe("bytes of one batch; bounds the memory of a batch of large spans"),
  NONET_BATCH_LINGER_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe("how long a small batch waits for more, so that a trickle does not become one insert per span"),
  NONET_HOT_TRACES_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(20_000)
    .describe("traces kept in memory per partition; colder ones are loaded from the store"),
  NONET_HOT_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(megabyte)
    .default(64 * megabyte)
    .describe("bytes of the spans of those traces, as sent; in memory they take about three times that"),
  NONET_HOT_AGE_SECONDS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(300)
    .describe("a trace without a new span for this long is left to the store"),
  NONET_WINDOW_REFRESH_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(1_000)
    .describe("how often the windows that batches touched are recomputed, at most"),
  NONET_ROLL_AFTER_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(300)
    .describe("how long after its end an hour or a day is rolled into one row; what comes later costs a recomputation"),
  NONET_ROLL_SETTLE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .default(30)
    .describe("how long every processor has to learn which hours are closed; the same for all of them"),
  NONET_AUDIT_INTERVAL_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(300)
    .describe("how often some hours, chosen at random, are recounted and repaired where they drifted; 0 is never"),
  ...quarantineSettings,
});

export type ProcessorConfig = z.infer<typeof processorConfigSchema>;

/** The same, and what a process of its own needs to reach the others. */
export const processorProcessSchema = z.object({
  ...processorConfigSchema.shape,
  ...kafkaSettings,
  ...clickhouseSettings,
  ...databaseSettings,
  ...redisSettings,
  NONET_CONSUMER_GROUP: z
    .string()
    .min(1)
    .default("nonet-processor")
    .describe("consumer group; processors of one group share the partitions"),
  NONET_SESSION_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(3_000)
    .max(300_000)
    .default(10_000)
    .describe("a processor that is silent for so long loses its partitions"),
  NONET_ADMIN_ADDRESS: listenAddress.prefault("127.0.0.1:4321").describe("admin port: /ready, /live, /metrics"),
  NONET_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("level of the log"),
});
