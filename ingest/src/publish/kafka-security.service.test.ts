/** Publishing and the Collector's topics on a broker that asks who is there: SASL over plain connections and over TLS. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toKafkaConnection } from "@nonet/proto/connection-settings.ts";
import type { PipelineError } from "@nonet/proto/errors.ts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type LocalKafka, startKafka } from "../../../deploy/local/src/kafka.ts";
import { startKafkaDoor } from "../kafka-door/kafka-door.ts";
import type { KafkaConnectionConfig } from "./kafka-connection.ts";
import { createKafkaPublisher } from "./kafka-publisher.ts";
import type { Publisher } from "./publisher.ts";

const testdata = join(import.meta.dirname, "../receive/contract/testdata");
const pem = (name: string) => readFileSync(join(testdata, name), "utf8");
const username = "nonet";
const password = 'a "quoted" secret';
const jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${username}" password="${password.replaceAll('"', '\\\\"')}" user_${username}="${password.replaceAll('"', '\\\\"')}";`;

const opened: Publisher[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((publisher) => publisher.close()));
});

function open(connection: KafkaConnectionConfig) {
  const topic = `t-${randomUUID()}`;
  const errors: PipelineError[] = [];
  const publisher = createKafkaPublisher(
    {
      connection,
      topic,
      topics: { names: [topic], partitionCount: 2, replicationFactor: 1, recordBytesMax: 1_048_576 },
      publishTimeoutMs: 7_500,
      batchBytesMax: 1_048_576,
      queueBytesMax: 67_108_864,
    },
    { onError: (error) => errors.push(error) },
  );
  opened.push(publisher);
  return { publisher, topic, errors };
}

const record = { key: Buffer.from("k"), value: Buffer.from("v") };

/** What an operator sets. */
function connectionTo(kafka: LocalKafka, settings: { tls: "on" | "off"; password?: string }) {
  return toKafkaConnection(
    {
      KAFKA_BROKERS: [...kafka.brokers],
      KAFKA_TLS: settings.tls,
      KAFKA_SASL_MECHANISM: "PLAIN",
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: settings.password ?? password,
      KAFKA_TOPIC: "",
      KAFKA_DEAD_LETTER_TOPIC: "",
      KAFKA_TOPIC_PARTITIONS: 2,
      KAFKA_TOPIC_REPLICATION: 1,
    },
    "test",
  );
}

/** The listener keeps its name and is another protocol. */
function settingsFor(protocol: "SASL_PLAINTEXT" | "SASL_SSL"): Record<string, string> {
  return {
    "listener.security.protocol.map": `PLAINTEXT:${protocol},CONTROLLER:PLAINTEXT`,
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": jaas,
  };
}

describe.each([
  ["SASL_PLAINTEXT", "off"],
  ["SASL_SSL", "on"],
] as const)("%s", (protocol, tls) => {
  let kafka: LocalKafka;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "nonet-kafka-tls-"));
    const keyStore = join(directory, "server.pem");
    writeFileSync(keyStore, pem("server-1.key") + pem("server-1.pem"));
    kafka = await startKafka({
      settings: {
        ...settingsFor(protocol),
        ...(protocol === "SASL_SSL"
          ? {
              "ssl.keystore.type": "PEM",
              "ssl.keystore.location": keyStore,
              "ssl.truststore.type": "PEM",
              "ssl.truststore.location": join(testdata, "server-ca.pem"),
            }
          : {}),
      },
    });
  });
  afterAll(async () => {
    await kafka?.close();
    rmSync(directory, { recursive: true });
  });

  /** An operator names a private authority by NODE_EXTRA_CA_CERTS, which is read when a process starts. */
  function connection(settings: { password?: string } = {}): KafkaConnectionConfig {
    const { tls: _, ...rest } = connectionTo(kafka, { tls, ...settings });
    return tls === "on" ? { ...rest, tls: { ca: pem("server-ca.pem") } } : rest;
  }

  test("records are confirmed to a known user", async () => {
    const { publisher, topic } = open(connection());
    const { partitions } = await publisher.publish([record]);
    expect(partitions.map(({ lastOffset }) => lastOffset)).toEqual([0n]);
    expect(publisher.isHealthy()).toBe(true);
    expect(topic).not.toBe("");
  });

  test("a wrong password is an unreachable log, said once, without the password", async () => {
    const { publisher, errors } = open(connection({ password: "wrong-secret" }));
    await expect(publisher.publish([record])).rejects.toMatchObject({ code: "LOG_UNAVAILABLE", retryable: true });
    expect(publisher.isHealthy()).toBe(false);
    expect(errors.length).toBe(1);
    expect(JSON.stringify(errors[0], Object.getOwnPropertyNames(errors[0]))).not.toContain("wrong-secret");
  });

  test("the other client, which reads Collectors' topics, gets in by the same settings", async () => {
    const { publisher, topic } = open(connection());
    await publisher.publish([record]);
    const taken = Promise.withResolvers<string>();
    const door = startKafkaDoor(
      {
        connection: connection(),
        consumerGroup: `g-${topic}`,
        senders: new Map([[topic, { tenantId: "t", projectId: "p" }]]),
      },
      {
        async ensureTopics() {},
        async handle({ value }) {
          taken.resolve(value.toString());
        },
        // A broker that has just started answers that its coordinator is loading.
        onError: () => undefined,
      },
    );
    expect(await taken.promise.finally(() => door.close())).toBe("v");
  });
});
