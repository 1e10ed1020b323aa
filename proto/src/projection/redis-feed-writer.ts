import { PipelineError } from "../errors.ts";
import { liveFeedKey } from "../redis-keys.ts";
import { type LiveNotice, type ProjectionOutcome, splitNotice } from "./projection.ts";
import type { RedisCommand, RedisConnection } from "./redis-connection.ts";
import { lostNoticesFields, noticeFields } from "./redis-feed-entry.ts";

export interface FeedWriterConfig {
  /** Entries that a stream keeps, about. */
  readonly lengthMax: number;
  /** Of a stream without news. */
  readonly ttlMs: number;
}

export interface FeedWriter {
  /** Notices after the first failure are skipped; their subscribers are told to reset once Redis is back. */
  notify(notices: readonly LiveNotice[]): Promise<ProjectionOutcome>;
  close(): void;
}

const noticesPerPipelineMax = 200;
const repairMs = 1_000;
/** Projects to be told of lost notices. Those beyond it hear of the outage through their reader, whose Redis was most likely away too. */
const lostProjectsMax = 100_000;

export function createFeedWriter(connection: RedisConnection, config: FeedWriterConfig): FeedWriter {
  const lost = new Set<string>();
  let repairTimer: NodeJS.Timeout | undefined;
  let closed = false;

  function remember(notices: readonly LiveNotice[]): void {
    for (const { projectId } of notices) if (lost.size < lostProjectsMax) lost.add(projectId);
    scheduleRepair();
  }

  function scheduleRepair(): void {
    if (closed || lost.size === 0) return;
    repairTimer ??= setTimeout(repair, repairMs).unref();
  }

  async function repair(): Promise<void> {
    const projectIds = [...lost].slice(0, noticesPerPipelineMax);
    try {
      await append(
        connection,
        config,
        projectIds.map((projectId) => ({ projectId, fields: lostNoticesFields })),
      );
      for (const projectId of projectIds) lost.delete(projectId);
    } catch {
      // Redis is still away, as its connection has reported: the next round tries again.
    }
    repairTimer = undefined;
    scheduleRepair();
  }

  return {
    async notify(notices) {
      const outcome = { written: 0, stale: 0, oversize: 0, failed: 0, skipped: notices.length };
      for (let i = 0; i < notices.length; i += noticesPerPipelineMax) {
        const chunk = notices.slice(i, i + noticesPerPipelineMax);
        const entries = chunk.flatMap(splitNotice).map((notice) => ({
          projectId: notice.projectId,
          fields: noticeFields(notice),
        }));
        const tried = !connection.isPaused();
        try {
          await append(connection, config, entries);
          outcome.written += chunk.length;
          outcome.skipped -= chunk.length;
        } catch (error) {
          remember(notices.slice(i));
          if (tried) {
            outcome.failed += chunk.length;
            outcome.skipped -= chunk.length;
          }
          return { ...outcome, error: PipelineError.from(error, "PROJECTION_UNAVAILABLE") };
        }
      }
      return outcome;
    },
    close() {
      closed = true;
      clearTimeout(repairTimer);
    },
  };
}

async function append(
  connection: RedisConnection,
  { lengthMax, ttlMs }: FeedWriterConfig,
  entries: readonly { projectId: string; fields: readonly string[] }[],
): Promise<void> {
  const additions = entries.map(
    ({ projectId, fields }): RedisCommand => ["xadd", liveFeedKey(projectId), "MAXLEN", "~", lengthMax, "*", ...fields],
  );
  const projectIds = new Set(entries.map((entry) => entry.projectId));
  const expiries = [...projectIds].map((projectId): RedisCommand => ["pexpire", liveFeedKey(projectId), ttlMs]);
  const replies = await connection.run([...additions, ...expiries]);
  const refusal = replies.find((reply) => reply instanceof Error);
  if (refusal !== undefined) throw refusal;
}
