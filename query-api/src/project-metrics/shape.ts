/** Rolling metrics as the API shows them. A window is half open; a sum over nothing is 0, a rate without a denominator is null. */
import { type Histogram, mergeHistogram, percentileMs } from "@nonet/proto/histogram.ts";
import type { MetricRow } from "./query.ts";

export const groupKeys = ["agent", "model", "provider", "tool", "environment"] as const;
export type GroupKey = (typeof groupKeys)[number];
export type Group = Partial<Record<GroupKey, string>>;

export interface Latency {
  meanMs: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
}

export interface MetricWindow {
  start: string;
  end: string;
  /** Only the keys asked for; an event without one has "". */
  group: Group;
  llm: { calls: number; errors: number; callsWithoutUsage: number; latency: Latency; timeToFirstToken: Latency };
  tokens: { input: number; output: number; total: number; cachedInput: number; reasoning: number };
  cost: { amount: number; currency: "USD"; unpricedCalls: number };
  tools: { results: number; errors: number; successRate: number | null; latency: Latency };
  guardrails: { evaluations: number; blocked: number; blockRate: number | null };
  handoffs: { count: number; edges: { edge: string; count: number }[] };
  errors: number;
  responses: { count: number; errors: number; latency: Latency };
}

interface Sums {
  readonly startSeconds: number;
  readonly group: Group;
  readonly byKind: Map<string, KindSums>;
  readonly edges: Map<string, number>;
}

/** What spans report is added exactly: the order of adding must not show. */
interface KindSums {
  count: number;
  errors: number;
  blocked: number;
  input: bigint;
  output: bigint;
  cachedInput: bigint;
  reasoning: bigint;
  withoutUsage: number;
  costUnits: bigint;
  unpriced: number;
  durations: Histogram;
  durationCount: number;
  durationUs: bigint;
  firstTokens: Histogram;
}

export interface MetricFilter {
  readonly agent?: readonly string[] | undefined;
  readonly model?: readonly string[] | undefined;
  readonly provider?: readonly string[] | undefined;
  readonly tool?: readonly string[] | undefined;
  readonly environment?: readonly string[] | undefined;
}

/** @returns windows in order of start, then of group; windows without any event are left out. */
export function toMetricWindows(
  rows: readonly MetricRow[],
  options: { stepSeconds: number; groupBy: readonly GroupKey[]; filter: MetricFilter },
): MetricWindow[] {
  const windows = new Map<string, Sums>();
  for (const row of rows) {
    if (!matches(row, options.filter)) continue;
    const startSeconds = Math.floor((row.minute * 60) / options.stepSeconds) * options.stepSeconds;
    const group = groupOf(row, options.groupBy);
    const key = JSON.stringify([startSeconds, ...options.groupBy.map((each) => group[each])]);
    let window = windows.get(key);
    if (window === undefined) {
      window = { startSeconds, group, byKind: new Map(), edges: new Map() };
      windows.set(key, window);
    }
    addRow(window, row);
  }
  return [...windows]
    .sort(([keyA, a], [keyB, b]) => a.startSeconds - b.startSeconds || (keyA < keyB ? -1 : 1))
    .map(([, sums]) => toWindow(sums, options.stepSeconds));
}

function toolOf(row: MetricRow): string {
  return row.kind === "tool" ? row.subject : "";
}

function dimensionOf(row: MetricRow, key: GroupKey): string {
  switch (key) {
    case "agent":
      return row.agent_name;
    case "model":
      return row.model;
    case "provider":
      return row.provider;
    case "tool":
      return toolOf(row);
    case "environment":
      return row.environment;
    default:
      return key satisfies never;
  }
}

function matches(row: MetricRow, filter: MetricFilter): boolean {
  return groupKeys.every((key) => filter[key]?.includes(dimensionOf(row, key)) ?? true);
}

function groupOf(row: MetricRow, keys: readonly GroupKey[]): Group {
  return Object.fromEntries(keys.map((key) => [key, dimensionOf(row, key)]));
}

function addRow(window: Sums, row: MetricRow): void {
  const sums = window.byKind.get(row.kind) ?? emptySums();
  window.byKind.set(row.kind, sums);
  sums.count += Number(row.count);
  sums.errors += Number(row.error_count);
  sums.blocked += Number(row.blocked_count);
  sums.input += BigInt(row.input_tokens);
  sums.output += BigInt(row.output_tokens);
  sums.cachedInput += BigInt(row.cached_input_tokens);
  sums.reasoning += BigInt(row.reasoning_tokens);
  sums.withoutUsage += Number(row.calls_without_usage);
  sums.costUnits += BigInt(row.cost_units);
  sums.unpriced += Number(row.unpriced_count);
  sums.durationCount += Number(row.duration_count);
  sums.durationUs += BigInt(row.duration_us_sum);
  mergeHistogram(sums.durations, bucketsOf(row.duration_buckets));
  mergeHistogram(sums.firstTokens, bucketsOf(row.ttft_buckets));
  if (row.kind === "handoff") {
    window.edges.set(row.subject, (window.edges.get(row.subject) ?? 0) + Number(row.count));
  }
}

function bucketsOf(buckets: Record<string, string>): [number, number][] {
  return Object.entries(buckets).map(([bucket, count]) => [Number(bucket), Number(count)]);
}

function emptySums(): KindSums {
  return {
    count: 0,
    errors: 0,
    blocked: 0,
    input: 0n,
    output: 0n,
    cachedInput: 0n,
    reasoning: 0n,
    withoutUsage: 0,
    costUnits: 0n,
    unpriced: 0,
    durations: new Map(),
    durationCount: 0,
    durationUs: 0n,
    firstTokens: new Map(),
  };
}

function toWindow(window: Sums, stepSeconds: number): MetricWindow {
  const kind = (name: string) => window.byKind.get(name) ?? emptySums();
  const llm = kind("llm_call");
  const tools = kind("tool");
  const guardrails = kind("guardrail");
  const responses = kind("response");
  return {
    start: timeText(window.startSeconds),
    end: timeText(window.startSeconds + stepSeconds),
    group: window.group,
    llm: {
      calls: llm.count,
      errors: llm.errors,
      callsWithoutUsage: llm.withoutUsage,
      latency: latencyOf(llm.durations, meanOf(llm)),
      timeToFirstToken: latencyOf(llm.firstTokens, null),
    },
    tokens: {
      input: Number(llm.input),
      output: Number(llm.output),
      total: Number(llm.input + llm.output),
      cachedInput: Number(llm.cachedInput),
      reasoning: Number(llm.reasoning),
    },
    cost: { amount: Number((llm.costUnits + 500n) / 1000n) / 1e9, currency: "USD", unpricedCalls: llm.unpriced },
    tools: {
      results: tools.count,
      errors: tools.errors,
      successRate: ratio(tools.count - tools.errors, tools.count),
      latency: latencyOf(tools.durations, meanOf(tools)),
    },
    guardrails: {
      evaluations: guardrails.count,
      blocked: guardrails.blocked,
      blockRate: ratio(guardrails.blocked, guardrails.count),
    },
    handoffs: {
      count: kind("handoff").count,
      edges: [...window.edges]
        .map(([edge, count]) => ({ edge, count }))
        .sort((a, b) => b.count - a.count || (a.edge < b.edge ? -1 : 1)),
    },
    errors: kind("error").count,
    responses: {
      count: responses.count,
      errors: responses.errors,
      latency: latencyOf(responses.durations, meanOf(responses)),
    },
  };
}

function latencyOf(histogram: Histogram, meanMs: number | null): Latency {
  return {
    meanMs,
    p50Ms: rounded(percentileMs(histogram, 0.5)),
    p95Ms: rounded(percentileMs(histogram, 0.95)),
    p99Ms: rounded(percentileMs(histogram, 0.99)),
  };
}

function meanOf(sums: KindSums): number | null {
  return sums.durationCount === 0 ? null : rounded(Number(sums.durationUs) / sums.durationCount / 1000);
}

/** Percentiles are within 4.5%; more than three decimals would pretend otherwise. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 1e6) / 1e6;
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
