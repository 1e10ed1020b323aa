/**
 * The working form of one span while its trace is folded: the `FoldedSpan` that readers see, and what the rules note on it between them.
 *
 * A node lives as long as the state of its trace. Each fold clears the notes and decides anew; only event ids, events and their place in the
 * order are kept, and reused where nothing they depend on has changed.
 */
import type { AgentEvent, EventFlag, EventType, SessionIdSource, SpanClass } from "@nonet/proto/event.ts";
import type { JsonObject } from "@nonet/proto/json.ts";
import type { EventDraft, MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { FoldedSpan } from "./folded-trace.ts";

/** Event mapping 6.1: a chain of parents is followed this far and treated as cut there. */
export const lookupDepthMax = 512;

export type DraftOf<T extends EventType> = Extract<EventDraft, { readonly eventType: T }>;

/** An event with its place: ascending (`offset`, walk position of its phase, `index`). */
export interface PlacedEvent {
  readonly node: TraceNode;
  readonly draft: EventDraft;
  readonly event: AgentEvent;
  /** max(event time, effective start of the span), relative to the base of the state, rounded where it exceeds 2^53 ns. */
  readonly offset: number;
  readonly time: bigint;
  readonly index: number;
  placed: boolean;
  withdrawn: boolean;
}

/** What the event of one draft says otherwise than its span, or besides. */
export interface EventOverride {
  /** In place of the agent of the span. */
  readonly agent?: { readonly agentName: string | undefined; readonly agentId: string | undefined };
  readonly extraFlag?: EventFlag | undefined;
  readonly duplicateOf?: string;
}

export interface TraceNode extends FoldedSpan {
  span: MappedSpan;
  readonly traceId: string;
  readonly spanId: string;
  parentSpanId: string | undefined;
  name: string;
  class: SpanClass;
  ruleId: string;
  startTimeUnixNano: bigint;
  endTimeUnixNano: bigint;
  environment: string | undefined;
  serviceName: string | undefined;
  tags: readonly string[] | undefined;
  metadata: JsonObject | undefined;
  failed: boolean;

  parent: TraceNode | undefined;
  children: TraceNode[];
  orphan: boolean;
  position: number;
  /** Numbers of the walk at which the span is entered and left. */
  enter: number;
  leave: number;
  depth: number;
  effectiveStartUnixNano: bigint;
  effectiveEndUnixNano: bigint;

  sessionId: string;
  sessionIdSource: SessionIdSource;
  userId: string | undefined;
  agentName: string | undefined;
  agentId: string | undefined;
  turnId: string;
  runId: string | undefined;
  flags: readonly EventFlag[];
  stageB: readonly string[];
  events: readonly AgentEvent[];

  /** Stage B leaves the span alone: the trace has more spans than it folds. */
  isBeyondLimit: boolean;
  /** Nearest span at or above that states a session, a user; nearest agent above that has a name. */
  sessionFrom: TraceNode | undefined;
  userFrom: TraceNode | undefined;
  agentAbove: TraceNode | undefined;
  isContainer: boolean;
  /** The span, or one below it, makes a chain above a container. */
  hasAgentWork: boolean;
  turnRoot: TraceNode | undefined;
  containerAbove: TraceNode | undefined;
  /** A tool, retrieval, guardrail or evaluator lies between the span and the root of its turn. */
  insideHelper: boolean;

  /** Nearest span above that LLM-NEST or TOOL-NEST may look at, per class. */
  modelAbove: { llm: TraceNode | undefined; embedding: TraceNode | undefined; rerank: TraceNode | undefined };
  toolAbove: TraceNode | undefined;
  retrievalAbove: TraceNode | undefined;
  isWrapper: boolean;
  /** Model calls that remain below a wrapper, in walk order. */
  wrapped: TraceNode[] | undefined;
  mergedInto: TraceNode | undefined;
  /** What the call of this span says after its wrappers gave what it lacked. */
  outputText: string | undefined;
  pendingToolCalls: boolean;
  /** The failure of a tool, by its own span or by one that was merged into it. */
  toolFailed: boolean;

  /** The drafts as the rules leave them: those of Stage A until a rule replaces the list. */
  drafts: readonly EventDraft[];

  /** Drafts whose event says something else than its span. */
  overrides: Map<EventDraft, EventOverride> | undefined;

  /** What the events were made from, to see whether they still stand. */
  made: MadeEvents | undefined;
  readonly eventIds: Map<string, string>;
}

export interface MadeEvents {
  readonly drafts: readonly EventDraft[];
  readonly overrides: readonly (EventOverride | undefined)[];
  readonly sessionId: string;
  readonly sessionIdSource: SessionIdSource;
  readonly userId: string | undefined;
  readonly agentName: string | undefined;
  readonly agentId: string | undefined;
  readonly turnId: string;
  readonly runId: string | undefined;
  readonly flags: readonly EventFlag[];
  readonly effectiveStartUnixNano: bigint;
  readonly placed: readonly PlacedEvent[];
}

/** A node that no fold has seen yet. */
export function createNode(span: MappedSpan, eventIds: Map<string, string>): TraceNode {
  return {
    span,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    class: span.class,
    ruleId: span.ruleId,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    environment: span.environment,
    serviceName: span.serviceName,
    tags: span.tags,
    metadata: span.metadata,
    failed: span.failed,
    parent: undefined,
    children: [],
    orphan: false,
    position: -1,
    enter: 0,
    leave: 0,
    depth: 0,
    effectiveStartUnixNano: span.startTimeUnixNano,
    effectiveEndUnixNano: span.endTimeUnixNano,
    sessionId: "",
    sessionIdSource: "fallback",
    userId: undefined,
    agentName: undefined,
    agentId: undefined,
    turnId: "",
    runId: undefined,
    flags: span.flags,
    stageB: noNotes,
    events: [],
    isBeyondLimit: false,
    sessionFrom: undefined,
    userFrom: undefined,
    agentAbove: undefined,
    isContainer: false,
    hasAgentWork: false,
    turnRoot: undefined,
    containerAbove: undefined,
    insideHelper: false,
    modelAbove: { llm: undefined, embedding: undefined, rerank: undefined },
    toolAbove: undefined,
    retrievalAbove: undefined,
    isWrapper: false,
    wrapped: undefined,
    mergedInto: undefined,
    outputText: span.outputText,
    pendingToolCalls: span.pendingToolCalls,
    toolFailed: false,
    drafts: span.drafts,
    overrides: undefined,
    made: undefined,
    eventIds,
  };
}

const noNotes: readonly string[] = [];

/** Forgets what the rules of the last fold noted. */
export function clearNotes(node: TraceNode): void {
  node.stageB = noNotes;
  node.isWrapper = false;
  node.wrapped = undefined;
  node.mergedInto = undefined;
  node.outputText = node.span.outputText;
  node.pendingToolCalls = node.span.pendingToolCalls;
  node.toolFailed = false;
  node.drafts = node.span.drafts;
  node.overrides = undefined;
}
