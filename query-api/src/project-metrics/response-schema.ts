/** The 200 body, for the documentation; `shape.ts` makes it. */
import { z } from "zod";
import { groupKeys } from "./shape.ts";

const milliseconds = z.number().nullable();
const latency = z.object({
  meanMs: milliseconds.describe("Exact; null where only the histogram is kept."),
  p50Ms: milliseconds.describe("Within 4.5%, as are the other percentiles: middle of a bucket of the histogram."),
  p95Ms: milliseconds,
  p99Ms: milliseconds,
});
const count = z.int().min(0);
const rate = z.number().min(0).max(1).nullable();

export const projectMetricsSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    step: z.int(),
    groupBy: z.array(z.enum(groupKeys)),
    data: z.array(
      z.object({
        start: z.string(),
        end: z.string(),
        group: z.partialRecord(z.enum(groupKeys), z.string()),
        llm: z.object({ calls: count, errors: count, callsWithoutUsage: count, latency, timeToFirstToken: latency }),
        tokens: z.object({ input: count, output: count, total: count, cachedInput: count, reasoning: count }),
        cost: z.object({ amount: z.number(), currency: z.literal("USD"), unpricedCalls: count }),
        tools: z.object({ results: count, errors: count, successRate: rate, latency }),
        guardrails: z.object({ evaluations: count, blocked: count, blockRate: rate }),
        handoffs: z.object({ count, edges: z.array(z.object({ edge: z.string(), count })) }),
        errors: count,
        responses: z.object({ count, errors: count, latency }),
      }),
    ),
  })
  .meta({ id: "ProjectMetrics" });
