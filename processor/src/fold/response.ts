/**
 * The answer of a turn, at most one, once its root has ended; and whether the turn is paused. Source: event-mapping.md section 4,
 * session-traces.md 1.5.
 */
import type { EventDraft, RootAnswer } from "@nonet/ingest/map/mapped-span.ts";
import type { EventFlag } from "@nonet/proto/event.ts";
import { isPause } from "./control-flow.ts";
import type { TraceIndex } from "./trace-index.ts";
import type { DraftOf, TraceNode } from "./trace-node.ts";

/** The response as a draft, with what its event takes from other spans than the root. */
export interface TurnAnswer {
  readonly draft: DraftOf<"response">;
  readonly agentName: string | undefined;
  readonly agentId: string | undefined;
  readonly extraFlag: EventFlag | undefined;
}

export interface TurnConclusion {
  readonly root: TraceNode;
  readonly paused: boolean;
  readonly answer: TurnAnswer | undefined;
}

/** What the spans of one turn add up to. */
interface TurnWork {
  /** Ended model calls outside helpers that did not fail and wait for no tool: the last of them. */
  answering: TraceNode | undefined;
  /** Latest unhandled error of a container below the root, outside helpers. */
  failedAt: bigint | undefined;
  /** End of the last pause; latest start of a model call. */
  pausedAt: bigint | undefined;
  calledAt: bigint | undefined;
  lastAgent: TraceNode | undefined;
  /** The last tool by which smolagents gives its answer. */
  finalAnswer: TraceNode | undefined;
}

/**
 * @param roots  the turn roots.
 * @param copies  model spans whose call another span tells of too: they answer nothing.
 */
export function concludeTurns(
  roots: readonly TraceNode[],
  index: TraceIndex,
  copies: ReadonlySet<TraceNode>,
): TurnConclusion[] {
  const works = new Map<TraceNode, TurnWork>();
  const workOf = (node: TraceNode): TurnWork => {
    const root = node.turnRoot ?? node;
    const known = works.get(root);
    if (known !== undefined) return known;
    const work: TurnWork = {
      answering: undefined,
      failedAt: undefined,
      pausedAt: undefined,
      calledAt: undefined,
      lastAgent: undefined,
      finalAnswer: undefined,
    };
    works.set(root, work);
    return work;
  };
  for (const node of index.models) if (node.turnRoot !== undefined) addModel(workOf(node), node, copies);
  for (const node of index.failures) {
    if (node.isContainer && node.turnRoot !== node && !node.insideHelper) addFailures(workOf(node), node);
  }
  for (const node of index.flows) if (node.turnRoot !== undefined) addPauses(workOf(node), node);
  for (const node of index.agents) {
    if (node.turnRoot === node || node.insideHelper) continue;
    const work = workOf(node);
    if (isLater(node, work.lastAgent)) work.lastAgent = node;
  }
  for (const node of index.tools) {
    if (node.span.toolNorm !== "final_answer" || node.turnRoot === undefined || node.insideHelper) continue;
    const work = workOf(node);
    if (isLater(node, work.finalAnswer)) work.finalAnswer = node;
  }
  return roots.map((root) => conclude(root, workOf(root)));
}

function addModel(work: TurnWork, node: TraceNode, copies: ReadonlySet<TraceNode>): void {
  if (!node.drafts.some((draft) => draft.eventType === "llm_call")) return;
  const start = node.effectiveStartUnixNano;
  if (work.calledAt === undefined || start > work.calledAt) work.calledAt = start;
  if (node.class !== "llm" || node.insideHelper || node.failed || node.pendingToolCalls || copies.has(node)) return;
  if (isLater(node, work.answering)) work.answering = node;
}

function addFailures(work: TurnWork, node: TraceNode): void {
  for (const draft of node.drafts) {
    if (draft.eventType !== "error" || draft.handled) continue;
    const time = BigInt(draft.timeUnixNano);
    if (work.failedAt === undefined || time > work.failedAt) work.failedAt = time;
  }
}

function addPauses(work: TurnWork, node: TraceNode): void {
  if (!node.drafts.some(isPause)) return;
  const end = node.effectiveEndUnixNano;
  if (work.pausedAt === undefined || end > work.pausedAt) work.pausedAt = end;
}

/** By (effective end, effective start, span id). */
function isLater(node: TraceNode, than: TraceNode | undefined): boolean {
  if (than === undefined) return true;
  if (node.effectiveEndUnixNano !== than.effectiveEndUnixNano) {
    return node.effectiveEndUnixNano > than.effectiveEndUnixNano;
  }
  if (node.effectiveStartUnixNano !== than.effectiveStartUnixNano) {
    return node.effectiveStartUnixNano > than.effectiveStartUnixNano;
  }
  return node.spanId > than.spanId;
}

function conclude(root: TraceNode, work: TurnWork): TurnConclusion {
  const { pausedAt, calledAt } = work;
  const paused = pausedAt !== undefined && !(calledAt !== undefined && calledAt > pausedAt);
  return { root, paused, answer: paused ? undefined : answerOf(root, work) };
}

function answerOf(root: TraceNode, work: TurnWork): TurnAnswer | undefined {
  const own = root.span.rootAnswer;
  if (root.endTimeUnixNano === 0n || own?.interrupted === true) return undefined;
  const { answering, lastAgent } = work;
  const { content, source } = contentOf(root, work);
  if (content === undefined && (root.failed || failedAfterAnswer(work))) return undefined;
  const agent = answering?.agentName !== undefined ? answering : root.agentName !== undefined ? root : lastAgent;
  const agentName = agent?.agentName;
  const draft: DraftOf<"response"> = {
    eventType: "response",
    name: agentName ?? own?.workflowName ?? root.name,
    ruleId: root.ruleId,
    ...endOf(root),
    status: root.failed ? "error" : "ok",
    content: content ?? null,
    discriminator: "",
    phase: "end",
  };
  if (source !== undefined) draft.responseSource = source;
  const finishReason = own?.finishReason ?? (source === "last_llm_call" ? finishReasonOf(answering) : undefined);
  if (finishReason !== undefined) draft.finishReason = finishReason;
  if (own?.usageAggregate !== undefined) draft.usageAggregate = own.usageAggregate;
  if (source === "last_llm_call" && answering !== undefined) draft.answeringSpanId = answering.spanId;
  return {
    draft,
    agentName,
    agentId: agent?.agentId,
    extraFlag: content === undefined ? "content_missing" : undefined,
  };
}

/** The first that gives a text: the root itself, the same run below it, the answering call, a tool that takes the answer. */
function contentOf(
  root: TraceNode,
  work: TurnWork,
): { readonly content: string | undefined; readonly source: "root" | "last_llm_call" | undefined } {
  const own = root.span.rootAnswer?.content;
  if (own !== undefined) return { content: own, source: "root" };
  const lastCall = root.failed || failedAfterAnswer(work) ? undefined : work.answering?.outputText;
  const below = sameRunBelow(root)?.content;
  if (below !== undefined && below.trim() !== lastCall?.trim()) return { content: below, source: "root" };
  if (lastCall !== undefined) return { content: lastCall, source: "last_llm_call" };
  const given = root.failed ? undefined : answerOfTool(work.finalAnswer);
  return { content: given, source: given === undefined ? undefined : "root" };
}

/** A container below the root failed for good later than the answering call ended, or there is no such call. */
function failedAfterAnswer({ failedAt, answering }: TurnWork): boolean {
  return failedAt !== undefined && (answering === undefined || answering.effectiveEndUnixNano < failedAt);
}

/**
 * OpenLLMetry wraps a LangGraph run in an agent span that says nothing and has the run as its only child: both are the root, seen twice.
 */
function sameRunBelow(root: TraceNode): RootAnswer | undefined {
  const [only] = root.children;
  if (only === undefined || root.children.length > 1 || !only.isContainer || only.failed) return undefined;
  return only.span.scopeName === root.span.scopeName ? only.span.rootAnswer : undefined;
}

function answerOfTool(tool: TraceNode | undefined): string | undefined {
  const result = tool?.drafts.find((draft) => draft.eventType === "tool_result" && draft.discriminator === "");
  if (result?.eventType !== "tool_result" || result.isError || result.result === undefined) return undefined;
  return typeof result.result === "string" ? result.result : JSON.stringify(result.result);
}

/** An end before the start counts as equal to it (2.12). */
function endOf(root: TraceNode): { timeUnixNano: string; endTimeUnixNano: string; durationMs: number } {
  const { startTimeUnixNano: start, endTimeUnixNano } = root;
  const end = endTimeUnixNano > start ? endTimeUnixNano : start;
  const text = end.toString();
  return { timeUnixNano: text, endTimeUnixNano: text, durationMs: Number(end - start) / 1e6 };
}

function finishReasonOf(node: TraceNode | undefined): string | undefined {
  const call = node?.drafts.find((draft: EventDraft): draft is DraftOf<"llm_call"> => draft.eventType === "llm_call");
  return call?.finishReasons?.at(-1);
}
