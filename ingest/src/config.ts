/** What an operator sets of ingest. Parsed once in main.ts; everything else receives values. docs/config.md is generated from it. */

import { databaseSettings, kafkaSettings, receiptSettings } from "@nonet/proto/connection-settings.ts";
import { quarantineSettings } from "@nonet/proto/control/quarantine-writer.ts";
import { listenAddress, listenAddresses } from "@nonet/proto/listen-address.ts";
import { z } from "zod";
import { doorEncodings } from "./kafka-door/decode-export.ts";

const megabyte = 1_048_576;

export const ingestConfigSchema = z.object({
  /** Loopback by default: a default must not be open to the network. */
  NONET_OTLP_GRPC_ADDRESS: listenAddresses.prefault("127.0.0.1:4317,[::1]:4317").describe("OTLP/gRPC listen addresses"),
  NONET_OTLP_HTTP_ADDRESS: listenAddresses.prefault("127.0.0.1:4318,[::1]:4318").describe("OTLP/HTTP listen addresses"),
  NONET_OTLP_AUTH: z
    .enum(["off", "required"])
    .optional()
    .describe(
      "`off` accepts exports without a credential into project `default`; default `off` on loopback, `required` elsewhere",
    ),
  NONET_OTLP_API_KEY_HEADER: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default("x-api-key")
    .describe("header or metadata key that may carry the key instead of Authorization: Bearer"),
  NONET_OTLP_REQUEST_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(65_536)
    .default(64 * megabyte)
    .describe("largest request, compressed and decompressed; the size OTLP recommends"),
  NONET_OTLP_IN_FLIGHT_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(megabyte)
    .default(256 * megabyte)
    .describe("bytes of all requests between their first byte and their answer"),
  NONET_OTLP_BACKLOG_MS_MAX: z.coerce
    .number()
    .int()
    .min(100)
    .max(8_000)
    .default(1_500)
    .describe(
      "work that is let in is done in about this time, by the rate of the last seconds; beyond it senders are told to come back. Well below the 10 s after which a sender gives up",
    ),
  NONET_OTLP_PUBLISH_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(8_000)
    .describe("time to make a request durable; a common SDK gives an export 10 s"),
  NONET_OTLP_DRAIN_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(25_000)
    .describe("time for running requests at shutdown, below the usual 30 s before a kill"),
  NONET_OTLP_RATE_SPANS_PER_SECOND: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("spans per second and tenant; 0 is unlimited"),
  NONET_OTLP_TLS_CERT_FILE: z.string().optional().describe("certificate chain, PEM; reloaded when it changes"),
  NONET_OTLP_TLS_KEY_FILE: z.string().optional().describe("private key, PEM"),
  NONET_OTLP_TLS_CLIENT_CA_FILE: z
    .string()
    .optional()
    .describe("CA of client certificates; connections without one then fail"),
  NONET_OTLP_CORS_ORIGINS: z
    .string()
    .default("")
    .describe("allowed browser origins, separated by commas; `*` stands for labels"),
  NONET_OTLP_CORS_HEADERS: z.string().default("").describe("request headers allowed besides content-type"),
  NONET_RECORD_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(megabyte)
    .default(8 * megabyte)
    .describe("largest record of the log; a larger span is refused in partial success"),
  ...quarantineSettings,
});

export type IngestConfig = z.infer<typeof ingestConfigSchema>;

/** Project by topic. */
const topicProjects = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ""),
  )
  .pipe(z.array(z.string().regex(/^[A-Za-z0-9._-]{1,249}=[A-Za-z0-9_-]{1,64}$/, "is not topic=project")))
  .transform((entries) => entries.map((entry) => entry.split("=") as [topic: string, project: string]))
  .refine((pairs) => new Set(pairs.map(([topic]) => topic)).size === pairs.length, "names a topic twice")
  .transform((pairs): ReadonlyMap<string, string> => new Map(pairs));

/** The same, and what a process of its own needs to reach the others. */
export const ingestProcessSchema = z.object({
  ...ingestConfigSchema.shape,
  ...kafkaSettings,
  ...databaseSettings,
  ...receiptSettings,
  NONET_OTLP_KAFKA_TOPICS: topicProjects
    .prefault("")
    .describe(
      "topics that Collectors write requests to, each with the project its spans belong to: `otlp_spans=default`, separated by commas; none by default",
    ),
  NONET_OTLP_KAFKA_ENCODING: z
    .enum(doorEncodings)
    .default("otlp_proto")
    .describe("`encoding` of the Collector's Kafka exporter"),
  NONET_OTLP_KAFKA_GROUP: z.string().min(1).default("nonet-ingest").describe("consumer group of those topics"),
  NONET_INGEST_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe(
      "processes that share the ports and the bytes in flight; default one for each core, as long as each of them has room for a largest request",
    ),
  NONET_ADMIN_ADDRESS: listenAddress.prefault("127.0.0.1:4320").describe("admin port: /ready, /live, /metrics"),
  NONET_API_KEY: z
    .string()
    .min(16)
    .max(4096)
    .optional()
    .describe("the first key, made under a lock when there is none"),
  NONET_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("level of the log"),
});
