/**
 * One model call that two instrumentations report side by side in a trace counts once: the poorer copy is marked with the id of the richer and
 * stays visible, the richer takes what it lacks. (Nested copies are LLM-NEST's.) Source: contracts/README.md ruling 10.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { completeCall } from "./model-nesting.ts";
import { nodeEventId } from "./place-events.ts";
import {
  type CallPair,
  groupCalls,
  haveOtherResponses,
  overlap,
  pairCalls,
  type ReportedCall,
  richnessOf,
  shareModel,
} from "./same-call.ts";
import type { TraceIndex } from "./trace-index.ts";
import { type DraftOf, note, type TraceNode } from "./trace-node.ts";

interface SpanCall extends ReportedCall {
  readonly node: TraceNode;
  readonly fields: DraftOf<"llm_call">;
}

/**
 * Marks the copies and completes the originals.
 *
 * @param index  of the trace; called after LLM-NEST, which may have moved response ids.
 * @returns the model spans whose call is a copy.
 */
export function markDuplicateCalls(index: TraceIndex, tenantId: string): Set<TraceNode> {
  const mayShareResponse = index.repeatedResponses > 0;
  const mayShareCounts = index.modelScopes.size > 1 && comeFromTwoScopes(index.models);
  const copies = new Set<TraceNode>();
  if (!mayShareResponse && !mayShareCounts) return copies;
  const calls = index.models.flatMap(toReport);
  const mark = (pairs: readonly CallPair<SpanCall>[]): void => {
    for (const { copy, original } of pairs) {
      copies.add(copy.node);
      markCopy(copy.node, original.node, tenantId);
    }
  };
  if (mayShareResponse) {
    for (const group of groupCalls(calls, ({ fields }) => fields.responseId)) mark(pairCalls(group, isSameResponse));
  }
  if (mayShareCounts) {
    const left = calls.filter(({ node }) => !copies.has(node));
    for (const group of groupCalls(left, countsKey)) mark(pairCalls(group, isSameCall));
  }
  return copies;
}

/** Whether calls of more than one scope remain when wrappers are left out. */
function comeFromTwoScopes(models: readonly TraceNode[]): boolean {
  const first = models.find((node) => !node.isWrapper)?.span.scopeName;
  return models.some((node) => !node.isWrapper && node.span.scopeName !== first);
}

function toReport(node: TraceNode): SpanCall[] {
  const call = node.drafts.find(
    (draft): draft is DraftOf<"llm_call"> => draft.eventType === "llm_call" && draft.discriminator === "",
  );
  if (call === undefined) return [];
  const { spanId, startTimeUnixNano, endTimeUnixNano } = node;
  return [
    {
      node,
      key: spanId,
      scopeName: node.span.scopeName,
      kind: node.class,
      startUnixNano: startTimeUnixNano,
      endUnixNano: endTimeUnixNano,
      fields: call,
      richness: richnessOf(call, node.turnRoot !== undefined),
    },
  ];
}

/** Siblings with the same counts. */
function countsKey({ node, fields }: SpanCall): string | undefined {
  if (fields.inputTokens === undefined || fields.outputTokens === undefined) return undefined;
  return `${node.parentSpanId ?? ""} ${fields.inputTokens} ${fields.outputTokens}`;
}

/** Two scopes that name the same response saw one call. Within one scope only at the same time: caches and test servers repeat ids. */
function isSameResponse(a: SpanCall, b: SpanCall): boolean {
  return a.scopeName !== b.scopeName || overlap(a, b);
}

function isSameCall(a: SpanCall, b: SpanCall): boolean {
  return a.scopeName !== b.scopeName && overlap(a, b) && shareModel(a, b) && !haveOtherResponses(a, b);
}

/** The call of the copy, and the choice of tools it came back with, name those of the original. */
function markCopy(copy: TraceNode, original: TraceNode, tenantId: string): void {
  completeCall(original, copy);
  note(copy, `copy of the call in ${original.spanId}`);
  copy.overrides ??= new Map();
  for (const draft of copy.drafts) {
    if (!isRepeatable(draft)) continue;
    const { eventType, discriminator } = draft;
    const isThere = original.drafts.some(
      (other) => other.eventType === eventType && other.discriminator === discriminator,
    );
    if (!isThere) continue;
    copy.overrides.set(draft, { duplicateOf: nodeEventId(original, tenantId, eventType, discriminator) });
  }
}

function isRepeatable(draft: EventDraft): boolean {
  if (draft.eventType === "llm_call") return draft.discriminator === "";
  return draft.eventType === "decision" && draft.decisionKind === "tool_selection";
}
