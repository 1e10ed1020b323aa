import { expect, test } from "vitest";
import { createBacklog } from "./backlog.ts";

const waitMsMax = 1_000;

function open() {
  let nowMs = 0;
  const backlog = createBacklog({ waitMsMax }, { now: () => nowMs });
  /** Lets in requests of new connections until there is no room. @returns how many bytes were let in. */
  const fill = (connection?: object) => {
    const entries: (() => void)[] = [];
    for (;;) {
      const entry = backlog.enter(connection ?? {}, 100_000);
      if (entry === undefined) return entries;
      entries.push(() => entry.leave(true));
    }
  };
  return { backlog, fill, pass: (ms: number) => (nowMs += ms) };
}

test("lets in what is done in the time, by the rate at which work was done lately", () => {
  const { backlog, fill, pass } = open();
  const one = {};
  // 16 MB a second, for 15 seconds: each time there is room it is taken.
  const entries = fill(one);
  for (let round = 0; round < 2_400; round += 1) {
    pass(6.25);
    entries.shift()?.();
    entries.push(...fill(one));
  }
  expect(backlog.bytes()).toBeGreaterThan(14_000_000);
  expect(backlog.bytes()).toBeLessThan(18_400_000);
});

test("without anything done it soon lets in little, and goes on letting in that", () => {
  const { backlog, fill, pass } = open();
  const first = fill({});
  pass(60_000);
  for (const leave of first) leave();
  expect(backlog.bytes()).toBe(0);
  expect(backlog.hasRoomFor({})).toBe(true);
  fill({});
  expect(backlog.bytes()).toBeGreaterThanOrEqual(8_388_608);
});

test("idle time says nothing of the rate", () => {
  const { backlog, fill, pass } = open();
  const before = fill({}).map((leave) => leave()).length;
  pass(3_600_000);
  expect(backlog.bytes()).toBe(0);
  expect(fill({}).length).toBeGreaterThanOrEqual(before - 1);
});

test("a connection that has filled it keeps out itself, not the others", () => {
  const { backlog, fill } = open();
  const busy = {};
  fill(busy);
  expect(backlog.hasRoomFor(busy)).toBe(false);
  const other = {};
  const entry = backlog.enter(other, 100_000);
  expect(entry).toBeDefined();
  expect(backlog.hasRoomFor(other)).toBe(false);
  entry?.leave(true);
  expect(backlog.hasRoomFor(other)).toBe(true);
});

test("many connections together are let in up to twice as much", () => {
  const alone = open();
  alone.fill({});
  const many = open();
  many.fill();
  expect(many.backlog.bytes()).toBeLessThanOrEqual(2 * alone.backlog.bytes());
  expect(many.backlog.hasRoomFor({})).toBe(false);
});

test("leaving twice counts once", () => {
  const { backlog } = open();
  const entry = backlog.enter({}, 10);
  backlog.enter({}, 5);
  entry?.leave(true);
  entry?.leave(false);
  expect(backlog.bytes()).toBe(5);
});
