/**
 * Sums of metric points by minute and dimensions: from the projection's windows where they are, from the store for the rest. Both hold rows of one
 * shape, made by the same sums (metric-sums.ts).
 */
import { metricDimensions, metricSums } from "@nonet/proto/metric-sums.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";

/** 64-bit sums are decimal strings. */
export interface MinuteRow {
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

export interface MinuteRange {
  readonly projectId: string;
  /** Minutes since 1970, half open. */
  readonly from: number;
  readonly to: number;
  /** Rows of the store may be summed to steps of this many minutes, counted from 1970; `minute` is then the first of the step. */
  readonly stepMinutes: number;
}

/** @throws PipelineError `STORE_UNAVAILABLE`. */
export async function loadMinuteRows(
  range: MinuteRange,
  deps: { reader: ClickhouseReader; projection: Projection },
): Promise<MinuteRow[]> {
  if (range.to - range.from > projectedMinutesMax) return loadStored(range, deps.reader);
  const minutes = Array.from({ length: range.to - range.from }, (_, index) => range.from + index);
  const windows = await deps.projection.readWindows(
    range.projectId,
    windowSeconds,
    minutes.map((minute) => minute * windowSeconds),
  );
  const rows: MinuteRow[] = [];
  const missing: number[] = [];
  for (const minute of minutes) {
    const body = windows.get(minute * windowSeconds);
    if (body === undefined) missing.push(minute);
    else rows.push(...(JSON.parse(body) as MinuteRow[]));
  }
  if (missing.length > 0) rows.push(...(await loadMissing(range.projectId, missing, deps.reader)));
  return rows;
}

function loadStored(range: MinuteRange, reader: ClickhouseReader): Promise<MinuteRow[]> {
  return reader.select<MinuteRow>(
    `SELECT intDiv(minute, {step:UInt32}) * {step:UInt32} AS first, first AS minute, ${metricDimensions}, ${metricSums}
     FROM metric_points FINAL
     WHERE project_id = {project:String} AND metric_points.minute >= {from:UInt32} AND metric_points.minute < {to:UInt32}
     GROUP BY first, ${metricDimensions}`,
    { project: range.projectId, from: range.from, to: range.to, step: range.stepMinutes },
  );
}

function loadMissing(projectId: string, minutes: readonly number[], reader: ClickhouseReader): Promise<MinuteRow[]> {
  return reader.select<MinuteRow>(
    `SELECT minute, ${metricDimensions}, ${metricSums} FROM metric_points FINAL
     WHERE project_id = {project:String} AND minute IN {minutes:Array(UInt32)}
     GROUP BY minute, ${metricDimensions}`,
    { project: projectId, minutes },
  );
}
