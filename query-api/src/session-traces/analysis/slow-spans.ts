/** Spans that took much longer than others of their kind. Source: session-traces.md 8.2. */
import { roundMs, roundTo, toTimestamp } from "../numbers.ts";
import type { SessionView } from "../session-view.ts";
import { spanMembers } from "../tree-view.ts";
import { type Finding, findingOf, type RankedFinding, type Severity } from "./finding.ts";
import type { MeasuredSpan } from "./measured-span.ts";
import type { Thresholds } from "./thresholds.ts";

export interface SlowSpan extends Finding {
  spanId: string;
  key: string;
  basis: "baseline" | "absolute";
  durationMs: number;
  selfMs: number;
  excessMs: number;
  zScore: number | null;
  baseline: { samples: number; medianMs: number; madLn: number; from: string; to: string } | null;
  explainedBy: string[];
}

export interface Baselines {
  /** Durations in ms by key: other sessions of the project, not failed, newest first. */
  readonly durations: ReadonlyMap<string, readonly number[]>;
  readonly fromUnixNano: bigint;
  readonly toUnixNano: bigint;
}

export interface Judgement {
  readonly basis: "baseline" | "absolute";
  readonly severity: Severity;
  readonly excessMs: number;
  readonly z: number | null;
  readonly medianMs: number | null;
  readonly madLn: number | null;
}

/** Durations are judged by their logarithm, because latencies are skewed; the floor is there because a constant baseline makes any deviation infinite. */
export function judgeDuration(
  key: string,
  durationMs: number,
  samples: readonly number[],
  thresholds: Thresholds,
): Judgement | undefined {
  return samples.length >= thresholds["slow.minSamples"]
    ? judgeByBaseline(durationMs, samples, thresholds)
    : judgeByLimit(key, durationMs, thresholds);
}

function judgeByBaseline(x: number, samples: readonly number[], thresholds: Thresholds): Judgement | undefined {
  const logs = samples.map((sample) => Math.log(Math.max(sample, 0.001)));
  const m = medianOf(logs);
  const mad = Math.max(medianOf(logs.map((log) => Math.abs(log - m))), thresholds["slow.madFloor"]);
  const z = (0.6745 * (Math.log(Math.max(x, 0.001)) - m)) / mad;
  const median = Math.exp(m);
  const excess = x - median;
  const isSlow =
    z > thresholds["slow.z"] && excess >= thresholds["slow.minExcessMs"] && x >= thresholds["slow.minRatio"] * median;
  if (!isSlow) return undefined;
  const isHigh = z > thresholds["slow.zHigh"] || x >= thresholds["slow.highRatio"] * median;
  return {
    basis: "baseline",
    severity: isHigh ? "high" : "medium",
    excessMs: roundMs(excess),
    z: roundTo(z, 2),
    medianMs: roundTo(median, 3),
    madLn: roundTo(mad, 6),
  };
}

const absoluteHighRatio = 3;

function judgeByLimit(key: string, x: number, thresholds: Thresholds): Judgement | undefined {
  const kind = key.slice(0, key.indexOf(":")) as "llm_call" | "tool_call" | "guardrail_eval" | "agent";
  const limit = thresholds[`slow.absolute.${kind}`];
  if (x < limit) return undefined;
  return {
    basis: "absolute",
    severity: x >= absoluteHighRatio * limit ? "high" : "low",
    excessMs: roundMs(x - limit),
    z: null,
    medianMs: null,
    madLn: null,
  };
}

/** Percentile 0.5, without rounding. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const h = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(h)] ?? 0) + (sorted[Math.ceil(h)] ?? 0)) / 2;
}

export function findSlowSpans(
  view: SessionView,
  measured: readonly MeasuredSpan[],
  baselines: Baselines,
  thresholds: Thresholds,
): RankedFinding<SlowSpan>[] {
  const slow = new Map<string, SlowSpan>();
  for (const each of measured) {
    const samples = baselines.durations.get(each.key) ?? [];
    const judged = judgeDuration(each.key, each.durationMs, samples, thresholds);
    if (judged !== undefined)
      slow.set(
        each.span.traceId + each.span.spanId,
        toSlowSpan(view, each, judged, { samples: samples.length, ...baselines }),
      );
  }
  explain(measured, slow, thresholds);
  return [...slow.values()].map((finding) => ({ finding, impact: [finding.excessMs] }));
}

function toSlowSpan(
  view: SessionView,
  { span, key, durationMs, evidence }: MeasuredSpan,
  judged: Judgement,
  baselines: Pick<Baselines, "fromUnixNano" | "toUnixNano"> & { readonly samples: number },
): SlowSpan {
  const { samples } = baselines;
  const range = { from: toTimestamp(baselines.fromUnixNano), to: toTimestamp(baselines.toUnixNano) };
  const usual = judged.medianMs;
  const name = describeKey(key);
  return {
    ...findingOf(
      view,
      "slowSpans",
      {
        kind: "slow_span",
        severity: judged.severity,
        title:
          usual === null
            ? `${name} took ${durationMs} ms`
            : `${name} took ${durationMs} ms, ${roundTo(durationMs / Math.max(usual, 0.001), 1)} times its usual ${usual} ms`,
        detail:
          usual === null
            ? `${judged.excessMs} ms over the limit that holds without enough earlier ones to compare with.`
            : `Compared with ${samples} of the 7 days before this session (median ${usual} ms).`,
      },
      [evidence],
    ),
    spanId: span.spanId,
    key,
    basis: judged.basis,
    durationMs,
    selfMs: spanMembers(span).selfMs ?? durationMs,
    excessMs: judged.excessMs,
    zScore: judged.z,
    baseline:
      usual === null || judged.madLn === null ? null : { samples, medianMs: usual, madLn: judged.madLn, ...range },
    explainedBy: [],
  };
}

/** What a slow descendant accounts for by half or more is no cause of its own. */
function explain(measured: readonly MeasuredSpan[], slow: ReadonlyMap<string, SlowSpan>, thresholds: Thresholds): void {
  for (const { span } of measured) {
    const finding = slow.get(span.traceId + span.spanId);
    if (finding === undefined) continue;
    for (let above = span.parent; above !== undefined; above = above.parent) {
      const outer = slow.get(above.traceId + above.spanId);
      if (outer === undefined || finding.excessMs < thresholds["slow.explainedRatio"] * outer.excessMs) continue;
      outer.explainedBy.push(finding.id);
      outer.severity = "low";
    }
  }
}

function describeKey(key: string): string {
  const [kind, ...rest] = key.split(":");
  const name = rest.join(":");
  switch (kind) {
    case "llm_call":
      return `Model call ${rest[1] || rest[0] || ""}`.trim();
    case "tool_call":
      return `Tool ${name}`;
    case "guardrail_eval":
      return `Guardrail ${name}`;
    default:
      return `Agent ${name}`;
  }
}
