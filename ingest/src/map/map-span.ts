import type { EventFlag, SpanClass } from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { type Classification, classifySpan } from "./classify-span.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { type DraftOf, guardrailDraft, type SpanTimes, toDraft, toSpanTimes } from "./event-draft.ts";
import { limitDraft, limitMessages } from "./limit-draft.ts";
import { defaultLimits, type LimitName, type MappingLimits } from "./limits.ts";
import type { ControlFlow, EventDraft, MappedSpan, ToolHandoff } from "./mapped-span.ts";
import { lastAssistantText, toMessages } from "./message-shapes.ts";
import { readRawResponse } from "./raw-response.ts";
import { norm, readOwnAgentId, readOwnAgentName, readRunId } from "./read-agent.ts";
import { type ErrorReading, readErrors, readTripwire } from "./read-errors.ts";
import { readEvaluation, readGuardrail } from "./read-guardrail.ts";
import { readClaudeHandoff, readHandoff, readMastraHandoff, readToolHandoff } from "./read-handoff.ts";
import { readEnvironment, readMetadata, readServiceName, readTags } from "./read-labels.ts";
import { readEmbeddingInput, readInputMessages, readOutputMessages } from "./read-messages.ts";
import {
  modelCallSources,
  readFinishReasons,
  readModelNames,
  readOperation,
  readParams,
  readProvider,
  readResponseId,
  readStreaming,
  readToolDefinitions,
  readTtftMs,
} from "./read-model-call.ts";
import { readApproval, readCommandTargets, readRouting } from "./read-routing.ts";
import { readOwnSessionId, readOwnUserId, readResourceSessionId } from "./read-session.ts";
import { hasEventRule, readAttributeEvaluations, readSpanEvents } from "./read-span-events.ts";
import { readAdkStateDelta, readLangGraphUpdate, readState } from "./read-state.ts";
import { readCost, readTokens } from "./read-tokens.ts";
import { readRetrieval, readTool, type ToolReading } from "./read-tool.ts";
import { readRootAnswer } from "./root-answer.ts";
import { mayBeAi, readSpanFacts, type SpanFacts, scanFamilies } from "./span-facts.ts";
import { type FieldReads, SpanReader } from "./span-reader.ts";
import { hasPendingToolCalls, toolSelection } from "./tool-selection.ts";

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
  const classification: Classification = mayBeAi(span, families)
    ? classifySpan(facts, current)
    : { ruleId: "PLAIN", class: "plain" };
  current.ruleId = classification.ruleId;
  const { class: spanClass } = classification;
  const times = toSpanTimes(span);
  const silent = spanClass === "plain" || spanClass === "inert" || spanClass === "drop";
  const content = silent ? readSilent(span) : readContent(facts, classification, times);
  const drafts: EventDraft[] = [...content.drafts];
  if (spanClass !== "inert" && spanClass !== "drop" && span.events.some(hasEventRule))
    drafts.push(...readSpanEvents(reader));
  const labels = readLabels(facts, spanClass);
  const kept = keepDrafts(drafts, reader, facts, times);
  const { extra } = content;
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
    drafts: kept,
    controlFlow: times.end === undefined ? [] : content.controlFlow,
    failed: content.failed,
    nestable: extra.nestable,
    pendingToolCalls: extra.pendingToolCalls,
    outputText: extra.outputText,
    outputMessages: extra.outputMessages,
    toolName: extra.toolName,
    toolNorm: extra.toolNorm,
    callId: extra.callId,
    toolHandoff: extra.toolHandoff,
    handoffTargetNorm: extra.handoffTargetNorm,
    commandTargets: extra.commandTargets,
    rootAnswer: extra.rootAnswer,
    codexModel: extra.codexModel,
    toolExecutionFailed: extra.toolExecutionFailed,
    tripwire: extra.tripwire,
    mcp: extra.mcp,
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
function keepDrafts(
  drafts: readonly EventDraft[],
  reader: SpanReader,
  facts: SpanFacts,
  times: SpanTimes,
): EventDraft[] {
  let kept = times.end === undefined ? drafts.filter((draft) => draft.phase === "start") : [...drafts];
  if (kept.length > reader.limits.eventsPerSpanMax) {
    reader.exceeded("eventsPerSpanMax");
    kept = kept.slice(0, reader.limits.eventsPerSpanMax);
  }
  for (let index = 0; index < kept.length; index++)
    kept[index] = limitDraft(kept[index] as EventDraft, reader, facts.textChars);
  return kept;
}

/** What only some classes have. */
type Extra = Pick<
  MappedSpan,
  | "nestable"
  | "pendingToolCalls"
  | "outputText"
  | "outputMessages"
  | "toolName"
  | "toolNorm"
  | "callId"
  | "toolHandoff"
  | "handoffTargetNorm"
  | "commandTargets"
  | "rootAnswer"
  | "codexModel"
  | "toolExecutionFailed"
  | "tripwire"
  | "mcp"
>;

const noExtra: Extra = {
  nestable: false,
  pendingToolCalls: false,
  outputText: undefined,
  outputMessages: undefined,
  toolName: undefined,
  toolNorm: undefined,
  callId: undefined,
  toolHandoff: undefined,
  handoffTargetNorm: undefined,
  commandTargets: [],
  rootAnswer: undefined,
  codexModel: undefined,
  toolExecutionFailed: false,
  tripwire: undefined,
  mcp: undefined,
};

interface Content {
  readonly drafts: readonly EventDraft[];
  readonly controlFlow: readonly ControlFlow[];
  readonly failed: boolean;
  readonly extra: Extra;
}

function readSilent(span: DecodedSpan): Content {
  return { drafts: [], controlFlow: [], failed: span.statusCode === 2, extra: noExtra };
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

/** Events and fields of a span from an AI library. */
function readContent(facts: SpanFacts, classification: Classification, times: SpanTimes): Content {
  const drafts: EventDraft[] = [];
  const { class: spanClass, ruleId } = classification;
  let extra: Extra = noExtra;
  let errors: ErrorReading | undefined;
  switch (spanClass) {
    case "llm":
    case "embedding":
    case "rerank": {
      errors = readErrors(facts, undefined);
      const call = readModelCall(facts, classification, times, errors.failed);
      drafts.push(...call.drafts);
      extra = { ...noExtra, ...call.extra };
      break;
    }
    case "tool":
    case "retrieval": {
      const tool = spanClass === "tool" ? readTool(facts) : readRetrieval(facts);
      errors = readErrors(facts, {
        isError: tool.isError,
        resultText: typeof tool.result === "string" ? tool.result : errorText(tool.result),
      });
      const call = readToolCall({ facts, classification, times, errors, tool });
      drafts.push(...call.drafts);
      extra = { ...noExtra, ...call.extra };
      break;
    }
    case "handoff": {
      errors = readErrors(facts, undefined);
      const call = readHandoffSpan(facts, ruleId, times);
      drafts.push(...call.drafts);
      extra = { ...noExtra, ...call.extra };
      break;
    }
    default:
      errors = readErrors(facts, undefined);
      drafts.push(...readOwnEvents(facts, classification, times, errors.failed));
      extra = { ...noExtra, ...readContainer(facts, spanClass) };
  }
  drafts.push(...errorDrafts(errors, times));
  drafts.push(...readAttributeEvaluations(facts, spanClass, times));
  drafts.push(...stateDrafts(facts, spanClass, times));
  return { drafts, controlFlow: controlFlowOf(facts, errors, times, extra), failed: errors.failed, extra };
}

function errorText(result: Json | undefined): string | undefined {
  if (typeof result !== "object" || result === null || Array.isArray(result)) return undefined;
  const error = (result as { readonly [key: string]: Json })["error"];
  return typeof error === "string" ? error : undefined;
}

interface Part {
  readonly drafts: readonly EventDraft[];
  readonly extra: Partial<Extra>;
}

function readModelCall(facts: SpanFacts, classification: Classification, times: SpanTimes, failed: boolean): Part {
  const { reader, name } = facts;
  const isText = classification.class === "llm";
  const output = isText ? limitMessages(readOutputMessages(facts), reader) : undefined;
  const input = limitMessages(isText ? readInputMessages(reader) : readEmbeddingInput(reader), reader);
  const raw = classification.class === "rerank" ? undefined : readRawResponse(facts);
  const { requestModel, responseModel } = readModelNames(facts, raw);
  const finishReasons = readFinishReasons(facts, { output, raw });
  const ttftMs = readTtftMs(facts);
  const usage = readTokens(facts, true, raw?.usage);
  reader.field = "promptName";
  const promptName = reader.firstName(modelCallSources.promptName);
  reader.field = "promptVersion";
  const promptVersion = reader.firstName(modelCallSources.promptVersion);
  // Member by member: model calls are the most frequent drafts with the most absent members.
  const draft: DraftOf<"llm_call"> = {
    eventType: "llm_call",
    discriminator: "",
    phase: "start",
    ruleId: classification.ruleId,
    name: responseModel ?? requestModel ?? reader.toName(name) ?? name,
    timeUnixNano: times.start,
    operation: readOperation(facts, classification),
  };
  if (times.end !== undefined && times.durationMs !== undefined) {
    draft.endTimeUnixNano = times.end;
    draft.durationMs = times.durationMs;
    // Mastra exports a failed call as OK, with nothing but this reason (corpus).
    const endedInError = facts.ms !== undefined && finishReasons?.every((reason) => reason === "error") === true;
    draft.status = failed || endedInError ? "error" : "ok";
  }
  const provider = readProvider(facts, classification.ruleId);
  if (provider !== undefined) draft.provider = provider;
  if (requestModel !== undefined) draft.requestModel = requestModel;
  if (responseModel !== undefined) draft.responseModel = responseModel;
  const responseId = readResponseId(facts, raw);
  if (responseId !== undefined) draft.responseId = responseId;
  Object.assign(draft, usage);
  const cost = readCost(facts);
  if (cost !== undefined) draft.cost = cost;
  const params = readParams(facts);
  if (params !== undefined) draft.params = params;
  if (input !== undefined) draft.inputMessages = input;
  if (output !== undefined) draft.outputMessages = output;
  const toolDefinitions = isText ? readToolDefinitions(facts) : undefined;
  if (toolDefinitions !== undefined) draft.toolDefinitions = toolDefinitions;
  if (finishReasons !== undefined) draft.finishReasons = finishReasons;
  if (ttftMs !== undefined) draft.ttftMs = ttftMs;
  const streaming = isText ? readStreaming(facts, ttftMs) : undefined;
  if (streaming !== undefined) draft.streaming = streaming;
  if (promptName !== undefined) draft.promptName = promptName;
  if (promptVersion !== undefined) draft.promptVersion = promptVersion;
  reader.field = "selected";
  const decision = isText
    ? toolSelection({
        outputMessages: output,
        finishReasons,
        hasToolCall: reader.boolean("response.has_tool_call") === true,
        ruleTime: times.end ?? times.start,
        callsMax: reader.limits.toolCallsMax,
      })
    : undefined;
  return {
    drafts: decision === undefined ? [draft] : [draft, decision],
    extra: {
      nestable: classification.ruleId !== "GENAI-MEDIA",
      pendingToolCalls: hasPendingToolCalls(draft),
      outputText: output === undefined ? undefined : lastAssistantText(output),
      outputMessages: output,
    },
  };
}

interface ToolSpan {
  readonly facts: SpanFacts;
  readonly classification: Classification;
  readonly times: SpanTimes;
  readonly errors: ErrorReading;
  readonly tool: ToolReading;
}

function readToolCall({ facts, classification, times, errors, tool }: ToolSpan): Part {
  const { ruleId } = classification;
  const drafts: EventDraft[] = [
    toDraft<"tool_call">({
      eventType: "tool_call",
      discriminator: "",
      phase: "start",
      ruleId,
      name: tool.toolName,
      timeUnixNano: times.start,
      toolName: tool.toolName,
      toolType: tool.toolType,
      toolDescription: tool.toolDescription,
      callId: tool.callId,
      arguments: tool.arguments,
      mcp: tool.mcp,
    }),
  ];
  const handoff = classification.class === "tool" ? toolHandoffOf(facts, tool) : undefined;
  if (handoff !== undefined)
    drafts.push(
      ...handoffDrafts({ ...handoff, fromAgent: undefined, callId: tool.callId }, "TOOL-HANDOFF", times, errors.failed),
    );
  // A tool that was paused or that jumped away has no result yet.
  if (!errors.endedInControlFlow) drafts.push(toolResultDraft({ facts, classification, times, errors, tool }));
  return {
    drafts,
    extra: {
      toolName: tool.toolName,
      toolNorm: norm(tool.toolName),
      callId: tool.callId,
      toolHandoff: handoff,
      mcp: tool.mcp,
      commandTargets: readCommandTargets(facts),
    },
  };
}

function toolResultDraft({ classification, times, errors, tool }: ToolSpan): EventDraft {
  const isError = errors.failed;
  return toDraft<"tool_result">({
    eventType: "tool_result",
    discriminator: "",
    phase: "end",
    ruleId: classification.ruleId,
    name: tool.toolName,
    timeUnixNano: times.end ?? times.start,
    endTimeUnixNano: times.end,
    durationMs: times.durationMs,
    status: isError ? "error" : "ok",
    toolName: tool.toolName,
    toolType: tool.toolType,
    callId: tool.callId,
    mcp: tool.mcp,
    result: tool.result,
    isError,
    errorMessage: isError ? errors.errors.findLast((error) => error.message !== undefined)?.message : undefined,
  });
}

function toolHandoffOf(facts: SpanFacts, tool: ToolReading): ToolHandoff | undefined {
  facts.reader.field = "toAgent";
  const handoff = readToolHandoff(tool.toolName, tool.arguments);
  if (handoff !== undefined) return handoff;
  if (facts.ms !== undefined) return readMastraHandoff(tool.toolName, tool.arguments);
  return isClaudeCode(facts) ? readClaudeHandoff(tool.arguments) : undefined;
}

interface HandoffParts {
  readonly fromAgent: string | undefined;
  readonly target: string | undefined;
  readonly mechanism: "transfer" | "delegation";
  readonly message: string | undefined;
  readonly callId: string | undefined;
}

/** Every handoff is a decision too; one that failed is only a decision. */
function handoffDrafts(parts: HandoffParts, ruleId: string, times: SpanTimes, failed: boolean): EventDraft[] {
  const { fromAgent, target, mechanism, message, callId } = parts;
  const decision = toDraft<"decision">({
    eventType: "decision",
    decisionKind: "handoff",
    discriminator: "handoff",
    phase: "start",
    ruleId,
    name: target ?? "?",
    timeUnixNano: times.start,
    selected: target === undefined ? undefined : [target],
    fromAgent,
    toAgent: target,
    callId,
    reason: message,
  });
  if (failed) return [decision];
  const handoff = toDraft<"handoff">({
    eventType: "handoff",
    discriminator: "",
    phase: "start",
    ruleId,
    name: `${fromAgent ?? "?"} -> ${target ?? "?"}`,
    timeUnixNano: times.start,
    endTimeUnixNano: ruleId === "TOOL-HANDOFF" ? undefined : times.end,
    durationMs: ruleId === "TOOL-HANDOFF" ? undefined : times.durationMs,
    fromAgent,
    toAgent: target,
    mechanism,
    message,
    callId,
  });
  return [decision, handoff];
}

function readHandoffSpan(facts: SpanFacts, ruleId: string, times: SpanTimes): Part {
  const { fromAgent, toAgent } = readHandoff(facts, ruleId);
  const parts: HandoffParts = {
    fromAgent,
    target: toAgent,
    mechanism: "transfer",
    message: undefined,
    callId: undefined,
  };
  return {
    drafts: handoffDrafts(parts, ruleId, times, false),
    extra: { handoffTargetNorm: toAgent === undefined ? undefined : norm(toAgent) },
  };
}

/** Guardrails, evaluators, decisions, state. */
function readOwnEvents(
  facts: SpanFacts,
  { class: spanClass, ruleId }: Classification,
  times: SpanTimes,
  failed: boolean,
): EventDraft[] {
  const { reader, name } = facts;
  const time = times.end ?? times.start;
  switch (spanClass) {
    case "guardrail":
      return [guardrailDraft(readGuardrail(facts, failed), { ruleId, discriminator: "", time, times })];
    case "evaluator":
      return [guardrailDraft(readEvaluation(facts, failed), { ruleId, discriminator: "", time, times })];
    case "routing":
    case "approval":
    case "planning": {
      const { selected, source, reason } =
        spanClass === "routing"
          ? readRouting(facts, ruleId)
          : spanClass === "approval"
            ? readApproval(facts)
            : { selected: undefined, source: undefined, reason: undefined };
      const joined =
        spanClass === "routing" && selected !== undefined
          ? selected.join(", ").slice(0, reader.limits.nameCharsMax)
          : "";
      return [
        toDraft<"decision">({
          eventType: "decision",
          decisionKind: spanClass,
          discriminator: spanClass,
          phase: "end",
          ruleId,
          name: joined === "" ? name : joined,
          timeUnixNano: time,
          selected: selected === undefined ? undefined : [...selected],
          source,
          reason,
        }),
      ];
    }
    case "state": {
      const state = readState(facts);
      return [
        toDraft<"state_change">({
          eventType: "state_change",
          discriminator: "",
          phase: "end",
          ruleId,
          name: state.stateKey,
          timeUnixNano: time,
          ...state,
        }),
      ];
    }
    default:
      return [];
  }
}

function readContainer(facts: SpanFacts, spanClass: SpanClass): Partial<Extra> {
  const { reader, name } = facts;
  // Mastra keeps what the model asked for on the step around its call; Stage B hands it on (corpus).
  const modelStep = facts.ms === "model_step" ? reader.json("mastra.model_step.output") : undefined;
  const isContainer = spanClass === "agent" || spanClass === "workflow" || spanClass === "chain";
  return {
    rootAnswer: isContainer ? readRootAnswer(facts) : undefined,
    outputMessages:
      modelStep === undefined ? undefined : limitMessages(toMessages(modelStep, "assistant", reader.limits), reader),
    commandTargets: readCommandTargets(facts),
    tripwire: readTripwire(facts),
    codexModel: name === "session_task.turn" ? reader.name("model") : undefined,
    toolExecutionFailed: name === "claude_code.tool.execution" && reader.boolean("success") === false,
  };
}

function errorDrafts(reading: ErrorReading, times: SpanTimes): EventDraft[] {
  return reading.errors.map((error) =>
    toDraft<"error">({
      eventType: "error",
      discriminator: error.discriminator,
      phase: "end",
      ruleId: "ERROR",
      name: error.errorType,
      timeUnixNano: error.discriminator === "status" ? (times.end ?? times.start) : error.timeUnixNano.toString(),
      errorType: error.errorType,
      message: error.message,
      stack: error.stack,
      handled: error.handled,
      propagated: false,
      sourceKind: error.sourceKind,
    }),
  );
}

function stateDrafts(facts: SpanFacts, spanClass: SpanClass, times: SpanTimes): EventDraft[] {
  const time = times.end ?? times.start;
  const toState =
    (ruleId: string, scope: "workflow" | "session") =>
    ([key, value]: readonly [string, Json]) =>
      toDraft<"state_change">({
        eventType: "state_change",
        discriminator: `key:${key}`,
        phase: "end",
        ruleId,
        name: key,
        timeUnixNano: time,
        stateKey: key,
        operation: "set",
        scope,
        after: value,
      });
  return [
    ...readLangGraphUpdate(facts, spanClass).map(toState("STATE-LANGGRAPH", "workflow")),
    ...readAdkStateDelta(facts, spanClass).map(toState("STATE-ADK", "session")),
  ];
}

function controlFlowOf(facts: SpanFacts, errors: ErrorReading, times: SpanTimes, extra: Extra): ControlFlow[] {
  const flows: ControlFlow[] = [];
  for (const { type, kind, reason } of errors.controlFlow) {
    // A handoff tool of LangGraph ends by raising the command that hands over.
    if (kind === "routing" && extra.toolHandoff !== undefined) continue;
    const draft = toDraft<"decision">({
      eventType: "decision",
      decisionKind: kind,
      discriminator: kind,
      phase: "end",
      ruleId: "CONTROL-FLOW",
      name: kind === "routing" ? facts.name : (extra.toolName ?? facts.name),
      timeUnixNano: times.end ?? times.start,
      callId: kind === "routing" ? undefined : extra.callId,
      reason,
    });
    flows.push({ type, kind, draft });
  }
  return flows;
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
    drafts: [],
    controlFlow: [],
    failed: span.statusCode === 2,
    ...noExtra,
    attributeCount: span.attributes.size,
    defect: ruleId,
  };
}
