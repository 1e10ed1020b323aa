/**
 * How points of `metric_points` are summed, once for the writers of windows and for readers of the store: a projected window, a rolled one and a
 * query give rows of one shape.
 */

export const metricDimensions = "kind, agent_name, model, provider, subject, environment";

/** Counts fit 64 bits whatever is sent. What spans report may be any number of 64 bits, so its sums have 128: no order of adding wraps. */
export const metricSums = `
  sum(count) AS count, sum(error_count) AS error_count, sum(blocked_count) AS blocked_count,
  toString(sum(toUInt128(input_tokens))) AS input_tokens, toString(sum(toUInt128(output_tokens))) AS output_tokens,
  toString(sum(toUInt128(cached_input_tokens))) AS cached_input_tokens, toString(sum(toUInt128(reasoning_tokens))) AS reasoning_tokens,
  sum(calls_without_usage) AS calls_without_usage, toString(sum(toInt128(cost_units))) AS cost_units,
  sum(unpriced_count) AS unpriced_count, sum(duration_count) AS duration_count,
  toString(sum(toUInt128(duration_us_sum))) AS duration_us_sum,
  sumMap(duration_buckets) AS duration_buckets, sumMap(ttft_buckets) AS ttft_buckets`;

const rolledNames =
  "count error_count blocked_count input_tokens output_tokens cached_input_tokens reasoning_tokens calls_without_usage cost_units unpriced_count duration_count duration_us_sum duration_buckets ttft_buckets".split(
    " ",
  );

/** Of a rolled window, in the order of its tuple: names of the members that rows of `metricSums` have too. */
export const rolledMembers: readonly string[] = [...metricDimensions.split(", "), ...rolledNames];

/** Widths of rolled windows, in minutes; the wider first. */
export const rolledWidths = [1_440, 60] as const;
export type RolledWidth = (typeof rolledWidths)[number];

/**
 * The rolled windows of one project and width that are valid, in `[from, to)`: rows of `minute` and of what `metricSums` gives. A window without
 * any event gives one row whose `kind` is empty.
 *
 * A row is valid while no touch came after it was computed: its generation is the number of touches of its window.
 * Parameters: project:String, width:UInt32, from:UInt32, to:UInt32.
 */
export const validRolledRows = `
  SELECT minute, ${rolledMembers.map((name) => `row.${name} AS ${name}`).join(", ")}
  FROM (
    SELECT rolled.minute AS minute, rolled.rows AS rows
    FROM rolling_metrics AS rolled FINAL
    LEFT JOIN (
      SELECT minute AS touched_minute, sum(touches) AS touches FROM rolling_touches
      WHERE project_id = {project:String} AND window_minutes = {width:UInt32} AND minute >= {from:UInt32} AND minute < {to:UInt32}
      GROUP BY minute
    ) AS touched ON touched_minute = rolled.minute
    WHERE rolled.project_id = {project:String} AND rolled.window_minutes = {width:UInt32}
      AND rolled.minute >= {from:UInt32} AND rolled.minute < {to:UInt32} AND rolled.generation = touches
  )
  LEFT ARRAY JOIN rows AS row`;
