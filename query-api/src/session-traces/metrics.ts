/** The metrics of one session. Source: session-traces.md section 7, 1.14, null rules of 2.5. */
import { unitsToUsd } from "@nonet/processor/fold/cost.ts";
import { errorCounts, isBlocked, isCounted, isEscalation } from "@nonet/processor/fold/event-facts.ts";
import {
  sumNumbers,
  sumUnits,
  sumUsage,
  type TurnUsage,
  type UsageSums,
  usageOf,
  usageOfTurn,
} from "@nonet/processor/fold/turn-usage.ts";
import type {
  AgentEvent,
  GuardrailEvalEvent,
  LlmCallEvent,
  ToolCallEvent,
  ToolResultEvent,
} from "@nonet/proto/event.ts";
import { breakdownOf, type LatencyBreakdown } from "./breakdown.ts";
import { toUsage } from "./event-data.ts";
import { phaseOf } from "./guardrail-phase.ts";
import { unionLength } from "./interval.ts";
import { mean, percentile, rate, roundMs, toMs, toTimestamp } from "./numbers.ts";
import { matchRequests } from "./requested-calls.ts";
import type { Session, Turn } from "./session.ts";
import type { SessionTurn, SessionView } from "./session-view.ts";
import type { Usage } from "./trace-event.ts";

interface TokenTotals {
  input: number | null;
  output: number | null;
  total: number | null;
}

export interface SessionMetrics {
  sessionId: string;
  projectId: string;
  revision: number;
  status: Session["status"];
  latency: {
    totalMs: number | null;
    wallClockMs: number;
    openTurns: number;
    turnMeanMs: number | null;
    turnP50Ms: number | null;
    turnP95Ms: number | null;
    turnMaxMs: number | null;
    turns: {
      turnId: string;
      index: number;
      startTime: string;
      latencyMs: number | null;
      extentMs: number;
      breakdown: LatencyBreakdown | null;
      timeToFirstTokenMs: number | null;
      status: Turn["status"];
      llmCalls: number;
      toolCalls: number;
      errors: number;
      tokens: TokenTotals;
      costAmount: number | null;
    }[];
    turnsTruncated: boolean;
  };
  tokens: {
    totals: Usage;
    callsReporting: number;
    callsMissing: number;
    callsPartial: number;
    aggregateTurns: number;
    calls: {
      eventId: string;
      turnIndex: number;
      timestamp: string;
      provider: string | null;
      model: string | null;
      operation: string;
      durationMs: number | null;
      usage: Usage;
      usagePartial: boolean;
      costAmount: number | null;
    }[];
    callsTruncated: boolean;
    byModel: {
      provider: string | null;
      model: string | null;
      calls: number;
      inputTokens: number | null;
      outputTokens: number | null;
      totalTokens: number | null;
      costAmount: number | null;
      p50Ms: number | null;
      p95Ms: number | null;
      errors: number;
    }[];
  };
  llm: {
    callCount: number;
    errorCount: number;
    p50Ms: number | null;
    p95Ms: number | null;
    meanMs: number | null;
  };
  tools: {
    callCount: number;
    successCount: number;
    errorCount: number;
    unresolvedCount: number;
    unseenCount: number;
    successRate: number | null;
    p50Ms: number | null;
    p95Ms: number | null;
    byTool: {
      toolName: string;
      callCount: number;
      successCount: number;
      errorCount: number;
      unresolvedCount: number;
      successRate: number | null;
      p50Ms: number | null;
      p95Ms: number | null;
      totalMs: number | null;
    }[];
  };
  guardrails: {
    evaluationCount: number;
    passCount: number;
    failCount: number;
    errorCount: number;
    unknownCount: number;
    blockCount: number;
    modifyCount: number;
    blockRate: number | null;
    judgementCount: number;
    byGuardrail: {
      guardrailName: string | null;
      phase: string | null;
      evaluationCount: number;
      blockCount: number;
      blockRate: number | null;
      p50Ms: number | null;
      p95Ms: number | null;
    }[];
  };
  cost: { amount: number | null; currency: "USD"; pricedCalls: number; unpricedCalls: number };
  errors: { count: number; handled: number; propagated: number };
  handoffs: { count: number; transfers: number; delegations: number; escalations: number };
}

/** What metrics look at of a session. */
export type MetricsView = Pick<SessionView, "events" | "turns" | "turnById" | "costOf" | "isUnresolved">;

const turnsMax = 1000;
const callsMax = 1000;

export function sessionMetrics(view: MetricsView, session: Session): SessionMetrics {
  const calls = view.events.filter((event) => event.eventType === "llm_call" && isCounted(event)) as LlmCallEvent[];
  const unitsOf = (call: LlmCallEvent): bigint | null => view.costOf(call.eventId)?.units ?? null;
  const usages = view.turns.map((turn) => usageOfTurn(turn.events, unitsOf));
  return {
    sessionId: session.id,
    projectId: session.projectId,
    revision: session.revision,
    status: session.status,
    latency: latencyMetrics(view.turns, usages, session.durationMs),
    tokens: tokenMetrics(view, calls, usages),
    llm: {
      callCount: calls.length,
      errorCount: calls.filter((call) => call.status === "error").length,
      p50Ms: percentile(durationsOf(calls), 0.5),
      p95Ms: percentile(durationsOf(calls), 0.95),
      meanMs: mean(durationsOf(calls)),
    },
    tools: toolMetrics(view),
    guardrails: guardrailMetrics(view.events),
    cost: {
      amount: toAmount(sumUnits(usages.map((usage) => usage.costUnits))),
      currency: "USD",
      pricedCalls: calls.filter((call) => unitsOf(call) !== null).length,
      unpricedCalls: calls.filter((call) => unitsOf(call) === null).length,
    },
    errors: errorMetrics(view.events),
    handoffs: handoffMetrics(view.events),
  };
}

function latencyMetrics(
  turns: readonly SessionTurn[],
  usages: readonly TurnUsage[],
  wallClockMs: number,
): SessionMetrics["latency"] {
  const ended = turns.flatMap((turn) =>
    turn.endUnixNano === undefined ? [] : [{ start: turn.startUnixNano, end: turn.endUnixNano }],
  );
  const latencies = ended.map((interval) => toMs(interval.end - interval.start));
  return {
    // With turns that all still run, the time at work is unknown and not none.
    totalMs: ended.length === 0 && turns.length > 0 ? null : toMs(unionLength(ended)),
    wallClockMs,
    openTurns: turns.length - ended.length,
    turnMeanMs: mean(latencies),
    turnP50Ms: percentile(latencies, 0.5),
    turnP95Ms: percentile(latencies, 0.95),
    turnMaxMs: latencies.length === 0 ? null : latencies.reduce((longest, latency) => Math.max(longest, latency), 0),
    turns: turns.slice(0, turnsMax).map((turn, index) => turnMetrics(turn, usages[index])),
    turnsTruncated: turns.length > turnsMax,
  };
}

function turnMetrics(turn: SessionTurn, usage: TurnUsage | undefined): SessionMetrics["latency"]["turns"][number] {
  const { startUnixNano, endUnixNano } = turn;
  const calls = turn.events.filter((event) => event.eventType === "llm_call" && isCounted(event));
  return {
    turnId: turn.turnId,
    index: turn.index,
    startTime: toTimestamp(startUnixNano),
    latencyMs: endUnixNano === undefined ? null : toMs(endUnixNano - startUnixNano),
    extentMs: toMs(turn.extentEndUnixNano - turn.extentStartUnixNano),
    breakdown: endUnixNano === undefined ? null : breakdownOf(turn.events, { start: startUnixNano, end: endUnixNano }),
    timeToFirstTokenMs: timeToFirstToken(turn),
    status: turn.status,
    llmCalls: calls.length,
    toolCalls: turn.events.filter((event) => event.eventType === "tool_call").length,
    errors: turn.events.filter(errorCounts).length,
    tokens: {
      input: usage?.usage.inputTokens ?? null,
      output: usage?.usage.outputTokens ?? null,
      total: usage?.usage.totalTokens ?? null,
    },
    costAmount: toAmount(usage?.costUnits ?? null),
  };
}

function timeToFirstToken(turn: SessionTurn): number | null {
  let first: number | null = null;
  for (const event of turn.events) {
    if (event.eventType !== "llm_call" || event.ttftMs === undefined || !isCounted(event)) continue;
    const ms = toMs(BigInt(event.timeUnixNano) - turn.startUnixNano) + event.ttftMs;
    first = first === null ? ms : Math.min(first, ms);
  }
  return first === null ? null : roundMs(first);
}

function tokenMetrics(
  view: MetricsView,
  calls: readonly LlmCallEvent[],
  usages: readonly TurnUsage[],
): SessionMetrics["tokens"] {
  const partial = calls.filter((call) => call.usagePartial === true).length;
  const missing = calls.filter((call) => call.usagePartial !== true && !reportsUsage(call)).length;
  return {
    totals: toNamedUsage(sumUsage(usages.map((usage) => usage.usage))),
    callsReporting: calls.length - partial - missing,
    callsMissing: missing,
    callsPartial: partial,
    aggregateTurns: usages.filter((usage) => usage.source === "aggregate").length,
    calls: calls.slice(0, callsMax).map((call) => ({
      eventId: call.eventId,
      turnIndex: view.turnById.get(call.turnId)?.index ?? 0,
      timestamp: toTimestamp(call.timeUnixNano),
      provider: call.provider ?? null,
      model: modelOf(call),
      operation: call.operation,
      durationMs: call.durationMs ?? null,
      usage: toUsage(call),
      usagePartial: call.usagePartial ?? false,
      costAmount: toAmount(view.costOf(call.eventId)?.units ?? null),
    })),
    callsTruncated: calls.length > callsMax,
    byModel: byModel(view, calls),
  };
}

function reportsUsage(call: LlmCallEvent): boolean {
  return call.inputTokens !== undefined || call.outputTokens !== undefined;
}

export function modelOf(call: LlmCallEvent): string | null {
  return call.responseModel ?? call.requestModel ?? null;
}

function toNamedUsage(sums: UsageSums): Usage {
  return {
    inputTokens: sums.inputTokens,
    outputTokens: sums.outputTokens,
    totalTokens: sums.totalTokens,
    cacheReadInputTokens: sums.cachedInputTokens,
    cacheCreationInputTokens: sums.cacheWriteInputTokens,
    reasoningOutputTokens: sums.reasoningTokens,
  };
}

function byModel(view: MetricsView, calls: readonly LlmCallEvent[]): SessionMetrics["tokens"]["byModel"] {
  const groups = Map.groupBy(calls, (call) => JSON.stringify([call.provider ?? null, modelOf(call)]));
  const rows = [...groups.values()].map((group) => {
    const countable = group.filter((call) => call.usagePartial !== true);
    // A group of partial calls alone is work of an unknown amount.
    const usage = countable.length === 0 ? usageOf({}) : sumUsage(countable.map(usageOf));
    const costs = countable.map((call) => view.costOf(call.eventId)?.units ?? null);
    const [first] = group;
    return {
      provider: first?.provider ?? null,
      model: first === undefined ? null : modelOf(first),
      calls: group.length,
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      totalTokens: usage.totalTokens,
      costAmount: countable.length === 0 ? null : toAmount(sumUnits(costs)),
      p50Ms: percentile(durationsOf(group), 0.5),
      p95Ms: percentile(durationsOf(group), 0.95),
      errors: group.filter((call) => call.status === "error").length,
    };
  });
  return rows.sort(
    (a, b) =>
      b.calls - a.calls || compareText(a.model ?? "", b.model ?? "") || compareText(a.provider ?? "", b.provider ?? ""),
  );
}

function toolMetrics(view: MetricsView): SessionMetrics["tools"] {
  const toolCalls = view.events.filter((event) => event.eventType === "tool_call");
  const results = view.events.filter((event) => event.eventType === "tool_result");
  const names = new Set([...toolCalls, ...results].map((event) => event.toolName));
  const resultsByName = Map.groupBy(results, (result) => result.toolName);
  const callsByName = Map.groupBy(toolCalls, (call) => call.toolName);
  const matches = view.turns.flatMap((turn) => matchRequests(turn.events));
  return {
    ...toolCounts(view, toolCalls, results),
    unseenCount: matches.filter((match) => match.toolCall === undefined && match.handoff === undefined).length,
    byTool: [...names]
      .map((toolName) => {
        const own = resultsByName.get(toolName) ?? [];
        return {
          toolName,
          ...toolCounts(view, callsByName.get(toolName) ?? [], own),
          totalMs: roundedSum(own.map((result) => result.durationMs ?? null)),
        };
      })
      .sort((a, b) => b.callCount - a.callCount || compareText(a.toolName, b.toolName)),
  };
}

function toolCounts(
  view: MetricsView,
  toolCalls: readonly ToolCallEvent[],
  results: readonly ToolResultEvent[],
): Omit<SessionMetrics["tools"], "unseenCount" | "byTool"> {
  const errorCount = results.filter((result) => result.isError).length;
  const successCount = results.length - errorCount;
  return {
    callCount: toolCalls.length,
    successCount,
    errorCount,
    unresolvedCount: toolCalls.filter((call) => view.isUnresolved(call)).length,
    successRate: rate(successCount, results.length),
    p50Ms: percentile(durationsOf(results), 0.5),
    p95Ms: percentile(durationsOf(results), 0.95),
  };
}

function guardrailMetrics(events: readonly AgentEvent[]): SessionMetrics["guardrails"] {
  const checks = events.filter((event) => event.eventType === "guardrail_eval");
  const evaluations = checks.filter((check) => check.evalKind !== "evaluation");
  const count = (result: GuardrailEvalEvent["result"]): number =>
    evaluations.filter((check) => check.result === result).length;
  const groups = Map.groupBy(evaluations, (check) => JSON.stringify([check.guardrailName, phaseOf(check.target)]));
  return {
    evaluationCount: evaluations.length,
    passCount: count("pass"),
    failCount: count("fail"),
    errorCount: count("error"),
    unknownCount: count("unknown"),
    ...blockCounts(evaluations),
    modifyCount: evaluations.filter((check) => check.result === "fail" && check.action === "modify").length,
    judgementCount: checks.length - evaluations.length,
    byGuardrail: [...groups.values()]
      .map((group) => ({
        guardrailName: group[0]?.guardrailName ?? null,
        phase: phaseOf(group[0]?.target),
        evaluationCount: group.length,
        ...blockCounts(group),
        p50Ms: percentile(durationsOf(group), 0.5),
        p95Ms: percentile(durationsOf(group), 0.95),
      }))
      .sort(
        (a, b) =>
          b.evaluationCount - a.evaluationCount ||
          compareText(a.guardrailName ?? "", b.guardrailName ?? "") ||
          compareText(a.phase ?? "", b.phase ?? ""),
      ),
  };
}

/** The rate is over what passed or failed: `unknown` and `error` say nothing about it. */
function blockCounts(checks: readonly GuardrailEvalEvent[]): { blockCount: number; blockRate: number | null } {
  const blockCount = checks.filter(isBlocked).length;
  const decided = checks.filter((check) => check.result === "pass" || check.result === "fail").length;
  return { blockCount, blockRate: rate(blockCount, decided) };
}

/** Each error once: a copy of another is `propagated`, whether handled or not. */
function errorMetrics(events: readonly AgentEvent[]): SessionMetrics["errors"] {
  const errors = events.filter((event) => event.eventType === "error");
  return {
    count: errors.filter(errorCounts).length,
    handled: errors.filter((error) => error.handled && !error.propagated).length,
    propagated: errors.filter((error) => error.propagated).length,
  };
}

function handoffMetrics(events: readonly AgentEvent[]): SessionMetrics["handoffs"] {
  const handoffs = events.filter((event) => event.eventType === "handoff");
  return {
    count: handoffs.length,
    transfers: handoffs.filter((handoff) => handoff.mechanism === "transfer").length,
    delegations: handoffs.filter((handoff) => handoff.mechanism === "delegation").length,
    escalations: handoffs.filter((handoff) => isEscalation(handoff.toAgent)).length,
  };
}

function durationsOf(events: readonly AgentEvent[]): number[] {
  return events.flatMap((event) => (event.durationMs === undefined ? [] : [event.durationMs]));
}

function roundedSum(values: readonly (number | null)[]): number | null {
  const sum = sumNumbers(values);
  return sum === null ? null : roundMs(sum);
}

function toAmount(units: bigint | null): number | null {
  return units === null ? null : unitsToUsd(units);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
