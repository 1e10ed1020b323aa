import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { PipelineError } from "@nonet/proto/errors.ts";
import kafkajs, { type Admin, type Consumer, type EachBatchPayload, type SASLOptions } from "kafkajs";
import { type AssignmentsConfig, createKafkaAssignments, type KafkaAssignments } from "./kafka-assignments.ts";
import { createKafkaCommits } from "./kafka-commits.ts";
import { registerKafkaZstd } from "./kafka-zstd.ts";
import type { PartitionPosition, RecordSource, SourceRecord } from "./record-source.ts";

/**
 * Consumes from Kafka, as one member of a consumer group.
 *
 * kafkajs fetches, keeps the membership and says what is assigned. Everything about a batch is ours: it is handled where kafkajs delivers it
 * when that takes less than `inlineMs`; a slower one goes on beside, its partition paused, so that it holds up neither the other partitions of
 * its broker nor the heartbeats and the next rebalance. Offsets are committed by `kafka-commits.ts` after the handler.
 *
 * A kafkajs consumer that crashed (it gives up after some failed attempts, and on errors it thinks final) is replaced by a new one.
 *
 * Source: design.md section 5, ADR 1.
 */
export interface KafkaSourceConfig extends AssignmentsConfig {
  readonly connection: {
    /** `host:port`, at least one. */
    readonly brokers: readonly string[];
    readonly clientId: string;
    readonly tls?: TlsOptions;
    readonly sasl?: SASLOptions;
  };
  readonly topic: string;
  readonly consumerGroup: string;
  /** A member that is silent for this long loses its partitions. */
  readonly sessionTimeoutMs: number;
  /** Compressed bytes of one partition in one fetch; decompressed they may be ten times as many. */
  readonly fetchBytesMax: number;
  /** Pause after a batch, so that a trickle does not become one insert per span. */
  readonly lingerMs: number;
}

export interface KafkaSourceDeps {
  /** Each failed attempt of a handler, and each crash of the consumer. */
  onError(error: PipelineError): void;
  /**
   * Records that retention deleted before they were read: offsets from `from` to before `to`. Of what went while nobody consumed, each consumer
   * tells that gets the partition when it joins; two that start at the same moment may both tell.
   */
  onGap(partition: number, from: bigint, to: bigint): void;
}

interface StartPosition extends PartitionPosition {
  /** The log's first offset, where it is beyond what was committed. */
  readonly deletedUntil: bigint | undefined;
}

const inlineMs = 500;
/** A fetch without records ends after this time. */
const fetchWaitMs = 500;
const requestTimeoutMs = 3_000;
const rebalanceTimeoutMs = 10_000;
const reconnectMs = 250;
const reconnectMsMax = 2_000;
const closeTimeoutMs = 5_000;
/** To leave the group before the consumer is replaced, so that the group need not wait for the old one's session to end. */
const leaveTimeoutMs = 1_000;
/** Without a heartbeat that Kafka answered, the consumer is taken for hung and replaced. */
const stallMs = 45_000;
const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 6, restartOnFailure: async () => false };

export function createKafkaSource(config: KafkaSourceConfig, deps: KafkaSourceDeps): RecordSource {
  const { connection, topic } = config;
  registerKafkaZstd();
  const kafka = new kafkajs.Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    connectionTimeout: 1_000,
    requestTimeout: requestTimeoutMs,
    retry,
    logLevel: kafkajs.logLevel.NOTHING,
    ...(connection.tls === undefined ? {} : { ssl: connection.tls }),
    ...(connection.sasl === undefined ? {} : { sasl: connection.sasl }),
  });

  const stop = new AbortController();
  const heartbeatMs = Math.floor(config.sessionTimeoutMs / 3);
  const paused = new Set<number>();
  let assignments: KafkaAssignments | undefined;
  let supervising: Promise<void> | undefined;
  let admin: Promise<Admin> | undefined;
  let current: Consumer | undefined;
  /** Of the running consumer, from its last batch: acts in the generation at the time of the call. */
  let payload: EachBatchPayload | undefined;
  let lastHeartbeatMs = Number.NEGATIVE_INFINITY;
  let closing: Promise<void> | undefined;

  const commits = createKafkaCommits(async (offsets) => {
    if (payload === undefined) throw new PipelineError("LEASE_LOST", "the consumer was replaced");
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] });
  });

  function heardFromGroup(): void {
    lastHeartbeatMs = performance.now();
  }

  async function consume(owned: KafkaAssignments, onJoined: () => void): Promise<void> {
    const consumer = kafka.consumer({
      groupId: config.consumerGroup,
      sessionTimeout: config.sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: Math.max(rebalanceTimeoutMs, config.sessionTimeoutMs),
      maxBytesPerPartition: config.fetchBytesMax,
      maxWaitTimeInMs: Math.min(fetchWaitMs, heartbeatMs),
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
      retry,
    });
    current = consumer;
    const ended = Promise.withResolvers<void>();
    // Before it joins: kafkajs puts a position that is gone back to the first there is, and commits that.
    const started = await askPositions();
    const startedMs = performance.now();
    consumer.on(consumer.events.CRASH, (event) => ended.reject(event.payload.error));
    consumer.on(consumer.events.HEARTBEAT, heardFromGroup);
    // kafkajs would ask the same coordinator a few times more; another broker may have taken over.
    consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload: { apiName } }) => {
      if (apiName === "Heartbeat") ended.reject(new Error("the group's coordinator does not answer"));
    });
    consumer.on(consumer.events.GROUP_JOIN, (event) => {
      if (current !== consumer) return;
      heardFromGroup();
      const assigned = event.payload.memberAssignment[topic] ?? [];
      tellGaps(started.splice(0), assigned);
      owned.join(event.payload.memberId, assigned);
      onJoined();
    });
    // kafkajs itself sends them between fetches only, and a fetch from a broker that hangs takes long.
    const heart = setInterval(() => {
      payload?.heartbeat().catch(() => undefined);
      if (performance.now() - Math.max(startedMs, lastHeartbeatMs) > stallMs) ended.reject(new Error("no heartbeat"));
    }, heartbeatMs);
    const onStop = () => ended.resolve();
    stop.signal.addEventListener("abort", onStop);

    try {
      await Promise.race([ended.promise, startConsumer(consumer, owned)]);
      await ended.promise;
      await finish(consumer, owned);
    } finally {
      clearInterval(heart);
      stop.signal.removeEventListener("abort", onStop);
      current = undefined;
      payload = undefined;
      owned.loseAll();
      paused.clear();
      await disconnect(consumer, stop.signal.aborted ? closeTimeoutMs : leaveTimeoutMs);
    }
  }

  function tellGaps(started: readonly StartPosition[], assigned: readonly number[]): void {
    for (const { partition, committed, deletedUntil } of started) {
      if (deletedUntil !== undefined && assigned.includes(partition)) deps.onGap(partition, committed, deletedUntil);
    }
  }

  async function startConsumer(consumer: Consumer, owned: KafkaAssignments): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // As many as there are partitions: kafkajs' default of 1 would handle them one after the other.
      partitionsConsumedConcurrently: 1_000,
      eachBatch: (delivered) => deliver(consumer, owned, delivered),
    });
  }

  async function deliver(consumer: Consumer, owned: KafkaAssignments, delivered: EachBatchPayload): Promise<void> {
    const { partition } = delivered.batch;
    if (current !== consumer || stop.signal.aborted) return;
    payload = delivered;
    if (!owned.has(partition)) return;
    // A rejoin put the position back while the batch before is still being handled: come again when that is done.
    if (owned.isBusy(partition)) return pause(consumer, partition);
    const handled = owned.handle(partition, toSourceRecords(delivered)).then(() => resume(consumer, partition));
    delivered.resolveOffset(delivered.batch.lastOffset());
    if (!(await endsWithin(handled, inlineMs))) return pause(consumer, partition);
    await sleep(config.lingerMs);
  }

  function pause(consumer: Consumer, partition: number): void {
    paused.add(partition);
    consumer.pause([{ topic, partitions: [partition] }]);
  }

  function resume(consumer: Consumer, partition: number): void {
    if (!paused.delete(partition)) return;
    try {
      consumer.resume([{ topic, partitions: [partition] }]);
    } catch {
      // It has crashed in between; the next consumer starts with nothing paused.
    }
  }

  /** The running batches end and are committed while the partitions are still ours. */
  async function finish(consumer: Consumer, owned: KafkaAssignments): Promise<void> {
    if (payload === undefined) return;
    consumer.pause([{ topic }]);
    owned.close();
    await owned.idle();
    await commits.flush(closeTimeoutMs);
  }

  async function supervise(owned: KafkaAssignments, onSettled: () => void): Promise<void> {
    let failures = 0;
    while (!stop.signal.aborted) {
      const startedMs = performance.now();
      try {
        await consume(owned, onSettled);
      } catch (caught) {
        deps.onError(toLogUnavailable(caught));
        onSettled();
        failures = performance.now() - startedMs > reconnectMsMax * 4 ? 0 : failures + 1;
        await sleep(Math.min(reconnectMsMax, reconnectMs * 2 ** failures) * (0.5 + Math.random() / 2));
      }
    }
    await owned.idle();
  }

  async function sleep(ms: number): Promise<void> {
    // Aborted by close: the caller ends at its next check.
    await delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  }

  async function connectAdmin(): Promise<Admin> {
    const created = kafka.admin();
    await created.connect();
    return created;
  }

  async function loadPositions(): Promise<StartPosition[]> {
    admin ??= connectAdmin();
    const connected = await admin;
    const [ends, offsets] = await Promise.all([
      connected.fetchTopicOffsets(topic),
      connected.fetchOffsets({ groupId: config.consumerGroup, topics: [topic] }),
    ]);
    const committed = new Map(offsets[0]?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    return ends.map(({ partition, low, high }) => {
      const offset = committed.get(partition) ?? -1n;
      // Negative means: nothing yet.
      const isNew = offset < 0n;
      const deletedUntil = !isNew && offset < BigInt(low) ? BigInt(low) : undefined;
      return { partition, committed: isNew ? 0n : offset, end: BigInt(high), deletedUntil };
    });
  }

  async function askPositions(): Promise<StartPosition[]> {
    try {
      return await loadPositions();
    } catch (caught) {
      const broken = admin;
      admin = undefined;
      broken?.then((connected) => connected.disconnect()).catch(() => undefined);
      throw toLogUnavailable(caught);
    }
  }

  return {
    /** Resolves when the group was joined, or the first attempt failed; the source goes on trying by itself. */
    async run(handlers) {
      if (supervising !== undefined || stop.signal.aborted) return;
      assignments = createKafkaAssignments(config, handlers, {
        commits,
        isSessionExpired: () => performance.now() - lastHeartbeatMs > config.sessionTimeoutMs,
        onError: deps.onError,
        onGap: deps.onGap,
      });
      const settled = Promise.withResolvers<void>();
      supervising = supervise(assignments, settled.resolve);
      await settled.promise;
    },
    positions: askPositions,
    isHealthy: () =>
      !stop.signal.aborted && performance.now() - lastHeartbeatMs < config.sessionTimeoutMs + 2 * heartbeatMs,
    close() {
      closing ??= (async () => {
        stop.abort();
        await supervising;
        commits.close();
        await (await admin?.catch(() => undefined))?.disconnect();
      })();
      return closing;
    },
  };
}

function toSourceRecords({ batch }: EachBatchPayload): SourceRecord[] {
  return batch.messages.map(({ offset, key, value, timestamp }) => ({
    partition: batch.partition,
    offset: BigInt(offset),
    key: key ?? Buffer.alloc(0),
    value: value ?? Buffer.alloc(0),
    timestampMs: Number(timestamp),
  }));
}

async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const timeout = new AbortController();
  const late = delay(ms, false, { signal: timeout.signal }).catch(() => false);
  const inTime = await Promise.race([work.then(() => true), late]);
  timeout.abort();
  return inTime;
}

/** Leaves the group. Bounded, because a consumer that is replaced may be one that hangs. */
async function disconnect(consumer: Consumer, timeoutMs: number): Promise<void> {
  await endsWithin(
    consumer.disconnect().catch(() => undefined),
    timeoutMs,
  );
}

function toLogUnavailable(caught: unknown): PipelineError {
  const message = caught instanceof Error ? caught.message : String(caught);
  return new PipelineError("LOG_UNAVAILABLE", `Kafka cannot be read: ${message}`, { cause: caught });
}
