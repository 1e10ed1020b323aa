import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { createSqliteDeadLetters } from "./sqlite-dead-letters.ts";

function open(limits: { countMax?: number; bytesMax?: number; ageMsMax?: number }) {
  const letters = createSqliteDeadLetters(new DatabaseSync(":memory:"), {
    countMax: 1_000,
    bytesMax: 1_000_000,
    ageMsMax: 1_000_000,
    ...limits,
  });
  const add = (offset: number, nowMs: number, size = 100) =>
    letters.add(
      { partition: 0, offset, key: Buffer.alloc(10), value: Buffer.alloc(size - 10), timestampMs: 0 },
      "why",
      nowMs,
    );
  return { add, offsets: () => letters.newest(100).map((row) => row.offset) };
}

test("the newest are kept, by count", () => {
  const { add, offsets } = open({ countMax: 3 });
  const dropped = [1, 2, 3, 4, 5].map((offset) => add(offset, offset));
  expect(dropped.map(({ count }) => count)).toEqual([0, 0, 0, 1, 1]);
  expect(offsets()).toEqual([5, 4, 3]);
});

test("by bytes: as many go as one that comes needs", () => {
  const { add, offsets } = open({ bytesMax: 1_000 });
  for (let offset = 1; offset <= 10; offset += 1) add(offset, offset);
  expect(add(11, 11, 450)).toEqual({ age: 0, count: 0, bytes: 5 });
  expect(offsets()).toEqual([11, 10, 9, 8, 7, 6]);
});

test("by age", () => {
  const { add, offsets } = open({ ageMsMax: 50 });
  add(1, 0);
  add(2, 30);
  expect(add(3, 60)).toEqual({ age: 1, count: 0, bytes: 0 });
  expect(offsets()).toEqual([3, 2]);
});

test("one that comes again, since its batch was repeated, takes its own place", () => {
  const { add, offsets } = open({ countMax: 2 });
  add(1, 1);
  add(2, 2);
  expect(add(2, 3)).toEqual({ age: 0, count: 0, bytes: 0 });
  expect(offsets()).toEqual([2, 1]);
});
