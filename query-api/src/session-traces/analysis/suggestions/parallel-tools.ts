/** Tool calls that ran one after the other and need not have. Source: session-traces.md 8.5, `parallelize_tool_calls`. */
import type { ToolCallEvent, ToolResultEvent } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import { intervalOf } from "../../breakdown.ts";
import { partnerOf } from "../../event-data.ts";
import type { Interval } from "../../interval.ts";
import { matchRequests } from "../../requested-calls.ts";
import type { SessionTurn, SessionView } from "../../session-view.ts";
import type { Thresholds } from "../thresholds.ts";
import { latencyOf, type SuggestedChange, savingsBesideLongest } from "./suggestion.ts";

interface FinishedCall {
  readonly call: ToolCallEvent;
  readonly result: ToolResultEvent;
  readonly interval: Interval;
  readonly eventId: string;
  readonly durationMs: number;
}

export function parallelizeTools(view: SessionView, turn: SessionTurn, thresholds: Thresholds): SuggestedChange[] {
  const requested = askedForTogether(view, turn);
  const inRequests = new Set(requested.flat().map((each) => each.call.eventId));
  const changes = [
    ...requested.map((calls) => ({
      calls,
      confidence: "high" as const,
      detail: "One model response asked for all of them; they ran one after the other.",
    })),
    ...independentRuns(view, turn, inRequests).map((calls) => ({
      calls,
      confidence: "low" as const,
      detail: "Nothing that one of them found is in what a later one was asked.",
    })),
  ];
  return changes.flatMap(({ calls, confidence, detail }) => {
    const savings = savingsBesideLongest(calls);
    if (latencyOf(savings) < thresholds["parallel.minSavingMs"]) return [];
    const names = calls.map((each) => each.call.toolName);
    return [
      {
        kind: "parallelize_tool_calls",
        title: `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""} could run at the same time`,
        detail,
        confidence,
        events: calls.map((each) => each.call),
        savings,
      },
    ];
  });
}

/** Successful calls under one parent that one model response asked for, none at the same time as another. */
function askedForTogether(view: SessionView, turn: SessionTurn): FinishedCall[][] {
  const byCall = Map.groupBy(matchRequests(turn.events), (match) => match.call.eventId);
  return [...byCall.values()].flatMap((matches) => {
    const finished = matches.flatMap((match) => {
      const each = match.toolCall === undefined ? undefined : finishedCall(view, match.toolCall);
      return each === undefined ? [] : [each];
    });
    const byParent = [...Map.groupBy(finished, (each) => each.call.parentSpanId).values()];
    const largest = byParent.sort((a, b) => b.length - a.length)[0];
    return largest !== undefined && largest.length >= 2 && isSequential(largest) ? [largest] : [];
  });
}

function finishedCall(view: SessionView, call: ToolCallEvent): FinishedCall | undefined {
  const span = view.spanOf(call);
  const resultId = partnerOf(call, span, "tool_result");
  const result = span.events.find((event) => event.eventId === resultId);
  if (result?.eventType !== "tool_result" || result.isError || result.durationMs === undefined) return undefined;
  const interval = intervalOf(result);
  return interval && { call, result, interval, eventId: call.eventId, durationMs: result.durationMs };
}

function isSequential(calls: readonly FinishedCall[]): boolean {
  const ordered = calls.toSorted((a, b) => (a.interval.start < b.interval.start ? -1 : 1));
  return ordered.every((each, index) => {
    const before = ordered[index - 1];
    return before === undefined || before.interval.end <= each.interval.start;
  });
}

/** Maximal runs of calls under one parent, none in need of an earlier one's result and no model asked between. */
function independentRuns(view: SessionView, turn: SessionTurn, taken: ReadonlySet<string>): FinishedCall[][] {
  const runs: FinishedCall[][] = [];
  const byParent = Map.groupBy(turn.events, (event) => event.parentSpanId);
  for (const events of byParent.values()) {
    let run: FinishedCall[] = [];
    const close = (): void => {
      if (run.length >= 2) runs.push(run);
      run = [];
    };
    for (const event of events) {
      if (event.eventType === "llm_call") close();
      if (event.eventType !== "tool_call") continue;
      const finished = taken.has(event.eventId) ? undefined : finishedCall(view, event);
      if (finished === undefined) {
        close();
        continue;
      }
      if (!follows(run, finished)) close();
      run.push(finished);
    }
    close();
  }
  return runs;
}

function follows(run: readonly FinishedCall[], next: FinishedCall): boolean {
  return run.every((earlier) => earlier.interval.end <= next.interval.start && !needs(next, earlier));
}

const valueCharactersMin = 4;
/** A larger result is not searched: the calls then count as dependent. */
const valuesMax = 2000;

/** Whether anything the earlier call found is in what the later one was asked. Without content nobody knows, so it counts as needed. */
function needs(later: FinishedCall, earlier: FinishedCall): boolean {
  if (later.call.arguments === undefined || earlier.result.result === undefined) return true;
  const values: string[] = [];
  if (!collectValues(earlier.result.result, values)) return true;
  const args = JSON.stringify(later.call.arguments);
  return values.some((value) => args.includes(JSON.stringify(value).slice(1, -1)));
}

/** @returns false when there are too many. */
function collectValues(value: Json, values: string[]): boolean {
  if (values.length >= valuesMax) return false;
  if (typeof value === "string" || typeof value === "number") {
    const text = String(value);
    if (text.length >= valueCharactersMin) values.push(text);
    return true;
  }
  if (value === null || typeof value !== "object") return true;
  return Object.values(value).every((member: Json) => collectValues(member, values));
}
