/**
 * The answer of a turn, at most one, once its root has ended; and whether the turn is paused. Source: event-mapping.md section 4,
 * session-traces.md 1.5.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import type { EventFlag } from "@nonet/proto/event.ts";
import { isPause } from "./control-flow.ts";
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
}

/** @param copies  model spans whose call another span tells of too: they answer nothing. */
export function concludeTurns(
  walked: readonly TraceNode[],
  roots: readonly TraceNode[],
  copies: ReadonlySet<TraceNode>,
): TurnConclusion[] {
  if (roots.length === 0) return [];
  const works = new Map<TraceNode, TurnWork>();
  for (const root of roots) {
    works.set(root, {
      answering: undefined,
      failedAt: undefined,
      pausedAt: undefined,
      calledAt: undefined,
      lastAgent: undefined,
    });
  }
  let root: TraceNode | undefined;
  let work: TurnWork | undefined;
  for (const node of walked) {
    if (node.turnRoot === undefined) continue;
    if (node.turnRoot !== root) {
      root = node.turnRoot;
      work = works.get(root);
    }
    if (work !== undefined) addWork(work, node, copies);
  }
  return roots.map((each) => conclude(each, works.get(each) as TurnWork));
}

function addWork(work: TurnWork, node: TraceNode, copies: ReadonlySet<TraceNode>): void {
  const isRoot = node === node.turnRoot;
  for (const draft of node.drafts) {
    if (draft.eventType === "llm_call") {
      const start = node.effectiveStartUnixNano;
      if (work.calledAt === undefined || start > work.calledAt) work.calledAt = start;
    } else if (isPause(draft)) {
      const end = node.effectiveEndUnixNano;
      if (work.pausedAt === undefined || end > work.pausedAt) work.pausedAt = end;
    } else if (draft.eventType === "error" && !draft.handled && node.isContainer && !isRoot && !node.insideHelper) {
      const time = BigInt(draft.timeUnixNano);
      if (work.failedAt === undefined || time > work.failedAt) work.failedAt = time;
    }
  }
  if (node.insideHelper || isRoot) return;
  if (node.class === "agent" && node.span.ownAgentName !== undefined && isLater(node, work.lastAgent)) {
    work.lastAgent = node;
  }
  const mayAnswer =
    node.class === "llm" &&
    !node.failed &&
    !node.pendingToolCalls &&
    !copies.has(node) &&
    node.drafts.some((draft) => draft.eventType === "llm_call");
  if (mayAnswer && isLater(node, work.answering)) work.answering = node;
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
  const { answering, failedAt, lastAgent } = work;
  const failedAfterAnswer =
    failedAt !== undefined && (answering === undefined || answering.effectiveEndUnixNano < failedAt);
  let content = own?.content;
  let source: "root" | "last_llm_call" | undefined = content === undefined ? undefined : "root";
  if (content === undefined) {
    if (root.failed || failedAfterAnswer) return undefined;
    content = answering?.outputText;
    if (content !== undefined) source = "last_llm_call";
  }
  const agent =
    answering?.agentName !== undefined ? answering : root.agentName !== undefined ? root : lastAgent;
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
  return { draft, agentName, agentId: agent?.agentId, extraFlag: content === undefined ? "content_missing" : undefined };
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
