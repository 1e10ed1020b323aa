/**
 * The hot projection of what is stored: trace trees, rolling metric windows, and the live feed that says which trace changed. In Redis, or in
 * memory in standalone. It makes answers faster and decides none (law 6): every value is written whole, is versioned, expires, and may be
 * missing at any time, and then ClickHouse is asked.
 *
 * **Versions.** A value is replaced only by one of the same or a newer version, so a writer that lost its partition can only lose (law 5), and
 * writes may come in any order and repeatedly.
 *
 * **What a failed write leaves behind** is an older value. Readers that know from ClickHouse which version they must see say so
 * (`readTrace`'s `atLeast`), and get a miss instead of the older value. Windows have no version to compare: their writer writes again what
 * failed, and declares everything before a moment void (`forgetWindows`) when it cannot know what it missed, as after a crash.
 *
 * **Failures** of a projection are outcomes, never exceptions: the pipeline counts them and goes on.
 */
import { PipelineError } from "../errors.ts";

export interface TraceProjection {
  projectId: string;
  /** 32 lower-case hex digits. */
  traceId: string;
  /** UInt64: (owner epoch, sequence). */
  version: bigint;
  /** JSON. */
  tree: string;
}

export interface WindowProjection {
  projectId: string;
  windowSeconds: number;
  /** Seconds since 1970. */
  windowStartSeconds: number;
  /** UInt64; when the query that gave `body` began. The newest wins. */
  queryStartedAt: bigint;
  /** JSON. */
  body: string;
}

/** "This trace changed": a notification and nothing more, so duplicates are harmless. */
export interface LiveNotice {
  projectId: string;
  traceId: string;
  version: bigint;
  /** The sessions that the trace belongs to, or has just left. A long list comes as several notices. */
  sessionIds: string[];
}

export interface ProjectionOutcome {
  /** Rows that are there now, or were there before. */
  readonly written: number;
  /** Rows that a newer version stood against. */
  readonly stale: number;
  /** Of `written`: rows too large to keep. The older value is gone, and readers ask ClickHouse. */
  readonly oversize: number;
  /** Rows that were tried in vain. */
  readonly failed: number;
  /** Rows that were not tried, because the projection failed just before. */
  readonly skipped: number;
  /** Why, when `failed` or `skipped`; `PROJECTION_UNAVAILABLE`. */
  readonly error?: PipelineError;
}

export interface FeedNotice {
  readonly id: string;
  readonly notice: LiveNotice;
}

/** Notices may be missing here. `id` is the place to resume from after everything was read again; without one there is none yet. */
export interface FeedReset {
  readonly reset: true;
  readonly id?: string;
}

export type FeedItem = FeedNotice | FeedReset;

export interface Projection {
  writeTraces(rows: readonly TraceProjection[]): Promise<ProjectionOutcome>;
  /** Failed windows must be written again by the caller, with a new query. */
  writeWindows(rows: readonly WindowProjection[]): Promise<ProjectionOutcome>;
  /** From now on no window of the project is read whose query began before `before` (UInt64, as `queryStartedAt`). */
  forgetWindows(projectId: string, before: bigint): Promise<ProjectionOutcome>;
  notify(notices: readonly LiveNotice[]): Promise<ProjectionOutcome>;

  /**
   * @param atLeast the version that ClickHouse is known to have; an older value is not returned.
   * @returns undefined when there is none, or the projection is away: ask ClickHouse.
   */
  readTrace(
    projectId: string,
    traceId: string,
    atLeast?: bigint,
  ): Promise<{ version: bigint; tree: string } | undefined>;
  /** @returns by window start, those that are there. For the rest ask ClickHouse. */
  readWindows(projectId: string, windowSeconds: number, starts: readonly number[]): Promise<Map<number, string>>;

  /**
   * The notices of a project from now on, or those after `fromId`. `reset` means "notices may be missing here: read everything again"; later
   * notices follow it. It comes
   *
   * - first of all without a `fromId`, once nothing can be missed any more: what is read after it and the notices that follow leave no gap;
   * - first of all with a `fromId` that is malformed, was never given out, or is too old;
   * - when notices were lost, or the reader is further behind than the queue is long.
   *
   * Ends when `signal` aborts or the projection closes. Listening starts with the first `next()`.
   */
  subscribe(projectId: string, fromId: string | undefined, signal: AbortSignal): AsyncIterable<FeedItem>;

  /** Whether the last contact succeeded. */
  isHealthy(): boolean;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** A tree or window larger than this is not kept. Redis and readers stay quick; such a trace is read from ClickHouse. */
export const valueBytesMax = 1_048_576;

/** Notices with more sessions are split. */
export const noticeSessionsMax = 256;

/** Notices that wait for one subscriber. One further behind than this reads everything again. */
export const feedQueueMax = 1_000;

export function splitNotice(notice: LiveNotice): LiveNotice[] {
  if (notice.sessionIds.length <= noticeSessionsMax) return [notice];
  const parts: LiveNotice[] = [];
  for (let i = 0; i < notice.sessionIds.length; i += noticeSessionsMax) {
    parts.push({ ...notice, sessionIds: notice.sessionIds.slice(i, i + noticeSessionsMax) });
  }
  return parts;
}

/** @throws PipelineError `INTERNAL`: a version outside UInt64 is a defect of the writer's bookkeeping. */
export function assertVersion(version: bigint): void {
  if (version >= 0n && version <= 0xffff_ffff_ffff_ffffn) return;
  throw new PipelineError("INTERNAL", `version ${version} is not a UInt64`);
}
