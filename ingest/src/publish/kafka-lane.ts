import type { LogRecord } from "./publisher.ts";

/**
 * What waits for one partition. At most one request carries a lane's records at a time and a record leaves its lane only when the broker has
 * confirmed it, so the order within a partition, and so within a key, survives every retry.
 */
export interface Lane<Call> {
  readonly partition: number;
  /** In the order in which they were published; the first `sendingCount` are in a request. */
  waiting: LaneRecord<Call>[];
  sendingCount: number;
  /** Most records of a request. Halved when the broker finds a batch too large for the topic, doubled with each success. */
  sendCountMax: number;
  /** In a row. */
  failures: number;
  /** Nothing is sent before this time. */
  retryAtMs: number;
}

export interface LaneRecord<Call> {
  readonly record: LogRecord;
  readonly bytes: number;
  readonly call: Call;
}

const retryMs = 100;
const retryMsMax = 1_000;

export function createLane<Call>(partition: number): Lane<Call> {
  return { partition, waiting: [], sendingCount: 0, sendCountMax: Number.POSITIVE_INFINITY, failures: 0, retryAtMs: 0 };
}

export function isLaneReady(lane: Lane<unknown>, nowMs: number): boolean {
  return lane.sendingCount === 0 && lane.waiting.length > 0 && lane.retryAtMs <= nowMs;
}

/** Marks records from the front as being sent: as many as `bytesMax` holds, and one in any case when `orOne`. */
export function takeFromLane<Call>(lane: Lane<Call>, bytesMax: number, orOne: boolean): readonly LaneRecord<Call>[] {
  let count = 0;
  let bytes = 0;
  for (const { bytes: size } of lane.waiting) {
    if (count >= lane.sendCountMax || (bytes + size > bytesMax && !(orOne && count === 0))) break;
    bytes += size;
    count += 1;
  }
  lane.sendingCount = count;
  return lane.waiting.slice(0, count);
}

/** The request succeeded: its records leave the lane. */
export function confirmLane<Call>(lane: Lane<Call>): readonly LaneRecord<Call>[] {
  const confirmed = lane.waiting.splice(0, lane.sendingCount);
  lane.sendingCount = 0;
  lane.sendCountMax *= 2;
  lane.failures = 0;
  lane.retryAtMs = 0;
  return confirmed;
}

/** The request failed, or there is no leader to send to: the records stay and wait longer each time. `random` is in [0, 1). */
export function backOffLane(lane: Lane<unknown>, nowMs: number, random: number): void {
  lane.sendingCount = 0;
  lane.retryAtMs = nowMs + Math.min(retryMsMax, retryMs * 2 ** lane.failures) * (0.5 + random / 2);
  lane.failures += 1;
}

/** Removes records that are not being sent and whose call has its answer. */
export function purgeLane<Call>(lane: Lane<Call>, isAnswered: (call: Call) => boolean): readonly LaneRecord<Call>[] {
  const removed: LaneRecord<Call>[] = [];
  lane.waiting = lane.waiting.filter((waiting, index) => {
    if (index < lane.sendingCount || !isAnswered(waiting.call)) return true;
    removed.push(waiting);
    return false;
  });
  return removed;
}
