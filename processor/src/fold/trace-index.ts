/** Which spans of a trace a rule has to look at, so that it need not look at all. */
import type { EventDraft, MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { readToolHandoff } from "@nonet/ingest/map/read-handoff.ts";
import { addRequest, mayBeIncomplete, type RequestedCall, requestsOf } from "./requested-calls.ts";
import { isEarlier, type TraceNode } from "./trace-node.ts";

export interface TraceIndex {
  /** Class llm, embedding, rerank. */
  readonly models: TraceNode[];
  /** Class tool, retrieval. */
  readonly tools: TraceNode[];
  /** Class agent, with a name. */
  readonly agents: TraceNode[];
  /** With handoff drafts of Stage A. */
  readonly handoffs: TraceNode[];
  /** With a Command that goes somewhere, and spans that are one. */
  readonly commands: TraceNode[];
  /** Model spans whose output asks for a tool that moves control. */
  readonly transfers: TraceNode[];
  /** With evidence of control flow. */
  readonly flows: TraceNode[];
  /** With errors. */
  readonly failures: TraceNode[];
  /** Whose single events say something because of another span. */
  readonly details: TraceNode[];
  /** Tool spans that the model's request may complete. */
  readonly incompleteTools: TraceNode[];
  /** Steps that tell what the model call below them asked for. */
  readonly modelSteps: TraceNode[];
  /** What models asked for: the earliest request by call id, all by tool name. */
  readonly requests: Map<string, RequestedCall>;
  readonly requestsByName: Map<string, RequestedCall[]>;
  /** That state a run. */
  readonly runs: TraceNode[];
  /** The earliest that states a session, a user. */
  sessionFrom: TraceNode | undefined;
  userFrom: TraceNode | undefined;
  /** How many spans name each response, and come from each scope, among `models`. */
  readonly responses: Map<string, number>;
  repeatedResponses: number;
  readonly modelScopes: Set<string>;
}

export function createIndex(): TraceIndex {
  return {
    models: [],
    tools: [],
    agents: [],
    handoffs: [],
    commands: [],
    transfers: [],
    flows: [],
    failures: [],
    details: [],
    incompleteTools: [],
    modelSteps: [],
    requests: new Map(),
    requestsByName: new Map(),
    runs: [],
    sessionFrom: undefined,
    userFrom: undefined,
    responses: new Map(),
    repeatedResponses: 0,
    modelScopes: new Set(),
  };
}

/** Adds a node. Its lists depend on what Stage A says alone; their order is settled by `sortIndex`. */
export function indexNode(index: TraceIndex, node: TraceNode): void {
  const { span } = node;
  if (node.class === "llm" || node.class === "embedding" || node.class === "rerank") indexModel(index, node);
  if (node.class === "tool" || node.class === "retrieval") {
    index.tools.push(node);
    if (mayBeIncomplete(node)) index.incompleteTools.push(node);
  }
  if (node.class === "step" && span.outputMessages !== undefined) index.modelSteps.push(node);
  if (node.class === "agent" && span.ownAgentName !== undefined) index.agents.push(node);
  if (span.drafts.some(isHandoffDraft)) index.handoffs.push(node);
  if (span.commandTargets.length > 0 || node.ruleId === "ROUTE-1") index.commands.push(node);
  if (span.controlFlow.length > 0) index.flows.push(node);
  if (span.drafts.some((draft) => draft.eventType === "error")) index.failures.push(node);
  if (hasDetails(span)) index.details.push(node);
  if (span.runId !== undefined) index.runs.push(node);
  if (span.ownSessionId !== undefined && (index.sessionFrom === undefined || isEarlier(node, index.sessionFrom))) {
    index.sessionFrom = node;
  }
  if (span.ownUserId !== undefined && (index.userFrom === undefined || isEarlier(node, index.userFrom))) {
    index.userFrom = node;
  }
}

/** Brings the lists into walk order, agents into the order of (start, span id). */
export function sortIndex(index: TraceIndex): void {
  // Sorting what is in order but for a few at the end takes one look at each.
  const lists = [
    index.models,
    index.tools,
    index.handoffs,
    index.commands,
    index.transfers,
    index.flows,
    index.failures,
    index.details,
    index.incompleteTools,
    index.modelSteps,
  ];
  for (const list of lists) list.sort((a, b) => a.position - b.position);
  index.agents.sort((a, b) => (isEarlier(a, b) ? -1 : 1));
}

/** The pair of drafts by which a span tells that it hands over. */
export function isHandoffDraft(draft: EventDraft): boolean {
  if (draft.eventType === "handoff") return draft.discriminator === "";
  return draft.eventType === "decision" && draft.decisionKind === "handoff";
}

function indexModel(index: TraceIndex, node: TraceNode): void {
  index.models.push(node);
  index.modelScopes.add(node.span.scopeName);
  if (asksForTransfer(node.span)) index.transfers.push(node);
  for (const request of requestsOf(node)) addRequest(index, request);
  for (const draft of node.span.drafts) {
    if (draft.eventType !== "llm_call" || draft.responseId === undefined) continue;
    const count = (index.responses.get(draft.responseId) ?? 0) + 1;
    index.responses.set(draft.responseId, count);
    if (count === 2) index.repeatedResponses++;
  }
}

function asksForTransfer(span: MappedSpan): boolean {
  return (span.outputMessages ?? []).some((message) =>
    message.parts.some(
      (part) => part.type === "tool_call" && readToolHandoff(part.name, part.arguments)?.mechanism === "transfer",
    ),
  );
}

function hasDetails(span: MappedSpan): boolean {
  return (
    span.class === "planning" ||
    span.ruleId === "CLAUDE-APPROVAL" ||
    span.ruleId === "CODEX-LLM" ||
    span.tripwire !== undefined ||
    span.toolExecutionFailed
  );
}
