/**
 * Sums of metric points by window and dimensions: closed hours and days from their rolled rows, minutes from the projection's windows, and what
 * neither has from the store. All hold rows of one shape, made by the same sums (metric-sums.ts), so the answer is the same whatever is there.
 */
import {
  metricDimensions,
  metricSums,
  type RolledWidth,
  rolledWidths,
  validRolledRows,
} from "@nonet/proto/metric-sums.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";

/** Sums of 64 bits and more are decimal strings. */
export interface MetricRow {
  /** The first of the window, since 1970. */
  minute: number;
  kind: string;
  agent_name: string;
  model: string;
  provider: string;
  subject: string;
  environment: string;
  count: string;
  error_count: string;
  blocked_count: string;
  input_tokens: string;
  output_tokens: string;
  cached_input_tokens: string;
  reasoning_tokens: string;
  calls_without_usage: string;
  cost_units: string;
  unpriced_count: string;
  duration_count: string;
  duration_us_sum: string;
  duration_buckets: Record<string, string>;
  ttft_buckets: Record<string, string>;
}

const windowSeconds = 60;
/** Beyond a day of minutes one query over the store is quicker than a value per minute. */
const projectedMinutesMax = 1_440;

export interface MetricRange {
  readonly projectId: string;
  /** Minutes since 1970, half open, whole steps. */
  readonly from: number;
  readonly to: number;
  /** Rows may be sums over steps of this many minutes, counted from 1970; `minute` is then the first of the step. */
  readonly stepMinutes: number;
}

/** @throws PipelineError `STORE_UNAVAILABLE`. */
export async function loadMetricRows(
  range: MetricRange,
  deps: { reader: ClickhouseReader; projection: Projection },
): Promise<MetricRow[]> {
  const rows: MetricRow[] = [];
  /** What is left, as starts of windows of `unit` minutes. */
  let unit = rolledWidths.find((width) => range.stepMinutes % width === 0) ?? 1;
  let left = startsOf(range.from, range.to, unit);
  for (const width of rolledWidths) {
    if (range.stepMinutes % width !== 0 || left.length === 0) continue;
    left = split(left, unit, width);
    unit = width;
    const found = await loadRolled(range.projectId, width, left, deps.reader);
    rows.push(...found.rows);
    left = left.filter((start) => !found.starts.has(start));
  }
  if (left.length * unit <= projectedMinutesMax) {
    left = split(left, unit, 1);
    unit = 1;
    const found = await loadProjected(range.projectId, left, deps.projection);
    rows.push(...found.rows);
    left = left.filter((start) => !found.starts.has(start));
  }
  if (left.length > 0) rows.push(...(await loadPoints(range, { left, unit }, deps.reader)));
  return rows;
}

interface Found {
  readonly rows: MetricRow[];
  /** Starts of the windows that are answered, those without any event too. */
  readonly starts: ReadonlySet<number>;
}

async function loadRolled(
  projectId: string,
  width: RolledWidth,
  left: readonly number[],
  reader: ClickhouseReader,
): Promise<Found> {
  const found = await reader.select<MetricRow>(validRolledRows, {
    project: projectId,
    width,
    from: left[0] ?? 0,
    to: (left.at(-1) ?? 0) + width,
  });
  const wanted = new Set(left);
  const rows = found.filter((row) => wanted.has(row.minute));
  return { starts: new Set(rows.map((row) => row.minute)), rows: rows.filter((row) => row.kind !== "") };
}

async function loadProjected(projectId: string, left: readonly number[], projection: Projection): Promise<Found> {
  const windows = await projection.readWindows(
    projectId,
    windowSeconds,
    left.map((minute) => minute * windowSeconds),
  );
  const starts = [...windows.keys()].map((seconds) => seconds / windowSeconds);
  // `as`: the bodies that rolling-windows.ts writes.
  return { starts: new Set(starts), rows: [...windows.values()].flatMap((body) => JSON.parse(body) as MetricRow[]) };
}

function loadPoints(
  range: MetricRange,
  { left, unit }: { left: readonly number[]; unit: number },
  reader: ClickhouseReader,
): Promise<MetricRow[]> {
  return reader.select<MetricRow>(
    `SELECT toUInt32(intDiv(minute, {step:UInt32}) * {step:UInt32}) AS first, first AS minute, ${metricDimensions}, ${metricSums}
     FROM metric_points FINAL
     WHERE project_id = {project:String} AND metric_points.minute >= {from:UInt32} AND metric_points.minute < {to:UInt32}
       AND intDiv(metric_points.minute, {unit:UInt32}) IN {left:Array(UInt32)}
     GROUP BY first, ${metricDimensions}`,
    {
      project: range.projectId,
      from: left[0] ?? 0,
      to: (left.at(-1) ?? 0) + unit,
      step: range.stepMinutes,
      unit,
      left: left.map((start) => start / unit),
    },
  );
}

function startsOf(from: number, to: number, width: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / width) }, (_, index) => from + index * width);
}

function split(starts: readonly number[], unit: number, width: number): number[] {
  return unit === width ? [...starts] : starts.flatMap((start) => startsOf(start, start + unit, width));
}
