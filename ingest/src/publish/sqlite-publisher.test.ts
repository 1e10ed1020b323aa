import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteLog, type SqliteLog, type SqliteLogConfig } from "@nonet/proto/sqlite-log.ts";
import { partitionKey, partitionOf } from "@nonet/proto/topics.ts";
import { afterEach, describe, expect, test } from "vitest";
import { publisherConformance } from "./publisher.conformance.ts";
import { createSqlitePublisher } from "./sqlite-publisher.ts";

const directories: string[] = [];
const logs: SqliteLog[] = [];

function openLog(overrides: Partial<SqliteLogConfig> = {}): SqliteLog {
  const directory = mkdtempSync(join(tmpdir(), "nonet-log-"));
  directories.push(directory);
  const log = openSqliteLog({
    path: join(directory, "log.db"),
    partitionCount: 3,
    synchronous: "NORMAL",
    backlogBytesMax: 64_000_000,
    ...overrides,
  });
  logs.push(log);
  return log;
}

afterEach(() => {
  for (const log of logs.splice(0)) log.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

const config = { recordBytesMax: 1_000_000, queueBytesMax: 10_000_000 };
const traceId = (n: number) => n.toString(16).padStart(32, "0");

describe("conformance", () => {
  publisherConformance(async () => {
    const log = openLog();
    return {
      publisher: createSqlitePublisher(config, { log, now: () => 1000 }),
      async valuesOf(key) {
        return log
          .read(partitionOf(key, log.partitionCount), 0, 10_000, 100_000_000)
          .filter((record) => Buffer.compare(record.key, key) === 0)
          .map((record) => Buffer.from(record.value).toString());
      },
    };
  });
});

test("offsets go on after everything was consumed, deleted and the log opened again", async () => {
  const log = openLog();
  const directory = directories.at(-1) ?? "";
  const publisher = createSqlitePublisher(config, { log, now: () => 1000 });
  const key = partitionKey("default", traceId(1));
  const partition = partitionOf(key, 3);
  await publisher.publish([
    { key, value: Buffer.from("a") },
    { key, value: Buffer.from("b") },
  ]);
  log.commit("processor", partition, 2);
  expect(log.read(partition, 0, 10, 1000)).toEqual([]);
  log.close();
  const again = openSqliteLog({
    path: join(directory, "log.db"),
    partitionCount: 3,
    synchronous: "NORMAL",
    backlogBytesMax: 1000,
  });
  logs.push(again);
  const published = await createSqlitePublisher(config, { log: again, now: () => 2000 }).publish([
    { key, value: Buffer.from("c") },
  ]);
  expect(published.partitions).toEqual([{ partition, lastOffset: 2n }]);
  expect(again.committed("processor", partition)).toBe(2);
});

test("a full backlog refuses with OVERLOADED and takes again once consumers went on", async () => {
  const log = openLog({ backlogBytesMax: 2000, partitionCount: 1 });
  const publisher = createSqlitePublisher(config, { log, now: () => 1000 });
  const record = { key: partitionKey("default", traceId(1)), value: Buffer.alloc(900) };
  await publisher.publish([record]);
  await publisher.publish([record]);
  await expect(publisher.publish([record])).rejects.toMatchObject({ code: "OVERLOADED", retryable: true });
  log.commit("processor", 0, 1);
  await publisher.publish([record]);
});

test("a cursor never moves back, and a record waits for the slowest consumer group", async () => {
  const log = openLog({ partitionCount: 1 });
  const publisher = createSqlitePublisher(config, { log, now: () => 1000 });
  log.commit("re-export", 0, 0);
  await publisher.publish([{ key: partitionKey("default", traceId(1)), value: Buffer.from("a") }]);
  log.commit("processor", 0, 1);
  log.commit("processor", 0, 0);
  expect(log.committed("processor", 0)).toBe(1);
  expect(log.read(0, 0, 10, 1000)).toHaveLength(1);
  log.commit("re-export", 0, 1);
  expect(log.read(0, 0, 10, 1000)).toHaveLength(0);
});

test("a log that cannot write says LOG_UNAVAILABLE, retryable", async () => {
  const log = openLog();
  const publisher = createSqlitePublisher(config, { log, now: () => 1000 });
  log.close();
  await expect(
    publisher.publish([{ key: partitionKey("default", traceId(1)), value: Buffer.from("a") }]),
  ).rejects.toMatchObject({ code: "LOG_UNAVAILABLE", retryable: true });
  expect(publisher.isHealthy()).toBe(false);
});

test("93: ready while the log can be written, and again when it can, without a sender to show it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "nonet-log-"));
  directories.push(directory);
  const path = join(directory, "log.db");
  const log = openSqliteLog({ path, partitionCount: 1, synchronous: "NORMAL", backlogBytesMax: 1_000_000 });
  logs.push(log);
  const publisher = createSqlitePublisher(config, { log, now: () => 1000 });
  expect(publisher.isHealthy()).toBe(true);
  const lock = new DatabaseSync(path);
  lock.exec("BEGIN IMMEDIATE");
  const record = { key: partitionKey("default", traceId(1)), value: Buffer.from("a") };
  await expect(publisher.publish([record])).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  expect(publisher.isHealthy()).toBe(false);
  lock.close();
  await expect.poll(() => publisher.isHealthy(), { timeout: 5_000 }).toBe(true);
  expect(log.end(0)).toBe(0);
});
