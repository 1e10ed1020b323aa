import type { EventFlag, SpanClass } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { classifySpan, plain } from "./classify-span.ts";
import { limitDraft } from "./limit-draft.ts";
import { defaultLimits, type LimitName, type MappingLimits } from "./limits.ts";
import type { EventDraft, MappedSpan } from "./mapped-span.ts";
import { readOwnAgentId, readOwnAgentName, readRunId } from "./read-agent.ts";
import { readContent } from "./read-content.ts";
import { readEnvironment, readMetadata, readServiceName, readTags } from "./read-labels.ts";
import { readOwnSessionId, readOwnUserId, readResourceSessionId } from "./read-session.ts";
import { addSpanEvents } from "./read-span-events.ts";
import { createContent } from "./span-content.ts";
import { mayBeAi, readSpanFacts, type SpanFacts, scanFamilies } from "./span-facts.ts";
import { type FieldReads, SpanReader } from "./span-reader.ts";

export interface MapOptions {
  readonly limits?: MappingLimits | undefined;
  /** A rule or reader threw: the span became a plain node. Counted by the caller. */
  readonly onDefect?: ((ruleId: string, error: unknown) => void) | undefined;
  /** A limit of 6.1 shortened something. */
  readonly onLimit?: ((limit: LimitName) => void) | undefined;
  /** Filled with the attributes that each field was read from (`explainSpan`). */
  readonly reads?: FieldReads | undefined;
}

/**
 * Stage A of the mapping: what one span is, its normalised fields, and drafts of its events.
 *
 * Pure, and total: a span that makes a rule throw comes back as a plain node with `defect` set. Time is linear in the size of the span.
 *
 * Source: event-mapping.md sections 2 and 3.
 */
export function mapSpan(span: DecodedSpan, options: MapOptions = {}): MappedSpan {
  const current = { ruleId: "PLAIN" };
  try {
    return map(span, options, current);
  } catch (error) {
    options.onDefect?.(current.ruleId, error);
    return toDefect(span, current.ruleId);
  }
}

function map(span: DecodedSpan, options: MapOptions, current: { ruleId: string }): MappedSpan {
  const reader = new SpanReader(span, options.limits ?? defaultLimits, options);
  const { families, textChars } = scanFamilies(span);
  const facts = readSpanFacts(reader, families, textChars);
  const classification = mayBeAi(span, families) ? classifySpan(facts, current) : plain;
  current.ruleId = classification.ruleId;
  const { class: spanClass } = classification;
  const isSilent = spanClass === "plain" || spanClass === "inert" || spanClass === "drop";
  const content = isSilent ? createContent(span.statusCode === 2) : readContent(facts, classification);
  if (span.events.length > 0 && spanClass !== "inert" && spanClass !== "drop") addSpanEvents(content.drafts, reader);
  const labels = readLabels(facts, spanClass);
  const drafts = keepDrafts(content.drafts, facts);
  // One literal, so that all mapped spans have one shape.
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    kind: span.kind,
    statusCode: span.statusCode,
    statusMessage: span.statusMessage,
    links: linksOf(span, reader),
    class: spanClass,
    ruleId: classification.ruleId,
    scopeName: span.scope.name,
    serviceName: labels.serviceName,
    environment: labels.environment,
    tags: labels.tags,
    metadata: labels.metadata,
    flags: readFlags(reader),
    ownSessionId: labels.ownSessionId,
    resourceSessionId: labels.resourceSessionId,
    ownUserId: labels.ownUserId,
    ownAgentName: labels.ownAgentName,
    ownAgentId: labels.ownAgentId,
    runId: labels.runId,
    drafts,
    controlFlow: content.controlFlow,
    failed: content.failed,
    nestable: content.nestable,
    pendingToolCalls: content.pendingToolCalls,
    outputText: content.outputText,
    outputMessages: content.outputMessages,
    toolName: content.toolName,
    toolNorm: content.toolNorm,
    callId: content.callId,
    toolHandoff: content.toolHandoff,
    handoffTargetNorm: content.handoffTargetNorm,
    commandTargets: content.commandTargets,
    rootAnswer: content.rootAnswer,
    codexModel: content.codexModel,
    toolExecutionFailed: content.toolExecutionFailed,
    tripwire: content.tripwire,
    mcp: content.mcp,
    attributeCount: span.attributes.size,
    defect: undefined,
  };
}

function linksOf(span: DecodedSpan, reader: SpanReader): DecodedSpan["links"] {
  if (span.links.length <= reader.limits.linksMax) return span.links;
  reader.exceeded("linksMax");
  return span.links.slice(0, reader.limits.linksMax);
}

/** Start events only while the span is open; at most `eventsPerSpanMax`; texts and values within 6.1. */
function keepDrafts(drafts: EventDraft[], { reader, span, textChars }: SpanFacts): readonly EventDraft[] {
  let kept = span.endTimeUnixNano === 0n ? drafts.filter((draft) => draft.phase === "start") : drafts;
  if (kept.length > reader.limits.eventsPerSpanMax) {
    reader.exceeded("eventsPerSpanMax");
    kept = kept.slice(0, reader.limits.eventsPerSpanMax);
  }
  for (const draft of kept) limitDraft(draft, reader, textChars);
  return kept;
}

type Labels = Pick<
  MappedSpan,
  | "serviceName"
  | "environment"
  | "tags"
  | "metadata"
  | "ownSessionId"
  | "resourceSessionId"
  | "ownUserId"
  | "ownAgentName"
  | "ownAgentId"
  | "runId"
>;

function readLabels(facts: SpanFacts, spanClass: SpanClass): Labels {
  const { reader } = facts;
  return {
    serviceName: readServiceName(reader),
    environment: readEnvironment(reader),
    tags: readTags(facts),
    metadata: readMetadata(facts),
    ownSessionId: readOwnSessionId(facts),
    resourceSessionId: readResourceSessionId(reader),
    ownUserId: readOwnUserId(facts),
    ownAgentName: spanClass === "plain" ? undefined : readOwnAgentName(facts, spanClass),
    ownAgentId: spanClass === "plain" ? undefined : readOwnAgentId(facts),
    runId: spanClass === "plain" ? undefined : readRunId(facts),
  };
}

/** 2000-01-01 and 2100-01-01: the mapper has no clock, but a time outside these is no time of a span. */
const earliestNano = 946_684_800_000_000_000n;
const latestNano = 4_102_444_800_000_000_000n;

function readFlags(reader: SpanReader): readonly EventFlag[] {
  const { span } = reader;
  const { startTimeUnixNano: start, endTimeUnixNano: end } = span;
  const flags: EventFlag[] = [];
  if (start < earliestNano || start > latestNano || (end !== 0n && (end < start || end > latestNano)))
    flags.push("clock_skew");
  if (reader.malformed) flags.push("malformed_json");
  if (end === 0n) flags.push("open");
  if (span.droppedAttributesCount > 0 || span.droppedEventsCount > 0) flags.push("source_dropped");
  if (reader.truncated) flags.push("truncated");
  if (reader.usageAdjusted) flags.push("usage_adjusted");
  return flags;
}

/** A span whose mapping threw: a plain node, its neighbours unaffected (6.1). */
function toDefect(span: DecodedSpan, ruleId: string): MappedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    kind: span.kind,
    statusCode: span.statusCode,
    statusMessage: span.statusMessage,
    links: span.links.slice(0, defaultLimits.linksMax),
    class: "plain",
    ruleId: `ERROR:${ruleId}`,
    scopeName: span.scope.name,
    serviceName: undefined,
    environment: undefined,
    tags: undefined,
    metadata: undefined,
    flags: readFlags(new SpanReader(span, defaultLimits)),
    ownSessionId: undefined,
    resourceSessionId: undefined,
    ownUserId: undefined,
    ownAgentName: undefined,
    ownAgentId: undefined,
    runId: undefined,
    ...createContent(span.statusCode === 2),
    attributeCount: span.attributes.size,
    defect: ruleId,
  };
}
