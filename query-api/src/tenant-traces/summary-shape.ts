/** A trace as the list shows it. Source: tenant-traces.md section 3. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import type { TraceSummary as StoredSummary } from "@nonet/processor/fold/trace-summary.ts";
import { toTimestamp } from "../session-traces/numbers.ts";
import { type TraceStatus, traceStatusOf } from "./trace-status.ts";

export interface TraceSummary {
  traceId: string;
  promptName: string;
  status: TraceStatus;
  tags: string[];
  inputTokens: number | null;
  outputTokens: number | null;
  totalTokens: number | null;
  cost: number | null;
  duration: number;
  modelConfig: { model: string | null; provider: string | null; temperature?: number } | null;
  createdAt: string;
}

/** @param nowMs  the server's clock; only the status depends on it. */
export function toTraceSummary(traceId: string, stored: StoredSummary, nowMs: number): TraceSummary {
  return {
    traceId,
    promptName: stored.promptName,
    status: traceStatusOf(stored, nowMs),
    tags: stored.tags,
    inputTokens: stored.inputTokens,
    outputTokens: stored.outputTokens,
    totalTokens: stored.totalTokens,
    cost: stored.costUnits === null ? null : unitsToUsd(BigInt(stored.costUnits)),
    duration: stored.durationMs,
    modelConfig: stored.hasPrimary
      ? {
          model: stored.model,
          provider: stored.provider,
          ...(stored.temperature === null ? {} : { temperature: stored.temperature }),
        }
      : null,
    createdAt: toTimestamp(stored.createdUnixNano),
  };
}
