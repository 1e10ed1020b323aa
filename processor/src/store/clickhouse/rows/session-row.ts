/** What one trace contributes to each session it lies in. Source: session-traces.md 1.4, 1.5, 1.14, 3; tenant-traces.md 5.8, 5.9. */
import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import type { Json, JsonObject } from "@nonet/proto/json.ts";
import type { SessionPart, TokenSums, TurnPart } from "@nonet/proto/tables.ts";
import { errorCounts, isCounted, isEscalation } from "../../../fold/event-facts.ts";
import type { FoldedSpan, FoldedTrace } from "../../../fold/folded-trace.ts";
import { type TurnFacts, turnsOf } from "../../../fold/turn.ts";
import { sumNumbers, sumUnits, type UsageSums, usageOfTurn } from "../../../fold/turn-usage.ts";
import type { RowContent } from "../row-text.ts";
import { hourOf } from "./hour.ts";

type CostUnitsOf = (call: LlmCallEvent) => bigint | null;

const tagsMax = 50;
const metadataKeysMax = 100;
const sessionStatuses = new Set(["active", "idle", "completed", "failed", "abandoned", "escalated", "archived"]);

export function toSessionRows(
  projectId: string,
  folded: FoldedTrace,
  costUnitsOf: CostUnitsOf,
): RowContent<"sessions">[] {
  const spans = Map.groupBy(folded.spans, (span) => span.sessionId);
  // An event may lie in another session than its span only by a defect; the union costs nothing and loses nobody.
  const events = Map.groupBy(folded.events, (event) => event.sessionId);
  const sessionIds = new Set([...spans.keys(), ...events.keys()]);
  return [...sessionIds].map((sessionId) =>
    toSessionRow(projectId, folded, sessionId, {
      spans: spans.get(sessionId) ?? [],
      events: events.get(sessionId) ?? [],
      turns: turnsOf(folded, sessionId),
      costUnitsOf,
    }),
  );
}

interface Here {
  readonly spans: readonly FoldedSpan[];
  readonly events: readonly AgentEvent[];
  readonly turns: readonly TurnFacts[];
  readonly costUnitsOf: CostUnitsOf;
}

function toSessionRow(projectId: string, folded: FoldedTrace, sessionId: string, here: Here): RowContent<"sessions"> {
  const part = toSessionPart(here);
  const start = earliest(here.spans.map((span) => span.startTimeUnixNano));
  const end = latest(here.spans.map(endOf));
  return {
    project_id: projectId,
    hour: hourOf(start),
    session_id: sessionId,
    trace_id: folded.traceId,
    start_unix_nano: start.toString(),
    end_unix_nano: end.toString(),
    id_reported: here.spans.some((span) => span.sessionIdSource !== "fallback") ? 1 : 0,
    agents: part.agents.map((agent) => agent.name),
    environment: part.environment ?? "",
    channel: part.channel ?? "",
    user_id: part.userId ?? "",
    models: modelsForFilter(here.events),
    tags: part.tags,
    error_count: part.errorCount,
    part: JSON.stringify(part),
  };
}

function toSessionPart(here: Here): SessionPart {
  const { spans, events } = here;
  const calls = events.filter((event) => event.eventType === "llm_call" && isCounted(event)) as LlmCallEvent[];
  const turns = here.turns.map((turn) => toTurnPart(turn, here.costUnitsOf));
  const handoffs = events.filter((event) => event.eventType === "handoff");
  const lastHandoff = handoffs.at(-1);
  const metadata = mergeMetadata(spans);
  const count = (type: AgentEvent["eventType"]) => events.filter((event) => event.eventType === type).length;
  return {
    idSources: [...new Set(spans.map((span) => span.sessionIdSource))].sort(),
    eventCount: events.length,
    spanCount: spans.length,
    llmCallCount: calls.length,
    toolCallCount: count("tool_call"),
    handoffCount: handoffs.length,
    guardrailCount: count("guardrail_eval"),
    responseCount: count("response"),
    errorCount: events.filter(errorCounts).length,
    tokens: sumTokens(turns.map((turn) => turn.tokens)),
    costUnits:
      sumUnits(turns.map((turn) => (turn.costUnits === null ? null : BigInt(turn.costUnits))))?.toString() ?? null,
    unpricedCalls: calls.filter((call) => here.costUnitsOf(call) === null).length,
    agents: firstNames([...spans.map(agentOfSpan), ...events.map(agentOfEvent)]),
    models: firstNames(
      calls.map((call) => ({ name: call.responseModel ?? call.requestModel, atUnixNano: BigInt(call.timeUnixNano) })),
    ),
    tags: [...new Set(spans.flatMap((span) => span.tags ?? []))].slice(0, tagsMax),
    metadata,
    environment: firstOf(spans, (span) => span.environment),
    userId: firstOf(spans, (span) => span.userId),
    channel: firstOf(spans, (span) => textOf(span.metadata?.channel)),
    sessionStatus: lastStatus(spans),
    lastHandoff:
      lastHandoff?.eventType === "handoff"
        ? { escalation: isEscalation(lastHandoff.toAgent), atUnixNano: lastHandoff.timeUnixNano }
        : null,
    turns,
  };
}

function toTurnPart(turn: TurnFacts, costUnitsOf: CostUnitsOf): TurnPart {
  const { usage, costUnits } = usageOfTurn(turn.events, costUnitsOf);
  const count = (matches: (event: AgentEvent) => boolean) => turn.events.filter(matches).length;
  return {
    turnId: turn.turnId,
    runId: turn.runId ?? null,
    rootSpanId: turn.rootSpanId,
    rankSpanId: turn.rankSpanId,
    startUnixNano: turn.startUnixNano.toString(),
    endUnixNano: turn.endUnixNano?.toString() ?? null,
    extentStartUnixNano: turn.extentStartUnixNano.toString(),
    extentEndUnixNano: turn.extentEndUnixNano.toString(),
    status: turn.status,
    paused: turn.paused,
    hasResponse: turn.events.some((event) => event.eventType === "response"),
    eventCount: turn.eventCount,
    llmCalls: count((event) => event.eventType === "llm_call" && isCounted(event)),
    toolCalls: count((event) => event.eventType === "tool_call"),
    errors: count(errorCounts),
    tokens: tokensOf(usage),
    costUnits: costUnits?.toString() ?? null,
  };
}

function tokensOf(usage: UsageSums): TokenSums {
  return { input: usage.inputTokens, output: usage.outputTokens, total: usage.totalTokens };
}

function sumTokens(items: readonly TokenSums[]): TokenSums {
  return {
    input: sumNumbers(items.map((item) => item.input)),
    output: sumNumbers(items.map((item) => item.output)),
    total: sumNumbers(items.map((item) => item.total)),
  };
}

interface NamedAt {
  readonly name: string | undefined;
  readonly atUnixNano: bigint;
}

function agentOfSpan(span: FoldedSpan): NamedAt {
  return { name: span.agentName, atUnixNano: span.effectiveStartUnixNano };
}

function agentOfEvent(event: AgentEvent): NamedAt {
  return { name: event.agentName, atUnixNano: BigInt(event.timeUnixNano) };
}

/** Each name once, by first appearance; at equal times the one that comes first in the list. */
function firstNames(items: readonly NamedAt[]): { name: string; atUnixNano: string }[] {
  const first = new Map<string, bigint>();
  for (const { name, atUnixNano } of items) {
    if (name === undefined) continue;
    const known = first.get(name);
    if (known === undefined || atUnixNano < known) first.set(name, atUnixNano);
  }
  return [...first]
    .sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, atUnixNano]) => ({ name, atUnixNano: atUnixNano.toString() }));
}

/** A filter by model matches what was asked for as well as what answered. */
function modelsForFilter(events: readonly AgentEvent[]): string[] {
  const models = new Set<string>();
  for (const event of events) {
    if (event.eventType !== "llm_call") continue;
    if (event.requestModel !== undefined) models.add(event.requestModel);
    if (event.responseModel !== undefined) models.add(event.responseModel);
  }
  return [...models].sort();
}

function mergeMetadata(spans: readonly FoldedSpan[]): JsonObject {
  const merged: JsonObject = Object.create(null);
  let keys = 0;
  for (const span of spans) {
    if (span.metadata === undefined) continue;
    for (const [key, value] of Object.entries(span.metadata)) {
      if (key in merged || keys >= metadataKeysMax) continue;
      merged[key] = value;
      keys += 1;
    }
  }
  return merged;
}

function lastStatus(spans: readonly FoldedSpan[]): SessionPart["sessionStatus"] {
  const last = spans.findLast((span) => sessionStatuses.has(textOf(span.metadata?.session_status) ?? ""));
  if (last === undefined) return null;
  return {
    status: textOf(last.metadata?.session_status) ?? "",
    atUnixNano: last.effectiveStartUnixNano.toString(),
  };
}

function firstOf<T>(spans: readonly FoldedSpan[], read: (span: FoldedSpan) => T | undefined): T | null {
  for (const span of spans) {
    const value = read(span);
    if (value !== undefined) return value;
  }
  return null;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function endOf(span: FoldedSpan): bigint {
  return span.endTimeUnixNano > span.startTimeUnixNano ? span.endTimeUnixNano : span.startTimeUnixNano;
}

function earliest(times: readonly bigint[]): bigint {
  return times.reduce<bigint>((a, b) => (b < a ? b : a), times[0] ?? 0n);
}

function latest(times: readonly bigint[]): bigint {
  return times.reduce<bigint>((a, b) => (b > a ? b : a), 0n);
}
