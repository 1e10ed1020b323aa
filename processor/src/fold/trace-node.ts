/**
 * The working form of one span while its trace is folded: the `FoldedSpan` that readers see, and what the rules note on it between them.
 *
 * A node lives as long as the state of its trace. What it inherits stands until the tree around it changes; what rules note on it is cleared
 * before each fold and decided anew; event ids, events and their places are reused where nothing they depend on has changed.
 */
import type { EventDraft, MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { AgentEvent, EventFlag, EventType, SessionIdSource, SpanClass } from "@nonet/proto/event.ts";
import type { JsonObject } from "@nonet/proto/json.ts";
import type { FoldedSpan } from "./folded-trace.ts";
import type { Remembered } from "./remember.ts";

/** Event mapping 6.1: a chain of parents is followed this far and treated as cut there. */
export const lookupDepthMax = 512;

export type DraftOf<T extends EventType> = Extract<EventDraft, { readonly eventType: T }>;

/** An event with its place: ascending (`offset`, walk position of its phase, `index`). */
export interface PlacedEvent {
  readonly node: TraceNode;
  readonly event: AgentEvent;
  readonly isEnd: boolean;
  /** max(event time, effective start of the span), relative to the base of the state, rounded where it exceeds 2^53 ns. */
  readonly offset: number;
  readonly time: bigint;
  readonly index: number;
}

/** What the event of one draft says otherwise than its span, or besides. */
export interface EventOverride {
  /** In place of the agent of the span. */
  readonly agent?: { readonly agentName: string | undefined; readonly agentId: string | undefined };
  readonly extraFlag?: EventFlag | undefined;
  readonly duplicateOf?: string;
}

/** The events of a span, and the drafts they were made from, to see whether they still stand. */
export interface MadeEvents {
  readonly drafts: readonly EventDraft[];
  readonly overrides: readonly (EventOverride | undefined)[];
  readonly placed: readonly PlacedEvent[];
}

export interface TraceNode extends FoldedSpan {
  readonly span: MappedSpan;

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
  /** Effective start relative to the base of the state, rounded where it exceeds 2^53 ns. */
  startOffset: number;
  /** Stage B leaves the span alone: the trace has more spans than it folds. */
  isBeyondLimit: boolean;

  sessionId: string;
  sessionIdSource: SessionIdSource;
  userId: string | undefined;
  agentName: string | undefined;
  agentId: string | undefined;
  turnId: string;
  runId: string | undefined;
  flags: readonly EventFlag[];
  /** Something that the events of the span repeat has changed since they were made. */
  identityChanged: boolean;
  /** Nearest span at or above that states a session, a user; nearest agent above that has a name. */
  sessionFrom: TraceNode | undefined;
  userFrom: TraceNode | undefined;
  agentAbove: TraceNode | undefined;
  isContainer: boolean;
  /** Below the span is one that makes a chain a container. */
  hasAgentWork: boolean;
  turnRoot: TraceNode | undefined;
  containerAbove: TraceNode | undefined;
  /** A tool, retrieval, guardrail or evaluator lies between the span and the root of its turn. */
  insideHelper: boolean;

  /** Where nodes are listed that a rule has noted something on. */
  readonly journal: TraceNode[];
  isNoted: boolean;
  /** The drafts as the rules leave them: those of Stage A until a rule replaces the list. */
  drafts: readonly EventDraft[];
  /** Drafts whose event says something else than its span. */
  overrides: Map<EventDraft, EventOverride> | undefined;
  stageB: readonly string[];
  /** The next and the outermost model span above that LLM-NEST takes for a copy of this one. */
  wrapper: TraceNode | undefined;
  outermost: TraceNode | undefined;
  isWrapper: boolean;
  /** Of an outermost wrapper: all model spans below it that tell of the same calls. Of each wrapper: the calls that remain. In walk order. */
  readonly nested: TraceNode[];
  readonly wrapped: TraceNode[];
  /** What the call of this span says after its wrappers gave what it lacked. */
  outputText: string | undefined;
  pendingToolCalls: boolean;
  /** The failure of a tool, by its own span or by one below that is part of it. */
  toolFailed: boolean;

  /** Outcomes of rules for the group of spans that this one is the first of. */
  remembered: readonly Remembered[];
  made: MadeEvents | undefined;
  events: readonly AgentEvent[];
  readonly eventIds: Map<string, string>;
}

/** A node that no fold has seen yet. */
export function createNode(span: MappedSpan, eventIds: Map<string, string>, journal: TraceNode[]): TraceNode {
  return {
    span,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    class: span.class as SpanClass,
    ruleId: span.ruleId,
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    workflowName: span.rootAnswer?.workflowName,
    environment: span.environment,
    serviceName: span.serviceName,
    tags: span.tags,
    metadata: span.metadata as JsonObject | undefined,
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
    startOffset: 0,
    isBeyondLimit: false,
    sessionId: "",
    sessionIdSource: "fallback",
    userId: undefined,
    agentName: undefined,
    agentId: undefined,
    turnId: "",
    runId: undefined,
    flags: span.flags,
    identityChanged: true,
    sessionFrom: undefined,
    userFrom: undefined,
    agentAbove: undefined,
    isContainer: false,
    hasAgentWork: false,
    turnRoot: undefined,
    containerAbove: undefined,
    insideHelper: false,
    journal,
    isNoted: false,
    drafts: span.drafts,
    overrides: undefined,
    stageB: noNotes,
    wrapper: undefined,
    outermost: undefined,
    isWrapper: false,
    nested: [],
    wrapped: [],
    outputText: span.outputText,
    pendingToolCalls: span.pendingToolCalls,
    toolFailed: ownToolFailed(span),
    remembered: [],
    made: undefined,
    events: [],
    eventIds,
  };
}

const noNotes: readonly string[] = [];

/** To be called before a rule changes anything on a node: lists it, so that the next fold clears it. */
export function note(node: TraceNode, text?: string): TraceNode {
  if (!node.isNoted) {
    node.isNoted = true;
    node.journal.push(node);
  }
  if (text !== undefined) node.stageB = [...node.stageB, text];
  return node;
}

export function setDrafts(node: TraceNode, drafts: readonly EventDraft[]): void {
  note(node).drafts = drafts;
}

/** Forgets what the rules of the last fold noted. */
export function clearNotes(node: TraceNode): void {
  const { span } = node;
  node.isNoted = false;
  node.drafts = span.drafts;
  node.overrides = undefined;
  node.stageB = noNotes;
  node.isWrapper = false;
  node.outputText = span.outputText;
  node.pendingToolCalls = span.pendingToolCalls;
  node.toolFailed = ownToolFailed(span);
}

function ownToolFailed(span: MappedSpan): boolean {
  return span.drafts.some((draft) => draft.eventType === "tool_result" && draft.discriminator === "" && draft.isError);
}

/** Follows the parents, up to the lookup depth. */
export function nearestAbove(node: TraceNode, test: (above: TraceNode) => boolean): TraceNode | undefined {
  let distance = 0;
  for (let above = node.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    if (test(above)) return above;
  }
  return undefined;
}

export function isAncestor(above: TraceNode, node: TraceNode): boolean {
  return above.enter < node.enter && node.leave < above.leave;
}

/** By (start, span id): what "earliest" means between spans. */
export function isEarlier(a: TraceNode, b: TraceNode): boolean {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano;
  return a.spanId < b.spanId;
}
