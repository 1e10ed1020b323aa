/** Which events of a session a request is about. Filters combine with AND, the values of one with OR. Source: session-traces.md 2.4, section 5. */
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { SessionView } from "./session-view.ts";

export interface EventFilter {
  readonly eventType?: readonly string[] | undefined;
  readonly decisionKind?: readonly string[] | undefined;
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
  /** Turn indexes as digits, or turn ids. */
  readonly turn?: readonly string[] | undefined;
  readonly agent?: readonly string[] | undefined;
  readonly name?: readonly string[] | undefined;
  readonly status?: readonly string[] | undefined;
  readonly traceId?: readonly string[] | undefined;
  readonly minDurationMs?: number | undefined;
}

export function isUnfiltered(filter: EventFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

export function createEventPredicate(view: SessionView, filter: EventFilter): (event: AgentEvent) => boolean {
  const { from, to, minDurationMs } = filter;
  const turnIds = filter.turn === undefined ? undefined : turnIdsOf(view, filter.turn);
  const tests: ((event: AgentEvent) => boolean)[] = [];
  const listed = (values: readonly string[] | undefined, member: (event: AgentEvent) => string | undefined): void => {
    if (values === undefined) return;
    const wanted = new Set(values);
    tests.push((event) => {
      const value = member(event);
      return value !== undefined && wanted.has(value);
    });
  };
  listed(filter.eventType, (event) => event.eventType);
  listed(filter.decisionKind, (event) => (event.eventType === "decision" ? event.decisionKind : undefined));
  listed(filter.agent, (event) => event.agentName);
  listed(filter.name, (event) => event.name);
  listed(filter.status, (event) => event.status ?? (event.eventType === "error" ? "error" : "unset"));
  listed(filter.traceId, (event) => event.traceId);
  if (turnIds !== undefined) tests.push((event) => turnIds.has(event.turnId));
  if (from !== undefined) tests.push((event) => BigInt(event.timeUnixNano) >= from);
  if (to !== undefined) tests.push((event) => BigInt(event.timeUnixNano) < to);
  if (minDurationMs !== undefined) tests.push((event) => (event.durationMs ?? -1) >= minDurationMs);
  return (event) => tests.every((test) => test(event));
}

function turnIdsOf(view: SessionView, values: readonly string[]): Set<string> {
  const ids = values.map((value) =>
    /^\d{1,9}$/.test(value) ? view.turns.find((turn) => turn.index === Number(value))?.turnId : value,
  );
  return new Set(ids.filter((id) => id !== undefined));
}
