import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteLog } from "@nonet/proto/sqlite-log.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, expect, test } from "vitest";
import { createGapReporter } from "./report-gaps.ts";
import { createSqliteSource } from "./sqlite-source.ts";

const directory = mkdtempSync(join(tmpdir(), "nonet-gaps-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function openLog(path: string) {
  return openSqliteLog({ path, partitionCount: 2, synchronous: "NORMAL", backlogBytesMax: 1_000_000 });
}

test("records of the SQLite log that are gone before they were read are counted and named, and what is left is read", async () => {
  const path = join(directory, "log.db");
  let log = openLog(path);
  const append = (count: number) =>
    log.append([Array.from({ length: count }, () => ({ key: Buffer.from("k"), value: Buffer.from("v") }))], 0);
  append(3);
  const partition = log.end(0) === 3 ? 0 : 1;
  log.commit("group", partition, 3);
  append(4);
  append(2);
  log.close();
  const file = new DatabaseSync(path);
  file.exec("DELETE FROM chunk WHERE first_offset = 3");
  file.close();

  log = openLog(path);
  const registry = new Registry();
  const lines: unknown[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const source = createSqliteSource(
    { consumerGroup: "group", batchCountMax: 10, batchBytesMax: 1_000, lingerMs: 0, retryMs: 1, retryMsMax: 1 },
    { log, onError: () => undefined, onGap: createGapReporter(registry, logger) },
  );
  const read: bigint[] = [];
  await source.run({
    assigned: async () => undefined,
    revoked: async () => undefined,
    batch: async (_partition, records) => void read.push(...records.map(({ offset }) => offset)),
  });
  await expect.poll(() => read).toEqual([7n, 8n]);
  expect(lines).toMatchObject([{ partition, from: "3", to: "7", records: 4 }]);
  expect(await registry.getSingleMetricAsString("nonet_processor_gap_records")).toMatch(/ 4$/m);
  await source.close();
  log.close();
});
