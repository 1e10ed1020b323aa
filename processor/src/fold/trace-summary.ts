/**
 * What a list of traces shows of one trace. Source: tenant-traces.md sections 3, 5.2, 5.7 to 5.9.
 *
 * One member depends on the clock: a trace without any received root is `running` while its last span ended less than a minute ago. Here such a
 * trace is `open`; readers decide with `lastEndUnixNano`.
 */
import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import { isCounted } from "./event-facts.ts";
import type { FoldedSpan, FoldedTrace } from "./folded-trace.ts";
import { turnsOf } from "./turn.ts";
import { sumNumbers, sumUnits, usageOfTurn } from "./turn-usage.ts";

export interface TraceSummary {
  createdUnixNano: string;
  promptName: string;
  status: "completed" | "failed" | "running" | "open";
  lastEndUnixNano: string;
  durationMs: number;
  tags: string[];
  inputTokens: number | null;
  outputTokens: number | null;
  totalTokens: number | null;
  /** 10^-12 USD, decimal. */
  costUnits: string | null;
  /** Of the primary generation. */
  model: string | null;
  provider: string | null;
  temperature: number | null;
  /** Request and response models of all calls. */
  models: string[];
}

const tagsMax = 50;

export function traceSummaryOf(trace: FoldedTrace, costUnitsOf: (call: LlmCallEvent) => bigint | null): TraceSummary {
  const roots = rootsOf(trace);
  const timed = roots.length > 0 ? roots : trace.spans;
  const created = timed.reduce(
    (first, span) => minOf(first, span.startTimeUnixNano),
    timed[0]?.startTimeUnixNano ?? 0n,
  );
  const primary = primaryGeneration(trace);
  const usages = turnsOf(trace, undefined).map((turn) => usageOfTurn(turn.events, costUnitsOf));
  const lastEnd = trace.spans.reduce((last, span) => maxOf(last, span.endTimeUnixNano), 0n);
  return {
    createdUnixNano: created.toString(),
    promptName: promptNameOf(trace, roots, primary),
    status: statusOf(trace, roots, primary),
    lastEndUnixNano: lastEnd.toString(),
    durationMs: durationOf(trace, roots, created),
    tags: [...new Set(trace.spans.flatMap((span) => span.tags ?? []))].slice(0, tagsMax),
    inputTokens: sumNumbers(usages.map((each) => each.usage.inputTokens)),
    outputTokens: sumNumbers(usages.map((each) => each.usage.outputTokens)),
    totalTokens: sumNumbers(usages.map((each) => each.usage.totalTokens)),
    costUnits: sumUnits(usages.map((each) => each.costUnits))?.toString() ?? null,
    model: primary?.responseModel ?? primary?.requestModel ?? null,
    provider: primary?.provider ?? null,
    temperature: numberOf(primary?.params?.temperature),
    models: modelsOf(trace.events),
  };
}

/** tenant-traces.md 5.2: the call that gave the answer, else the last that could have, else the last. */
export function primaryGeneration(trace: FoldedTrace): LlmCallEvent | undefined {
  const calls = trace.events.filter(
    (event): event is LlmCallEvent =>
      event.eventType === "llm_call" &&
      isCounted(event) &&
      event.operation !== "embeddings" &&
      event.operation !== "rerank",
  );
  const response = trace.events.findLast((event) => event.eventType === "response");
  const answering = calls.find((call) => call.spanId === response?.answeringSpanId);
  if (answering !== undefined) return answering;
  const content = response?.content?.trim();
  if (content !== undefined && content !== "") {
    const same = lastEnding(calls.filter((call) => outputTextOf(call)?.trim() === content));
    if (same !== undefined) return same;
  }
  const lastRootEnd = rootsOf(trace).reduce((last, root) => maxOf(last, root.endTimeUnixNano), 0n);
  const answers = calls.filter(
    (call) =>
      outputTextOf(call) !== undefined && !asksForTools(call) && (lastRootEnd === 0n || endOf(call) <= lastRootEnd),
  );
  return lastEnding(answers) ?? lastEnding(calls);
}

/** The text parts of the first output message that has any. */
export function outputTextOf(call: LlmCallEvent): string | undefined {
  for (const message of call.outputMessages ?? []) {
    const texts = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
    if (texts.length > 0) return texts.join("\n");
  }
  return undefined;
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

function rootsOf(trace: FoldedTrace): FoldedSpan[] {
  return trace.turns.flatMap((turn) => (turn.root === undefined ? [] : [turn.root]));
}

function promptNameOf(trace: FoldedTrace, roots: readonly FoldedSpan[], primary: LlmCallEvent | undefined): string {
  if (primary?.promptName !== undefined) return primary.promptName;
  for (const event of trace.events) {
    if (event.eventType === "llm_call" && event.promptName !== undefined) return event.promptName;
  }
  const root = firstOf(roots);
  // Without an agent, the name of the response is the workflow's, else that of the root span (event mapping section 4).
  const response = root?.events.find((event) => event.eventType === "response");
  return root?.agentName ?? response?.name ?? root?.name ?? firstOf(trace.spans)?.name ?? "";
}

function statusOf(
  trace: FoldedTrace,
  roots: readonly FoldedSpan[],
  primary: LlmCallEvent | undefined,
): TraceSummary["status"] {
  if (roots.some((root) => root.endTimeUnixNano === 0n)) return "running";
  const failedTurn = turnsOf(trace, undefined).some((turn) => turn.status === "error");
  const answered = trace.events.some((event) => event.eventType === "response");
  if (failedTurn || (primary?.status === "error" && !answered)) return "failed";
  return roots.length === 0 && trace.spans.some((span) => span.orphan) ? "open" : "completed";
}

/** From the first start to the last end of the turn roots, else of all spans; whole milliseconds, rounded half up. */
function durationOf(trace: FoldedTrace, roots: readonly FoldedSpan[], created: bigint): number {
  const ended = roots.filter((root) => root.endTimeUnixNano !== 0n);
  const spans = ended.length > 0 ? ended : trace.spans;
  const start =
    ended.length > 0 ? created : spans.reduce((first, span) => minOf(first, span.startTimeUnixNano), created);
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

function firstOf(spans: readonly FoldedSpan[]): FoldedSpan | undefined {
  return spans.reduce<FoldedSpan | undefined>(
    (first, span) =>
      first === undefined ||
      span.startTimeUnixNano < first.startTimeUnixNano ||
      (span.startTimeUnixNano === first.startTimeUnixNano && span.spanId < first.spanId)
        ? span
        : first,
    undefined,
  );
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function minOf(a: bigint, b: bigint): bigint {
  return b < a ? b : a;
}

function maxOf(a: bigint, b: bigint): bigint {
  return b > a ? b : a;
}
