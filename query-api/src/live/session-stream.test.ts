import { randomBytes } from "node:crypto";
import { PipelineError } from "@nonet/proto/errors.ts";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { createCursorCodec } from "../http/cursor.ts";
import type { Session } from "../session-traces/session.ts";
import { createWeightedCache } from "../store/weighted-cache.ts";
import type { LiveSession } from "./live-session.ts";
import type { ToldSession } from "./session-changes.ts";
import type { SessionFollower } from "./session-feed.ts";
import { followSession } from "./session-stream.ts";
import { type RecordedStream, recordStream } from "./testdata/recorded-stream.ts";

/** A busy machine may take its time. */
const patience = { timeout: 10_000 };

const startMs = Date.UTC(2026, 0, 1);
const config = { stuckMs: 120_000, tickMs: 5, awayPollMs: 20, refreshMs: 60_000, retryMs: 5 };

/** A session of which these nodes are shown; the first is open when there is any. */
function sessionWith(nodes: Record<string, number>): LiveSession {
  const [first] = Object.keys(nodes);
  return {
    // `as`: nothing here looks into it.
    session: { id: "s", status: "active" } as Session,
    nodes: new Map(
      Object.entries(nodes).map(([nodeId, version]) => [
        nodeId,
        { nodeId, text: JSON.stringify({ nodeId, version }), digest: `${version}` },
      ]),
    ),
    turns: [],
    oldestOpen: first === undefined ? undefined : { nodeId: first, startUnixNano: BigInt(startMs) * 1_000_000n },
    openCount: first === undefined ? 0 : 1,
    lastReceivedUnixNano: BigInt(startMs) * 1_000_000n,
    omittedTraces: 0,
  };
}

function startWorld() {
  const world = {
    live: sessionWith({ a: 1 }),
    nowMs: startMs,
    healthy: true,
    failure: undefined as unknown,
    follower: undefined as SessionFollower | undefined,
    stopped: 0,
    loads: 0,
  };
  const deps = {
    feed: {
      follow(_projectId: string, _sessionId: string, follower: SessionFollower) {
        world.follower = follower;
        const stop = () => {
          world.stopped += 1;
        };
        return { listening: Promise.resolve(), stop };
      },
    },
    cursors: createCursorCodec(randomBytes(32)),
    told: createWeightedCache<ToldSession>(1_000_000),
    log: pino({ level: "silent" }),
    isFeedHealthy: () => world.healthy,
    now: () => world.nowMs,
  };
  async function follow(lastEventId?: string, streamKey = "key"): Promise<RecordedStream> {
    const load = async () => {
      world.loads += 1;
      if (world.failure !== undefined) throw world.failure;
      return world.live;
    };
    const request = { projectId: "p", sessionId: "s", streamKey, lastEventId, load };
    const followed = await followSession(request, config, deps);
    const stream = recordStream();
    streams.push(stream);
    void followed?.tell(stream);
    await stream.count(1);
    return stream;
  }
  return { world, deps, follow };
}

const streams: RecordedStream[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

it("begins with everything and goes on with what differs", async () => {
  const { world, follow } = startWorld();
  const stream = await follow();
  expect(stream.events[0]).toMatchObject({
    event: "snapshot",
    data: { nodes: [{ nodeId: "a" }], running: { nodeId: "a" } },
  });
  world.live = sessionWith({ b: 1, c: 1 });
  world.follower?.changed();
  await stream.count(2);
  expect(stream.events[1]).toMatchObject({
    event: "changes",
    data: { changed: [{ nodeId: "b" }, { nodeId: "c" }], removed: ["a"] },
  });
  expect(stream.events[1]?.data).not.toHaveProperty("turns");
});

it("marks what runs as stuck after silence, and takes the mark back when something comes", async () => {
  const { world, follow } = startWorld();
  const stream = await follow();
  world.nowMs += config.stuckMs - 1;
  world.follower?.changed();
  await expect.poll(() => world.loads, patience).toBe(2);
  expect(stream.names()).toEqual(["snapshot"]);
  world.nowMs += 1;
  await stream.count(2);
  expect(stream.events[1]).toMatchObject({ event: "status", data: { running: { stuck: true } } });
  world.live = { ...world.live, lastReceivedUnixNano: BigInt(world.nowMs) * 1_000_000n };
  world.follower?.changed();
  await stream.count(3);
  expect(stream.events[2]).toMatchObject({ event: "status", data: { running: { stuck: false } } });
  world.live = sessionWith({});
  world.follower?.changed();
  await stream.count(4);
  expect(stream.events[3]?.data).toMatchObject({ running: null });
});

it("says reset and everything again when the feed has lost something", async () => {
  const { world, follow } = startWorld();
  const stream = await follow();
  world.follower?.lost();
  await stream.count(3);
  expect(stream.names()).toEqual(["snapshot", "reset", "snapshot"]);
  expect(stream.events[1]?.data).toMatchObject({ reason: "feed_lost" });
});

it("asks the store by itself while the feed is away", async () => {
  const { world, follow } = startWorld();
  world.healthy = false;
  const stream = await follow();
  world.live = sessionWith({ a: 2 });
  await stream.count(2);
  expect(stream.events[1]).toMatchObject({ event: "changes", data: { changed: [{ nodeId: "a", version: 2 }] } });
});

it("waits for a store that is away, and forgets nothing meanwhile", async () => {
  const { world, follow } = startWorld();
  const stream = await follow();
  world.failure = new PipelineError("STORE_UNAVAILABLE", "away");
  world.live = sessionWith({ a: 2 });
  world.follower?.lost();
  await expect.poll(() => world.loads, patience).toBeGreaterThan(2);
  world.follower?.changed();
  world.failure = undefined;
  await stream.count(3);
  expect(stream.names()).toEqual(["snapshot", "reset", "snapshot"]);
});

it("resumes with the difference, with nothing, or with a reset", async () => {
  const { world, deps, follow } = startWorld();
  const first = await follow();
  const id = first.events[0]?.id ?? "";
  expect((await follow(id)).names()).toEqual(["status"]);
  world.live = sessionWith({ a: 2 });
  expect((await follow(id)).events[0]).toMatchObject({ event: "changes", data: { changed: [{ version: 2 }] } });
  for (const forged of ["x", id.slice(1), `${id}x`, createCursorCodec(randomBytes(32)).encode("key", ["k"])]) {
    const stream = await follow(forged);
    await stream.count(2);
    expect(stream.events).toMatchObject([{ event: "reset", data: { reason: "unknown_id" } }, { event: "snapshot" }]);
  }
  const foreign = await follow(id, "another session's");
  await foreign.count(2);
  expect(foreign.events[0]).toMatchObject({ event: "reset", data: { reason: "unknown_id" } });
  const old = await follow(deps.cursors.encode("key", ["what nobody remembers"]));
  await old.count(2);
  expect(old.events).toMatchObject([{ event: "reset", data: { reason: "expired_id" } }, { event: "snapshot" }]);
});

it("follows nothing when there is no such session, or the store cannot say", async () => {
  const { world, deps } = startWorld();
  const request = { projectId: "p", sessionId: "s", streamKey: "key", lastEventId: undefined };
  const none = { ...sessionWith({}), session: undefined };
  expect(await followSession({ ...request, load: async () => none }, config, deps)).toBeUndefined();
  const failing = followSession({ ...request, load: () => Promise.reject(new Error("away")) }, config, deps);
  await expect(failing).rejects.toThrow("away");
  expect(world.stopped).toBe(2);
});
