/** Choices that led nowhere, or nowhere new. Looked at per turn, in event order. Source: session-traces.md 8.4. */
import { norm } from "@nonet/ingest/map/read-agent.ts";
import { isBlocked, isEscalation } from "@nonet/processor/fold/event-facts.ts";
import type { AgentEvent, DecisionEvent, HandoffEvent, ToolCallEvent } from "@nonet/proto/event.ts";
import { hashOf } from "../event-data.ts";
import { phaseOf } from "../guardrail-phase.ts";
import { matchRequests } from "../requested-calls.ts";
import type { SessionTurn, SessionView } from "../session-view.ts";
import { type Finding, findingOf, type RankedFinding, type Severity } from "./finding.ts";
import { findLoops } from "./loop.ts";
import { attemptsByTurn, type MeasuredSpan } from "./measured-span.ts";
import type { Thresholds } from "./thresholds.ts";
import { findCycles, findPingPong } from "./transfers.ts";

interface Anomaly {
  readonly kind: string;
  readonly severity: Severity;
  readonly title: string;
  readonly detail: string;
  readonly events: readonly AgentEvent[];
}

export function findDecisionAnomalies(
  view: SessionView,
  measured: readonly MeasuredSpan[],
  thresholds: Thresholds,
): RankedFinding<Finding>[] {
  const lastCall = view.events.findLast((event) => event.eventType === "llm_call");
  const anomalies = view.turns.flatMap((turn) => [
    ...transferAnomalies(turn, thresholds),
    ...repeatedCalls(view, turn, thresholds),
    ...loops(turn, thresholds),
    ...deadEndHandoffs(view, turn),
    ...deadEndRequests(view, turn, lastCall?.eventId),
    ...unansweredTurn(turn),
    ...actedAfterBlock(turn),
  ]);
  return [...anomalies, ...retryStorms(measured, thresholds)].map(({ events, ...described }) => {
    const finding = findingOf(view, "decisionAnomalies", described, events);
    return { finding, impact: [finding.evidence.length] };
  });
}

function transferAnomalies(turn: SessionTurn, thresholds: Thresholds): Anomaly[] {
  const transfers = turn.events.filter(
    (event): event is HandoffEvent => event.eventType === "handoff" && event.mechanism === "transfer",
  );
  const pingPongs = findPingPong(transfers, thresholds["pingPong.min"]).map(({ start, end }): Anomaly => {
    const run = transfers.slice(start, end);
    return {
      kind: "handoff_ping_pong",
      severity: run.length >= thresholds["pingPong.high"] ? "high" : "medium",
      title: `${run[0]?.fromAgent ?? "?"} and ${run[0]?.toAgent ?? "?"} handed over to each other ${run.length} times`,
      detail: "Each handover undid the one before it.",
      events: run,
    };
  });
  const cycles = findCycles(transfers, thresholds["cycle.minWalks"]).map(({ start, end, period }): Anomaly => {
    const run = transfers.slice(start, end);
    return {
      kind: "handoff_cycle",
      severity: run.length >= period * thresholds["cycle.highWalks"] ? "high" : "medium",
      title: `${period} agents handed over in a circle`,
      detail: `${run.length} handovers in a row followed the same round.`,
      events: run,
    };
  });
  return [...pingPongs, ...cycles];
}

/** A call whose predecessor among its equals failed is a retry, not a repetition. */
function repeatedCalls(view: SessionView, turn: SessionTurn, thresholds: Thresholds): Anomaly[] {
  const calls = turn.events.filter(
    (event) => event.eventType === "tool_call" && event.arguments !== undefined,
  ) as ToolCallEvent[];
  const groups = Map.groupBy(calls, (call) => `${call.toolName}\n${hashOf(call.arguments)}`);
  return [...groups.values()].flatMap((group) => {
    const counted = group.filter((_call, index) => !endedInError(view, group[index - 1]));
    if (counted.length < thresholds["repeat.min"]) return [];
    return [
      {
        kind: "repeated_tool_call",
        severity: counted.length >= thresholds["repeat.high"] ? "high" : "medium",
        title: `${counted[0]?.toolName ?? ""} was called ${counted.length} times with the same arguments`,
        detail: "None of these calls followed a failure.",
        events: counted,
      } satisfies Anomaly,
    ];
  });
}

function endedInError(view: SessionView, call: ToolCallEvent | undefined): boolean {
  if (call === undefined) return false;
  return view
    .spanOf(call)
    .events.some((event) => event.eventType === "tool_result" && event.isError && event.callId === call.callId);
}

function retryStorms(measured: readonly MeasuredSpan[], thresholds: Thresholds): Anomaly[] {
  return attemptsByTurn(measured).flatMap((attempts) => {
    const storms: Anomaly[] = [];
    let start = 0;
    for (let end = 0; end <= attempts.length; end += 1) {
      if (attempts[end]?.span.failed === true) continue;
      const run = attempts.slice(start, end);
      start = end + 1;
      if (run.length < thresholds["retryStorm.min"]) continue;
      const succeeded = attempts.slice(end).some((attempt) => !attempt.span.failed);
      storms.push({
        kind: "retry_storm",
        severity: succeeded ? "medium" : "high",
        title: `${run[0]?.key ?? ""} failed ${run.length} times in a row`,
        detail: succeeded ? "A later attempt succeeded." : "No later attempt succeeded.",
        events: run.map((attempt) => attempt.evidence),
      });
    }
    return storms;
  });
}

function loops(turn: SessionTurn, thresholds: Thresholds): Anomaly[] {
  const steps = turn.events.flatMap((event) => {
    const label = labelOf(event);
    return label === undefined ? [] : [{ event, label }];
  });
  const found = findLoops(
    steps.map((step) => step.label),
    (label) => label.startsWith("handoff:"),
    { maxPeriod: thresholds["loop.maxPeriod"], minRepetitions: thresholds["loop.minRepetitions"] },
  );
  return found.map(({ start, period, repetitions }) => ({
    kind: "loop",
    severity: repetitions >= thresholds["loop.highRepetitions"] ? "high" : "medium",
    title: `${period} steps repeated ${repetitions} times`,
    detail: "The same steps with the same arguments, again and again.",
    events: steps.slice(start, start + period * repetitions).map((step) => step.event),
  }));
}

function labelOf(event: AgentEvent): string | undefined {
  if (event.eventType === "tool_call") return `tool:${event.toolName}:${hashOf(event.arguments) ?? ""}`;
  if (event.eventType === "handoff") return `handoff:${event.toAgent ?? ""}`;
  if (event.eventType !== "decision") return undefined;
  if (event.decisionKind === "handoff" || event.decisionKind === "tool_selection") return undefined;
  return `decision:${event.decisionKind}:${(event.selected ?? []).join(",")}`;
}

/** A handover to an agent that never did anything, or that its tool failed to make. */
function deadEndHandoffs(view: SessionView, turn: SessionTurn): Anomaly[] {
  return turn.events.flatMap((event, index) => {
    if (event.eventType !== "decision" || event.decisionKind !== "handoff" || isEscalation(event.toAgent)) return [];
    const wasMade = view.spanOf(event).events.some((other) => other.eventType === "handoff");
    if (wasMade && (event.toAgent === undefined || appearsLater(view, turn, event, index))) return [];
    return [
      {
        kind: "dead_end_decision",
        severity: "medium",
        title: `The handover to ${event.toAgent ?? "?"} led nowhere`,
        detail: wasMade ? "The agent does not appear later in the turn." : "The handover was decided and not made.",
        events: [event],
      } satisfies Anomaly,
    ];
  });
}

function appearsLater(view: SessionView, turn: SessionTurn, decision: DecisionEvent, index: number): boolean {
  const target = norm(decision.toAgent ?? "");
  const isTarget = (name: string | undefined): boolean => name !== undefined && norm(name) === target;
  if (turn.events.slice(index + 1).some((event) => isTarget(event.agentName))) return true;
  const time = BigInt(decision.timeUnixNano);
  return (view.spansByTurn.get(turn.turnId) ?? []).some(
    (span) => span.class === "agent" && span.effectiveStartUnixNano >= time && isTarget(span.agentName),
  );
}

/** The last call of a session may still be waiting for its tools. */
function deadEndRequests(view: SessionView, turn: SessionTurn, lastCallId: string | undefined): Anomaly[] {
  const open = matchRequests(turn.events).filter(
    (match) =>
      match.call.eventId !== lastCallId &&
      (match.toolCall === undefined ? match.handoff === undefined : view.isUnresolved(match.toolCall)),
  );
  return [...Map.groupBy(open, (match) => match.call.eventId).values()].map((matches) => ({
    kind: "dead_end_decision",
    severity: "low",
    title: `A model asked for ${matches.map((match) => match.request.toolName ?? "a tool").join(", ")}, and nothing came of it`,
    detail: "No call of that tool with a result was seen.",
    events: matches.slice(0, 1).map((match) => match.call),
  }));
}

function unansweredTurn(turn: SessionTurn): Anomaly[] {
  const worked = turn.events.filter((event) => event.eventType === "llm_call" || event.eventType === "tool_call");
  const isAnswered = turn.events.some((event) => event.eventType === "response");
  if (turn.root === undefined || turn.endUnixNano === undefined || turn.paused || isAnswered || worked.length === 0) {
    return [];
  }
  return [
    {
      kind: "unanswered_turn",
      severity: turn.status === "error" ? "high" : "medium",
      title: `Turn ${turn.index} ended without an answer`,
      detail: "Models or tools were called, and no response came of it.",
      events: worked,
    },
  ];
}

/** A further model call may just word the refusal; a tool call or a handover acts on what was refused. */
function actedAfterBlock(turn: SessionTurn): Anomaly[] {
  return turn.events.flatMap((event, index) => {
    if (event.eventType !== "guardrail_eval" || !isBlocked(event) || phaseOf(event.target) !== "input") return [];
    const acts = turn.events
      .slice(index + 1)
      .filter((later) => later.eventType === "tool_call" || later.eventType === "handoff");
    if (acts.length === 0) return [];
    return [
      {
        kind: "blocked_then_acted",
        severity: "high",
        title: `${event.guardrailName} blocked the input, and the agent acted all the same`,
        detail: `${acts.length} tool calls or handovers followed.`,
        events: [event, ...acts],
      } satisfies Anomaly,
    ];
  });
}
