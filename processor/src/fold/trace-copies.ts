/**
 * Copies of model calls in traces of their own: a second instrumentation that knows no parent begins a new trace. Seen in captures of Anthropic's
 * SDK beside OpenLLMetry and of LangGraph beside an instrumented OpenAI client. Source: contracts/README.md ruling 10.
 */
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { LlmCallEvent, Message } from "@nonet/proto/event.ts";
import type { FoldedSpan, FoldedTrace } from "./folded-trace.ts";
import { groupCalls, haveOtherResponses, overlap, pairCalls, type ReportedCall, shareModel } from "./same-call.ts";
import { toCanonicalText } from "./same-value.ts";

interface EventCall extends ReportedCall {
  readonly event: LlmCallEvent;
}

/**
 * Which model calls repeat one of another trace.
 *
 * A copy has the response id of its original, from another scope; or, where one of them has none, it stands outside any agent, overlaps the
 * original in time, and has the same model and the same output.
 *
 * @param traces  in any order, each once. Copies within a trace are marked already and are left alone.
 * @returns the event id of the original by that of the copy. The order of the traces does not matter.
 */
export function findCopiesAcross(traces: readonly FoldedTrace[]): Map<string, string> {
  const calls = traces.flatMap(callsOf);
  const originals = new Map<string, string>();
  const collect = (groups: readonly EventCall[][], isSame: (a: EventCall, b: EventCall) => boolean): void => {
    for (const group of groups) {
      for (const { copy, original } of pairCalls(group, isSame)) originals.set(copy.key, original.key);
    }
  };
  collect(
    groupCalls(calls, ({ fields }) => fields.responseId),
    areApart,
  );
  const left = calls.filter(({ key }) => !originals.has(key));
  collect(
    groupCalls(left, ({ event }) => outputKey(event.outputMessages)),
    isSameOutput,
  );
  return originals;
}

function callsOf(trace: FoldedTrace): EventCall[] {
  const spans = new Map<string, FoldedSpan>(trace.spans.map((span) => [span.spanId, span]));
  return trace.events.flatMap((event): EventCall[] => {
    if (event.eventType !== "llm_call" || event.duplicateOf !== undefined) return [];
    const span = spans.get(event.spanId);
    if (span === undefined) return [];
    return [
      {
        event,
        key: event.eventId,
        scopeName: event.scopeName,
        kind: span.class,
        startUnixNano: span.startTimeUnixNano,
        endUnixNano: span.endTimeUnixNano,
        fields: event,
        isPartOfWork: event.turnId !== event.traceId,
      },
    ];
  });
}

function areApart(a: EventCall, b: EventCall): boolean {
  return a.event.traceId !== b.event.traceId && a.scopeName !== b.scopeName;
}

function isSameOutput(a: EventCall, b: EventCall): boolean {
  if (!areApart(a, b) || (a.isPartOfWork && b.isPartOfWork)) return false;
  return overlap(a, b) && shareModel(a, b) && !haveOtherResponses(a, b);
}

/** What was said and asked for, in a form that does not depend on the instrumentation; undefined when nothing is known. */
function outputKey(messages: readonly Message[] | undefined): string | undefined {
  const parts = (messages ?? []).flatMap((message) => message.parts);
  const said = parts.flatMap((part) => (part.type === "text" && part.text.trim() !== "" ? [part.text.trim()] : []));
  const asked = parts.flatMap((part) => (part.type === "tool_call" ? [[norm(part.name), part.arguments ?? null]] : []));
  return said.length + asked.length === 0 ? undefined : toCanonicalText([said, asked]);
}
