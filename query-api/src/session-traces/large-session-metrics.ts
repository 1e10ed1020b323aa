/**
 * The metrics of a session that is too large to be held mapped: its traces are read a few at a time, and of their events only what metrics
 * look at is kept.
 */
import type { AgentEvent, EventType } from "@nonet/proto/event.ts";
import type { StoredCost, TraceReader } from "../store/stored-trace.ts";
import { type LargeSession, loadView } from "./large-session.ts";
import { type MetricsView, type SessionMetrics, sessionMetrics } from "./metrics.ts";
import type { Session } from "./session.ts";
import type { SessionTurn } from "./session-view.ts";
import { traceGroups, turnIndexesOf } from "./trace-groups.ts";

export async function largeSessionMetrics(
  traces: TraceReader,
  large: LargeSession,
  session: Session,
): Promise<SessionMetrics> {
  return sessionMetrics(await collectView(traces, large), session);
}

async function collectView(traces: TraceReader, large: LargeSession): Promise<MetricsView> {
  const { parts } = large.stored;
  const turnIndexes = turnIndexesOf(parts);
  const events: AgentEvent[] = [];
  const turns: SessionTurn[] = [];
  const costs = new Map<string, StoredCost>();
  const unresolved = new Set<string>();
  for (const group of traceGroups(parts)) {
    const view = await loadView(traces, large, group, turnIndexes);
    const slimById = new Map<string, AgentEvent>();
    for (const event of view.events) {
      const slim = withoutContent(event);
      slimById.set(event.eventId, slim);
      events.push(slim);
      const cost = view.costOf(event.eventId);
      if (cost !== undefined) costs.set(event.eventId, cost);
      if (event.eventType === "tool_call" && view.isUnresolved(event)) unresolved.add(event.eventId);
    }
    for (const turn of view.turns) {
      turns.push({
        ...turn,
        root: undefined,
        events: turn.events.flatMap((event) => slimById.get(event.eventId) ?? []),
      });
    }
  }
  turns.sort((a, b) => a.index - b.index);
  return {
    events,
    turns,
    turnById: new Map(turns.map((turn) => [turn.turnId, turn])),
    costOf: (eventId) => costs.get(eventId),
    isUnresolved: (call) => unresolved.has(call.eventId),
  };
}

const contentMembers: Readonly<Record<EventType, readonly string[]>> = {
  llm_call: ["inputMessages", "outputMessages", "toolDefinitions", "params"],
  tool_call: ["arguments", "toolDescription"],
  tool_result: ["result", "errorMessage"],
  decision: ["reason"],
  handoff: ["message"],
  guardrail_eval: ["reason"],
  state_change: ["before", "after"],
  error: ["message", "stack"],
  response: ["content"],
};

/** Arguments of requested calls stay: they tell whom a call hands over to. */
function withoutContent(event: AgentEvent): AgentEvent {
  const slim: Record<string, unknown> = { ...event };
  for (const member of ["metadata", "tags", ...contentMembers[event.eventType]]) delete slim[member];
  // `as`: what is left out is optional, or (the text of a response) looked at by no metric.
  return slim as unknown as AgentEvent;
}
