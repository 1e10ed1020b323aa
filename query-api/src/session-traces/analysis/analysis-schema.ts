/** The body of an analysis as a schema. Source: session-traces.md section 8. */
import { z } from "zod";
import { errorClasses } from "../trace-event.ts";
import { severities } from "./finding.ts";

const findingShape = {
  id: z.string().regex(/^fnd_[0-9a-f]{16}$/),
  kind: z.string(),
  severity: z.enum(severities),
  title: z.string(),
  detail: z.string(),
  turnIndexes: z.array(z.int().min(0)),
  evidence: z.array(z.string()).max(50),
};
const count = z.int().min(0);

export const analysisSchema = z
  .strictObject({
    sessionId: z.string(),
    projectId: z.string(),
    revision: z.number(),
    algorithm: z.string(),
    partial: z.boolean(),
    thresholds: z.record(z.string(), z.number()),
    summary: z.strictObject({
      slowSpans: count,
      errorPatterns: count,
      decisionAnomalies: count,
      optimizationSuggestions: count,
      bySeverity: z.strictObject({ high: count, medium: count, low: count }),
      estimatedSavings: z.strictObject({
        latencyMs: z.number().min(0),
        tokens: z.number().min(0),
        costAmount: z.number().nullable(),
      }),
    }),
    slowSpans: z
      .array(
        z.strictObject({
          ...findingShape,
          spanId: z.string(),
          key: z.string(),
          basis: z.enum(["baseline", "absolute"]),
          durationMs: z.number(),
          selfMs: z.number(),
          excessMs: z.number(),
          zScore: z.number().nullable(),
          baseline: z
            .strictObject({
              samples: count,
              medianMs: z.number(),
              madLn: z.number(),
              from: z.string(),
              to: z.string(),
            })
            .nullable(),
          explainedBy: z.array(z.string()),
        }),
      )
      .optional(),
    errorPatterns: z
      .array(
        z.strictObject({
          ...findingShape,
          fingerprint: z.string(),
          errorType: z.string(),
          errorClass: z.enum(errorClasses),
          scope: z.string(),
          normalizedMessage: z.string(),
          sampleMessage: z.string().nullable(),
          count,
          turns: count,
          recovered: count,
          terminal: count,
          firstSeen: z.string(),
          lastSeen: z.string(),
          seenInOtherSessions: count,
          isNew: z.boolean(),
        }),
      )
      .optional(),
    decisionAnomalies: z.array(z.strictObject(findingShape)).optional(),
    optimizationSuggestions: z
      .array(
        z.strictObject({
          ...findingShape,
          savings: z.strictObject({
            latencyMs: z.number().min(0),
            tokens: z.number().min(0),
            costAmount: z.number().nullable(),
          }),
          confidence: z.enum(severities),
        }),
      )
      .optional(),
  })
  .meta({ id: "SessionAnalysis" });
