/**
 * What a tool span lacks and the model's request for it has: its arguments, its call id.
 *
 * Some instrumentations give a tool its only argument as bare text (OpenInference for LangChain), or leave the arguments with the request of the
 * same instrumentation (Anthropic's SDK), or lose the call id of a tool that failed (OpenLLMetry for LangChain). Seen in captures.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { Json } from "@nonet/proto/json.ts";
import { isSameValue } from "./same-value.ts";
import type { TraceIndex } from "./trace-index.ts";
import { type DraftOf, isEarlier, note, setDrafts, type TraceNode } from "./trace-node.ts";

/** More requests for tools of one name are not compared. */
const requestsPerNameMax = 256;

const scopesWithoutArguments: ReadonlySet<string> = new Set(["com.anthropic.sdk.python"]);
const scopesLosingCallIds: ReadonlySet<string> = new Set([
  "opentelemetry.instrumentation.langchain",
  "@traceloop/instrumentation-langchain",
]);

export interface RequestedCall {
  /** The model span. */
  readonly node: TraceNode;
  readonly toolNorm: string;
  readonly callId: string | undefined;
  readonly arguments: Json | undefined;
}

/** The tool calls that the output of a model span asks for. */
export function requestsOf(node: TraceNode): RequestedCall[] {
  const parts = (node.span.outputMessages ?? []).flatMap((message) => message.parts);
  return parts.flatMap((part) =>
    part.type === "tool_call" ? [{ node, toolNorm: norm(part.name), callId: part.id, arguments: part.arguments }] : [],
  );
}

/** Whether a request may complete the span: it has no arguments as an object, or no call id. */
export function mayBeIncomplete(node: TraceNode): boolean {
  const call = toolCallOf(node.span.drafts);
  return call !== undefined && (call.callId === undefined || !isObject(call.arguments));
}

/** After TOOL-NEST, so that what inner spans have comes first. */
export function completeFromRequests(index: TraceIndex): void {
  if (index.requestsByName.size === 0) return;
  let taken: Set<string> | undefined;
  for (const node of index.incompleteTools) {
    const call = toolCallOf(node.drafts);
    if (call === undefined) continue;
    if (!isObject(call.arguments)) completeArguments(node, call, index);
    if (call.callId !== undefined || !node.toolFailed || !scopesLosingCallIds.has(node.span.scopeName)) continue;
    taken ??= new Set(index.tools.flatMap((tool) => toolCallOf(tool.drafts)?.callId ?? []));
    completeCallId(node, toolCallOf(node.drafts) ?? call, index, taken);
  }
}

function completeArguments(node: TraceNode, call: DraftOf<"tool_call">, index: TraceIndex): void {
  const sameName = requestsNamed(node, index);
  const request =
    sameCall(node, call, index) ??
    (typeof call.arguments === "string"
      ? sameName.find((each) => isOnlyValue(call.arguments, each.arguments))
      : undefined);
  if (!isObject(request?.arguments)) return;
  replaceCall(node, call, { ...call, arguments: request?.arguments as Json });
}

/** By call id. Absent arguments are the sender's word, except where its tool spans never have any. */
function sameCall(node: TraceNode, call: DraftOf<"tool_call">, index: TraceIndex): RequestedCall | undefined {
  if (call.callId === undefined) return undefined;
  if (call.arguments === undefined && !scopesWithoutArguments.has(node.span.scopeName)) return undefined;
  return index.requests.get(call.callId);
}

/** The only request for this tool with these arguments whose id no other tool span has. */
function completeCallId(
  node: TraceNode,
  call: DraftOf<"tool_call">,
  index: TraceIndex,
  taken: ReadonlySet<string>,
): void {
  if (!isObject(call.arguments)) return;
  const ids = new Set<string>();
  for (const request of requestsNamed(node, index)) {
    if (request.callId === undefined || taken.has(request.callId)) continue;
    if (request.node.startTimeUnixNano > node.startTimeUnixNano) continue;
    if (isSameValue(request.arguments, call.arguments)) ids.add(request.callId);
  }
  const [callId] = ids;
  if (callId === undefined || ids.size > 1) return;
  note(node, "call id of the request");
  setDrafts(
    node,
    node.drafts.map(
      (draft): EventDraft =>
        (draft.eventType === "tool_call" || draft.eventType === "tool_result") && draft.discriminator === ""
          ? { ...draft, callId }
          : draft,
    ),
  );
}

function requestsNamed(node: TraceNode, index: TraceIndex): readonly RequestedCall[] {
  const { toolNorm } = node.span;
  const requests = (toolNorm === undefined ? undefined : index.requestsByName.get(toolNorm)) ?? [];
  return requests.length > requestsPerNameMax ? [] : requests;
}

/** Takes up a request. What is found later does not depend on the order in which they came. */
export function addRequest(index: TraceIndex, request: RequestedCall): void {
  const { callId, toolNorm } = request;
  if (callId !== undefined) {
    const known = index.requests.get(callId);
    if (known === undefined || isEarlier(request.node, known.node)) index.requests.set(callId, request);
  }
  const named = index.requestsByName.get(toolNorm);
  if (named === undefined) index.requestsByName.set(toolNorm, [request]);
  else if (named.length <= requestsPerNameMax) insertByTime(named, request);
}

function insertByTime(list: RequestedCall[], request: RequestedCall): void {
  const after = list.findIndex((other) => isEarlier(request.node, other.node));
  list.splice(after === -1 ? list.length : after, 0, request);
}

function replaceCall(node: TraceNode, call: EventDraft, whole: EventDraft): void {
  setDrafts(
    note(node, "arguments of the request"),
    node.drafts.map((draft) => (draft === call ? whole : draft)),
  );
}

function toolCallOf(drafts: readonly EventDraft[]): DraftOf<"tool_call"> | undefined {
  return drafts.find(
    (draft): draft is DraftOf<"tool_call"> => draft.eventType === "tool_call" && draft.discriminator === "",
  );
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the object has one member, and the text is its value. */
function isOnlyValue(text: unknown, object: Json | undefined): boolean {
  if (!isObject(object)) return false;
  const values = Object.values(object as object);
  return values.length === 1 && String(values[0]) === text;
}
