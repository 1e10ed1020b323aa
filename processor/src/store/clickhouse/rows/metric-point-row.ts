import type { Histogram } from "@nonet/proto/histogram.ts";
import type { MetricPoint } from "../../../fold/metric-points.ts";
import type { RowContent } from "../row-text.ts";

export function toMetricPointRow(projectId: string, traceId: string, point: MetricPoint): RowContent<"metric_points"> {
  return {
    project_id: projectId,
    minute: point.minute,
    kind: point.kind,
    agent_name: point.agentName,
    model: point.model,
    provider: point.provider,
    subject: point.subject,
    environment: point.environment,
    trace_id: traceId,
    count: point.count,
    error_count: point.errorCount,
    blocked_count: point.blockedCount,
    input_tokens: toCount(point.inputTokens),
    output_tokens: toCount(point.outputTokens),
    cached_input_tokens: toCount(point.cachedInputTokens),
    reasoning_tokens: toCount(point.reasoningTokens),
    calls_without_usage: point.callsWithoutUsage,
    cost_units: (point.costUnits < costUnitsMax ? point.costUnits : costUnitsMax).toString(),
    unpriced_count: point.unpricedCount,
    duration_count: point.durationCount,
    duration_us_sum: toCount(point.durationUsSum),
    duration_buckets: toBuckets(point.durations),
    ttft_buckets: toBuckets(point.timesToFirstToken),
  };
}

/** What the column holds. */
const costUnitsMax = 2n ** 63n - 1n;

/** Sums of what hostile spans report may exceed what their column holds, or stop being whole numbers. */
function toCount(sum: number): number {
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}

/** In bucket order, so that equal histograms give equal texts. */
function toBuckets(histogram: Histogram): Record<string, number> {
  return Object.fromEntries([...histogram].sort(([a], [b]) => a - b).map(([bucket, count]) => [String(bucket), count]));
}
