/**
 * One tool call that several nested spans report becomes one pair of events, of the outermost span, which holds the framework's call id.
 * Source: event-mapping.md 3.4 TOOL-NEST, 2.9 (`claude_code.tool.execution`).
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import type { McpCall, SpanClass } from "@nonet/proto/event.ts";
import { applyRemembered } from "./remember.ts";
import { type DraftOf, lookupDepthMax, note, setDrafts, type TraceNode } from "./trace-node.ts";

type ToolCall = DraftOf<"tool_call">;
type ToolResult = DraftOf<"tool_result">;

/** The way up ends here. */
const borders: ReadonlySet<SpanClass> = new Set(["agent", "workflow", "llm", "handoff"]);

/** @param tools  tool and retrieval spans in walk order. Replaces the drafts of merged spans and of the spans they are merged into. */
export function nestTools(tools: readonly TraceNode[]): void {
  const merged = new Map<TraceNode, TraceNode[]>();
  for (const node of tools) {
    const outer = node.class === "tool" ? outermostTool(node) : outermostRetrieval(node);
    if (outer === undefined) continue;
    const inner = merged.get(outer);
    if (inner === undefined) merged.set(outer, [node]);
    else inner.push(node);
  }
  for (const [outer, inner] of merged) {
    applyRemembered("TOOL-NEST", [outer, ...inner], [], () => merge(outer, inner));
  }
}

function outermostTool(node: TraceNode): TraceNode | undefined {
  let outermost: TraceNode | undefined;
  let distance = 0;
  for (let above = node.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    if (borders.has(above.class)) break;
    if (above.class !== "tool") continue;
    if (!isSameTool(node, above)) break;
    outermost = above;
  }
  return outermost;
}

function outermostRetrieval(node: TraceNode): TraceNode | undefined {
  let outermost: TraceNode | undefined;
  let distance = 0;
  for (let above = node.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    if (borders.has(above.class) || above.class === "tool") break;
    if (above.class === "retrieval") outermost = above;
  }
  return outermost;
}

function isSameTool(a: TraceNode, b: TraceNode): boolean {
  if (a.span.toolNorm !== undefined && a.span.toolNorm === b.span.toolNorm) return true;
  return a.span.callId !== undefined && a.span.callId === b.span.callId;
}

/** The events of the tool span itself, not those of span events on it. */
function isOwn(draft: EventDraft): boolean {
  return draft.discriminator === "";
}

function isToolPair(draft: EventDraft): boolean {
  return (draft.eventType === "tool_call" || draft.eventType === "tool_result") && isOwn(draft);
}

function isToolHandoff(draft: EventDraft): boolean {
  return draft.ruleId === "TOOL-HANDOFF";
}

function toolCallOf(node: TraceNode): ToolCall | undefined {
  return node.span.drafts.find((draft): draft is ToolCall => draft.eventType === "tool_call" && isOwn(draft));
}

function toolResultOf(node: TraceNode): ToolResult | undefined {
  return node.drafts.find((draft): draft is ToolResult => draft.eventType === "tool_result" && isOwn(draft));
}

/** The execution span of a Claude Code tool failed; the tool span does not say so itself. */
export function failToolOf(execution: TraceNode): void {
  const tool = execution.parent;
  if (tool?.class !== "tool" || tool.toolFailed) return;
  const error = execution.drafts.findLast((draft): draft is DraftOf<"error"> => draft.eventType === "error");
  note(tool, `failed in ${execution.spanId}`).toolFailed = true;
  setDrafts(tool, withFailure(tool.drafts, error?.message));
}

function withFailure(drafts: readonly EventDraft[], message: string | undefined): EventDraft[] {
  return drafts.flatMap((draft): EventDraft[] => {
    // A tool that failed has handed nothing over (2.10).
    if (draft.eventType === "handoff" && isToolHandoff(draft)) return [];
    if (draft.eventType !== "tool_result" || !isOwn(draft)) return [draft];
    const failed: ToolResult = { ...draft, isError: true, status: "error" };
    if (failed.errorMessage === undefined && message !== undefined) failed.errorMessage = message;
    return [failed];
  });
}

/** @param inner  in walk order: what the outer span lacks comes from the first that has it. */
function merge(outer: TraceNode, inner: readonly TraceNode[]): void {
  const call = toolCallOf(outer);
  if (call !== undefined) completePair(outer, inner, call);
  adoptHandoff(outer, inner);
  for (const node of inner) {
    note(node, `TOOL-NEST merged into ${outer.spanId}`);
    setDrafts(
      node,
      node.drafts.filter((draft) => !isToolPair(draft) && !isToolHandoff(draft)),
    );
  }
  note(outer, "TOOL-NEST outer");
}

function completePair(outer: TraceNode, inner: readonly TraceNode[], call: ToolCall): void {
  const calls = inner.map(toolCallOf).filter((each) => each !== undefined);
  const results = inner.map(toolResultOf).filter((each) => each !== undefined);
  const shared: Partial<Pick<ToolCall, "callId" | "toolType">> & { mcp?: McpCall } = {};
  const callId = call.callId ?? firstOf([...calls, ...results], (each) => each.callId);
  if (callId !== undefined) shared.callId = callId;
  const toolType = call.toolType ?? firstOf(calls, (each) => each.toolType);
  if (toolType !== undefined) shared.toolType = toolType;
  const mcp = firstOf([outer, ...inner], (node) => node.span.mcp);
  if (mcp !== undefined) shared.mcp = mcp;

  const wholeCall: ToolCall = { ...call, ...shared };
  if (wholeCall.toolDescription === undefined) {
    const description = firstOf(calls, (each) => each.toolDescription);
    if (description !== undefined) wholeCall.toolDescription = description;
  }
  if (wholeCall.arguments === undefined) {
    const given = firstOf(calls, (each) => each.arguments);
    if (given !== undefined) wholeCall.arguments = given;
  }
  const drafts = outer.drafts.map((draft): EventDraft => {
    if (draft.eventType === "tool_call" && isOwn(draft)) return wholeCall;
    if (draft.eventType === "tool_result" && isOwn(draft)) return completeResult({ ...draft, ...shared }, results);
    return draft;
  });
  setDrafts(outer, drafts);
  const whole = toolResultOf(outer);
  if (whole?.isError === true && !outer.toolFailed) {
    outer.toolFailed = true;
    setDrafts(outer, withFailure(outer.drafts, undefined));
  }
}

/** A result is taken with its error mark; where no span has a result, a failure further in is the outcome of the call. */
function completeResult(result: ToolResult, inner: readonly ToolResult[]): ToolResult {
  if (result.result !== undefined) return result;
  const source = inner.find((each) => each.result !== undefined) ?? inner.find((each) => each.isError);
  if (source === undefined) return result;
  const whole: ToolResult = { ...result };
  if (source.result !== undefined) whole.result = source.result;
  if (source.isError) {
    whole.isError = true;
    whole.status = "error";
    const message = whole.errorMessage ?? source.errorMessage;
    if (message !== undefined) whole.errorMessage = message;
  }
  return whole;
}

/** The arguments that name the target may be on an inner span only. */
function adoptHandoff(outer: TraceNode, inner: readonly TraceNode[]): void {
  if (outer.span.toolHandoff?.target !== undefined) return;
  const donor = inner.find((node) => node.span.toolHandoff?.target !== undefined);
  if (donor === undefined) return;
  const adopted = donor.drafts
    .filter(isToolHandoff)
    .filter((draft) => draft.eventType !== "handoff" || !outer.toolFailed)
    .map((draft): EventDraft => ({ ...draft, timeUnixNano: outer.startTimeUnixNano.toString() }));
  const others = outer.drafts.filter((draft) => !isToolHandoff(draft));
  const at = others.findIndex((draft) => draft.eventType === "tool_call" && isOwn(draft)) + 1;
  setDrafts(outer, [...others.slice(0, at), ...adopted, ...others.slice(at)]);
}

function firstOf<Item, Value>(items: readonly Item[], read: (item: Item) => Value | undefined): Value | undefined {
  for (const item of items) {
    const value = read(item);
    if (value !== undefined) return value;
  }
  return undefined;
}
