import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backOffLane, confirmLane, createLane, isLaneReady, type Lane, purgeLane, takeFromLane } from "./kafka-lane.ts";

interface TestCall {
  answered: boolean;
}

function fill(sizes: readonly number[]): Lane<TestCall> {
  const lane = createLane<TestCall>(0);
  lane.waiting = sizes.map((bytes, index) => ({
    record: { key: Buffer.alloc(0), value: Buffer.from([index]) },
    bytes,
    call: { answered: false },
  }));
  return lane;
}

test("a request takes what its bytes hold, and a record that exceeds them alone only when it is the first", () => {
  const lane = fill([40, 40, 40]);
  expect(takeFromLane(lane, 100, true)).toHaveLength(2);
  expect(isLaneReady(lane, 0)).toBe(false);
  confirmLane(lane);
  expect(takeFromLane(lane, 10, false)).toHaveLength(0);
  expect(isLaneReady(lane, 0)).toBe(true);
  expect(takeFromLane(lane, 10, true)).toHaveLength(1);
});

test("failures wait longer each time, up to a second, and a success ends that", () => {
  const lane = fill([1, 1]);
  const waits = Array.from({ length: 8 }, () => {
    takeFromLane(lane, 1, true);
    backOffLane(lane, 1_000, 0.999);
    return lane.retryAtMs - 1_000;
  });
  expect(waits.map(Math.round)).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000]);
  expect(isLaneReady(lane, 1_500)).toBe(false);
  takeFromLane(lane, 1, true);
  confirmLane(lane);
  expect(isLaneReady(lane, 0)).toBe(true);
});

test("records in a request stay when their call has been answered, the others leave", () => {
  const lane = fill([1, 1, 1, 1]);
  takeFromLane(lane, 2, true);
  for (const { call } of lane.waiting) call.answered = true;
  expect(purgeLane(lane, (call) => call.answered)).toHaveLength(2);
  backOffLane(lane, 0, 0);
  expect(purgeLane(lane, (call) => call.answered)).toHaveLength(2);
  expect(lane.waiting).toEqual([]);
});

test("whatever succeeds and fails, records are confirmed once each and in their order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.record({ ok: fc.boolean(), bytesMax: fc.integer({ min: 1, max: 200 }) }), { maxLength: 200 }),
      (sizes, attempts) => {
        const lane = fill(sizes);
        const confirmed: number[] = [];
        for (const { ok, bytesMax } of attempts) {
          const taken = takeFromLane(lane, bytesMax, true);
          if (!ok) backOffLane(lane, 0, 0);
          else confirmed.push(...confirmLane(lane).map(({ record }) => record.value[0] ?? -1));
          const bytes = taken.reduce((sum, each) => sum + each.bytes, 0);
          expect(taken.length <= 1 || bytes <= bytesMax).toBe(true);
        }
        const rest = lane.waiting.map(({ record }) => record.value[0] ?? -1);
        expect([...confirmed, ...rest]).toEqual(sizes.map((_, index) => index));
      },
    ),
  );
});
