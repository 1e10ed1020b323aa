import { randomBytes } from "node:crypto";
import { PipelineError } from "@nonet/proto/errors.ts";
import { createMemoryProjection } from "@nonet/proto/projection/memory-projection.ts";
import { feedQueueMax } from "@nonet/proto/projection/projection.ts";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { createCursorCodec } from "../http/cursor.ts";
import type { Session } from "../session-traces/session.ts";
import { tellProject } from "./project-stream.ts";
import { type RecordedStream, recordStream } from "./testdata/recorded-stream.ts";

/** A busy machine may take its time. */
const patience = { timeout: 10_000 };

const config = { gatherMs: 5, sessionsMax: 50, restFactor: 0, retryMs: 5 };
const traceId = "a".repeat(32);

function startWorld() {
  const projection = createMemoryProjection();
  const world = { failure: undefined as unknown, gone: new Set<string>() };
  const deps = {
    projection,
    heads: {
      async load(_projectId: string, heardMs: ReadonlyMap<string, number>) {
        if (world.failure !== undefined) throw world.failure;
        const found = [...heardMs.keys()].filter((id) => !world.gone.has(id));
        // `as`: nothing here looks into it.
        return new Map(found.map((id) => [id, { id } as Session]));
      },
    },
    cursors: createCursorCodec(randomBytes(32)),
    log: pino({ level: "silent" }),
    now: () => 0,
  };
  let version = 0n;
  return {
    world,
    projection,
    follow(lastEventId?: string, projectId = "p"): RecordedStream {
      const stream = recordStream();
      streams.push(stream);
      void tellProject(stream, { projectId, lastEventId }, { config, deps });
      return stream;
    },
    async change(...sessionIds: string[]): Promise<void> {
      version += 1n;
      await projection.notify([{ projectId: "p", traceId, version, sessionIds }]);
    },
  };
}

const streams: RecordedStream[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

const sessionsOf = (stream: RecordedStream) =>
  stream.events.filter(({ event }) => event === "change").map(({ data }) => data["sessionId"]);

it("tells of a session once for many changes of a moment, with the newest version, and of one that is gone", async () => {
  const { world, follow, change } = startWorld();
  const stream = follow();
  await stream.count(1);
  world.gone.add("left");
  await Promise.all([change("s"), change("s", "left")]);
  await stream.count(3);
  expect(stream.events).toMatchObject([
    { event: "ready", id: expect.any(String) },
    { event: "change", data: { sessionId: "s", traces: [{ traceId, version: "2" }], session: { id: "s" } } },
    { event: "change", data: { sessionId: "left", traces: [{ traceId, version: "2" }], session: null } },
  ]);
});

it("misses nothing from any id on, whatever the place where it was cut off", async () => {
  const { follow, change } = startWorld();
  const stream = follow();
  await stream.count(1);
  const wanted: string[] = [];
  for (let n = 0; n < 30; n += 1) {
    wanted.push(`s${n}`);
    await change(`s${n}`);
    if (n % 7 === 0) await stream.count(n + 2);
  }
  await stream.count(31);
  expect(sessionsOf(stream)).toEqual(wanted);
  for (const [index, { id }] of stream.events.entries()) {
    const resumed = follow(id);
    const rest = wanted.slice(index);
    await resumed.count(rest.length);
    expect(resumed.names()).not.toContain("reset");
    expect(sessionsOf(resumed)).toEqual(expect.arrayContaining(rest));
    resumed.close();
  }
});

it("resets one that resumes from a forged id, another project's, or one from before the feed", async () => {
  const one = startWorld();
  const other = startWorld();
  const stream = one.follow();
  await stream.count(1);
  const id = stream.events[0]?.id ?? "";
  for (const [forged, projectId] of [
    ["x", "p"],
    ["0-0", "p"],
    [`${id}x`, "p"],
    [id, "q"],
  ] as const) {
    const resumed = one.follow(forged, projectId);
    await resumed.count(1);
    expect(resumed.events[0]).toMatchObject({ event: "reset", data: { reason: "unknown_id" } });
  }
  const foreign = other.follow(id);
  await foreign.count(1);
  expect(foreign.events[0]).toMatchObject({ event: "reset", id: expect.any(String), data: { reason: "unknown_id" } });
});

it("waits for a store that is away, and resets when more was missed than can wait", async () => {
  const { world, follow, change } = startWorld();
  const stream = follow();
  await stream.count(1);
  world.failure = new PipelineError("STORE_UNAVAILABLE", "away");
  await change("first");
  for (let n = 0; n < 4 * feedQueueMax; n += 1) await change(`s${n}`);
  expect(stream.names()).toEqual(["ready"]);
  world.failure = undefined;
  await expect.poll(() => stream.names(), patience).toContain("reset");
  await change("last");
  await expect.poll(() => sessionsOf(stream), patience).toContain("last");
  expect(sessionsOf(stream)).toContain("first");
  expect(sessionsOf(stream).length).toBeLessThan(3 * feedQueueMax);
});
