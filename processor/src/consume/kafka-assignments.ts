import { setTimeout as delay } from "node:timers/promises";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { KafkaCommits } from "./kafka-commits.ts";
import type { SourceHandlers, SourceRecord } from "./record-source.ts";

/**
 * Which partitions are ours, and the order of what the handlers see of each: assigned, batches one at a time, revoked, assigned again.
 *
 * A rebalance does not wait for a running batch. What the group takes away is lost at once (its lease says so, nothing of it is committed) and
 * `revoked` follows when its batch has ended; a partition that comes back meanwhile waits for that.
 */
export interface KafkaAssignments {
  /** The group has assigned these. A member that keeps its id was in every generation, so what it had and still has was never another's. */
  join(memberId: string, partitions: readonly number[]): void;
  loseAll(): void;
  has(partition: number): boolean;
  /** A batch of this partition is being handled. */
  isBusy(partition: number): boolean;
  /**
   * Hands records to the handlers, again and again until they are taken or the partition is lost; then asks for the commit. Resolves in both
   * cases, never rejects. Records that were taken before are left out.
   */
  handle(partition: number, records: readonly SourceRecord[]): Promise<void>;
  /** Resolves when no batch is running and everything lost has been revoked. */
  idle(): Promise<void>;
  /** Ends waiting for a next attempt. */
  close(): void;
}

export interface AssignmentsConfig {
  readonly batchCountMax: number;
  /** Keys and values of one call of the handler; one record may be larger. */
  readonly batchBytesMax: number;
  /** Pause after a batch that failed, doubled up to the maximum. */
  readonly retryMs: number;
  readonly retryMsMax: number;
}

interface Assignment {
  readonly partition: number;
  lost: boolean;
  /** `handlers.assigned` has resolved for it. */
  started: boolean;
  /** Resolves, never rejects, when `started` is decided. */
  ready: Promise<void>;
  running: Promise<void> | undefined;
  /** First offset that was not handled; unknown before the first batch. */
  next: bigint | undefined;
}

export function createKafkaAssignments(
  config: AssignmentsConfig,
  handlers: SourceHandlers,
  deps: {
    readonly commits: KafkaCommits;
    /** Whether the group may have given our partitions away without our knowing. */
    isSessionExpired(): boolean;
    onError(error: PipelineError): void;
    /** Offsets from `from` to before `to` were deleted before they were read. */
    onGap(partition: number, from: bigint, to: bigint): void;
  },
): KafkaAssignments {
  const assignments = new Map<number, Assignment>();
  /** Of partitions that were lost: resolves when they are revoked. */
  const endings = new Map<number, Promise<void>>();
  const stop = new AbortController();
  let lastMemberId = "";

  async function pause(failures: number): Promise<void> {
    const ms = Math.min(config.retryMsMax, config.retryMs * 2 ** failures) * (0.5 + Math.random() / 2);
    // Aborted by close: the caller ends at its next check.
    await delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  }

  function add(partitions: readonly number[]): void {
    const added = partitions.map((partition) => {
      const assignment: Assignment = {
        partition,
        lost: false,
        started: false,
        ready: Promise.resolve(),
        running: undefined,
        next: undefined,
      };
      assignments.set(partition, assignment);
      return assignment;
    });
    // Together where nothing is in the way; one that is still busy with its last batch must not hold up the others.
    const free = added.filter(({ partition }) => !endings.has(partition));
    const ready = free.length > 0 ? start(free) : Promise.resolve();
    for (const assignment of free) assignment.ready = ready;
    for (const assignment of added) {
      const ending = endings.get(assignment.partition);
      if (ending !== undefined) assignment.ready = ending.then(() => start([assignment]));
    }
  }

  async function start(group: readonly Assignment[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      const ours = group.filter(({ lost }) => !lost);
      if (ours.length === 0 || stop.signal.aborted) return;
      try {
        await handlers.assigned(ours.map(({ partition }) => partition));
        for (const assignment of ours) assignment.started = true;
        return;
      } catch (caught) {
        deps.onError(PipelineError.from(caught));
        await pause(failures);
      }
    }
  }

  function lose(assignment: Assignment): void {
    const { partition } = assignment;
    assignment.lost = true;
    assignments.delete(partition);
    deps.commits.forget(partition);
    const ending = end(assignment).finally(() => {
      if (endings.get(partition) === ending) endings.delete(partition);
    });
    endings.set(partition, ending);
  }

  async function end(assignment: Assignment): Promise<void> {
    await assignment.ready;
    await assignment.running;
    if (!assignment.started) return;
    await handlers.revoked([assignment.partition]).catch((caught) => deps.onError(PipelineError.from(caught)));
  }

  async function run(assignment: Assignment, records: readonly SourceRecord[]): Promise<void> {
    await assignment.ready;
    const isLost = () => assignment.lost || deps.isSessionExpired();
    for (const batch of split(records, config)) {
      for (let failures = 0; ; failures++) {
        if (assignment.lost || stop.signal.aborted) return;
        try {
          await handlers.batch(assignment.partition, batch, { isLost });
          break;
        } catch (caught) {
          if (assignment.lost) return;
          deps.onError(PipelineError.from(caught));
          await pause(failures);
        }
      }
      const last = batch.at(-1);
      if (assignment.lost || last === undefined) return;
      assignment.next = last.offset + 1n;
      deps.commits.request(assignment.partition, assignment.next);
    }
  }

  /**
   * After a rejoin the group's position is the committed offset, which may be behind what was handled: those records are left out. Records
   * before the committed offset can only come from a topic that was made anew, and are new ones.
   */
  function skipHandled(assignment: Assignment, records: readonly SourceRecord[]): readonly SourceRecord[] {
    const first = records[0];
    const { partition, next } = assignment;
    if (first === undefined || next === undefined) return records;
    if (first.offset > next) deps.onGap(partition, next, first.offset);
    const committed = deps.commits.confirmed(partition);
    if (committed !== undefined && first.offset < committed) return records;
    return records.filter(({ offset }) => offset >= next);
  }

  return {
    join(memberId, partitions) {
      const kept = new Set(memberId === lastMemberId ? partitions : []);
      lastMemberId = memberId;
      for (const assignment of [...assignments.values()]) if (!kept.has(assignment.partition)) lose(assignment);
      add(partitions.filter((partition) => !assignments.has(partition)));
    },
    loseAll() {
      for (const assignment of [...assignments.values()]) lose(assignment);
    },
    has: (partition) => assignments.has(partition),
    isBusy: (partition) => assignments.get(partition)?.running !== undefined,
    handle(partition, records) {
      const assignment = assignments.get(partition);
      if (assignment === undefined) return Promise.resolve();
      const fresh = skipHandled(assignment, records);
      if (fresh.length === 0) return Promise.resolve();
      const running = run(assignment, fresh).finally(() => {
        assignment.running = undefined;
      });
      assignment.running = running;
      return running;
    },
    async idle() {
      while (endings.size > 0 || [...assignments.values()].some(({ running }) => running !== undefined)) {
        await Promise.all([...endings.values(), ...[...assignments.values()].map(({ running }) => running)]);
      }
    },
    close: () => stop.abort(),
  };
}

function* split(records: readonly SourceRecord[], config: AssignmentsConfig): Generator<readonly SourceRecord[]> {
  let from = 0;
  let bytes = 0;
  for (const [index, { key, value }] of records.entries()) {
    const size = key.length + value.length;
    if (index > from && (bytes + size > config.batchBytesMax || index - from >= config.batchCountMax)) {
      yield records.slice(from, index);
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield records.slice(from);
}
