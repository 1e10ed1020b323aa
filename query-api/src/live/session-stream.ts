/**
 * What a follower of one session is told:
 *
 *     snapshot   everything there is; takes the place of all that was told before
 *     changes    nodes that are new or other, and ids of those that are gone
 *     status     nothing of the tree; the session or its clock has changed
 *     reset      what was told may have gaps; a snapshot follows
 *     end        why the server ends the stream
 *
 * The id of an event names what the follower has been told by then (session-changes.ts), so that one who comes back is told the difference,
 * where this process still knows it, whatever happened to the live feed. The feed only says when to look; while it is away the store is asked
 * every few seconds.
 */
import { isPipelineError } from "@nonet/proto/errors.ts";
import type { Logger } from "pino";
import type { CursorCodec } from "../http/cursor.ts";
import { toTimestamp } from "../session-traces/numbers.ts";
import type { WeightedCache } from "../store/weighted-cache.ts";
import type { EventStream } from "./event-stream.ts";
import type { LiveSession } from "./live-session.ts";
import { changesSince, type ToldSession, toldOf, weightOf } from "./session-changes.ts";
import type { SessionFeed } from "./session-feed.ts";
import { createWaker } from "./waker.ts";

export interface SessionStreamConfig {
  /** Silence after which something that runs is called stuck. */
  readonly stuckMs: number;
  /** How often the clock is looked at. */
  readonly tickMs: number;
  /** How often the store is asked while the feed is away. */
  readonly awayPollMs: number;
  /** The store is asked so often even when nothing was heard: the status of a session changes with the clock alone. */
  readonly refreshMs: number;
  /** After the store has failed. */
  readonly retryMs: number;
}

export interface SessionStreamDeps {
  readonly feed: SessionFeed;
  readonly cursors: CursorCodec;
  /** By project, session, shape and key. */
  readonly told: WeightedCache<ToldSession>;
  readonly log: Logger;
  isFeedHealthy(): boolean;
  now(): number;
}

export interface SessionStreamRequest {
  readonly projectId: string;
  readonly sessionId: string;
  /** Project, session and shape: an id of another stream means nothing here. */
  readonly streamKey: string;
  readonly lastEventId: string | undefined;
  /** What it shows was there when it was called, or came later. */
  load(): Promise<LiveSession>;
}

export interface FollowedSession {
  /** Tells until the stream is over. */
  tell(stream: EventStream): Promise<void>;
  stop(): void;
}

/** Redis that is away must not keep the first answer waiting. */
const listeningMsMax = 1_000;

/**
 * Listens first and loads then, so that no change falls between.
 *
 * @returns undefined when there is no such session. @throws PipelineError as the load.
 */
export async function followSession(
  request: SessionStreamRequest,
  config: SessionStreamConfig,
  deps: SessionStreamDeps,
): Promise<FollowedSession | undefined> {
  const waker = createWaker();
  const marks = { changed: false, lost: false };
  const { listening, stop } = deps.feed.follow(request.projectId, request.sessionId, {
    changed() {
      marks.changed = true;
      waker.wake();
    },
    lost() {
      marks.lost = true;
      waker.wake();
    },
  });
  try {
    await withinMs(listening, listeningMsMax);
    const first = await request.load();
    if (first.session !== undefined) {
      return { tell: (stream) => tellSession(first, { request, config, deps, marks, waker, stream }), stop };
    }
    stop();
    return undefined;
  } catch (caught) {
    stop();
    throw caught;
  }
}

interface Telling {
  readonly request: SessionStreamRequest;
  readonly config: SessionStreamConfig;
  readonly deps: SessionStreamDeps;
  readonly marks: { changed: boolean; lost: boolean };
  readonly waker: ReturnType<typeof createWaker>;
  readonly stream: EventStream;
}

async function tellSession(first: LiveSession, telling: Telling): Promise<void> {
  const { request, config, deps, marks, waker, stream } = telling;
  const writer = createSessionWriter(telling);
  stream.signal.addEventListener("abort", () => waker.wake());
  await writer.begin(first);
  let live = first;
  let loadedMs = performance.now();
  let notBeforeMs = 0;
  while (!stream.signal.aborted) {
    if (!marks.changed && !marks.lost) await waker.wait(config.tickMs);
    else if (performance.now() < notBeforeMs) await waker.wait(notBeforeMs - performance.now());
    const ageMs = performance.now() - loadedMs;
    const unheard = ageMs > config.refreshMs || (ageMs > config.awayPollMs && !deps.isFeedHealthy());
    if (stream.signal.aborted || performance.now() < notBeforeMs) continue;
    if (!marks.changed && !marks.lost && !unheard) {
      await writer.tick(live);
      continue;
    }
    const { lost } = marks;
    marks.changed = false;
    marks.lost = false;
    try {
      live = await request.load();
      loadedMs = performance.now();
    } catch (caught) {
      if (!isPipelineError(caught) || !caught.retryable) throw caught;
      deps.log.warn({ err: caught }, "a live stream waits for the store");
      marks.changed = true;
      marks.lost ||= lost;
      notBeforeMs = performance.now() + config.retryMs;
      continue;
    }
    if (lost) await writer.reset("feed_lost", live);
    else await writer.difference(live);
  }
}

function createSessionWriter({ request, config, deps, stream }: Telling) {
  let told: ToldSession | undefined;
  let toldHead = "";

  function headOf(live: LiveSession): string {
    return JSON.stringify({
      session: live.session ?? null,
      running: runningOf(live, { nowMs: deps.now(), stuckMs: config.stuckMs }),
      omittedTraces: live.omittedTraces,
    });
  }

  async function send(event: string, live: LiveSession, now: ToldSession, members: string): Promise<void> {
    told = now;
    toldHead = headOf(live);
    deps.told.set(toldKey(now.key), now, weightOf(now));
    const id = deps.cursors.encode(request.streamKey, [now.key]);
    const data = `{"serverTime":${JSON.stringify(new Date(deps.now()).toISOString())},${toldHead.slice(1, -1)}${members}}`;
    await stream.send({ event, id, data });
  }

  const toldKey = (key: string): string => `${request.streamKey}/${key}`;

  async function snapshot(live: LiveSession): Promise<void> {
    const nodes = [...live.nodes.values()].map((node) => node.text);
    await send("snapshot", live, toldOf(live), `,"turns":${JSON.stringify(live.turns)},"nodes":[${nodes.join(",")}]`);
  }

  async function reset(reason: string, live: LiveSession): Promise<void> {
    const serverTime = new Date(deps.now()).toISOString();
    await stream.send({ event: "reset", data: JSON.stringify({ serverTime, reason }) });
    await snapshot(live);
  }

  async function difference(live: LiveSession): Promise<void> {
    if (told === undefined) return snapshot(live);
    const now = toldOf(live);
    if (now.key === told.key) return tick(live);
    const { changed, removed, turnsChanged } = changesSince(told, live, now);
    const turns = turnsChanged ? `,"turns":${JSON.stringify(live.turns)}` : "";
    await send("changes", live, now, `${turns},"changed":[${changed.join(",")}],"removed":${JSON.stringify(removed)}`);
  }

  /** The tree is as it was told. */
  async function tick(live: LiveSession): Promise<void> {
    if (told !== undefined && headOf(live) !== toldHead) await send("status", live, told, "");
  }

  return {
    /** Goes on where the last event ended, or begins. */
    async begin(live: LiveSession): Promise<void> {
      if (request.lastEventId === undefined) return snapshot(live);
      const [key] = deps.cursors.decode(request.streamKey, request.lastEventId) ?? [];
      if (key === undefined) return reset("unknown_id", live);
      const now = toldOf(live);
      if (now.key === key) return send("status", live, now, "");
      told = deps.told.get(toldKey(key));
      return told === undefined ? reset("expired_id", live) : difference(live);
    },
    reset,
    difference,
    tick,
  };
}

export interface Running {
  /** The oldest of what has no end. */
  nodeId: string;
  startedAt: string;
  startTimeUnixNano: string;
  openCount: number;
  lastReceivedAt: string;
  stuck: boolean;
}

function runningOf(
  live: LiveSession,
  { nowMs, stuckMs }: { readonly nowMs: number; readonly stuckMs: number },
): Running | null {
  const { oldestOpen, lastReceivedUnixNano } = live;
  if (oldestOpen === undefined) return null;
  return {
    nodeId: oldestOpen.nodeId,
    startedAt: toTimestamp(oldestOpen.startUnixNano),
    startTimeUnixNano: oldestOpen.startUnixNano.toString(),
    openCount: live.openCount,
    lastReceivedAt: toTimestamp(lastReceivedUnixNano),
    stuck: nowMs - Number(lastReceivedUnixNano / 1_000_000n) >= stuckMs,
  };
}

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
