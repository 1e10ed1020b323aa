/** Event mapping 3.3, EVT and ATTR rules: events from span events (on plain spans too) and from evaluation and guardrail attributes. */

import type { SpanClass } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { DecodedSpanEvent } from "@nonet/proto/otlp-span.ts";
import { guardrailDraft, type SpanTimes, toDraft } from "./event-draft.ts";
import { isRecord } from "./json-shape.ts";
import { keyList } from "./key-list.ts";
import type { EventDraft } from "./mapped-span.ts";
import { isPresent, toAmount, toBoolean, toNumber } from "./present-value.ts";
import {
  type AttributeSource,
  annotationOf,
  type GuardrailReading,
  readDetails,
  readVerdict,
  verdictOfLabel,
} from "./read-guardrail.ts";
import { eventJson, eventsOf, eventText } from "./span-events.ts";
import { family, type SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

type EventRule = (reader: SpanReader, event: DecodedSpanEvent, index: number) => EventDraft[];

/** By name of the span event. */
const eventRules: ReadonlyMap<string, EventRule> = new Map<string, EventRule>([
  ["gen_ai.evaluation.result", readEvaluationEvent],
  ["gen_ai.guardrail.result", readGuardrailEvent],
  ["guard.evaluation", readGuardrailEvent],
  ["agent.threat.detection", readThreatEvent],
  ["long_term_memory.save", readMemoryEvent],
  ["short_term_memory.save", readMemoryEvent],
  ["entity_memory.save", readMemoryEvent],
  ["codex.tool_result", readCodexToolEvent],
  ["codex.tool_decision", readCodexApprovalEvent],
]);

/** Codex names its events by source line and says in `event.name` what they are. */
function ruleOf(event: DecodedSpanEvent): EventRule | undefined {
  const byName = eventRules.get(event.name);
  if (byName !== undefined) return byName;
  const named = event.attributes.get("event.name");
  return typeof named === "string" ? eventRules.get(named) : undefined;
}

/** Events that a span event alone makes, even on a plain span. */
export function addSpanEvents(drafts: EventDraft[], reader: SpanReader): void {
  if (!reader.span.events.some((event) => ruleOf(event) !== undefined)) return;
  for (const [index, event] of eventsOf(reader).entries()) {
    const rule = ruleOf(event);
    if (rule !== undefined) drafts.push(...rule(reader, event, index));
  }
}

function readEvaluationEvent(reader: SpanReader, event: DecodedSpanEvent, index: number): EventDraft[] {
  const label = eventText(reader, event, ["gen_ai.evaluation.score.label"]);
  const failed = eventText(reader, event, ["error.type"]) !== undefined;
  const reading: GuardrailReading = {
    guardrailName: reader.toName(event.attributes.get("gen_ai.evaluation.name") ?? null) ?? "evaluation",
    evalKind: "evaluation",
    result: failed ? "error" : verdictOfLabel(label),
    action: undefined,
    score: toNumber(event.attributes.get("gen_ai.evaluation.score.value")),
    label,
    reason: eventText(reader, event, ["gen_ai.evaluation.explanation"]),
    target: undefined,
  };
  return [guardrailDraft(reading, placeOf(event, index, "EVT-EVAL"))];
}

const guardrailNameKeys = keyList([
  "gen_ai.guardrail.name",
  "gen_ai.guardrail.component.name",
  "guard.name",
  "gen_ai.security.policy.name",
]);

function readGuardrailEvent(reader: SpanReader, event: DecodedSpanEvent, index: number): EventDraft[] {
  const source = sourceOf(reader, event);
  const result = readVerdict(source) ?? "unknown";
  const name = eventText(reader, event, guardrailNameKeys);
  const reading: GuardrailReading = {
    ...readDetails(source, reader, result),
    guardrailName: reader.toName(name) ?? "guardrail",
    evalKind: "guardrail",
    result,
  };
  return [guardrailDraft(reading, placeOf(event, index, "EVT-GUARD"))];
}

function readThreatEvent(reader: SpanReader, event: DecodedSpanEvent, index: number): EventDraft[] {
  const name = eventText(reader, event, ["agent.threat.category", "agent.threat.type", "gen_ai.agent.threat.type"]);
  const score =
    toNumber(event.attributes.get("agent.threat.score")) ?? toNumber(event.attributes.get("agent.threat.confidence"));
  const reading: GuardrailReading = {
    guardrailName: reader.toName(name) ?? "threat",
    evalKind: "threat",
    result: "fail",
    action: undefined,
    score,
    label: undefined,
    reason: eventText(reader, event, ["agent.threat.description", "agent.threat.reason"]),
    target: undefined,
  };
  return [guardrailDraft(reading, placeOf(event, index, "EVT-THREAT"))];
}

function readMemoryEvent(reader: SpanReader, event: DecodedSpanEvent, index: number): EventDraft[] {
  const stateKey = event.name.slice(0, event.name.indexOf("."));
  return [
    toDraft<"state_change">({
      ...placeOf(event, index, "EVT-MEMORY"),
      eventType: "state_change",
      phase: "end",
      name: stateKey,
      stateKey,
      operation: "create",
      scope: "memory",
      after: eventJson(reader, event, "value"),
    }),
  ];
}

/** Codex reports a tool only when it has finished, with how long it took. */
function readCodexToolEvent(reader: SpanReader, event: DecodedSpanEvent, index: number): EventDraft[] {
  const toolName = reader.toName(event.attributes.get("tool_name") ?? null) ?? "tool";
  const callId = reader.toName(event.attributes.get("call_id") ?? null);
  const durationMs = toAmount(event.attributes.get("duration_ms"));
  const isError = event.attributes.has("success") && toBoolean(event.attributes.get("success")) !== true;
  const place = placeOf(event, index, "EVT-CODEX-TOOL");
  const start = event.timeUnixNano - BigInt(Math.min(Math.round((durationMs ?? 0) * 1e6), Number.MAX_SAFE_INTEGER));
  const message = eventText(reader, event, ["error.message", "output"]);
  const drafts: EventDraft[] = [
    toDraft<"tool_call">({
      eventType: "tool_call",
      discriminator: place.discriminator,
      phase: "end",
      ruleId: place.ruleId,
      timeUnixNano: (start < 0n ? 0n : start).toString(),
      name: toolName,
      toolName,
      callId,
      arguments: eventJson(reader, event, "arguments"),
    }),
    toDraft<"tool_result">({
      eventType: "tool_result",
      discriminator: place.discriminator,
      phase: "end",
      ruleId: place.ruleId,
      timeUnixNano: place.timeUnixNano,
      endTimeUnixNano: place.timeUnixNano,
      durationMs,
      status: isError ? "error" : "ok",
      name: toolName,
      toolName,
      callId,
      result: eventJson(reader, event, "output"),
      isError,
      errorMessage: isError ? message : undefined,
    }),
  ];
  if (!isError) return drafts;
  drafts.push(
    toDraft<"error">({
      eventType: "error",
      discriminator: place.discriminator,
      phase: "end",
      ruleId: place.ruleId,
      timeUnixNano: place.timeUnixNano,
      name: "tool_error",
      errorType: "tool_error",
      message,
      handled: false,
      propagated: false,
      sourceKind: "span_event",
    }),
  );
  return drafts;
}

function readCodexApprovalEvent(reader: SpanReader, event: DecodedSpanEvent, index: number): EventDraft[] {
  const decision = eventText(reader, event, ["decision"]);
  const toolName = reader.toName(event.attributes.get("tool_name") ?? null);
  return [
    toDraft<"decision">({
      eventType: "decision",
      decisionKind: "approval",
      discriminator: `approval:e${index}`,
      phase: "end",
      ruleId: "EVT-CODEX-APPROVAL",
      timeUnixNano: event.timeUnixNano.toString(),
      name: toolName ?? reader.span.name,
      selected: decision === undefined ? undefined : [decision.slice(0, 256)],
      callId: reader.toName(event.attributes.get("call_id") ?? null),
      reason: eventText(reader, event, ["source"]),
    }),
  ];
}

function placeOf(event: DecodedSpanEvent, index: number, ruleId: string) {
  const time = event.timeUnixNano.toString();
  return { ruleId, discriminator: `e${index}`, time, timeUnixNano: time } as const;
}

function sourceOf(reader: SpanReader, event: DecodedSpanEvent): AttributeSource {
  return {
    value: (key) => {
      const value = event.attributes.get(key);
      return isPresent(value) ? value : undefined;
    },
    text: (key) => eventText(reader, event, [key]),
  };
}

const annotationPrefixes = [
  "annotations",
  "evaluations",
  "span.evaluations",
  "trace.evaluations",
  "session.evaluations",
] as const;

/** ATTR-GUARD and ATTR-EVAL: verdicts and scores in the attributes of a span of any other class. */
export function addAttributeEvaluations(
  drafts: EventDraft[],
  facts: SpanFacts,
  spanClass: SpanClass,
  times: SpanTimes,
): void {
  const { reader, families } = facts;
  const time = times.end ?? times.start;
  if ((families & family.guardrail) !== 0 && spanClass !== "guardrail") {
    const source: AttributeSource = { value: (key) => reader.value(key), text: (key) => reader.text(key) };
    reader.field = "result";
    const result = readVerdict(source) ?? "unknown";
    const guardrailName = reader.firstName(guardrailNameKeys) ?? "guardrail";
    const reading: GuardrailReading = {
      ...readDetails(source, reader, result),
      guardrailName,
      evalKind: "guardrail",
      result,
    };
    drafts.push(guardrailDraft(reading, { ruleId: "ATTR-GUARD", discriminator: "attr", time }));
  }
  if ((families & family.genAi) !== 0 && spanClass !== "evaluator") {
    reader.field = "guardrailName";
    const guardrailName = reader.name("gen_ai.evaluation.name");
    if (guardrailName !== undefined) {
      const label = reader.text("gen_ai.evaluation.score.label");
      const reading: GuardrailReading = {
        guardrailName,
        evalKind: "evaluation",
        result: verdictOfLabel(label),
        action: undefined,
        score: reader.number("gen_ai.evaluation.score.value"),
        label,
        reason: reader.text("gen_ai.evaluation.explanation"),
        target: undefined,
      };
      drafts.push(guardrailDraft(reading, { ruleId: "ATTR-EVAL", discriminator: "attr-eval", time }));
    }
  }
  if ((families & family.evaluations) !== 0) {
    for (const prefix of annotationPrefixes) drafts.push(...readAnnotations(reader, prefix, time));
  }
}

function readAnnotations(reader: SpanReader, prefix: string, time: string): EventDraft[] {
  return reader.indexed(prefix).flatMap((item: Json, index) => {
    if (!isRecord(item)) return [];
    const { name, score, label, reason } = annotationOf(item, reader);
    const reading: GuardrailReading = {
      guardrailName: name ?? prefix,
      evalKind: "evaluation",
      result: verdictOfLabel(label),
      action: undefined,
      score,
      label,
      reason,
      target: undefined,
    };
    return [guardrailDraft(reading, { ruleId: "ATTR-EVAL", discriminator: `${prefix}:${index}`, time })];
  });
}
