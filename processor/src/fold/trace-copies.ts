/**
 * Copies of model calls in traces of their own: a second instrumentation that knows no parent begins a new trace. Seen in captures of Anthropic's
 * SDK beside OpenLLMetry and of LangGraph beside an instrumented OpenAI client. Source: contracts/README.md ruling 10.
 *
 * Which of several reports is the original follows from the reports alone, so the owners of their traces come to the same answer, each for its
 * own (law 4). A report is known to others by its keys: the response id; or, where one side has none, what was said. Only what began within ten
 * minutes is compared: so a store need not search all of history, and an answer repeated another day by a cache or a test server is its own.
 */
import { hash } from "node:crypto";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { AgentEvent, LlmCallEvent, Message, TokenUsage } from "@nonet/proto/event.ts";
import { eventIdOf } from "./event-id.ts";
import type { FoldedTrace } from "./folded-trace.ts";
import { usageFields, vendorScopes } from "./model-nesting.ts";
import { haveOtherResponses, overlap, pairCalls, type ReportedCall, richnessOf, shareModel } from "./same-call.ts";
import { toCanonicalText } from "./same-value.ts";

/** What other traces need to know of a model call; a function of its event and of whether its span asked for tools. `key` is the event id. */
export interface CallReport extends ReportedCall {
  readonly traceId: string;
  readonly spanId: string;
  /** Of the start. */
  readonly slot: number;
  /** Digest of what was said; only where a copy may have to be found by it. */
  readonly outputKey: string | undefined;
  readonly isPartOfWork: boolean;
  readonly asksForTools: boolean;
  readonly usage: TokenUsage;
}

/** Under which a report is looked up: reports with one `by` and `value` in the same slot or the next to it may tell of one call. */
export interface CallKey {
  readonly slot: number;
  readonly by: "response" | "output";
  readonly value: string;
}

/** What an event says otherwise because of a report in another trace. */
export interface CopyMark {
  /** Event id of the original: this one leaves every count. */
  readonly duplicateOf?: string;
  /** Event id of the choice of tools that the original came back with; so the copy's is one too. */
  readonly selection?: string;
  /** Event id of the copy whose counts are right. */
  readonly usageFrom?: string;
  readonly usage?: TokenUsage;
}

/** Nobody reports a call more often. More reports with one key, as test servers with one response id make, are left alone. */
export const copiesMax = 16;

/** So many with one key in one slot are not looked at at all, and neither is what stands in the slots next to them. */
export const crowdMin = copiesMax * 4 + 1;

/** A slot of time, since 1970. Clocks of two instrumentations of one call differ by less. */
export const slotNano = 600_000_000_000n;
/** Of many calls with the same answer, those that began just before and after one are compared with it. */
const neighboursMax = 256;

/** Reports of the calls of a trace that may have copies elsewhere; those marked as copies within the trace are left out. */
export function callReportsOf(trace: Pick<FoldedTrace, "events">): CallReport[] {
  const reports: CallReport[] = [];
  let askingSpans: Set<string> | undefined;
  for (const event of trace.events) {
    if (event.eventType !== "llm_call" || event.duplicateOf !== undefined) continue;
    askingSpans ??= askingSpansOf(trace);
    const report = reportOf(event, askingSpans.has(event.spanId));
    if (report !== undefined) reports.push(report);
  }
  return reports;
}

/** The keys of reports that may tell of the same call. */
export function nearKeysOf(key: CallKey): CallKey[] {
  return [key, { ...key, slot: key.slot - 1 }, { ...key, slot: key.slot + 1 }];
}

/** As it travels in a command, and to compare by: `<slot> response|output <value>`. */
export function toKeyText({ slot, by, value }: CallKey): string {
  return `${slot} ${by} ${value}`;
}

/** @returns undefined for a text that is none. */
export function parseKeyText(text: string): CallKey | undefined {
  const [, slot, by, value] = /^(\d{1,8}) (response|output) (.+)$/s.exec(text) ?? [];
  if (slot === undefined || value === undefined) return undefined;
  return { slot: Number(slot), by: by === "response" ? "response" : "output", value };
}

export function callKeysOf({ slot, fields, outputKey }: CallReport): CallKey[] {
  const keys: CallKey[] = [];
  if (fields.responseId !== undefined) keys.push({ slot, by: "response", value: fields.responseId });
  if (outputKey !== undefined) keys.push({ slot, by: "output", value: outputKey });
  return keys;
}

/**
 * What the reports of one call do to each other.
 *
 * @param reports  with those that share a key with any of them in the same slot or the next; each once, of any traces, in any order.
 * @param isCrowded  `crowdMin` reports with this key are known, and not all of them are among `reports`.
 * @returns by event id; events that say what they did are left out.
 */
export function findCopyMarks(
  reports: readonly CallReport[],
  tenantId: string,
  isCrowded: (key: CallKey) => boolean = () => false,
): Map<string, CopyMark> {
  const marks = new Map<string, CopyMark>();
  for (const by of ["response", "output"] as const) {
    const isSame = by === "response" ? isSameResponse : isSameOutput;
    const keyValueOf = (report: CallReport) => (by === "response" ? report.fields.responseId : report.outputKey);
    for (const [value, group] of Map.groupBy(reports, keyValueOf)) {
      if (value === undefined || group.length < 2) continue;
      const crowded = crowdedSlotsOf(group);
      const isLeftAlone = (key: CallKey) =>
        nearKeysOf(key).some((near) => crowded.has(near.slot) || isCrowded({ ...near, by, value }));
      group.sort(byStart);
      for (const [index, report] of group.entries()) {
        const near = neighboursOf(group, index, by);
        if (near.length < 2 || near.length > copiesMax || isLeftAlone({ slot: report.slot, by, value })) continue;
        for (const { copy, original } of pairCalls(near, isSame)) {
          if (copy === report) markCopy(marks, copy, original, tenantId);
          if (original === report) markCounts(marks, original, copy);
        }
      }
    }
  }
  return marks;
}

/** What may be the same call as the one at `index`, itself included; a few more than are compared when there are too many. */
function neighboursOf(group: readonly CallReport[], index: number, by: CallKey["by"]): CallReport[] {
  const report = group[index] as CallReport;
  const near = [report];
  for (const step of [-1, 1]) {
    for (let distance = 1; distance <= neighboursMax && near.length <= copiesMax; distance += 1) {
      const other = group[index + step * distance];
      if (other === undefined || !isNear(report, other)) break;
      if (by === "response" || overlap(report, other)) near.push(other);
    }
  }
  return near;
}

function crowdedSlotsOf(group: readonly CallReport[]): Set<number> {
  const slots = Map.groupBy(group, (report) => report.slot);
  return new Set([...slots].flatMap(([slot, { length }]) => (length >= crowdMin ? [slot] : [])));
}

function byStart(a: CallReport, b: CallReport): number {
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano < b.startUnixNano ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

function isNear(a: CallReport, b: CallReport): boolean {
  const apart = a.startUnixNano - b.startUnixNano;
  return apart <= slotNano && -apart <= slotNano;
}

/** The marks of whole traces among each other; for captures, and to hold the processor to. */
export function findCopiesAcross(traces: readonly FoldedTrace[], tenantId: string): Map<string, CopyMark> {
  return findCopyMarks(traces.flatMap(callReportsOf), tenantId);
}

/** The trace with its marks. Spans keep the events as they were. */
export function markCopies(trace: FoldedTrace, marks: ReadonlyMap<string, CopyMark>): FoldedTrace {
  const selections = new Map<string, string | undefined>();
  for (const event of trace.events) {
    const mark = marks.get(event.eventId);
    if (mark !== undefined) selections.set(event.spanId, mark.selection);
  }
  if (selections.size === 0) return trace;
  const marked = new Map(trace.events.map((event) => [event, markEvent(event, marks, selections.get(event.spanId))]));
  const exchange = (events: FoldedTrace["events"]) => events.map((event) => marked.get(event) ?? event);
  return {
    ...trace,
    events: [...marked.values()],
    turns: trace.turns.map((turn) => ({ ...turn, events: exchange(turn.events) })),
  };
}

function markEvent(event: AgentEvent, marks: ReadonlyMap<string, CopyMark>, selection: string | undefined): AgentEvent {
  if (event.eventType === "llm_call") {
    const { selection: _, usage, ...own } = marks.get(event.eventId) ?? {};
    return { ...event, ...own, ...usage };
  }
  const isSelection = event.eventType === "decision" && event.decisionKind === "tool_selection";
  return isSelection && selection !== undefined && event.duplicateOf === undefined
    ? { ...event, duplicateOf: selection }
    : event;
}

const known = new WeakMap<LlmCallEvent, CallReport>();

/** Events are never changed once made, and a late span leaves most of them: their reports stand as well. */
function reportOf(event: LlmCallEvent, asksForTools: boolean): CallReport | undefined {
  const before = known.get(event);
  if (before !== undefined && before.asksForTools === asksForTools) return before;
  const isPartOfWork = event.turnId !== event.traceId;
  const outputKey =
    isPartOfWork && event.responseId !== undefined ? undefined : outputKeyOf(event.outputMessages ?? []);
  if (event.responseId === undefined && outputKey === undefined) return undefined;
  const startUnixNano = BigInt(event.timeUnixNano);
  const report: CallReport = {
    key: event.eventId,
    traceId: event.traceId,
    spanId: event.spanId,
    scopeName: event.scopeName,
    kind: kindOfCall(event.operation),
    slot: Number(startUnixNano / slotNano),
    startUnixNano,
    endUnixNano: endOfCall(startUnixNano, event.durationMs),
    fields: pick(event, ["requestModel", "responseModel", "responseId"]),
    richness: richnessOf(event, isPartOfWork),
    outputKey,
    isPartOfWork,
    asksForTools,
    usage: pick(event, usageFields),
  };
  known.set(event, report);
  return report;
}

/** Calls of different kinds are never one. */
export function kindOfCall(operation: string): string {
  return operation === "embeddings" || operation === "rerank" ? operation : "generation";
}

/** From what the store keeps as well, so that both sides have the same. */
export function endOfCall(startUnixNano: bigint, durationMs: number | undefined): bigint {
  return startUnixNano + BigInt(Math.round((durationMs ?? 0) * 1_000_000));
}

function askingSpansOf({ events }: Pick<FoldedTrace, "events">): Set<string> {
  const spans = new Set<string>();
  for (const event of events) {
    const asks = event.eventType === "decision" && event.decisionKind === "tool_selection";
    if (asks && event.duplicateOf === undefined) spans.add(event.spanId);
  }
  return spans;
}

function markCopy(marks: Map<string, CopyMark>, copy: CallReport, original: CallReport, tenantId: string): void {
  if (marks.get(copy.key)?.duplicateOf !== undefined) return;
  const asks = copy.asksForTools && original.asksForTools;
  marks.set(copy.key, {
    ...marks.get(copy.key),
    duplicateOf: original.key,
    ...(asks && { selection: eventIdOf(tenantId, original, "decision", "tool_selection") }),
  });
}

function markCounts(marks: Map<string, CopyMark>, original: CallReport, copy: CallReport): void {
  const before = marks.get(original.key);
  const hasTokens = copy.usage.inputTokens !== undefined || copy.usage.outputTokens !== undefined;
  const countsBetter = vendorScopes.test(copy.scopeName) && !vendorScopes.test(original.scopeName);
  if (before?.usageFrom !== undefined || !hasTokens || !countsBetter) return;
  marks.set(original.key, { ...before, usageFrom: copy.key, usage: copy.usage });
}

/** Two scopes that name the same response saw one call. */
function isSameResponse(a: CallReport, b: CallReport): boolean {
  return areApart(a, b) && isNear(a, b);
}

function isSameOutput(a: CallReport, b: CallReport): boolean {
  if (!areApart(a, b) || (a.isPartOfWork && b.isPartOfWork)) return false;
  return overlap(a, b) && shareModel(a, b) && !haveOtherResponses(a, b);
}

function areApart(a: CallReport, b: CallReport): boolean {
  return a.traceId !== b.traceId && a.scopeName !== b.scopeName;
}

/** What was said and asked for, in a form that does not depend on the instrumentation; undefined when nothing is known. */
function outputKeyOf(messages: readonly Message[]): string | undefined {
  const parts = messages.flatMap((message) => message.parts);
  const said = parts.flatMap((part) => (part.type === "text" && part.text.trim() !== "" ? [part.text.trim()] : []));
  const asked = parts.flatMap((part) => (part.type === "tool_call" ? [[norm(part.name), part.arguments ?? null]] : []));
  if (said.length + asked.length === 0) return undefined;
  return hash("sha1", toCanonicalText([said, asked]), "base64url");
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  const picked: Partial<T> = {};
  for (const key of keys) if (from[key] !== undefined) picked[key] = from[key];
  // `as`: what is left out is optional in T.
  return picked as Pick<T, K>;
}
