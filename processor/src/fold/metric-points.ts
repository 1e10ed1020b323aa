/**
 * What one trace contributes to the rolling metrics: one point per minute and set of dimensions. A pure function of the folded trace, so a
 * point is replaced, moved or withdrawn with the events it counts. Late events land in their own minute. Source: design.md section 5.
 */
import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import { addToHistogram, type Histogram } from "@nonet/proto/histogram.ts";
import type { CallCost } from "./cost.ts";
import { isBlocked } from "./event-facts.ts";

/** `tool` counts results: a call without one has neither succeeded nor failed. */
export type MetricKind = "llm_call" | "tool" | "guardrail" | "handoff" | "error" | "response";

export interface MetricPoint {
  /** Minutes since 1970 of the event's own time. */
  readonly minute: number;
  readonly kind: MetricKind;
  readonly agentName: string;
  readonly model: string;
  readonly provider: string;
  /** Tool, guardrail, `from -> to`, or error type. */
  readonly subject: string;
  readonly environment: string;
  count: number;
  errorCount: number;
  blockedCount: number;
  inputTokens: number;
  outputTokens: number;
  cachedInputTokens: number;
  reasoningTokens: number;
  callsWithoutUsage: number;
  costUnits: bigint;
  unpricedCount: number;
  durationCount: number;
  /** Microseconds. */
  durationUsSum: number;
  readonly durations: Histogram;
  readonly timesToFirstToken: Histogram;
}

const minuteNano = 60_000_000_000n;

export function metricPointsOf(
  events: readonly AgentEvent[],
  costs: ReadonlyMap<string, CallCost>,
): Iterable<MetricPoint> {
  const points = new Map<string, MetricPoint>();
  for (const event of events) {
    const kind = kindOf(event);
    if (kind === undefined) continue;
    const point = pointOf(points, kind, event);
    point.count += 1;
    if (isFailure(event)) point.errorCount += 1;
    if (event.eventType === "guardrail_eval" && isBlocked(event)) point.blockedCount += 1;
    if (event.durationMs !== undefined) {
      point.durationCount += 1;
      point.durationUsSum += Math.round(event.durationMs * 1000);
      addToHistogram(point.durations, event.durationMs);
    }
    if (event.eventType === "llm_call") addCall(point, event, costs.get(event.eventId));
  }
  return points.values();
}

/** Copies of a call leave the metrics, and so do errors that are handled or a copy of another. */
function kindOf(event: AgentEvent): MetricKind | undefined {
  switch (event.eventType) {
    case "llm_call":
      return event.duplicateOf === undefined ? "llm_call" : undefined;
    case "tool_result":
      return "tool";
    case "guardrail_eval":
      return event.evalKind === "evaluation" ? undefined : "guardrail";
    case "handoff":
      return "handoff";
    case "error":
      return event.handled || event.propagated ? undefined : "error";
    case "response":
      return "response";
    case "tool_call":
    case "decision":
    case "state_change":
      return undefined;
    default:
      return event satisfies never;
  }
}

function isFailure(event: AgentEvent): boolean {
  return event.eventType === "tool_result" ? event.isError : event.eventType === "error" || event.status === "error";
}

function pointOf(points: Map<string, MetricPoint>, kind: MetricKind, event: AgentEvent): MetricPoint {
  const dimensions = {
    minute: Number(BigInt(event.timeUnixNano) / minuteNano),
    kind,
    agentName: event.agentName ?? "",
    model: event.eventType === "llm_call" ? (event.responseModel ?? event.requestModel ?? "") : "",
    provider: event.eventType === "llm_call" ? (event.provider ?? "") : "",
    subject: subjectOf(event),
    environment: event.environment ?? "",
  };
  const key = JSON.stringify(Object.values(dimensions));
  let point = points.get(key);
  if (point === undefined) {
    point = {
      ...dimensions,
      count: 0,
      errorCount: 0,
      blockedCount: 0,
      inputTokens: 0,
      outputTokens: 0,
      cachedInputTokens: 0,
      reasoningTokens: 0,
      callsWithoutUsage: 0,
      costUnits: 0n,
      unpricedCount: 0,
      durationCount: 0,
      durationUsSum: 0,
      durations: new Map(),
      timesToFirstToken: new Map(),
    };
    points.set(key, point);
  }
  return point;
}

/** What a metric of this event is about. */
export function subjectOf(event: AgentEvent): string {
  switch (event.eventType) {
    case "tool_call":
    case "tool_result":
      return event.toolName;
    case "guardrail_eval":
      return event.guardrailName;
    case "handoff":
      return event.name;
    case "error":
      return event.errorType;
    case "state_change":
      return event.stateKey;
    case "llm_call":
    case "decision":
    case "response":
      return "";
    default:
      return event satisfies never;
  }
}

function addCall(point: MetricPoint, call: LlmCallEvent, cost: CallCost | undefined): void {
  if (call.ttftMs !== undefined) addToHistogram(point.timesToFirstToken, call.ttftMs);
  if (cost === undefined) point.unpricedCount += 1;
  else point.costUnits += cost.units;
  if (call.inputTokens === undefined && call.outputTokens === undefined) point.callsWithoutUsage += 1;
  if (call.usagePartial) return;
  point.inputTokens += call.inputTokens ?? 0;
  point.outputTokens += call.outputTokens ?? 0;
  point.cachedInputTokens += call.cachedInputTokens ?? 0;
  point.reasoningTokens += call.reasoningTokens ?? 0;
}
