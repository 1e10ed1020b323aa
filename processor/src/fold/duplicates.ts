/**
 * One model call that two instrumentations report side by side counts once: the poorer copy is marked with the id of the richer and stays
 * visible. (Nested copies are LLM-NEST's.) Source: contracts/README.md ruling 10.
 *
 * Two spans tell of one call when they have the same response id, or when they are siblings of different instrumentation scopes with the same
 * model and tokens at overlapping times. Calls that really run side by side, as a fan-out or best-of-n does, have response ids of their own, or
 * come from one scope; of n equal calls each is paired with one copy at most.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import type { TraceIndex } from "./trace-index.ts";
import { type DraftOf, isEarlier, type TraceNode } from "./trace-node.ts";

type ModelCall = DraftOf<"llm_call">;

/** Calls with the same response id or siblings with the same counts that are compared; more are left alone. */
const groupSizeMax = 1_000;

interface Caller {
  readonly node: TraceNode;
  readonly call: ModelCall;
  original: Caller | undefined;
}

/** A copy, and the node whose call it repeats. */
export interface DuplicateCall {
  readonly copy: TraceNode;
  readonly original: TraceNode;
}

/** @param index  of the trace; called after LLM-NEST, which may have moved response ids. */
export function findDuplicateCalls(index: TraceIndex): DuplicateCall[] {
  const mayShareResponse = index.repeatedResponses > 0;
  const mayShareCounts = index.modelScopes.size > 1;
  if (!mayShareResponse && !mayShareCounts) return [];
  const callers: Caller[] = [];
  for (const node of index.models) {
    const call = node.drafts.find(isOwnCall);
    if (call !== undefined) callers.push({ node, call, original: undefined });
  }
  if (mayShareResponse) {
    for (const group of groupsOf(callers, ({ call }) => call.responseId)) pairWithin(group, isSameResponse);
  }
  if (mayShareCounts) for (const group of groupsOf(callers, countsKey)) pairWithin(group, isSameCall);
  return callers.flatMap((caller) =>
    caller.original === undefined ? [] : [{ copy: caller.node, original: caller.original.node }],
  );
}

function isOwnCall(draft: EventDraft): draft is ModelCall {
  return draft.eventType === "llm_call" && draft.discriminator === "";
}

/** Siblings with the same counts. */
function countsKey({ node, call }: Caller): string | undefined {
  if (call.inputTokens === undefined || call.outputTokens === undefined) return undefined;
  return `${node.parentSpanId ?? ""} ${call.inputTokens} ${call.outputTokens}`;
}

/** Those that share a key, where there are at least two and no more than are compared. */
function groupsOf(callers: readonly Caller[], keyOf: (caller: Caller) => string | undefined): Caller[][] {
  const groups = new Map<string, Caller[]>();
  for (const caller of callers) {
    const key = keyOf(caller);
    if (key === undefined || caller.original !== undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [caller]);
    else group.push(caller);
  }
  return [...groups.values()].filter((group) => group.length > 1 && group.length <= groupSizeMax);
}

/** Pairs the poorest first with the richest that it may repeat; an original takes one copy per scope, and is no copy itself. */
function pairWithin(group: readonly Caller[], isSame: (a: Caller, b: Caller) => boolean): void {
  const ranked = group.map((caller) => ({ caller, richness: richnessOf(caller.call) })).sort(byRichness);
  const taken = new Set<string>();
  for (let index = ranked.length - 1; index > 0; index--) {
    const copy = (ranked[index] as Ranked).caller;
    if (taken.has(copy.node.spanId)) continue;
    for (const { caller: original } of ranked.slice(0, index)) {
      const scopeKey = `${original.node.spanId} ${copy.node.span.scopeName}`;
      if (original.node.class !== copy.node.class || taken.has(scopeKey) || !isSame(original, copy)) continue;
      copy.original = original;
      taken.add(scopeKey);
      taken.add(original.node.spanId);
      break;
    }
  }
}

interface Ranked {
  readonly caller: Caller;
  readonly richness: number;
}

/** Two scopes that name the same response saw one call. Within one scope only at the same time: caches and test servers repeat ids. */
function isSameResponse(a: Caller, b: Caller): boolean {
  return a.node.span.scopeName !== b.node.span.scopeName || overlap(a.node, b.node);
}

function isSameCall(a: Caller, b: Caller): boolean {
  if (a.node.span.scopeName === b.node.span.scopeName || !overlap(a.node, b.node)) return false;
  const { responseId } = a.call;
  if (responseId !== undefined && b.call.responseId !== undefined && responseId !== b.call.responseId) return false;
  const models = [a.call.requestModel, a.call.responseModel].filter((model) => model !== undefined);
  return models.some((model) => model === b.call.requestModel || model === b.call.responseModel);
}

function overlap(a: TraceNode, b: TraceNode): boolean {
  return a.startTimeUnixNano < endOf(b) && b.startTimeUnixNano < endOf(a);
}

function endOf(node: TraceNode): bigint {
  const { startTimeUnixNano: start, endTimeUnixNano: end } = node;
  return end > start ? end : start + 1n;
}

/** How much a report says: what is counted first, then content, then details. */
function richnessOf(call: ModelCall): number {
  const { inputTokens, outputTokens, outputMessages, inputMessages } = call;
  let richness = 0;
  if (inputTokens !== undefined) richness += 4000;
  if (outputTokens !== undefined) richness += 4000;
  if (outputMessages !== undefined) richness += 2000;
  if (inputMessages !== undefined) richness += 1000;
  for (const value of Object.values(call)) if (value !== undefined) richness += 1;
  return richness;
}

function byRichness(a: Ranked, b: Ranked): number {
  if (a.richness !== b.richness) return b.richness - a.richness;
  return isEarlier(a.caller.node, b.caller.node) ? -1 : 1;
}

/** Whether the draft is one that a copy repeats: the call, and the choice of tools it came back with. */
export function isRepeatable(draft: EventDraft): boolean {
  if (draft.eventType === "llm_call") return draft.discriminator === "";
  return draft.eventType === "decision" && draft.decisionKind === "tool_selection";
}
