/** Rolling metrics, as the API tells them by minute, hour and day, and the rolled rows behind them, are the sums of the stored points. */
import { type SumRow, toSumsText } from "@nonet/processor/store/sums-text.ts";
import { metricDimensions, metricSums, rolledWidths, validRolledRows } from "@nonet/proto/metric-sums.ts";
import type { ApiReader } from "./api-reader.ts";
import { confirm } from "./confirm.ts";
import type { StoredTables } from "./stored-tables.ts";
import type { Difference, VerifyProgress } from "./verify-lines.ts";

export interface VerifyMetricsDeps {
  readonly tables: StoredTables;
  /** Undefined where the key sees nothing of the project. */
  readonly api: ApiReader | undefined;
  pause(ms: number): Promise<void>;
}

/** Windows of one question, below what the API allows. */
const windowsPerQuestion: Readonly<Record<number, number>> = { 1: 180, 60: 720, 1440: 366 };
/** The newest minutes are told by minute too. */
const minuteHoursMax = 24;

export async function* verifyMetrics(
  projectId: string,
  deps: VerifyMetricsDeps,
): AsyncGenerator<Difference | VerifyProgress> {
  const hours = await deps.tables.select<{ hour: number }>(
    "SELECT DISTINCT toUInt32(intDiv(minute, 60)) AS hour FROM metric_points WHERE project_id = {project:String} ORDER BY hour",
    { project: projectId },
  );
  const starts = hours.map((row) => row.hour * 60);
  const questions = [
    ...rolledWidths.flatMap((width) => rangesOf(starts, width).map((range) => ({ ...range, step: width }))),
    ...rangesOf(starts.slice(-minuteHoursMax), 1).map((range) => ({ ...range, step: 1 as const })),
  ];
  let done = 0;
  for (const question of questions) {
    if (question.step !== 1) {
      const { step: width } = question;
      yield* await confirm(() => compareRolled(projectId, { ...question, width }, deps), deps.pause);
    }
    yield* await confirm(() => compareAnswer(projectId, question, deps), deps.pause);
    done += 1;
    yield { kind: "progress", step: "metrics", done, total: questions.length };
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Ranges of whole windows that cover the hours, leaving out long stretches without any. */
function rangesOf(hourStarts: readonly number[], width: number): Range[] {
  const unit = Math.max(width, 60);
  const countMax = windowsPerQuestion[width] ?? 1;
  const ranges: { from: number; to: number }[] = [];
  for (const start of hourStarts) {
    const from = start - (start % unit);
    const last = ranges.at(-1);
    if (last !== undefined && from + unit - last.from <= countMax * width) last.to = Math.max(last.to, from + unit);
    else ranges.push({ from, to: from + unit });
  }
  return ranges;
}

async function compareRolled(
  projectId: string,
  { from, to, width }: Range & { width: number },
  { tables }: VerifyMetricsDeps,
): Promise<Difference[]> {
  const parameters = { project: projectId, from, to, width };
  const rolled = Map.groupBy(await tables.select<SumRow>(validRolledRows, parameters), (row) => Number(row["minute"]));
  if (rolled.size === 0) return [];
  const summed = Map.groupBy(
    await tables.select<SumRow>(
      `SELECT toUInt32(intDiv(minute, {width:UInt32}) * {width:UInt32}) AS first, ${metricDimensions}, ${metricSums} FROM metric_points FINAL
       WHERE project_id = {project:String} AND minute >= {from:UInt32} AND minute < {to:UInt32} GROUP BY first, ${metricDimensions}`,
      parameters,
    ),
    (row) => Number(row["first"]),
  );
  return [...rolled].flatMap(([minute, rows]) => {
    const isSame = toSumsText(rows.filter((row) => row["kind"] !== "")) === toSumsText(summed.get(minute) ?? []);
    return isSame ? [] : [difference(projectId, minute, width, "the rolled row is not the sum of the points")];
  });
}

async function compareAnswer(
  projectId: string,
  { from, to, step }: Range & { step: number },
  { tables, api }: VerifyMetricsDeps,
): Promise<Difference[]> {
  if (api === undefined) return [];
  const path = `/api/projects/${projectId}/metrics?from=${timeOf(from)}&to=${timeOf(to)}&step=${step * 60}`;
  // `as`: the 200 body of query-api/src/project-metrics.
  const answer = (await api.get(path)) as { data: AnsweredWindow[] } | undefined;
  if (answer === undefined) return [];
  const sums = await tables.select<SummedWindow>(summedWindows, { project: projectId, from, to, step });
  const answered = new Map(answer.data.map((window) => [Date.parse(window.start) / 60_000, tellAnswer(window)]));
  const found: Difference[] = [];
  for (const row of sums) {
    const said = answered.get(row.first);
    const wanted = tellSums(row);
    answered.delete(row.first);
    if (said !== wanted)
      found.push(difference(projectId, row.first, step, `the API says ${said}, the points say ${wanted}`));
  }
  for (const [minute, said] of answered) {
    found.push(difference(projectId, minute, step, `the API says ${said}, and there are no points`));
  }
  return found;
}

function difference(projectId: string, minute: number, width: number, what: string): Difference {
  return { kind: "difference", step: "metrics", where: `${projectId}, ${width} minutes from ${timeOf(minute)}`, what };
}

function timeOf(minute: number): string {
  return new Date(minute * 60_000).toISOString();
}

interface AnsweredWindow {
  readonly start: string;
  readonly llm: { calls: number; errors: number; callsWithoutUsage: number };
  readonly tokens: { input: number; output: number; cachedInput: number; reasoning: number };
  readonly cost: { amount: number; unpricedCalls: number };
  readonly tools: { results: number; errors: number };
  readonly guardrails: { evaluations: number; blocked: number };
  readonly handoffs: { count: number };
  readonly errors: number;
  readonly responses: { count: number; errors: number };
}

interface SummedWindow {
  readonly first: number;
  readonly sums: readonly string[];
  readonly cost: string;
}

const summedWindows = `
  SELECT toUInt32(intDiv(minute, {step:UInt32}) * {step:UInt32}) AS first,
         [${[
           "count#llm_call",
           "error_count#llm_call",
           "calls_without_usage#llm_call",
           "input_tokens#llm_call",
           "output_tokens#llm_call",
           "cached_input_tokens#llm_call",
           "reasoning_tokens#llm_call",
           "unpriced_count#llm_call",
           "count#tool",
           "error_count#tool",
           "count#guardrail",
           "blocked_count#guardrail",
           "count#handoff",
           "count#error",
           "count#response",
           "error_count#response",
         ]
           .map((each) => each.split("#"))
           .map(([column, kind]) => `toString(sumIf(toUInt128(${column}), kind = '${kind}'))`)
           .join(", ")}] AS sums,
         toString(sumIf(toInt128(cost_units), kind = 'llm_call')) AS cost
  FROM metric_points FINAL
  WHERE project_id = {project:String} AND minute >= {from:UInt32} AND minute < {to:UInt32}
  GROUP BY first ORDER BY first`;

function tellSums(row: SummedWindow): string {
  return [...row.sums.map(Number), Number((BigInt(row.cost) + 500n) / 1000n) / 1e9].join(" ");
}

/** In the order of `summedWindows`. */
function tellAnswer({ llm, tokens, cost, tools, guardrails, handoffs, errors, responses }: AnsweredWindow): string {
  return [
    ...[llm.calls, llm.errors, llm.callsWithoutUsage],
    ...[tokens.input, tokens.output, tokens.cachedInput, tokens.reasoning, cost.unpricedCalls],
    ...[tools.results, tools.errors, guardrails.evaluations, guardrails.blocked, handoffs.count, errors],
    ...[responses.count, responses.errors, cost.amount],
  ].join(" ");
}
