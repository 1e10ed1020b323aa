import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { externalService } from "./external-service.ts";
import { startOnFreePorts } from "./free-port.ts";
import { type KafkaDistribution, loadKafkaDistribution } from "./kafka-distribution.ts";
import { type ManagedProcess, startProcess } from "./managed-process.ts";
import { createServiceDirectory, removeServiceDirectory } from "./service-directory.ts";

/**
 * Real Kafka 4 (KRaft) from its jars, each node broker and controller at once.
 *
 * Nodes are numbered 1 to `nodes`, as Kafka's own node ids, so that a test can ask the cluster who leads a partition and kill that one. Where
 * `node` is left out, a method works on all of them.
 */
export interface LocalKafka extends AsyncDisposable {
  /** `127.0.0.1:port`, one for each node. */
  readonly brokers: readonly string[];
  /** SIGKILL. What the node has written stays for `restart`. */
  kill(node?: number): Promise<void>;
  /** SIGTERM: the node hands its leaderships over and ends by itself. */
  stop(node?: number): Promise<void>;
  pause(node?: number): void;
  resume(node?: number): void;
  /** Kills what runs and starts again on the same ports with the same data; resolves once the node is in the cluster again. */
  restart(node?: number): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface KafkaOptions {
  /** With 3 nodes topics get replication 3 and `min.insync.replicas` 2, unless they say otherwise. Default 1. */
  readonly nodes?: 1 | 3;
  /** Settings of `server.properties` that replace the ones below. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Further arguments of each node's JVM; of two that disagree these win. */
  readonly javaArgs?: readonly string[];
}

interface KafkaNode {
  readonly id: number;
  readonly port: number;
  readonly propertiesFile: string;
  process?: ManagedProcess;
}

const startTimeoutMs = 90_000;

/**
 * Starts Kafka on free ports of 127.0.0.1; or names the one of `NONET_TEST_KAFKA_BROKERS` (comma-separated), which cannot be killed or paused.
 *
 * @throws Error that says what to install when Java or the jars cannot be had.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<LocalKafka> {
  const external = process.env.NONET_TEST_KAFKA_BROKERS;
  if (external !== undefined) return { brokers: external.split(","), ...externalService("NONET_TEST_KAFKA_BROKERS") };

  const distribution = await loadKafkaDistribution();
  const nodes = options.nodes ?? 1;
  return startOnFreePorts(2 * nodes, (ports) => startCluster(distribution, ports, options));
}

async function startCluster(
  distribution: KafkaDistribution,
  ports: readonly number[],
  options: KafkaOptions,
): Promise<LocalKafka> {
  const count = ports.length / 2;
  const directory = createServiceDirectory("kafka");
  const voters = ports.slice(count).map((port, index) => `${index + 1}@127.0.0.1:${port}`);
  const nodes: KafkaNode[] = ports.slice(0, count).map((port, index) => {
    const id = index + 1;
    const propertiesFile = join(directory, `node-${id}.properties`);
    const dataDirectory = join(directory, `node-${id}`);
    distribution.copyFormatted(id, dataDirectory);
    const properties = { ...buildProperties({ id, port, voters, dataDirectory }), ...options.settings };
    writeFileSync(
      propertiesFile,
      Object.entries(properties)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
    return { id, port, propertiesFile };
  });

  const close = async () => {
    await Promise.all(nodes.map((node) => node.process?.kill()));
    removeServiceDirectory(directory);
  };
  const start = async (node: KafkaNode) => {
    node.process = await startProcess({
      name: `kafka node ${node.id}`,
      command: distribution.java,
      args: [...distribution.javaArgs, ...(options.javaArgs ?? []), "kafka.Kafka", node.propertiesFile],
      isReadyLine: (line) => line.includes("Kafka Server started"),
      startTimeoutMs,
    });
  };
  try {
    await allOrNothing(nodes.map(start));
  } catch (error) {
    await close();
    throw error;
  }

  const chosen = (node: number | undefined): KafkaNode[] => nodes.filter(({ id }) => node === undefined || id === node);
  return {
    brokers: nodes.map(({ port }) => `127.0.0.1:${port}`),
    async kill(node) {
      await Promise.all(chosen(node).map((each) => each.process?.kill()));
    },
    async stop(node) {
      await Promise.all(chosen(node).map((each) => each.process?.stop()));
    },
    pause(node) {
      for (const each of chosen(node)) each.process?.pause();
    },
    resume(node) {
      for (const each of chosen(node)) each.process?.resume();
    },
    async restart(node) {
      await Promise.all(chosen(node).map((each) => each.process?.kill()));
      await allOrNothing(chosen(node).map(start));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits for all to settle, so that nothing starts any more when the caller cleans up after the first failure. */
async function allOrNothing(starts: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(starts)) if (result.status === "rejected") throw result.reason;
}

function buildProperties(node: {
  id: number;
  port: number;
  voters: readonly string[];
  dataDirectory: string;
}): Record<string, string | number> {
  const count = node.voters.length;
  const controllerPort = node.voters[node.id - 1]?.split(":")[1];
  return {
    "process.roles": "broker,controller",
    "node.id": node.id,
    "controller.quorum.voters": node.voters.join(","),
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${node.port}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": node.dataDirectory,

    "default.replication.factor": count,
    "offsets.topic.replication.factor": count,
    "transaction.state.log.replication.factor": count,
    "share.coordinator.state.topic.replication.factor": count,
    "min.insync.replicas": count === 1 ? 1 : 2,
    "transaction.state.log.min.isr": count === 1 ? 1 : 2,
    "share.coordinator.state.topic.min.isr": count === 1 ? 1 : 2,
    "auto.create.topics.enable": "false",

    // A dead leader is replaced within about 3 s instead of 9, a dead controller within about 1 s instead of 2 to 4.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1_000,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.election.backoff.max.ms": 500,
    // A follower of a frozen broker gives it up after 3 s instead of 30, and so is back in sync soon after the next leader is there.
    "replica.socket.timeout.ms": 3_000,
    // Tests of take-over may ask for a session timeout down to 1 s.
    "group.min.session.timeout.ms": 1_000,
    "group.initial.rebalance.delay.ms": 0,

    // Small: many of these are started on two cores.
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    "num.network.threads": 2,
    "num.io.threads": 4,
  };
}
