/** The connection settings in the words of kafkajs. */
import type { KafkaConnection } from "@nonet/proto/connection-settings.ts";
import type { SASLOptions } from "kafkajs";

export function toSaslOptions(sasl: NonNullable<KafkaConnection["sasl"]>): SASLOptions {
  const { username, password } = sasl;
  switch (sasl.mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password };
    default:
      return sasl.mechanism satisfies never;
  }
}
