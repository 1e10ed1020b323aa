import { PipelineError } from "@nonet/proto/errors.ts";
import { partitionOf } from "@nonet/proto/topics.ts";
import { findErrorBy, Producer } from "@platformatic/kafka";
import { buildClientOptions, type KafkaConnectionConfig } from "./kafka-connection.ts";
import {
  backOffLane,
  confirmLane,
  createLane,
  isLaneReady,
  type Lane,
  type LaneRecord,
  purgeLane,
  takeFromLane,
} from "./kafka-lane.ts";
import { readProduceOutcome } from "./kafka-produce-outcome.ts";
import { ensureKafkaTopics, type KafkaTopicsConfig } from "./kafka-topics.ts";
import type { LogRecord, PublishedTo, Publisher } from "./publisher.ts";

/**
 * Publishes to Kafka with acks=all.
 *
 *     publish -> one lane per partition -> one request per broker, with all lanes it leads -> confirmed, or back to wait in its lane
 *
 * A broker has one request at a time, so what arrives meanwhile shares the next one: batches grow with the load and nothing lingers. Partitions
 * are sent to as `partitionOf` says, which is what Java's client does.
 *
 * The client's own retries are off, because it sends a whole request again to the leader of the first partition in it. Here each partition's
 * part of an answer is judged by itself, and what was not confirmed is sent again, to whoever leads then, until its call's time is up.
 *
 * Source: design.md section 5, ADR 1.
 */
export interface KafkaPublisherConfig {
  readonly connection: KafkaConnectionConfig;
  readonly topic: string;
  /** `topic` and whatever else is to be there before the first record. */
  readonly topics: KafkaTopicsConfig;
  /** Time of a call from `publish` to its answer. */
  readonly publishTimeoutMs: number;
  /** Uncompressed bytes of a request. A larger record travels alone. */
  readonly batchBytesMax: number;
  /** Bytes of records that wait or are being sent. One call may exceed it when nothing else waits. */
  readonly queueBytesMax: number;
}

interface Call {
  readonly deadlineMs: number;
  readonly lastOffsets: Map<number, bigint>;
  /** Records without an answer. */
  open: number;
  /** A request with records of this call failed in a way that leaves open whether they were written. */
  maybeWritten: boolean;
  answered: boolean;
  resolve(result: PublishedTo): void;
  reject(error: PipelineError): void;
}

interface Request {
  readonly leader: number;
  readonly parts: { readonly lane: Lane<Call>; readonly records: readonly LaneRecord<Call>[] }[];
}

/** What a record takes in memory and on the wire besides its key and value, roughly. */
const recordOverheadBytes = 64;
const tickMs = 50;
/** The client's own limits end a request before; a client that lets one pass is replaced. */
const sendMsMax = 6_000;
const refreshMsMax = 20_000;
/** Without a word from a broker for this long, one is asked for metadata. */
const contactMs = 5_000;
/** Under load nothing else would tell that the topic has more partitions now. */
const metadataAgeMsMax = 10_000;
const healthyMs = 15_000;
/** Metadata requests in a row that no broker answered before calls are given up early. */
const unreachableCount = 3;

/** @param deps.onError  is told when publishing begins to fail: not of a failure that a retry cured, nor of each one after the first. */
export function createKafkaPublisher(
  config: KafkaPublisherConfig,
  deps: { onError(error: PipelineError): void },
): Publisher {
  const { topic } = config;
  const calls = new Set<Call>();
  const lanes = new Map<number, Lane<Call>>();
  const busyLeaders = new Set<number>();
  let recordBytesMax = config.topics.recordBytesMax;
  /** Published before the number of partitions was known. */
  let unplaced: LaneRecord<Call>[] = [];
  let queuedBytes = 0;
  let rotation = 0;
  let client = createClient();
  let topicsEnsured = false;
  let refreshing: Promise<void> | undefined;
  let refreshFailures = 0;
  let nextRefreshMs = 0;
  let lastError: unknown;
  let failing = false;
  let lastContactMs = Number.NEGATIVE_INFINITY;
  let lastMetadataMs = Number.NEGATIVE_INFINITY;
  let turn = 0;
  let closed = false;

  const ticker = setInterval(tick, tickMs).unref();

  function createClient() {
    return new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...buildClientOptions(config.connection, rotation),
      retries: 0,
      retryDelay: 100,
      // Refreshed here, when a request fails and between requests: a send must not wait for it.
      metadataMaxAge: 3_600_000,
    });
  }

  function partitions() {
    return client.currentMetadata?.topics.get(topic)?.partitions;
  }

  function leaderOf(partition: number): number | undefined {
    const leader = partitions()?.[partition]?.leader;
    return leader === undefined || leader < 0 ? undefined : leader;
  }

  function place(records: readonly LaneRecord<Call>[]): void {
    const count = partitions()?.length ?? 0;
    if (count === 0 || unplaced.length > 0) {
      unplaced.push(...records);
      return;
    }
    for (const waiting of records) {
      const partition = partitionOf(waiting.record.key, count);
      const lane = lanes.get(partition) ?? createLane<Call>(partition);
      lanes.set(partition, lane);
      lane.waiting.push(waiting);
    }
  }

  /** Starts every request that can be started now. */
  function pump(): void {
    if (unplaced.length > 0 && partitions() !== undefined) {
      const records = unplaced;
      unplaced = [];
      place(records);
    }
    for (let request = nextRequest(); request !== undefined; request = nextRequest()) void send(request);
  }

  /** The lanes take turns in being first, so that none waits behind a busy one for ever. */
  function nextRequest(): Request | undefined {
    const nowMs = performance.now();
    const all = [...lanes.values()];
    turn = (turn + 1) % Math.max(1, all.length);
    let request: Request | undefined;
    let bytes = 0;
    for (const lane of [...all.slice(turn), ...all.slice(0, turn)]) {
      if (!isLaneReady(lane, nowMs)) continue;
      const leader = leaderOf(lane.partition);
      if (leader === undefined) {
        backOffLane(lane, nowMs, Math.random());
        refresh();
        continue;
      }
      if (request === undefined ? busyLeaders.has(leader) : request.leader !== leader) continue;
      const records = takeFromLane(lane, config.batchBytesMax - bytes, request === undefined);
      if (records.length === 0) continue;
      request ??= { leader, parts: [] };
      request.parts.push({ lane, records });
      for (const record of records) bytes += record.bytes;
    }
    if (request !== undefined) busyLeaders.add(request.leader);
    return request;
  }

  async function send(request: Request): Promise<void> {
    const messages = request.parts.flatMap(({ lane, records }) =>
      records.map(({ record }) => ({
        topic,
        partition: lane.partition,
        key: toBuffer(record.key),
        value: toBuffer(record.value),
        ...(record.headers === undefined ? {} : { headers: toHeaders(record.headers) }),
      })),
    );
    const sender = client;
    // All said here: the client takes `acks` from the options of the send alone and is content with 1 where they are silent.
    const sent = sender.send({ messages, acks: -1, compression: "zstd", repeatOnStaleMetadata: false }).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
    const settled = await settleWithin(sent, sendMsMax);
    busyLeaders.delete(request.leader);
    const outcome = readProduceOutcome(
      topic,
      settled ?? { error: new Error(`no answer of the client in ${sendMsMax} ms`) },
    );
    if (settled === undefined && client === sender) replaceClient();

    let failed = false;
    for (const { lane } of request.parts) {
      const baseOffset = outcome.baseOffsets.get(lane.partition);
      if (baseOffset === undefined) failed = true;
      if (baseOffset === undefined) fail(lane, outcome.failureOf(lane.partition));
      else confirm(lane, baseOffset);
    }
    if (failed) refresh();
    pump();
  }

  function confirm(lane: Lane<Call>, baseOffset: bigint): void {
    lastContactMs = performance.now();
    failing = false;
    confirmLane(lane).forEach(({ call, bytes }, index) => {
      queuedBytes -= bytes;
      call.lastOffsets.set(lane.partition, baseOffset + BigInt(index));
      call.open -= 1;
      if (call.open === 0 && !call.answered) {
        answered(call);
        call.resolve({
          topic,
          partitions: [...call.lastOffsets].map(([partition, lastOffset]) => ({ partition, lastOffset })),
        });
      }
    });
  }

  function fail(lane: Lane<Call>, failure: { error: unknown; tooLarge: boolean; written: "no" | "unknown" }): void {
    lastError = failure.error;
    const sent = lane.waiting.slice(0, lane.sendingCount);
    if (failure.written === "unknown") for (const { call } of sent) call.maybeWritten = true;
    const nowMs = performance.now();
    if (failure.tooLarge && sent.length > 1) {
      lane.sendingCount = 0;
      lane.sendCountMax = Math.floor(sent.length / 2);
      return;
    }
    if (failure.tooLarge) {
      const message = "the topic's max.message.bytes is smaller than this record";
      for (const { call } of sent) {
        reject(call, new PipelineError("RECORD_TOO_LARGE", message, { cause: failure.error }));
      }
    }
    backOffLane(lane, nowMs, Math.random());
    purge(lane);
  }

  function purge(lane: Lane<Call>): void {
    for (const { bytes } of purgeLane(lane, (call) => call.answered)) queuedBytes -= bytes;
  }

  function answered(call: Call): void {
    call.answered = true;
    calls.delete(call);
  }

  function reject(call: Call, error: PipelineError): void {
    if (call.answered) return;
    answered(call);
    call.reject(error);
  }

  function rejectUnconfirmed(call: Call, why: string): void {
    reportFailing();
    const error = call.maybeWritten
      ? new PipelineError("LOG_TIMEOUT", `Kafka did not confirm in time: ${why}`, { cause: lastError })
      : new PipelineError("LOG_UNAVAILABLE", `Kafka took nothing: ${why}`, { cause: lastError });
    reject(call, error);
  }

  /** Ends calls whose time is up, or all that wait while no broker answers. A call that is in a request waits for the request's own limits. */
  function expire(): void {
    const nowMs = performance.now();
    const before = calls.size;
    for (const call of calls) {
      if (call.deadlineMs > nowMs) break;
      rejectUnconfirmed(call, `no confirmation within ${config.publishTimeoutMs} ms`);
    }
    if (refreshFailures >= unreachableCount && busyLeaders.size === 0) {
      for (const call of calls) rejectUnconfirmed(call, "no broker answers");
    }
    if (calls.size === before) return;
    for (const lane of lanes.values()) purge(lane);
    for (const { call, bytes } of unplaced) if (call.answered) queuedBytes -= bytes;
    unplaced = unplaced.filter(({ call }) => !call.answered);
  }

  function tick(): void {
    expire();
    if (calls.size > 0) pump();
    const nowMs = performance.now();
    const stale = nowMs - lastContactMs > contactMs || nowMs - lastMetadataMs > metadataAgeMsMax;
    if (unplaced.length > 0 || stale) refresh();
  }

  /** Asks for metadata, unless it is being asked for or was a moment ago. */
  function refresh(): void {
    if (refreshing !== undefined || closed || performance.now() < nextRefreshMs) return;
    refreshing = failAfter(loadMetadata(), refreshMsMax).then(
      () => {
        refreshing = undefined;
        refreshFailures = 0;
        if (calls.size === 0) failing = false;
        lastContactMs = performance.now();
        lastMetadataMs = lastContactMs;
        nextRefreshMs = lastContactMs + tickMs;
        pump();
      },
      (error: unknown) => {
        refreshing = undefined;
        refreshFailures += 1;
        nextRefreshMs = performance.now() + Math.min(1_000, 100 * refreshFailures);
        // The client's way to say that the topic is gone: it is made again.
        if (error instanceof Error && findErrorBy(error, "code", "PLT_KFK_USER") !== null) topicsEnsured = false;
        lastError = error;
        // The first may be a topic that was made a moment ago, or a leader that just changed.
        if (refreshFailures > 1) reportFailing();
        if (busyLeaders.size === 0) replaceClient();
        expire();
      },
    );
  }

  async function loadMetadata(): Promise<void> {
    if (!topicsEnsured) {
      recordBytesMax = await ensureKafkaTopics(config.connection, config.topics);
      topicsEnsured = true;
    }
    await client.metadata({ topics: [topic], forceUpdate: true, retries: config.connection.brokers.length - 1 });
  }

  /** Starts over with another broker first. What was known of the topic is lost with the old client and asked for again. */
  function replaceClient(): void {
    const old = client;
    rotation += 1;
    client = createClient();
    // Its connections are gone or useless; how their end goes concerns nobody.
    old.close(true).catch(() => undefined);
  }

  function reportFailing(): void {
    if (failing) return;
    failing = true;
    deps.onError(PipelineError.from(lastError, "LOG_UNAVAILABLE"));
  }

  refresh();

  return {
    get recordBytesMax() {
      return recordBytesMax;
    },
    publish(records) {
      const refusal = closed
        ? new PipelineError("DRAINING", "the publisher is closed")
        : refuse(records, { recordBytesMax, queuedBytes, queueBytesMax: config.queueBytesMax });
      if (refusal !== undefined) return Promise.reject(refusal);
      if (records.length === 0) return Promise.resolve({ topic, partitions: [] });
      return new Promise((resolve, reject) => {
        const call: Call = {
          deadlineMs: performance.now() + config.publishTimeoutMs,
          lastOffsets: new Map(),
          open: records.length,
          maybeWritten: false,
          answered: false,
          resolve,
          reject,
        };
        calls.add(call);
        const waiting = records.map((record) => ({ record, bytes: sizeOf(record), call }));
        for (const { bytes } of waiting) queuedBytes += bytes;
        place(waiting);
        if (unplaced.length > 0) refresh();
        pump();
      });
    },
    isHealthy: () => !closed && performance.now() - lastContactMs < healthyMs,
    async close() {
      closed = true;
      while (calls.size > 0) await new Promise((resolve) => setTimeout(resolve, tickMs));
      clearInterval(ticker);
      await refreshing;
      await client.close(true);
    },
  };
}

function refuse(
  records: readonly LogRecord[],
  limits: { recordBytesMax: number; queuedBytes: number; queueBytesMax: number },
): PipelineError | undefined {
  let bytes = 0;
  for (const record of records) {
    const size = record.key.length + record.value.length;
    if (size > limits.recordBytesMax) {
      return new PipelineError(
        "RECORD_TOO_LARGE",
        `record of ${size} bytes exceeds recordBytesMax ${limits.recordBytesMax}`,
      );
    }
    bytes += sizeOf(record);
  }
  if (limits.queuedBytes === 0 || limits.queuedBytes + bytes <= limits.queueBytesMax) return undefined;
  return new PipelineError(
    "OVERLOADED",
    `${limits.queuedBytes} bytes wait for Kafka, queueBytesMax is ${limits.queueBytesMax}`,
  );
}

async function settleWithin<Result>(work: Promise<Result>, ms: number): Promise<Result | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

async function failAfter(work: Promise<void>, ms: number): Promise<void> {
  const done = await settleWithin(
    work.then(() => true),
    ms,
  );
  if (done === undefined) throw new Error(`no answer of the client in ${ms} ms`);
}

function sizeOf(record: LogRecord): number {
  return record.key.length + record.value.length + recordOverheadBytes;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toHeaders(headers: Readonly<Record<string, string>>): Map<Buffer, Buffer> {
  return new Map(Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]));
}
