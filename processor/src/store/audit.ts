/**
 * The scheduled audit: recounts random hours and says what drifted, which must be nothing; then repairs it.
 *
 *     points      an hour's points of a trace against a recount of its events    its owner maps the trace again (a command in the log)
 *     rolled      the row of an hour or its day against the sum of its points     the row is made void and computed again
 *     projected   windows of the projection against the sum of their points       the windows are computed again
 *
 * The store has no snapshot over tables, and batches are written meanwhile: only what is found again and again, unchanged, has drifted.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { PipelineError } from "@nonet/proto/errors.ts";
import { metricDimensions, metricSums, rolledWidths, validRolledRows } from "@nonet/proto/metric-sums.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import type { Logger } from "pino";
import { driftingTraces, randomHours } from "./audit-queries.ts";
import type { RolledWindow } from "./rolled-windows.ts";
import { windowSeconds } from "./rolling-windows.ts";
import { type SumRow, toSumsText } from "./sums-text.ts";

export const driftKinds = ["points", "rolled", "projected"] as const;
export type DriftKind = (typeof driftKinds)[number];

export interface Audit {
  /** One round now; for tests, else a timer does. */
  run(): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface AuditConfig {
  /** Between rounds; 0 is never. */
  readonly intervalMs: number;
  /** Between two looks at what seems to have drifted. */
  readonly confirmMs: number;
}

export interface AuditDeps {
  readonly client: ClickHouseClient;
  readonly projection: Pick<Projection, "readWindows">;
  /** Has their owners map traces again. @throws PipelineError: it is found again in another round. */
  remap(projectId: string, traceIds: readonly string[]): Promise<void>;
  renewRolled(window: RolledWindow): Promise<void>;
  touchWindows(projectId: string, minutes: ReadonlySet<number>): void;
  /** Waits; ends early when the audit closes. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  onChecked(): void;
  /** How much drifted in this round; 0 too. */
  onDrift(kind: DriftKind, count: number): void;
  readonly log: Logger;
}

interface Hour {
  readonly projectId: string;
  readonly hour: number;
  /** Rows of it, more or less. */
  readonly rows: number;
}

interface Look {
  readonly kind: DriftKind;
  /** What drifted, as texts that stay the same while it does. */
  find(): Promise<ReadonlySet<string>>;
  repair(found: ReadonlySet<string>): Promise<void>;
}

const hoursPerRound = 4;
/** A recount of more is done for a sample of the traces. */
const recountRowsMax = 200_000;
const tracesPerHourMax = 200;
const looks = 3;

export function createAudit(config: AuditConfig, deps: AuditDeps): Audit {
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    const found = new Map<DriftKind, number>(driftKinds.map((kind) => [kind, 0]));
    for (const hour of await chooseHours()) {
      for (const look of looksAt(hour)) {
        if (stop.signal.aborted) return;
        const drifted = await confirm(look);
        if (drifted.size === 0) continue;
        found.set(look.kind, (found.get(look.kind) ?? 0) + drifted.size);
        deps.log.error(
          { ...hour, kind: look.kind, drifted: [...drifted].slice(0, 5) },
          "the audit found drift; it is repaired",
        );
        await look.repair(drifted);
      }
      deps.onChecked();
    }
    for (const [kind, count] of found) deps.onDrift(kind, count);
  }

  async function confirm(look: Look): Promise<ReadonlySet<string>> {
    let drifted = await look.find();
    for (let again = 1; again < looks && drifted.size > 0; again += 1) {
      await deps.pause(config.confirmMs, stop.signal);
      if (stop.signal.aborted) return new Set();
      const still = await look.find();
      drifted = new Set([...drifted].filter((each) => still.has(each)));
    }
    return drifted;
  }

  async function chooseHours(): Promise<Hour[]> {
    const rows = await select<{ project_id: string; hour: number; rows: string }>(randomHours, {
      countMax: hoursPerRound,
    });
    return rows.map((row) => ({ projectId: row.project_id, hour: row.hour, rows: Number(row.rows) }));
  }

  function looksAt(hour: Hour): Look[] {
    const samples = Math.max(1, Math.ceil(hour.rows / recountRowsMax));
    const sample = Math.floor(Math.random() * samples);
    return [
      {
        kind: "points",
        find: () => findPoints(hour, sample, samples),
        repair: (found) => deps.remap(hour.projectId, [...new Set([...found].map((text) => text.slice(0, 32)))]),
      },
      ...rolledWidths.map((width): Look => {
        const window = { projectId: hour.projectId, width, minute: hour.hour * 60 - ((hour.hour * 60) % width) };
        return { kind: "rolled", find: () => findRolled(window), repair: () => deps.renewRolled(window) };
      }),
      {
        kind: "projected",
        find: () => findProjected(hour),
        async repair(found) {
          deps.touchWindows(hour.projectId, new Set([...found].map((text) => Number(text.split(" ", 1)[0]))));
        },
      },
    ];
  }

  async function findPoints(hour: Hour, sample: number, samples: number): Promise<Set<string>> {
    const rows = await select<{ trace_id: string; kind: string; minute: number }>(driftingTraces, {
      project: hour.projectId,
      hour: hour.hour,
      sample,
      samples,
      countMax: tracesPerHourMax,
    });
    return new Set(rows.map((row) => `${row.trace_id} ${row.kind} ${row.minute}`));
  }

  async function findRolled(window: RolledWindow): Promise<Set<string>> {
    const range = { project: window.projectId, from: window.minute, to: window.minute + window.width };
    const rolled = await select<SumRow>(validRolledRows, { ...range, to: window.minute + 1, width: window.width });
    if (rolled.length === 0) return new Set();
    const summed = await select<SumRow>(
      `SELECT ${metricDimensions}, ${metricSums} FROM metric_points FINAL
       WHERE project_id = {project:String} AND minute >= {from:UInt32} AND minute < {to:UInt32} GROUP BY ${metricDimensions}`,
      range,
    );
    const isSame = toSumsText(rolled.filter((row) => row["kind"] !== "")) === toSumsText(summed);
    return new Set(isSame ? [] : [`${window.width} ${window.minute} ${toSumsText(summed)}`]);
  }

  async function findProjected({ projectId, hour }: Hour): Promise<Set<string>> {
    const minutes = Array.from({ length: 60 }, (_, index) => hour * 60 + index);
    const windows = await deps.projection.readWindows(
      projectId,
      windowSeconds,
      minutes.map((minute) => minute * windowSeconds),
    );
    if (windows.size === 0) return new Set();
    const summed = await select<SumRow & { minute: number }>(
      `SELECT minute, ${metricDimensions}, ${metricSums} FROM metric_points FINAL
       WHERE project_id = {project:String} AND minute >= {from:UInt32} AND minute < {to:UInt32} GROUP BY minute, ${metricDimensions}`,
      { project: projectId, from: hour * 60, to: hour * 60 + 60 },
    );
    const byMinute = Map.groupBy(summed, (row) => row.minute);
    const drifted = new Set<string>();
    for (const minute of minutes) {
      const body = windows.get(minute * windowSeconds);
      if (body === undefined) continue;
      const wanted = toSumsText(byMinute.get(minute) ?? []);
      if (toSumsText(JSON.parse(body) as SumRow[]) !== wanted) drifted.add(`${minute} ${wanted}`);
    }
    return drifted;
  }

  async function select<T>(query: string, parameters: Record<string, unknown>): Promise<T[]> {
    try {
      const answer = await deps.client.query({ query, query_params: parameters, format: "JSONEachRow" });
      return await answer.json<T>();
    } catch (caught) {
      throw PipelineError.from(caught, "STORE_UNAVAILABLE");
    }
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      // Not all processes at once.
      await deps.pause(config.intervalMs * (0.5 + Math.random()), stop.signal);
      if (stop.signal.aborted) return;
      await run().catch((caught) => {
        // The store or the log is away; the next round looks elsewhere.
        deps.log.warn({ err: caught }, "the audit did not end");
      });
    }
  }
  if (config.intervalMs > 0) running = loop();

  return {
    run,
    async close() {
      stop.abort();
      await running;
    },
  };
}
