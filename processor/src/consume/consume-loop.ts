/**
 * The loop of the processor: what a source hands over is decoded, folded and stored, then projected, then committed by the source (law 2).
 *
 * A partition that is assigned gets a new owner epoch from the control database, and with it a memory of its own; a partition that is revoked
 * loses both. So two processors that both believe they own a partition write with different epochs, and the newer wins (law 5).
 */
import { isPipelineError, PipelineError } from "@nonet/proto/errors.ts";
import type { LiveNotice, TraceProjection } from "@nonet/proto/projection/projection.ts";
import { agentEventsTopic } from "@nonet/proto/topics.ts";
import type { Logger } from "pino";
import type { ClickhouseStore } from "../store/clickhouse/clickhouse-store.ts";
import { createRecordDecoder, type RefoldRecord, type SpanRecord } from "./decode-records.ts";
import { createHotTraces, type HotTraces, type HotTracesConfig } from "./hot-traces.ts";
import { type MaterializeDeps, type MaterializedTrace, materialize } from "./materialize.ts";
import type { ProcessorMetrics } from "./processor-metrics.ts";
import type { SourceHandlers, SourceRecord } from "./record-source.ts";
import type { PositionReporter } from "./report-positions.ts";
import { toTraceProjection } from "./trace-projection.ts";

export interface ConsumeLoopDeps {
  readonly store: ClickhouseStore;
  readonly reports: MaterializeDeps["reports"];
  readonly digests: MaterializeDeps["digests"];
  readonly copies: MaterializeDeps["copies"];
  readonly stamps: MaterializeDeps["stamps"];
  /** Law 5. Throws PipelineError `CONTROL_UNAVAILABLE`; the source then asks again. */
  nextOwnerEpoch(topic: string, partition: number): Promise<bigint>;
  /** Keeps a record that will never be processed, with its reason. Throws while that is not possible. */
  deadLetter(record: SourceRecord, reason: string): Promise<void>;
  /** Neither throws: a projection that is away is counted there and rebuilt later (law 6). */
  project(traces: readonly TraceProjection[], notices: readonly LiveNotice[]): Promise<void>;
  /** Metric points of these traces have changed. When it throws, the batch must come again: rolled sums would stay behind. */
  touchWindows(traces: readonly Pick<MaterializedTrace, "projectId" | "minutes">[]): Promise<void>;
  /** The owner before may have died between storing a batch and recomputing its windows: what is projected is void. */
  forgetWindows(): Promise<void>;
  /** Told how far each partition is (report-positions.ts); left out where nobody asks. */
  readonly positions?: Pick<PositionReporter, "assigned" | "revoked" | "stored" | "queryable">;
  readonly metrics: ProcessorMetrics;
  readonly log: Logger;
  now(): number;
}

interface Owner {
  readonly epoch: bigint;
  sequence: bigint;
  readonly hot: HotTraces;
}

/** Sequences per epoch: a write takes one, so an epoch outlives any process. */
const sequenceBits = 40n;

export function createConsumeLoop(config: HotTracesConfig, deps: ConsumeLoopDeps): SourceHandlers {
  const owners = new Map<number, Owner>();
  const onDefect = (ruleId: string, error: unknown) => {
    deps.metrics.defects.inc({ rule: ruleId });
    deps.log.error({ ruleId, err: error }, "a mapping rule failed; the span is kept as a plain node");
  };
  const decoder = createRecordDecoder({ onDefect });

  async function storeBatch(
    owner: Owner,
    records: readonly (SpanRecord | RefoldRecord)[],
  ): Promise<MaterializedTrace[]> {
    const nextVersion = () => {
      owner.sequence += 1n;
      return (owner.epoch << sequenceBits) | owner.sequence;
    };
    const { store, reports, digests, copies, stamps, now } = deps;
    const fixed = { store, reports, digests, copies, stamps, now, onDefect };
    return materialize(records, nextVersion, { ...fixed, hot: owner.hot });
  }

  /** A batch that the store refuses for good is tried trace by trace, so that one defect does not hold up the partition for ever. */
  async function storeOneByOne(
    owner: Owner,
    records: readonly (SpanRecord | RefoldRecord)[],
  ): Promise<MaterializedTrace[]> {
    const stored: MaterializedTrace[] = [];
    for (const group of Map.groupBy(records, (each) => Buffer.from(each.source.key).toString("latin1")).values()) {
      try {
        stored.push(...(await storeBatch(owner, group)));
      } catch (caught) {
        if (isRetryable(caught)) throw caught;
        const reason = PipelineError.from(caught).message;
        deps.log.error(
          { err: caught, records: group.length },
          "a trace cannot be stored; its records go to the dead letters",
        );
        for (const each of group) await deadLetter(each.source, reason);
        const first = group[0];
        const traceId = first?.kind === "span" ? first.mapped.traceId : first?.record.traceId;
        const trace = owner.hot.get(first?.record.projectId ?? "", traceId ?? "");
        if (trace !== undefined) owner.hot.drop(trace);
      }
    }
    return stored;
  }

  async function deadLetter(record: SourceRecord, reason: string): Promise<void> {
    await deps.deadLetter(record, reason);
    deps.metrics.deadLetters.inc();
  }

  return {
    async assigned(partitions) {
      for (const partition of partitions) {
        const epoch = await deps.nextOwnerEpoch(agentEventsTopic, partition);
        owners.set(partition, { epoch, sequence: 0n, hot: createHotTraces(config) });
        deps.positions?.assigned(partition, epoch);
        deps.log.info({ partition, epoch: epoch.toString() }, "partition assigned");
      }
      await deps.forgetWindows();
    },

    async revoked(partitions) {
      for (const partition of partitions) {
        owners.delete(partition);
        deps.positions?.revoked(partition);
      }
      deps.log.info({ partitions }, "partitions revoked");
    },

    async batch(partition, records, lease) {
      const owner = owners.get(partition);
      if (owner === undefined) throw new PipelineError("LEASE_LOST", `partition ${partition} is not assigned`);
      const endTimer = deps.metrics.batchSeconds.startTimer();
      const readable: (SpanRecord | RefoldRecord)[] = [];
      for (const source of records) {
        const each = decoder.decode(source);
        if (each.kind === "unreadable") await deadLetter(source, each.reason);
        else readable.push(each);
      }
      let stored: MaterializedTrace[];
      try {
        stored = await storeBatch(owner, readable);
      } catch (caught) {
        if (isRetryable(caught) || lease.isLost()) throw caught;
        stored = await storeOneByOne(owner, readable);
      }
      if (lease.isLost())
        throw new PipelineError("LEASE_LOST", `partition ${partition} moved while its batch was stored`);
      await deps.touchWindows(stored);
      const next = (records.at(-1)?.offset ?? -1n) + 1n;
      deps.positions?.stored(partition, next);
      await project(stored);
      for (const trace of stored) trace.noteTold();
      deps.positions?.queryable(partition, next);
      deps.metrics.records.inc(records.length);
      deps.metrics.hotTraces.set({ partition }, owner.hot.count);
      endTimer();
    },
  };

  async function project(stored: readonly MaterializedTrace[]): Promise<void> {
    await deps.project(
      stored.map(toTraceProjection),
      stored.map((trace) => ({
        projectId: trace.projectId,
        traceId: trace.folded.traceId,
        version: trace.version,
        sessionIds: [...new Set([...trace.folded.spans.map((span) => span.sessionId), ...trace.leftSessionIds])],
      })),
    );
  }
}

/** Whatever a dependency throws is a PipelineError; anything else is a defect of ours, which repeating does not cure. */
function isRetryable(caught: unknown): boolean {
  return isPipelineError(caught) && caught.retryable;
}
