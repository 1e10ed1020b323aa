/** A disk that is really full: a small file system of its own, which needs root. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLog } from "@nonet/proto/sqlite-log.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSqlitePublisher } from "./sqlite-publisher.ts";

let disk = "";
beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), "nonet-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
});
afterEach(() => {
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

test("a full disk is LOG_UNAVAILABLE and retryable, keeps what was acknowledged, and is over once there is room", async () => {
  const log = openSqliteLog({
    path: join(disk, "log.db"),
    partitionCount: 1,
    synchronous: "FULL",
    backlogBytesMax: 1e9,
  });
  const publisher = createSqlitePublisher({ recordBytesMax: 1_000_000, queueBytesMax: 1e8 }, { log, now: () => 0 });
  const record = { key: partitionKey("default", "1".repeat(32)), value: Buffer.alloc(100_000, 1) };
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(2_000_000));

  let acknowledged = 0;
  const fill = async () => {
    for (;;) {
      await publisher.publish([record]);
      acknowledged += 1;
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: "LOG_UNAVAILABLE", retryable: true });
  expect(acknowledged).toBeGreaterThan(0);
  expect(publisher.isHealthy()).toBe(false);

  rmSync(ballast);
  await publisher.publish([record]);
  expect(publisher.isHealthy()).toBe(true);
  expect(log.read(0, 0, 1_000, 1e9)).toHaveLength(acknowledged + 1);
  log.close();
});
