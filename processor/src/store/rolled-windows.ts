/**
 * Closed hours and days as rolled rows, so that a chart of months need not sum points. Source: design.md section 5.
 *
 * A rolled row may be used only while it says what a sum over `metric_points` says. Several processors change points of one window, each can
 * die at any moment, and their clocks differ; so neither a clock nor memory decides, but what is in the store:
 *
 *     change:  insert points -> add a touch to each closed window -> commit
 *     roll:    read the number of touches -> read the points -> insert the row, with that number as its generation
 *     read:    a row is valid when its generation is the number of touches now
 *
 * Why this is right: if a row misses points, their insert had not ended when the row's points were read, so their touch came later than the
 * number was read, and the row's generation is below the number of touches from then on: it is never valid again. A crash between points and
 * touch leaves the batch uncommitted; the next owner loads the trace anew, writes all of its rows again, and touches. Repeats only add touches.
 * Between points and touch a reader sees the sum of a moment ago. No sum is incremented, and rows of equal generation are equally right.
 *
 * **The horizon** spares live traffic the touch. Rows are made only for windows that end at or before the horizon, a minute in the store that
 * only grows and that stood there for `settleMs` before the first of them is computed. Whoever changes points reads it after the insert, no
 * longer ago than a third of `settleMs`: a window that it does not cover cannot have a row that misses those points. Durations are measured,
 * clocks are not compared; a clock that runs ahead costs touches, never a sum.
 *
 * The store must show what it has acknowledged: one server, or reads that wait for the quorum.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";
import {
  metricDimensions,
  metricSums,
  type RolledWidth,
  rolledMembers,
  rolledWidths,
  validRolledRows,
} from "@nonet/proto/metric-sums.ts";
import type { Logger } from "pino";

export interface ChangedMinutes {
  readonly projectId: string;
  /** Since 1970. */
  readonly minutes: ReadonlySet<number>;
}

export interface RolledWindow {
  readonly projectId: string;
  readonly width: RolledWidth;
  /** The first, since 1970. */
  readonly minute: number;
}

export interface RolledWindows {
  /**
   * Points of these minutes were inserted: to be awaited before the batch is committed.
   *
   * @throws PipelineError `STORE_UNAVAILABLE`: the batch must come again. What was not touched is remembered for that time.
   */
  touch(changes: readonly ChangedMinutes[]): Promise<void>;
  /** Makes a row void and computes it again: for repairs. */
  renew(window: RolledWindow): Promise<void>;
  /** Computes what is due now; for tests, else a timer does. @returns how many windows were computed. */
  roll(): Promise<number>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface RolledWindowsConfig {
  /** A window is closed this long after its end; what comes later is late. */
  readonly afterMs: number;
  /** From the moment a horizon is known until the first row that relies on it. */
  readonly settleMs: number;
  /** Between two rounds: how soon a touched row is computed again. */
  readonly intervalMs: number;
}

export interface RolledWindowsDeps {
  readonly client: ClickHouseClient;
  readonly log: Logger;
  /** Milliseconds since 1970; only proposes what is closed. */
  now(): number;
  /** Milliseconds that only grow. */
  elapsed(): number;
  onRolled(count: number): void;
  onFailure(): void;
}

/** Windows that wait to be computed. Beyond it they are forgotten, and found by the next sweep. */
const waitingMax = 20_000;
/** Windows of one round: batches of the consumers come in between. */
const roundMax = 200;
const sweepCountMax = 1_000;
const sweepMs = 3_600_000;
/** A window of more sets of dimensions stays unrolled: its row would be as large as its points. */
export const rolledRowsMax = 20_000;

export function createRolledWindows(config: RolledWindowsConfig, deps: RolledWindowsDeps): RolledWindows {
  const { client } = deps;
  const untouched = new Map<string, RolledWindow>();
  const waiting = new Map<string, RolledWindow>();
  let horizon = { minute: 0, readAt: Number.NEGATIVE_INFINITY };
  /** Horizons by when this process first knew that they stand in the store. */
  let known: { minute: number; since: number }[] = [];
  let sweptAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function touch(changes: readonly ChangedMinutes[]): Promise<void> {
    const windows = changes.flatMap(windowsOf);
    if (windows.length === 0 && untouched.size === 0) return;
    const { minute: until } = await freshHorizon().catch((caught) => {
      // Which are closed is unknown: the next attempt touches all of them.
      for (const window of windows) untouched.set(keyOf(window), window);
      throw caught;
    });
    for (const window of windows) {
      if (endOf(window) <= until) untouched.set(keyOf(window), window);
      else wait(window);
    }
    await touchAll();
  }

  async function touchAll(): Promise<void> {
    const windows = [...untouched];
    if (windows.length === 0) return;
    await insertTouches(windows.map(([, window]) => window));
    for (const [key, window] of windows) {
      untouched.delete(key);
      wait(window);
    }
  }

  async function insertTouches(windows: readonly RolledWindow[]): Promise<void> {
    await attempt(() =>
      client.insert({
        table: "rolling_touches",
        format: "JSONEachRow",
        values: windows.map((window) => ({
          project_id: window.projectId,
          window_minutes: window.width,
          minute: window.minute,
          touches: 1,
        })),
        // Two equal inserts are two touches.
        clickhouse_settings: { insert_deduplicate: 0 },
      }),
    );
  }

  function wait(window: RolledWindow): void {
    if (waiting.size < waitingMax) waiting.set(keyOf(window), window);
  }

  async function freshHorizon(): Promise<{ minute: number; readAt: number }> {
    if (deps.elapsed() - horizon.readAt > config.settleMs / 3) await readHorizon();
    return horizon;
  }

  async function readHorizon(): Promise<void> {
    const readAt = deps.elapsed();
    const [row] = await select<{ minute: number }>("SELECT max(minute) AS minute FROM rolling_horizon", {});
    horizon = { minute: row?.minute ?? 0, readAt };
    if (horizon.minute > (known.at(-1)?.minute ?? 0)) known.push({ minute: horizon.minute, since: deps.elapsed() });
  }

  /** Announces what is closed, and returns up to where rows may be computed. */
  async function advanceHorizon(): Promise<number> {
    await readHorizon();
    const hours = Math.floor((deps.now() - config.afterMs) / 3_600_000);
    if (hours * 60 > horizon.minute) {
      await attempt(() =>
        client.command({
          // Not beyond the store's own clock: one process whose clock is years ahead must not make all others touch what is live.
          query:
            "INSERT INTO rolling_horizon SELECT least({minute:UInt32}, toUInt32(intDiv(toUnixTimestamp(now()), 3600) * 60))",
          query_params: { minute: hours * 60 },
        }),
      );
      await readHorizon();
    }
    const settled = known.filter((each) => deps.elapsed() - each.since >= config.settleMs).at(-1);
    known = known.filter((each) => each.minute >= (settled?.minute ?? 0));
    return settled?.minute ?? 0;
  }

  async function roll(): Promise<number> {
    const until = await advanceHorizon();
    await touchAll();
    if (until > 0 && waiting.size === 0 && deps.elapsed() - sweptAt > sweepMs) await sweep(until);
    // Hours first: a day is the sum of its hours.
    const due = [...waiting.values()].filter((window) => endOf(window) <= until).sort((a, b) => a.width - b.width);
    let count = 0;
    for (const window of due.slice(0, roundMax)) {
      if (closed) break;
      // Touched again while it is computed, it waits again.
      waiting.delete(keyOf(window));
      try {
        if (await rollWindow(window)) count += 1;
      } catch (caught) {
        wait(window);
        throw caught;
      }
    }
    deps.onRolled(count);
    return count;
  }

  /** @returns false when there was nothing to do. */
  async function rollWindow(window: RolledWindow): Promise<boolean> {
    const { touches, generation } = await readGeneration(window);
    if (generation === touches) return false;
    const rows = await sumWindow(window);
    if (rows.length > rolledRowsMax) {
      deps.log.warn({ ...window, rowsMax: rolledRowsMax }, "a window has too many sets of dimensions to be rolled");
      return false;
    }
    await attempt(() =>
      client.insert({
        table: "rolling_metrics",
        format: "JSONEachRow",
        values: [
          {
            project_id: window.projectId,
            window_minutes: window.width,
            minute: window.minute,
            generation: touches,
            rows: rows.map((row) => Object.fromEntries(rolledMembers.map((name) => [name, row[name]]))),
          },
        ],
      }),
    );
    return true;
  }

  /** `generation` is undefined where no row is. */
  async function readGeneration(window: RolledWindow): Promise<{ touches: string; generation: string | undefined }> {
    const where =
      "WHERE project_id = {project:String} AND window_minutes = {width:UInt32} AND minute = {minute:UInt32}";
    const parameters = { project: window.projectId, width: window.width, minute: window.minute };
    const [touched] = await select<{ touches: string }>(
      `SELECT sum(touches) AS touches FROM rolling_touches ${where}`,
      parameters,
    );
    const [row] = await select<{ generation: string }>(
      `SELECT generation FROM rolling_metrics FINAL ${where}`,
      parameters,
    );
    return { touches: touched?.touches ?? "0", generation: row?.generation };
  }

  /**
   * A day takes its hours from their rows where those are valid. A row that turns void meanwhile is missing from the sum, and the touch that made
   * it so touched the day in the same insert: the day's row is void too.
   */
  async function sumWindow(window: RolledWindow): Promise<Record<string, unknown>[]> {
    const from = window.minute;
    const to = endOf(window);
    const parameters = { project: window.projectId, from, to };
    const hours =
      window.width === 60
        ? []
        : await select<{ minute: number }>(`SELECT DISTINCT minute FROM (${validRolledRows})`, {
            ...parameters,
            width: 60,
          });
    if (hours.length === 0) {
      return await select(
        `SELECT ${metricDimensions}, ${metricSums} FROM metric_points FINAL
         WHERE project_id = {project:String} AND minute >= {from:UInt32} AND minute < {to:UInt32}
         GROUP BY ${metricDimensions} LIMIT ${rolledRowsMax + 1}`,
        parameters,
      );
    }
    return await select(
      `SELECT ${metricDimensions}, ${metricSums} FROM (
         SELECT ${rolledMembers.join(", ")} FROM (${validRolledRows}) WHERE kind != '' AND minute IN {hours:Array(UInt32)}
         UNION ALL
         SELECT ${pointMembers} FROM metric_points FINAL
         WHERE project_id = {project:String} AND minute >= {from:UInt32} AND minute < {to:UInt32}
           AND intDiv(minute, 60) * 60 NOT IN {hours:Array(UInt32)}
       ) GROUP BY ${metricDimensions} LIMIT ${rolledRowsMax + 1}`,
      { ...parameters, width: 60, hours: hours.map((hour) => hour.minute) },
    );
  }

  /** Closed windows with points that have no valid row: after a crash, an upgrade, or when more waited than are remembered. */
  async function sweep(until: number): Promise<void> {
    let full = false;
    for (const width of rolledWidths) {
      const found = await select<{ project_id: string; minute: number }>(unrolledWindows, {
        width,
        until: until - (until % width),
        countMax: sweepCountMax,
      });
      for (const row of found) wait({ projectId: row.project_id, width, minute: row.minute });
      full ||= found.length === sweepCountMax;
    }
    // What is left is looked for again soon; but not at once, as it may be windows that cannot be rolled.
    sweptAt = deps.elapsed() - (full ? sweepMs - 60_000 : 0);
  }

  function select<T>(query: string, parameters: Record<string, unknown>): Promise<T[]> {
    return attempt(async () => {
      const answer = await client.query({
        query,
        query_params: parameters,
        format: "JSONEachRow",
        use_multipart_params_auto: true,
      });
      return answer.json<T>();
    });
  }

  async function round(): Promise<void> {
    try {
      await roll();
    } catch (caught) {
      // What was due is due again in the next round; readers sum points meanwhile.
      deps.onFailure();
      deps.log.warn({ err: caught }, "windows were not rolled");
    }
  }

  function schedule(): void {
    if (closed) return;
    timer = setTimeout(() => {
      running = round().then(schedule);
    }, config.intervalMs);
  }
  schedule();

  return {
    touch,
    roll,
    async renew(window) {
      // With its day, see sumWindow.
      const windows = windowsAround(window.projectId, window.minute).filter((each) => each.width >= window.width);
      await insertTouches(windows);
      for (const each of windows) wait(each);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** The points as members of a rolled row, so that both can be summed together. */
const pointMembers = rolledMembers
  .map((name) => (name.endsWith("_buckets") ? `CAST(${name}, 'Map(Int16, UInt64)') AS ${name}` : name))
  .join(", ");

const unrolledWindows = `
  SELECT project_id, window AS minute FROM (
    SELECT DISTINCT project_id, toUInt32(intDiv(minute, {width:UInt32}) * {width:UInt32}) AS window
    FROM metric_points WHERE minute < {until:UInt32}
  )
  WHERE (project_id, window) NOT IN (
    SELECT project_id, minute FROM rolling_metrics AS rolled FINAL
    LEFT JOIN (
      SELECT project_id AS touched_project, minute AS touched_minute, sum(touches) AS touches
      FROM rolling_touches WHERE window_minutes = {width:UInt32} GROUP BY project_id, minute
    ) AS touched ON touched_project = rolled.project_id AND touched_minute = rolled.minute
    WHERE rolled.window_minutes = {width:UInt32} AND rolled.generation = touches
  )
  ORDER BY window DESC, project_id LIMIT {countMax:UInt32}`;

function windowsOf(change: ChangedMinutes): RolledWindow[] {
  const windows = new Map<string, RolledWindow>();
  for (const minute of change.minutes) {
    for (const window of windowsAround(change.projectId, minute)) windows.set(keyOf(window), window);
  }
  return [...windows.values()];
}

function windowsAround(projectId: string, minute: number): RolledWindow[] {
  return rolledWidths.map((width) => ({ projectId, width, minute: minute - (minute % width) }));
}

function endOf(window: RolledWindow): number {
  return window.minute + window.width;
}

function keyOf(window: RolledWindow): string {
  return `${window.projectId}\n${window.width}\n${window.minute}`;
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    throw PipelineError.from(caught, "STORE_UNAVAILABLE");
  }
}
