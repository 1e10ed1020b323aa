import type { ConnectionOptions as TlsOptions } from "node:tls";

/** How Kafka is reached; what the producer and the administration of topics share. */
export interface KafkaConnectionConfig {
  /** `host:port`, at least one; the others are found through it. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Options of `node:tls`; an empty object is TLS with the system's authorities. Without it the connection is plain. */
  readonly tls?: TlsOptions;
  readonly sasl?: {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: string;
  };
}

/**
 * Limits of one attempt. Together with one metadata request they leave room for a second attempt within the 8 s in which a sender gets its
 * answer: 2.5 s for a broker that is frozen, 1 s for one that is unreachable.
 */
export const attemptLimits = { connectTimeout: 1_000, requestTimeout: 2_500, timeout: 2_000 } as const;

/**
 * Options that every client of `@platformatic/kafka` takes.
 *
 * @param rotation  puts another broker first. The library asks for metadata where it asked before, so a frozen first broker would be asked for
 * ever.
 */
export function buildClientOptions(config: KafkaConnectionConfig, rotation: number) {
  const first = rotation % config.brokers.length;
  return {
    clientId: config.clientId,
    bootstrapBrokers: [...config.brokers.slice(first), ...config.brokers.slice(0, first)],
    ...attemptLimits,
    ...(config.tls === undefined ? {} : { tls: config.tls }),
    ...(config.sasl === undefined ? {} : { sasl: config.sasl }),
  };
}
