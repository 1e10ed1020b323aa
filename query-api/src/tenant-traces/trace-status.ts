/** What a trace is doing, as far as its spans and the clock tell. Source: tenant-traces.md 5.7. */
import { openNano, type TraceSummaryStatus } from "@nonet/processor/fold/trace-summary.ts";

export const traceStatuses = ["completed", "failed", "running"] as const;
export type TraceStatus = (typeof traceStatuses)[number];

export function traceStatusOf(
  stored: { readonly status: TraceSummaryStatus; readonly lastEndUnixNano: string },
  nowMs: number,
): TraceStatus {
  const { status } = stored;
  if (status !== "open" && status !== "open_failed") return status;
  if (toNano(nowMs) - BigInt(stored.lastEndUnixNano) < openNano) return "running";
  return status === "open" ? "completed" : "failed";
}

/** The same rule over the columns of the store; with the parameters of `statusParameters`. */
export const statusExpression = `multiIf(
  status IN ('open', 'open_failed') AND {nowNano:UInt64} < end_unix_nano + {openNano:UInt64}, 'running',
  status = 'open', 'completed',
  status = 'open_failed', 'failed',
  status)`;

export function statusParameters(nowMs: number): Record<string, string> {
  return { nowNano: toNano(nowMs).toString(), openNano: openNano.toString() };
}

function toNano(nowMs: number): bigint {
  return BigInt(Math.trunc(nowMs)) * 1_000_000n;
}
