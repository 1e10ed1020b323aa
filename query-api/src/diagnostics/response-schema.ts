/** The 200 body; `shape.ts` and `findings.ts` make it. */
import { z } from "zod";

const count = z.int().min(0);

export const findingKinds = [
  "double_instrumentation",
  "session_missing",
  "content_missing",
  "tokens_missing",
  "unpriced_calls",
  "clock_skew",
  "late_arrival",
  "unmapped_scope",
  "truncated",
  "source_dropped",
  "stale_mapping",
  "rejected_spans",
] as const;

export const scopeDiagnosticsSchema = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    dialects: z.array(z.string()).describe("In whose words its spans speak, most spans first."),
    spans: count,
    byClass: z.array(z.strictObject({ class: z.string(), spans: count })).describe("Most spans first."),
    hidden: count.describe("Of class `drop`: placeholders, and spans of scopes that the project ignores."),
    ignored: count.describe("Of them, those of ignored scopes."),
    unrecognised: count.describe("Spans that speak of agents in words that no rule knows; they are plain steps."),
    withoutSession: count.describe("Spans of agents' work in traces that say no session."),
    clockAhead: count.describe("Spans that start more than a minute after they were received."),
    late: count.describe("Spans received more than a day after their end."),
    sample: z
      .strictObject({
        spans: count,
        modelCalls: count,
        callsWithoutContent: count,
        clockSkew: count.describe("Spans whose times lie outside this century."),
        sourceDropped: count.describe("Spans whose sender says that it left something out."),
        limits: z
          .array(z.strictObject({ limit: z.string(), spans: count }))
          .describe("Limits of the mapping that cut something."),
        unreadAttributes: z
          .array(z.strictObject({ attribute: z.string(), spans: count }))
          .describe("Attributes that nothing was read from, those on most spans first; `*` stands for an index."),
      })
      .describe("Of some spans of the scope, mapped again."),
  })
  .meta({ id: "ScopeDiagnostics" });

export const diagnosticsSchema = z
  .strictObject({
    from: z.string(),
    to: z.string(),
    sampledOneIn: z
      .int()
      .min(1)
      .describe("Counts are of one in so many traces, chosen by their id; 1 where all were counted."),
    spans: count,
    mappingVersions: z.array(z.strictObject({ version: z.int(), spans: count, inForce: z.boolean() })),
    scopes: z.array(scopeDiagnosticsSchema).describe("Most spans first."),
    scopesOmitted: count.describe("Scopes with fewer spans that are not listed."),
    modelCalls: z
      .array(
        z.strictObject({
          scope: z.string(),
          calls: count.describe("Without copies."),
          withoutTokens: count,
          unpriced: count.describe("Calls with tokens and without a cost."),
          copies: count.describe("Calls that another scope reports too; they count nowhere else."),
        }),
      )
      .describe("By name of the scope."),
    quarantined: z
      .array(z.strictObject({ reason: z.string(), count }))
      .describe("What lies in the quarantine of the project, of any time."),
    findings: z.array(
      z.strictObject({
        kind: z.enum(findingKinds),
        scopes: z.array(z.string()),
        count: count.describe("Spans, or calls, that show it."),
        detail: z.string(),
        advice: z.string().describe("What to change, in the sender mostly."),
      }),
    ),
  })
  .meta({ id: "Diagnostics" });

export type Diagnostics = z.infer<typeof diagnosticsSchema>;
export type ScopeDiagnostics = z.infer<typeof scopeDiagnosticsSchema>;
export type Finding = Diagnostics["findings"][number];
