/**
 * Follows the streams of the live feed (layout: redis-feed-entry.ts).
 *
 * **Following.** A process follows each project once, however many subscribers it has: every 100 ms one pipeline reads the followed streams
 * *from the last entry seen on, that entry included*. If it is no longer there, the stream was trimmed, evicted or lost in between, and the
 * subscribers are told to reset. Nothing blocks, so a silent Redis shows as a command timeout like everywhere else; without subscribers nothing
 * runs.
 *
 * **Resuming.** An id is good if its entry is still in the stream; entries go from the old end only, so all after it are there too. A new
 * subscriber joins within a round, at the very entry the project's followers have reached, so it misses and repeats nothing.
 *
 * **Places.** A stream that has no entry has no id to resume from either, so the first who follows one puts an entry there that says nothing.
 * As long as somebody follows a stream, it does not expire.
 *
 * **Losing Redis.** After a failed round nobody knows what was written and lost: everyone is told to reset once it is back.
 */
import { liveFeedKey } from "../redis-keys.ts";
import { createFeedQueue, type FeedQueue } from "./feed-queue.ts";
import { type FeedItem, feedQueueMax } from "./projection.ts";
import type { RedisCommand, RedisConnection, RedisReply } from "./redis-connection.ts";
import { parseFeedEntry, placeFields } from "./redis-feed-entry.ts";

export interface FeedReader {
  subscribe(projectId: string, fromId: string | undefined, signal: AbortSignal): AsyncIterable<FeedItem>;
  close(): void;
}

/** A subscriber that has not joined yet. */
interface Newcomer {
  readonly queue: FeedQueue;
  readonly fromId: string | undefined;
}

interface Followed {
  readonly projectId: string;
  /** The last entry seen; `emptyId` while the stream has none; undefined until the first round, and after a failure. */
  lastId: string | undefined;
  /** Of `performance.now()`: when its stream was last kept from expiring, and when an entry was last put into it in vain. */
  renewedMs: number;
  placeRefusedMs: number;
  readonly joined: Set<FeedQueue>;
  readonly newcomers: Set<Newcomer>;
}

type Entry = readonly [id: string, fields: string[]];

const emptyId = "0-0";
const entriesPerRound = 500;
/** A Redis that takes no entries, its memory being full, is not asked again for so long: each refusal pauses the connection for all. */
const placeRetryMs = 60_000;
const projectsPerPipelineMax = 100;

export interface FeedReaderConfig {
  readonly pollMs: number;
  /** Of a stream without news that nobody follows. */
  readonly ttlMs: number;
}

export function createFeedReader(connection: RedisConnection, { pollMs, ttlMs }: FeedReaderConfig): FeedReader {
  const followed = new Map<string, Followed>();
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let closed = false;

  function schedule(delayMs: number): void {
    if (closed || running || followed.size === 0) return;
    timer ??= setTimeout(runRound, delayMs);
  }

  async function runRound(): Promise<void> {
    timer = undefined;
    running = true;
    const projects = [...followed.values()];
    for (let i = 0; i < projects.length; i += projectsPerPipelineMax) {
      const group = projects.slice(i, i + projectsPerPipelineMax);
      try {
        await advance(connection, group, ttlMs);
        await admit(connection, group);
      } catch {
        // The connection has reported it. The next round finds where the streams are now.
        for (const project of group) project.lastId = undefined;
      }
    }
    running = false;
    schedule(pollMs);
  }

  function leave(project: Followed, newcomer: Newcomer): void {
    project.joined.delete(newcomer.queue);
    project.newcomers.delete(newcomer);
    if (project.joined.size + project.newcomers.size > 0) return;
    if (followed.get(project.projectId) === project) followed.delete(project.projectId);
  }

  return {
    async *subscribe(projectId, fromId, signal) {
      if (closed || signal.aborted) return;
      const project: Followed = followed.get(projectId) ?? {
        projectId,
        lastId: undefined,
        renewedMs: Number.NEGATIVE_INFINITY,
        placeRefusedMs: Number.NEGATIVE_INFINITY,
        joined: new Set(),
        newcomers: new Set(),
      };
      followed.set(projectId, project);
      const newcomer = { queue: createFeedQueue(), fromId };
      project.newcomers.add(newcomer);
      schedule(0);
      try {
        yield* newcomer.queue.items(signal);
      } finally {
        leave(project, newcomer);
      }
    },
    close() {
      closed = true;
      clearTimeout(timer);
      for (const { joined, newcomers } of followed.values()) {
        for (const queue of joined) queue.end();
        for (const { queue } of newcomers) queue.end();
      }
    },
  };
}

/** Brings each project to the end of its stream, or 500 entries nearer to it. */
async function advance(connection: RedisConnection, projects: readonly Followed[], ttlMs: number): Promise<void> {
  const found = await readNews(connection, projects);
  const empty = projects.filter((_, i) => found[i]?.length === 0);
  const placed = await addPlaces(connection, empty, ttlMs);
  const afterPlaces = await readNews(connection, placed);
  for (const [i, project] of projects.entries()) {
    const again = placed.indexOf(project);
    advanceOne(project, again === -1 ? found[i] : afterPlaces[again]);
  }
  await keepFromExpiring(connection, projects, ttlMs);
}

async function readNews(
  connection: RedisConnection,
  projects: readonly Followed[],
): Promise<(readonly Entry[] | undefined)[]> {
  const replies = await connection.run(
    projects.map(({ projectId, lastId }): RedisCommand => {
      const key = liveFeedKey(projectId);
      if (lastId === undefined) return ["xrevrange", key, "+", "-", "COUNT", 1];
      return ["xrange", key, lastId === emptyId ? "-" : lastId, "+", "COUNT", entriesPerRound + 1];
    }),
  );
  return replies.map(readEntries);
}

/** @returns the projects whose streams have an entry now. */
async function addPlaces(
  connection: RedisConnection,
  projects: readonly Followed[],
  ttlMs: number,
): Promise<readonly Followed[]> {
  const nowMs = performance.now();
  const asked = projects.filter((project) => nowMs - project.placeRefusedMs > placeRetryMs);
  try {
    await connection.run(
      asked.flatMap(({ projectId }): RedisCommand[] => {
        const key = liveFeedKey(projectId);
        return [
          ["xadd", key, "*", ...placeFields],
          ["pexpire", key, ttlMs],
        ];
      }),
    );
    return asked;
  } catch {
    // The connection has reported it. Its feed is followed all the same, and nobody can resume from its start.
    for (const project of asked) project.placeRefusedMs = nowMs;
    return [];
  }
}

function advanceOne(project: Followed, entries: readonly Entry[] | undefined): void {
  const news = entries === undefined ? undefined : entriesAfter(project.lastId, entries);
  const lastId = entries === undefined ? undefined : (entries.at(-1)?.[0] ?? emptyId);
  if (news === undefined) for (const queue of project.joined) queue.reset(placeOf(lastId));
  for (const [id, fields] of news ?? []) {
    const item = parseFeedEntry(project.projectId, id, fields);
    for (const queue of project.joined) deliver(queue, item);
  }
  project.lastId = lastId;
}

async function keepFromExpiring(
  connection: RedisConnection,
  projects: readonly Followed[],
  ttlMs: number,
): Promise<void> {
  const nowMs = performance.now();
  const due = projects.filter((project) => nowMs - project.renewedMs > ttlMs / 4);
  await connection.run(due.map(({ projectId }): RedisCommand => ["pexpire", liveFeedKey(projectId), ttlMs]));
  for (const project of due) project.renewedMs = nowMs;
}

/** Where to resume from; an empty stream has no such place. */
function placeOf(lastId: string | undefined): string | undefined {
  return lastId === emptyId ? undefined : lastId;
}

/** @returns undefined when entries may be missing between the last one seen and these. */
function entriesAfter(lastId: string | undefined, entries: readonly Entry[]): readonly Entry[] | undefined {
  if (lastId === emptyId) return entries;
  return lastId !== undefined && entries[0]?.[0] === lastId ? entries.slice(1) : undefined;
}

/** Lets newcomers join where their project now is. */
async function admit(connection: RedisConnection, projects: readonly Followed[]): Promise<void> {
  const arrivals = projects.flatMap((project) => [...project.newcomers].map((newcomer) => ({ project, newcomer })));
  const replies = await connection.run(
    arrivals.map(({ project: { projectId, lastId = emptyId }, newcomer: { fromId } }): RedisCommand => {
      if (!isFeedId(fromId)) return ["ping"];
      return ["xrange", liveFeedKey(projectId), fromId, lastId, "COUNT", feedQueueMax + 1];
    }),
  );
  for (const [i, { project, newcomer }] of arrivals.entries()) {
    if (!project.newcomers.delete(newcomer)) continue; // left meanwhile
    const entries = isFeedId(newcomer.fromId) ? readEntries(replies[i]) : undefined;
    const reaches = entries?.[0]?.[0] === newcomer.fromId && entries?.at(-1)?.[0] === project.lastId;
    if (entries === undefined || !reaches) newcomer.queue.reset(placeOf(project.lastId));
    else
      for (const [id, fields] of entries.slice(1))
        deliver(newcomer.queue, parseFeedEntry(project.projectId, id, fields));
    project.joined.add(newcomer.queue);
  }
}

function deliver(queue: FeedQueue, item: FeedItem | undefined): void {
  if (item === undefined) return;
  if ("reset" in item) queue.reset(item.id);
  else queue.push(item);
}

/** As Redis gives ids out: milliseconds and a number, both UInt64. */
function isFeedId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,19}-\d{1,19}$/.test(text);
}

/** @returns undefined for what is no list of entries, as when the key holds something else. */
function readEntries(reply: RedisReply): readonly Entry[] | undefined {
  return Array.isArray(reply) ? (reply as Entry[]) : undefined; // XRANGE's shape in RESP2 and RESP3
}
