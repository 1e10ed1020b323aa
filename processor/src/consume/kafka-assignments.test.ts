import { PipelineError } from "@nonet/proto/errors.ts";
import { expect, test } from "vitest";
import { type AssignmentsConfig, createKafkaAssignments } from "./kafka-assignments.ts";
import { createKafkaCommits } from "./kafka-commits.ts";
import type { PartitionLease, SourceRecord } from "./record-source.ts";

function open(changes: Partial<AssignmentsConfig> = {}) {
  const log: string[] = [];
  const committed = new Map<number, bigint>();
  const state = {
    expired: false,
    commitFails: false,
    assignedFailures: 0,
    onBatch: async (_partition: number, _lease: PartitionLease): Promise<void> => undefined,
  };
  const commits = createKafkaCommits(async (offsets) => {
    if (state.commitFails) throw new Error("away");
    for (const [partition, offset] of offsets) committed.set(partition, offset);
  });
  const assignments = createKafkaAssignments(
    { batchCountMax: 100, batchBytesMax: 1_000, retryMs: 1, retryMsMax: 5, ...changes },
    {
      async assigned(partitions) {
        if (state.assignedFailures-- > 0) throw new PipelineError("CONTROL_UNAVAILABLE", "away");
        log.push(`assigned ${partitions.join()}`);
      },
      async revoked(partitions) {
        log.push(`revoked ${partitions.join()}`);
      },
      async batch(partition, records, lease) {
        log.push(`batch ${partition}: ${records.map(({ offset }) => offset).join()}`);
        await state.onBatch(partition, lease);
      },
    },
    {
      commits,
      isSessionExpired: () => state.expired,
      onError: (error) => log.push(`error ${error.code}`),
      onGap: (partition, from, to) => log.push(`gap ${partition}: ${from}-${to}`),
    },
  );
  return { assignments, commits, committed, log, state };
}

function records(partition: number, from: number, count: number, bytes = 1): SourceRecord[] {
  return Array.from({ length: count }, (_, n) => ({
    partition,
    offset: BigInt(from + n),
    key: Buffer.alloc(0),
    value: Buffer.alloc(bytes),
    timestampMs: 0,
  }));
}

test("assigned comes before the first batch, also when it fails at first", async () => {
  const { assignments, log, state } = open();
  state.assignedFailures = 2;
  assignments.join("m", [0, 1]);
  await assignments.handle(1, records(1, 5, 2));
  expect(log).toEqual(["error CONTROL_UNAVAILABLE", "error CONTROL_UNAVAILABLE", "assigned 0,1", "batch 1: 5,6"]);
});

test("batches are split by count and by bytes, and each part is committed", async () => {
  const { assignments, commits, committed, log } = open({ batchCountMax: 3, batchBytesMax: 100 });
  assignments.join("m", [0]);
  await assignments.handle(0, [...records(0, 0, 4), ...records(0, 4, 3, 60), ...records(0, 7, 1, 500)]);
  expect(log.slice(1)).toEqual(["batch 0: 0,1,2", "batch 0: 3,4", "batch 0: 5", "batch 0: 6", "batch 0: 7"]);
  await commits.flush(1_000);
  expect(committed.get(0)).toBe(8n);
});

test("a partition that is lost in the middle of a batch is not committed, and is revoked when the batch has ended", async () => {
  const { assignments, commits, committed, log, state } = open();
  const gate = Promise.withResolvers<void>();
  let lease: PartitionLease | undefined;
  state.onBatch = (_, given) => {
    lease = given;
    return gate.promise;
  };
  assignments.join("m", [0, 1]);
  const handled = assignments.handle(0, records(0, 0, 3));
  await expect.poll(() => lease?.isLost()).toBe(false);
  assignments.join("m", [1]);
  expect(lease?.isLost()).toBe(true);
  expect(assignments.has(0)).toBe(false);

  // It comes back before the batch has ended: assigned again after revoked, and only then the next batch.
  assignments.join("m", [0, 1]);
  state.onBatch = async () => undefined;
  const again = assignments.handle(0, records(0, 0, 3));
  gate.resolve();
  await Promise.all([handled, again]);
  await commits.flush(1_000);
  expect(log).toEqual(["assigned 0,1", "batch 0: 0,1,2", "revoked 0", "assigned 0", "batch 0: 0,1,2"]);
  expect(committed.get(0)).toBe(3n);
});

test("a lost partition's failing batch is given up", async () => {
  const { assignments, committed, log, state } = open();
  state.onBatch = async () => {
    throw new PipelineError("STORE_UNAVAILABLE", "away");
  };
  assignments.join("m", [0]);
  const handled = assignments.handle(0, records(0, 0, 1));
  await expect.poll(() => log.length).toBeGreaterThan(5);
  assignments.loseAll();
  await handled;
  await assignments.idle();
  expect(log.at(-1)).toBe("revoked 0");
  expect(committed.size).toBe(0);
});

test("a member with a new id has lost everything: another may have owned it meanwhile", async () => {
  const { assignments, log } = open();
  assignments.join("m1", [0, 1]);
  await assignments.handle(0, records(0, 0, 1));
  assignments.join("m1", [0, 1]);
  await assignments.idle();
  expect(log).toEqual(["assigned 0,1", "batch 0: 0"]);
  assignments.join("m2", [0, 1]);
  await assignments.idle();
  await assignments.handle(0, records(0, 0, 1));
  expect(log.slice(2).toSorted()).toEqual(["assigned 0", "assigned 1", "batch 0: 0", "revoked 0", "revoked 1"]);
});

test("records that were handled are left out when they come again, and deleted ones are told", async () => {
  const { assignments, commits, log, state } = open();
  assignments.join("m", [0]);
  state.commitFails = true;
  await assignments.handle(0, records(0, 10, 5));
  await assignments.handle(0, records(0, 12, 3));
  await assignments.handle(0, records(0, 12, 5));
  await assignments.handle(0, records(0, 30, 1));
  commits.close();
  expect(log.slice(1)).toEqual(["batch 0: 10,11,12,13,14", "batch 0: 15,16", "gap 0: 17-30", "batch 0: 30"]);
});

test("offsets that start over are those of a topic that was made anew", async () => {
  const { assignments, commits, log } = open();
  assignments.join("m", [0]);
  await assignments.handle(0, records(0, 10, 5));
  await commits.flush(1_000);
  await assignments.handle(0, records(0, 0, 2));
  await assignments.handle(0, records(0, 2, 1));
  expect(log.slice(1)).toEqual(["batch 0: 10,11,12,13,14", "batch 0: 0,1", "batch 0: 2"]);
});

test("a process that slept through its session has lost its leases before the group says so", async () => {
  const { assignments, state } = open();
  let lease: PartitionLease | undefined;
  state.onBatch = async (_, given) => {
    lease = given;
  };
  assignments.join("m", [0]);
  await assignments.handle(0, records(0, 0, 1));
  expect(lease?.isLost()).toBe(false);
  state.expired = true;
  expect(lease?.isLost()).toBe(true);
});
