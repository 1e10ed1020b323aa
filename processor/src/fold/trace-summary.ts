/**
 * What a list of traces shows of one trace. Source: tenant-traces.md sections 3, 5.2, 5.7 to 5.9.
 *
 * One member depends on the clock: a trace without any received root is `running` while its last span ended less than a minute ago, and then
 * `completed` or `failed`. Here such a trace is `open` or `open_failed`; readers decide with `lastEndUnixNano`.
 */
import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import { isCounted } from "./event-facts.ts";
import type { FoldedSpan, FoldedTrace } from "./folded-trace.ts";
import { turnsOf } from "./turn.ts";
import { sumUnits, sumUsage, type UsageSums, usageOfTurn } from "./turn-usage.ts";

export const traceSummaryStatuses = ["completed", "failed", "running", "open", "open_failed"] as const;
export type TraceSummaryStatus = (typeof traceSummaryStatuses)[number];

/** How long a trace without a root may still be waiting for one, from its last end. */
export const openNano = 60_000_000_000n;

export interface TraceSummary {
  createdUnixNano: string;
  promptName: string;
  status: TraceSummaryStatus;
  /** The last end of any span; "0" while none has ended. */
  lastEndUnixNano: string;
  durationMs: number;
  tags: string[];
  inputTokens: number | null;
  outputTokens: number | null;
  totalTokens: number | null;
  /** 10^-12 USD, decimal. */
  costUnits: string | null;
  /** Of the primary generation; `hasPrimary` tells one that states nothing from none. */
  hasPrimary: boolean;
  model: string | null;
  provider: string | null;
  temperature: number | null;
  /** Request and response models of all calls. */
  models: string[];
}

const tagsMax = 50;

export function traceSummaryOf(trace: FoldedTrace, costUnitsOf: (call: LlmCallEvent) => bigint | null): TraceSummary {
  const roots = turnRootsOf(trace);
  const created = createdOf(trace, roots);
  const primary = primaryGeneration(trace);
  const { usage, costUnits } = usageOfTrace(trace, costUnitsOf);
  const lastEnd = trace.spans.reduce((last, span) => maxOf(last, span.endTimeUnixNano), 0n);
  return {
    createdUnixNano: created.toString(),
    promptName: promptNameOf(trace, roots, primary),
    status: statusOf(trace, roots, primary),
    lastEndUnixNano: lastEnd.toString(),
    durationMs: durationOf(trace, roots, created),
    tags: [...new Set(trace.spans.flatMap((span) => span.tags ?? []))].slice(0, tagsMax),
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    totalTokens: usage.totalTokens,
    costUnits: costUnits?.toString() ?? null,
    hasPrimary: primary !== undefined,
    model: primary?.responseModel ?? primary?.requestModel ?? null,
    provider: primary?.provider ?? null,
    temperature: numberOf(primary?.params?.temperature),
    models: modelsOf(trace.events),
  };
}

export interface TraceUsage {
  readonly usage: UsageSums;
  /** 10^-12 USD. */
  readonly costUnits: bigint | null;
  readonly calls: number;
  /** Partial reports are reports. */
  readonly callsMissingUsage: number;
  readonly unpricedCalls: number;
}

/** Sums over the turns of the trace, in whatever session. */
export function usageOfTrace(trace: FoldedTrace, costUnitsOf: (call: LlmCallEvent) => bigint | null): TraceUsage {
  const calls = trace.events.filter((event) => event.eventType === "llm_call" && isCounted(event)) as LlmCallEvent[];
  // Nothing to sum is 0, but a turn that called no model does not make the unknown usage of another one known.
  const usages = turnsOf(trace, undefined)
    .map((turn) => usageOfTurn(turn.events, costUnitsOf))
    .filter((usage) => usage.source !== "none");
  return {
    usage: sumUsage(usages.map((each) => each.usage)),
    costUnits: sumUnits(usages.map((each) => each.costUnits)),
    calls: calls.length,
    callsMissingUsage: calls.filter((call) => call.usagePartial !== true && !reportsUsage(call)).length,
    unpricedCalls: calls.filter((call) => costUnitsOf(call) === null).length,
  };
}

function reportsUsage(call: LlmCallEvent): boolean {
  return call.inputTokens !== undefined || call.outputTokens !== undefined || call.totalTokens !== undefined;
}

/**
 * What a substring search looks into, in the form of `toSearchForm`: the prompt name and each model, with U+0000 between, which no needle has.
 */
export function searchTextOf(summary: Pick<TraceSummary, "promptName" | "models">): string {
  return [summary.promptName, ...summary.models].map(toSearchForm).join("\0");
}

/** NFKC and lower case, for both sides of a search. */
export function toSearchForm(text: string): string {
  return text.normalize("NFKC").toLowerCase().normalize("NFKC").replaceAll("\0", "");
}

/** tenant-traces.md 5.2: the call that gave the answer, else the last that could have, else the last. */
export function primaryGeneration(trace: FoldedTrace): LlmCallEvent | undefined {
  const calls = generationsOf(trace);
  const response = trace.events.findLast((event) => event.eventType === "response");
  const answering = calls.find((call) => call.spanId === response?.answeringSpanId);
  if (answering !== undefined) return answering;
  const content = response?.content?.trim();
  if (content !== undefined && content !== "") {
    const same = lastEnding(calls.filter((call) => outputTextOf(call)?.trim() === content));
    if (same !== undefined) return same;
  }
  const limit = lastRootEnd(turnRootsOf(trace));
  const answers = calls.filter(
    (call) => outputTextOf(call) !== undefined && !asksForTools(call) && (limit === undefined || endOf(call) <= limit),
  );
  return lastEnding(answers) ?? lastEnding(calls);
}

/** The calls among which the primary generation is, in event order: those that generate, without copies. */
export function generationsOf(trace: FoldedTrace): LlmCallEvent[] {
  return trace.events.filter(
    (event): event is LlmCallEvent =>
      event.eventType === "llm_call" &&
      isCounted(event) &&
      event.operation !== "embeddings" &&
      event.operation !== "rerank",
  );
}

/** The text parts of the first output message that has any. */
export function outputTextOf(call: LlmCallEvent): string | undefined {
  for (const message of call.outputMessages ?? []) {
    const texts = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
    if (texts.length > 0) return texts.join("\n");
  }
  return undefined;
}

/** By (start, span id). */
export function turnRootsOf(trace: FoldedTrace): FoldedSpan[] {
  return trace.turns
    .flatMap((turn) => (turn.root === undefined ? [] : [turn.root]))
    .sort((a, b) => (isEarlier(a, b) ? -1 : 1));
}

/** The span that starts first, of several the one with the least id. */
export function earliestSpanOf(trace: FoldedTrace): FoldedSpan | undefined {
  return trace.spans.reduce<FoldedSpan | undefined>(
    (first, span) => (first === undefined || isEarlier(span, first) ? span : first),
    undefined,
  );
}

function isEarlier(a: FoldedSpan, b: FoldedSpan): boolean {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano;
  return a.spanId < b.spanId;
}

function asksForTools(call: LlmCallEvent): boolean {
  return (call.outputMessages ?? []).some((message) => message.parts.some((part) => part.type === "tool_call"));
}

function lastEnding(calls: readonly LlmCallEvent[]): LlmCallEvent | undefined {
  // Ties keep the event order: the later one wins.
  return calls.reduce<LlmCallEvent | undefined>(
    (last, call) => (last === undefined || endOf(call) >= endOf(last) ? call : last),
    undefined,
  );
}

function endOf(call: LlmCallEvent): bigint {
  return BigInt(call.endTimeUnixNano ?? call.timeUnixNano);
}

/** Undefined without a root, and while one is open. */
function lastRootEnd(roots: readonly FoldedSpan[]): bigint | undefined {
  if (roots.length === 0 || roots.some((root) => root.endTimeUnixNano === 0n)) return undefined;
  return roots.reduce((last, root) => maxOf(last, root.endTimeUnixNano), 0n);
}

function createdOf(trace: FoldedTrace, roots: readonly FoldedSpan[]): bigint {
  return (roots[0] ?? earliestSpanOf(trace))?.startTimeUnixNano ?? 0n;
}

function promptNameOf(trace: FoldedTrace, roots: readonly FoldedSpan[], primary: LlmCallEvent | undefined): string {
  if (primary?.promptName !== undefined) return primary.promptName;
  for (const event of trace.events) {
    if (event.eventType === "llm_call" && event.promptName !== undefined) return event.promptName;
  }
  const root = roots[0];
  return root?.agentName ?? root?.workflowName ?? root?.name ?? earliestSpanOf(trace)?.name ?? "";
}

function statusOf(
  trace: FoldedTrace,
  roots: readonly FoldedSpan[],
  primary: LlmCallEvent | undefined,
): TraceSummaryStatus {
  if (roots.some((root) => root.endTimeUnixNano === 0n)) return "running";
  const failedTurn = turnsOf(trace, undefined).some((turn) => turn.status === "error");
  const answered = trace.events.some((event) => event.eventType === "response");
  const failed = failedTurn || (primary?.status === "error" && !answered);
  const mayGetRoot = roots.length === 0 && trace.spans.some((span) => span.orphan);
  if (mayGetRoot) return failed ? "open_failed" : "open";
  return failed ? "failed" : "completed";
}

/** From the first start to the last end of the turn roots, else of all spans; whole milliseconds, rounded half up. */
function durationOf(trace: FoldedTrace, roots: readonly FoldedSpan[], created: bigint): number {
  const ended = roots.filter((root) => root.endTimeUnixNano !== 0n);
  const spans = ended.length > 0 ? ended : trace.spans;
  const start = ended.length > 0 ? created : (earliestSpanOf(trace)?.startTimeUnixNano ?? created);
  const end = spans.reduce((last, span) => maxOf(last, maxOf(span.endTimeUnixNano, span.startTimeUnixNano)), start);
  return Number((end - start + 500_000n) / 1_000_000n);
}

function modelsOf(events: readonly AgentEvent[]): string[] {
  const models = new Set<string>();
  for (const event of events) {
    if (event.eventType !== "llm_call") continue;
    for (const model of [event.requestModel, event.responseModel]) if (model !== undefined) models.add(model);
  }
  return [...models].sort();
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function maxOf(a: bigint, b: bigint): bigint {
  return b > a ? b : a;
}
