/**
 * One model call that several nested spans report becomes one `llm_call`, of the span closest to the API. Source: event-mapping.md 3.4 LLM-NEST.
 *
 * A wrapper gives what its inner calls lack, the innermost wrapper first, and emits no `llm_call` and no tool selection of its own.
 */
import { defaultLimits } from "@nonet/ingest/map/limits.ts";
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { hasPendingToolCalls, toolSelection } from "@nonet/ingest/map/tool-selection.ts";
import type { SpanClass, TokenUsage } from "@nonet/proto/event.ts";
import { applyRemembered } from "./remember.ts";
import { type DraftOf, lookupDepthMax, note, setDrafts, type TraceNode } from "./trace-node.ts";

type ModelCall = DraftOf<"llm_call">;

/** A model span below one of these is a call of that span's own, not a copy of the model span above it. */
const borders: ReadonlySet<SpanClass> = new Set(["agent", "workflow", "tool", "retrieval", "handoff"]);

/** A call takes what it lacks from this many wrappers; nobody nests more instrumentations. */
const wrappersMax = 32;

export const usageFields = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "cachedInputTokens",
  "cacheWriteInputTokens",
  "reasoningTokens",
] as const satisfies readonly (keyof TokenUsage)[];

/** @param models  model spans in walk order. Replaces the drafts of wrappers and of the calls below them. */
export function nestModelCalls(models: readonly TraceNode[]): void {
  /** Outermost wrappers. */
  const tops: TraceNode[] = [];
  const inner: TraceNode[] = [];
  for (const node of models) {
    const wrapper = node.span.nestable ? modelAbove(node) : undefined;
    node.wrapper = wrapper;
    node.outermost = wrapper?.outermost ?? wrapper;
    node.nested.length = 0;
    node.wrapped.length = 0;
    if (wrapper === undefined || node.outermost === undefined) continue;
    if (node.outermost.nested.length === 0) tops.push(node.outermost);
    node.outermost.nested.push(node);
    inner.push(node);
    if (!wrapper.isWrapper) note(wrapper, "LLM-NEST wrapper").isWrapper = true;
  }
  for (const node of inner) {
    if (node.isWrapper) continue;
    let { wrapper } = node;
    for (let count = 0; wrapper !== undefined && count < wrappersMax; count++) {
      wrapper.wrapped.push(node);
      wrapper = wrapper.wrapper;
    }
  }
  for (const top of tops) {
    const group = [top, ...top.nested] as const;
    applyRemembered("LLM-NEST", group, readsOfNesting, () => {
      // Deepest first, so that of several wrappers the outermost gives last.
      for (const node of group.toReversed()) if (node.isWrapper) unwrap(node);
    });
  }
}

const readsOfNesting = [
  (node: TraceNode) => node.wrapper,
  (node: TraceNode) => node.effectiveStartUnixNano,
  (node: TraceNode) => node.effectiveEndUnixNano,
] as const;

/** The nearest model span above of the same class, within the borders. */
function modelAbove(node: TraceNode): TraceNode | undefined {
  let distance = 0;
  for (let above = node.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    if (borders.has(above.class)) return undefined;
    if (above.class === node.class && above.span.nestable) return above;
  }
  return undefined;
}

function unwrap(wrapper: TraceNode): void {
  const inner = wrapper.wrapped;
  const outer = callOf(wrapper);
  setDrafts(
    wrapper,
    wrapper.drafts.filter((draft) => !isCallOrSelection(draft)),
  );
  // Far above the call, beyond the wrappers that give, there is none.
  const [only] = inner;
  if (outer === undefined || only === undefined) return;
  for (const node of inner) {
    const call = callOf(node);
    if (call === undefined) continue;
    const filled = inner.length === 1 ? fillAll(call, outer) : fillShared(call, outer);
    if (filled !== call) replaceCall(node, filled, wrapper);
  }
  if (inner.length === 1) return;
  if (inner.some((node) => hasTokens(callOf(node)))) return;
  const last = inner.reduce((latest, node) => (endsLater(node, latest) ? node : latest), only);
  const call = callOf(last);
  if (call !== undefined) replaceCall(last, fillUsage(call, outer), wrapper);
}

/** Gives the call of one span what it lacks and a copy of it has. */
export function completeCall(node: TraceNode, copy: TraceNode): void {
  const call = callOf(node);
  const other = callOf(copy);
  if (call === undefined || other === undefined) return;
  applyRemembered("copy", [node, copy], [], () => {
    const filled = fillAll(call, other);
    const isBetterCount = vendorScopes.test(copy.span.scopeName) && hasTokens(other);
    replaceCall(node, isBetterCount ? withUsageOf(filled, other) : filled, copy);
  });
}

/** The vendor's own SDK counts right where OpenLLMetry counts one output token too many of a stream. Seen in captures. */
export const vendorScopes = /^com\.anthropic\.sdk\b/;

function withUsageOf(call: ModelCall, other: ModelCall): ModelCall {
  const counted: ModelCall = { ...call };
  for (const field of usageFields) if (other[field] !== undefined) counted[field] = other[field];
  return counted;
}

function callOf(node: TraceNode): ModelCall | undefined {
  return node.drafts.find((draft): draft is ModelCall => draft.eventType === "llm_call" && draft.discriminator === "");
}

function isCallOrSelection(draft: EventDraft): boolean {
  if (draft.eventType === "llm_call") return draft.discriminator === "";
  return draft.eventType === "decision" && draft.decisionKind === "tool_selection";
}

/** What every inner call may take: provider, models, response id, single parameters, tool definitions. */
function fillShared(call: ModelCall, outer: ModelCall): ModelCall {
  const filled: ModelCall = { ...call };
  fill(filled, outer, ["provider", "requestModel", "responseModel", "responseId", "toolDefinitions"]);
  if (call.params === undefined) fill(filled, outer, ["params"]);
  else if (outer.params !== undefined) filled.params = { ...outer.params, ...call.params };
  return filled;
}

/** What the only inner call of a wrapper may take besides. */
function fillAll(call: ModelCall, outer: ModelCall): ModelCall {
  const filled = fillUsage(fillShared(call, outer), outer);
  fill(filled, outer, ["inputMessages", "outputMessages", "cost", "finishReasons", "ttftMs"]);
  return filled;
}

function fillUsage(call: ModelCall, outer: ModelCall): ModelCall {
  const filled: ModelCall = { ...call };
  if (!hasTokens(call) && outer.usagePartial !== undefined) filled.usagePartial = outer.usagePartial;
  fill(filled, outer, usageFields);
  if (filled.inputTokens !== undefined && filled.outputTokens !== undefined) {
    filled.totalTokens = filled.inputTokens + filled.outputTokens;
  }
  return filled;
}

function fill(call: ModelCall, outer: ModelCall, fields: readonly (keyof ModelCall)[]): void {
  for (const field of fields) {
    // The type of a union of keys cannot express that both sides are the same field.
    if (call[field] === undefined && outer[field] !== undefined) Object.assign(call, { [field]: outer[field] });
  }
}

function hasTokens(call: ModelCall | undefined): boolean {
  return call?.inputTokens !== undefined || call?.outputTokens !== undefined;
}

function endsLater(a: TraceNode, b: TraceNode): boolean {
  if (a.effectiveEndUnixNano !== b.effectiveEndUnixNano) return a.effectiveEndUnixNano > b.effectiveEndUnixNano;
  if (a.effectiveStartUnixNano !== b.effectiveStartUnixNano) {
    return a.effectiveStartUnixNano > b.effectiveStartUnixNano;
  }
  return a.spanId > b.spanId;
}

/** Puts the completed call in place of the old one, with its name and, where its output changed, its tool selection made again. */
function replaceCall(node: TraceNode, filled: ModelCall, wrapper: TraceNode): void {
  const before = callOf(node);
  const call: ModelCall = { ...filled, name: filled.responseModel ?? filled.requestModel ?? node.name };
  const messagesTaken = before?.outputMessages !== call.outputMessages;
  if (messagesTaken) note(node).outputText = wrapper.outputText;
  if (!messagesTaken && before?.finishReasons === call.finishReasons) {
    setDrafts(
      node,
      node.drafts.map((draft) => (draft === before ? call : draft)),
    );
    return;
  }
  note(node).pendingToolCalls = hasPendingToolCalls(call);
  const selection = selectionOf(call);
  const kept = node.drafts.filter((draft) => selection === undefined || draft === before || !isCallOrSelection(draft));
  setDrafts(
    node,
    kept.flatMap((draft): EventDraft[] => {
      if (draft !== before) return [draft];
      return selection === undefined ? [call] : [call, selection];
    }),
  );
}

/** Undefined while the call is open, and where nothing but `response.has_tool_call` of its own span says that it asked for tools. */
export function selectionOf(call: ModelCall): EventDraft | undefined {
  if (call.endTimeUnixNano === undefined) return undefined;
  return toolSelection({
    outputMessages: call.outputMessages,
    finishReasons: call.finishReasons,
    hasToolCall: false,
    ruleTime: call.endTimeUnixNano,
    callsMax: defaultLimits.toolCallsMax,
  });
}
