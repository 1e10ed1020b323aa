/** How the services of the distributed shape reach what they share. Names without a prefix are those the user of each thing knows. */
import { z } from "zod";
import { agentEventsTopic, deadLetterTopic } from "./topics.ts";

const url = (schemes: string) =>
  z
    .string()
    .refine((text) => new RegExp(`^(${schemes})://`).test(text) && URL.canParse(text), `is not a ${schemes} URL`);

export const kafkaSettings = {
  KAFKA_BROKERS: z
    .string()
    .transform((text) => text.split(",").map((each) => each.trim()))
    .pipe(z.array(z.string().regex(/^[^:\s]+:\d{1,5}$/, "is not host:port")).min(1))
    .describe("brokers, host:port separated by commas"),
  KAFKA_TLS: z.enum(["off", "on"]).default("off").describe("connect by TLS"),
  KAFKA_SASL_MECHANISM: z.enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]).optional().describe("SASL mechanism"),
  KAFKA_SASL_USERNAME: z.string().optional().describe("SASL user"),
  KAFKA_SASL_PASSWORD: z.string().optional().describe("SASL password"),
  KAFKA_TOPIC: z.string().min(1).default(agentEventsTopic).describe("topic of the records"),
  KAFKA_DEAD_LETTER_TOPIC: z
    .string()
    .min(1)
    .default(deadLetterTopic)
    .describe("topic of records that will never be processed"),
  KAFKA_TOPIC_PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .default(12)
    .describe("partitions of the topic when it is made: the most processors that can share the work"),
  KAFKA_TOPIC_REPLICATION: z.coerce
    .number()
    .int()
    .min(1)
    .default(3)
    .describe("replicas of the topic when it is made; min.insync.replicas is one less, at least one"),
} as const;

export const databaseSettings = {
  DATABASE_URL: url("postgres|postgresql").describe("control database, PostgreSQL 15 or later"),
} as const;

export const clickhouseSettings = {
  CLICKHOUSE_URL: url("http|https").describe("ClickHouse over HTTP, with user, password and database in the URL"),
} as const;

export const redisSettings = {
  REDIS_URL: url("redis|rediss").describe("Redis for hot trees, rolling metrics and the live feed"),
} as const;

export const receiptSettings = {
  NONET_RECEIPT_SECRET: z
    .string()
    .min(16)
    .optional()
    .describe(
      "signs receipts, the same in ingest and query-api; without it one is made and kept in the control database",
    ),
} as const;

type KafkaSettings = z.infer<z.ZodObject<typeof kafkaSettings>>;

/** How both Kafka clients are told to connect. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Options of `node:tls`; without it the connection is plain. */
  readonly tls?: Record<string, never>;
  readonly sasl?: {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: string;
  };
}

export function toKafkaConnection(settings: KafkaSettings, clientId: string): KafkaConnection {
  return {
    brokers: settings.KAFKA_BROKERS,
    clientId,
    ...(settings.KAFKA_TLS === "on" ? { tls: {} } : {}),
    ...(settings.KAFKA_SASL_MECHANISM === undefined
      ? {}
      : {
          sasl: {
            mechanism: settings.KAFKA_SASL_MECHANISM,
            username: settings.KAFKA_SASL_USERNAME ?? "",
            password: settings.KAFKA_SASL_PASSWORD ?? "",
          },
        }),
  };
}
