import { randomBytes } from "node:crypto";
import { type LocalRedis, startRedis } from "@nonet/local/redis.ts";
import { describeProjection } from "@nonet/proto/projection/projection.conformance.ts";
import type { FeedItem, Projection } from "@nonet/proto/projection/projection.ts";
import { createRedisProjection, type RedisProjectionConfig } from "@nonet/proto/projection/redis-projection.ts";
import { liveFeedKey, traceKey, windowFloorKey, windowKey } from "@nonet/proto/redis-keys.ts";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

let redis: LocalRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

async function openOn(url: string, config: Partial<RedisProjectionConfig> = {}): Promise<Projection> {
  const projection = createRedisProjection({ url, ...config });
  await vi.waitFor(() => expect(projection.isHealthy()).toBe(true), { timeout: 10_000 });
  return projection;
}

describeProjection("Redis", () => openOn(redis.url));

const freshProject = () => `p-${randomBytes(8).toString("hex")}`;
const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceRow = (projectId: string, version: bigint) => ({ projectId, traceId, version, tree: `"${version}"` });
const notice = (projectId: string, version: bigint) => ({ projectId, traceId, version, sessionIds: ["s"] });
const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

describe("values in Redis", () => {
  it("all expire", async () => {
    const projection = await openOn(redis.url, { traceTtlMs: 60_000, windowTtlMs: 50_000, feedTtlMs: 40_000 });
    const projectId = freshProject();
    const window = { projectId, windowSeconds: 60, windowStartSeconds: 0, queryStartedAt: 1n, body: "{}" };
    await projection.writeTraces([traceRow(projectId, 1n)]);
    await projection.writeWindows([window]);
    await projection.notify([notice(projectId, 1n)]);
    const keys = [
      traceKey(projectId, traceId),
      windowKey(projectId, 60, 0),
      windowFloorKey(projectId),
      liveFeedKey(projectId),
    ];
    await withClient(redis.url, async (client) => {
      expect((await client.keys(`${projectId}:*`)).sort()).toEqual([...keys].sort());
      const ttls = await Promise.all(keys.map((key) => client.pttl(key)));
      for (const [i, max] of [60_000, 50_000, 50_000, 40_000].entries()) {
        expect(ttls[i]).toBeGreaterThan(max - 20_000);
        expect(ttls[i]).toBeLessThanOrEqual(max);
      }
    });
    await projection.close();
  });

  it("are misses when they are damaged, and can be written again", async () => {
    const projection = await openOn(redis.url);
    for (const damaged of ["", "{}", "00000000000000000001", "9999999999999999999x{}", "\xff".repeat(30)]) {
      const projectId = freshProject();
      await withClient(redis.url, (client) => client.set(traceKey(projectId, traceId), damaged));
      expect(await projection.readTrace(projectId, traceId)).toBeUndefined();
      expect(await projection.writeTraces([traceRow(projectId, 2n)])).toMatchObject({ written: 1 });
      expect(await projection.readTrace(projectId, traceId)).toEqual({ version: 2n, tree: '"2"' });
    }
    await projection.close();
  });

  it("cost only themselves when a key holds something else", async () => {
    const projection = await openOn(redis.url);
    const [bad, good] = [freshProject(), freshProject()];
    await withClient(redis.url, (client) => client.lpush(traceKey(bad, traceId), "a list"));
    const outcome = await projection.writeTraces([traceRow(bad, 1n), traceRow(good, 1n)]);
    expect(outcome).toMatchObject({ written: 1, failed: 1, skipped: 0, error: { code: "PROJECTION_UNAVAILABLE" } });
    expect(await projection.readTrace(bad, traceId)).toBeUndefined();
    expect(await projection.readTrace(good, traceId)).toBeDefined();
    await projection.close();
  });

  it("survive the loss of the script", async () => {
    const projection = await openOn(redis.url);
    const projectId = freshProject();
    await projection.writeTraces([traceRow(projectId, 1n)]);
    await withClient(redis.url, (client) => client.script("FLUSH"));
    expect(await projection.writeTraces([traceRow(projectId, 2n)])).toMatchObject({ written: 1 });
    expect(await projection.writeTraces([traceRow(projectId, 1n)])).toMatchObject({ stale: 1 });
    await projection.close();
  });

  it("lose a race by version, not by time, when two processors write one trace", async () => {
    const [one, two] = await Promise.all([openOn(redis.url), openOn(redis.url)]);
    const projectId = freshProject();
    const versions = Array.from({ length: 400 }, (_, i) => BigInt(i)).sort(() => Math.random() - 0.5);
    await Promise.all(
      versions.map((version, i) => (i % 2 === 0 ? one : two).writeTraces([traceRow(projectId, version)])),
    );
    expect(await two.readTrace(projectId, traceId)).toMatchObject({ version: 399n });
    await Promise.all([one.close(), two.close()]);
  });

  it("are not served from before the floor when the floor is gone", async () => {
    const projection = await openOn(redis.url);
    const projectId = freshProject();
    const window = { projectId, windowSeconds: 60, windowStartSeconds: 0, queryStartedAt: 10n, body: "{}" };
    await projection.writeWindows([window]);
    await projection.forgetWindows(projectId, 20n);
    await withClient(redis.url, (client) => client.del(windowFloorKey(projectId)));
    expect(await projection.readWindows(projectId, 60, [0])).toEqual(new Map());
    await projection.writeWindows([{ ...window, windowStartSeconds: 60, queryStartedAt: 30n }]);
    expect(await projection.readWindows(projectId, 60, [0, 60])).toEqual(new Map([[60, "{}"]]));
    await projection.close();
  });
});

describe("a Redis that goes away", () => {
  it("costs misses and counted failures, and is used again when it is back, empty", { retry: 2 }, async () => {
    await using own = await startRedis();
    const errors: string[] = [];
    const projection = createRedisProjection({ url: own.url }, { onError: (error) => errors.push(error.code) });
    await eventually(() => expect(projection.isHealthy()).toBe(true));
    const projectId = freshProject();
    await projection.writeTraces([traceRow(projectId, 1n)]);

    await own.kill();
    const startMs = performance.now();
    for (let i = 0; i < 100; i++) {
      const outcome = await projection.writeTraces([traceRow(projectId, 2n), traceRow(projectId, 3n)]);
      expect(outcome.written).toBe(0);
      expect(outcome.failed + outcome.skipped).toBe(2);
      expect(outcome.error).toMatchObject({ code: "PROJECTION_UNAVAILABLE", retryable: true });
      expect(await projection.readTrace(projectId, traceId)).toBeUndefined();
      expect(await projection.readWindows(projectId, 60, [0])).toEqual(new Map());
    }
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect(projection.isHealthy()).toBe(false);
    expect(errors).toEqual(["PROJECTION_UNAVAILABLE"]);

    await own.restart();
    await eventually(() => expect(projection.isHealthy()).toBe(true));
    expect(await projection.readTrace(projectId, traceId)).toBeUndefined();
    expect(await projection.writeTraces([traceRow(projectId, 3n)])).toMatchObject({ written: 1 });
    expect(await projection.readTrace(projectId, traceId)).toMatchObject({ version: 3n });
    await projection.close();
  });

  it("costs one timeout and no more when it says nothing", { retry: 2 }, async () => {
    await using own = await startRedis();
    const projection = await openOn(own.url, { commandTimeoutMs: 300, pauseMs: 60_000 });
    const projectId = freshProject();
    own.pause();
    const startMs = performance.now();
    const rows = Array.from({ length: 1_000 }, (_, i) => traceRow(projectId, BigInt(i)));
    const outcome = await projection.writeTraces(rows);
    expect(outcome).toMatchObject({ written: 0, failed: 200, skipped: 800 });
    for (let i = 0; i < 50; i++) expect(await projection.writeTraces(rows)).toMatchObject({ skipped: 1_000 });
    expect(performance.now() - startMs).toBeLessThan(2_000);
    own.resume();
    await eventually(async () => expect(await projection.writeTraces(rows)).toMatchObject({ failed: 0, skipped: 0 }));
    await projection.close();
  });

  it("refuses work when its memory is full, and is used again when there is room", async () => {
    await using own = await startRedis();
    const projection = await openOn(own.url);
    const projectId = freshProject();
    await withClient(own.url, async (client) => {
      await client.config("SET", "maxmemory", "1");
      expect(await projection.writeTraces([traceRow(projectId, 1n)])).toMatchObject({ written: 0, failed: 1 });
      expect(await projection.notify([notice(projectId, 1n)])).toMatchObject({ written: 0, skipped: 1 });
      await client.config("SET", "maxmemory", "0");
    });
    await eventually(async () =>
      expect(await projection.writeTraces([traceRow(projectId, 1n)])).toMatchObject({ written: 1 }),
    );
    await projection.close();
  });

  it("evicts under a small limit without ever giving a wrong answer", async () => {
    await using own = await startRedis({ memoryBytesMax: 4_000_000 });
    const projection = await openOn(own.url);
    const id = (i: number) => i.toString(16).padStart(32, "0");
    const tree = `"${"x".repeat(10_000)}"`;
    const projectId = freshProject();
    for (let version = 1n; version <= 3n; version++) {
      const rows = Array.from({ length: 1_000 }, (_, i) => ({ projectId, traceId: id(i), version, tree }));
      expect(await projection.writeTraces(rows)).toMatchObject({ written: 1_000 });
    }
    let found = 0;
    for (let i = 0; i < 1_000; i++) {
      const value = await projection.readTrace(projectId, id(i), 3n);
      if (value === undefined) continue;
      found++;
      expect(value).toEqual({ version: 3n, tree });
    }
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(1_000);
    await projection.close();
  });

  it("tells those who follow a feed to reset, and goes on with what comes then", async () => {
    await using own = await startRedis();
    const projection = await openOn(own.url);
    const projectId = freshProject();
    const stop = new AbortController();
    const items: FeedItem[] = [];
    const listening = (async () => {
      for await (const item of projection.subscribe(projectId, undefined, stop.signal)) items.push(item);
    })();
    await eventually(() => expect(items).toMatchObject([{ reset: true }]));
    await own.restart();
    await eventually(() => expect(items).toHaveLength(2));
    expect(items[1]).toMatchObject({ reset: true });
    await eventually(async () =>
      expect(await projection.notify([notice(projectId, 2n)])).toMatchObject({ written: 1 }),
    );
    await eventually(() => expect(items.at(-1)).toMatchObject({ notice: { version: 2n } }));
    stop.abort();
    await listening;
    await projection.close();
  });

  it("tells them too when its feed is evicted, or only the writer could not reach it", async () => {
    await using own = await startRedis();
    const [writer, reader] = await Promise.all([openOn(own.url), openOn(own.url)]);
    const projectId = freshProject();
    const stop = new AbortController();
    const items: FeedItem[] = [];
    const listening = (async () => {
      for await (const item of reader.subscribe(projectId, undefined, stop.signal)) items.push(item);
    })();
    await eventually(() => expect(items).toHaveLength(1));
    await writer.notify([notice(projectId, 1n)]);
    await eventually(() => expect(items).toHaveLength(2));
    await withClient(own.url, (client) => client.del(liveFeedKey(projectId)));
    await eventually(() => expect(items.slice(2)).toMatchObject([{ reset: true }]));

    await withClient(own.url, async (client) => {
      await client.config("SET", "maxmemory", "1"); // reading still works
      expect(await writer.notify([notice(projectId, 2n)])).toMatchObject({ written: 0 });
      await client.config("SET", "maxmemory", "0");
    });
    await eventually(() => expect(items.slice(2)).toMatchObject([{ reset: true }, { reset: true }]));
    stop.abort();
    await listening;
    await Promise.all([writer.close(), reader.close()]);
  });

  it("is not needed to start, nor to stop", async () => {
    const projection = createRedisProjection({ url: "redis://127.0.0.1:1" });
    expect(await projection.writeTraces([traceRow("p", 1n)])).toMatchObject({ written: 0 });
    expect(projection.isHealthy()).toBe(false);
    await projection.close();
    expect(await projection.readTrace("p", traceId)).toBeUndefined();
  });

  it.each(["", "http://user:secret@host", "localhost:6379", "redis://:bad port"])("is no URL: %j", (url) => {
    const open = () => createRedisProjection({ url });
    expect(open).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.not.stringContaining("secret") }),
    );
  });
});
