/** What an operator sets of standalone: the settings of every service in it, and its own. */
import { ingestConfigSchema } from "@nonet/ingest/config.ts";
import { processorConfigSchema } from "@nonet/processor/config.ts";
import { listenAddress } from "@nonet/proto/listen-address.ts";
import { queryApiConfigSchema } from "@nonet/query-api/config.ts";
import { z } from "zod";

const gigabyte = 1_073_741_824;

export const standaloneConfigSchema = z.object({
  ...ingestConfigSchema.shape,
  ...processorConfigSchema.shape,
  ...queryApiConfigSchema.shape,
  NONET_DATA_DIR: z
    .string()
    .min(1)
    .default(".nonet")
    .describe("everything standalone keeps; locked against a second process"),
  NONET_ADMIN_ADDRESS: listenAddress.prefault("127.0.0.1:4320").describe("admin port: /ready, /live, /metrics"),
  NONET_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,4096}$/, "must be 16 to 4096 visible ASCII characters")
    .optional()
    .describe("the first key, instead of one made at first start"),
  NONET_LOG_SYNCHRONOUS: z
    .enum(["FULL", "NORMAL"])
    .default("FULL")
    .describe("`FULL` survives the loss of power, `NORMAL` only that of the process"),
  NONET_LOG_BACKLOG_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(1_048_576)
    .default(4 * gigabyte)
    .describe("disk for spans that wait for the store; beyond it senders are told to come back"),
  NONET_LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("warn")
    .describe("level of the log on standard error"),
});

export type StandaloneConfig = z.infer<typeof standaloneConfigSchema>;
