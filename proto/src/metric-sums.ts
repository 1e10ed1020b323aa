/** How points of `metric_points` are summed, once for the writer of windows and for readers of the store: a projected window and a query give rows of one shape. */

export const metricDimensions = "kind, agent_name, model, provider, subject, environment";

export const metricSums = `
  sum(count) AS count, sum(error_count) AS error_count, sum(blocked_count) AS blocked_count,
  sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
  sum(cached_input_tokens) AS cached_input_tokens, sum(reasoning_tokens) AS reasoning_tokens,
  sum(calls_without_usage) AS calls_without_usage, toString(sum(cost_units)) AS cost_units,
  sum(unpriced_count) AS unpriced_count, sum(duration_count) AS duration_count, sum(duration_us_sum) AS duration_us_sum,
  sumMap(duration_buckets) AS duration_buckets, sumMap(ttft_buckets) AS ttft_buckets`;
