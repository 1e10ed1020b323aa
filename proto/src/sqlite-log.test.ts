import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteLog, type SqliteLog } from "./sqlite-log.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nonet-log-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(settings: { partitionCount?: number; backlogBytesMax?: number } = {}): SqliteLog {
  return openSqliteLog({
    path: join(directory, "log.sqlite"),
    partitionCount: settings.partitionCount ?? 1,
    synchronous: "NORMAL",
    backlogBytesMax: settings.backlogBytesMax ?? 1e9,
  });
}

const record = (key: string, size: number) => ({ key: Buffer.from(key), value: Buffer.alloc(size, key) });
const textOf = (log: SqliteLog, partition: number, offset: number, countMax = 1_000, bytesMax = 1e9) =>
  log.read(partition, offset, countMax, bytesMax).map((each) => [each.offset, Buffer.from(each.key).toString()]);

test("whatever is appended is read once, in order, in batches of any size, across restarts", () => {
  const requests = fc.array(fc.array(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }), { maxLength: 4 }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(requests, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 900 }), (appends, count, bytes) => {
      rmSync(directory, { recursive: true, force: true });
      directory = mkdtempSync(join(tmpdir(), "nonet-log-"));
      let log = open({ partitionCount: 2 });
      const keys: string[] = [];
      for (const calls of appends) {
        const records = calls.map((sizes) =>
          sizes.map((size) => {
            keys.push(`key-${keys.length}`);
            return record(`key-${keys.length - 1}`, size);
          }),
        );
        log.append(records, 7);
      }
      const seen: string[] = [];
      for (const partition of [0, 1]) {
        let offset = 0;
        for (;;) {
          const batch = log.read(partition, offset, count, bytes);
          if (batch.length === 0) break;
          expect(batch.length).toBeLessThanOrEqual(count);
          for (const each of batch) {
            expect(each.offset).toBe(offset);
            expect(each.timestampMs).toBe(7);
            expect(Buffer.from(each.value).equals(Buffer.alloc(each.value.length, each.key))).toBe(true);
            seen.push(Buffer.from(each.key).toString());
            offset += 1;
          }
          log.commit("group", partition, offset);
          log.close();
          log = open({ partitionCount: 2 });
          expect(log.committed("group", partition)).toBe(offset);
        }
        expect(offset).toBe(log.end(partition));
      }
      expect([...seen].sort()).toEqual([...keys].sort());
      log.close();
    }),
    { seed: 20261125, numRuns: 25 },
  );
}, 60_000);

test("a commit in the middle of what one request appended keeps the rest", () => {
  let log = open();
  log.append([[record("a", 10), record("b", 10), record("c", 10)]], 1);
  log.commit("group", 0, 2);
  log.close();
  log = open();
  expect(textOf(log, 0, log.committed("group", 0))).toEqual([[2, "c"]]);
  log.commit("group", 0, 3);
  expect(textOf(log, 0, 0)).toEqual([]);
  log.append([[record("d", 10)]], 1);
  expect(textOf(log, 0, 0)).toEqual([[3, "d"]]);
  log.close();
});

test("a slower group still finds what a faster one has passed", () => {
  const log = open();
  log.commit("slow", 0, 0);
  log.append([[record("a", 10)], [record("b", 10)]], 1);
  log.commit("fast", 0, 2);
  expect(textOf(log, 0, log.committed("slow", 0))).toEqual([
    [0, "a"],
    [1, "b"],
  ]);
  log.close();
});

test("a request larger than a batch is read in several, and a record larger than one alone", () => {
  const log = open();
  const large = Array.from({ length: 10 }, (_, at) => record(`k${at}`, 1_500_000));
  log.append([large], 1);
  log.append([[record("whole", 9_000_000)]], 1);
  expect(textOf(log, 0, 0, 1_000, 4_000_000)).toEqual([
    [0, "k0"],
    [1, "k1"],
  ]);
  expect(textOf(log, 0, 9, 1_000, 4_000_000)).toEqual([[9, "k9"]]);
  expect(textOf(log, 0, 10, 1_000, 4_000_000)).toEqual([[10, "whole"]]);
  log.close();
});

test("the backlog is what is not yet behind every cursor, and room is made by commits", () => {
  let log = open({ backlogBytesMax: 1_000 });
  log.append([[record("a", 600)]], 1);
  expect(() => log.append([[record("b", 600)]], 1)).toThrow(/backlog/);
  log.close();
  log = open({ backlogBytesMax: 1_000 });
  expect(() => log.append([[record("b", 600)]], 1)).toThrow(/backlog/);
  log.commit("group", 0, 1);
  log.append([[record("b", 600)]], 1);
  expect(textOf(log, 0, 0)).toEqual([[1, "b"]]);
  log.close();
});
