/** Spans beyond the number that Stage B folds: their events are those of Stage A, without tree and turn. Source: event-mapping.md 6.1. */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { clearNotes, note, setDrafts, type TraceNode } from "./trace-node.ts";

/** @param position  of the first of them: they stand after the walk. */
export function isolate(nodes: readonly TraceNode[], position: number): void {
  for (const [index, node] of nodes.entries()) {
    clearNotes(node);
    setDrafts(note(node, "beyond the limit of spans"), node.span.drafts.map(withKnownSides));
    node.identityChanged = true;
    node.parent = undefined;
    node.children = [];
    node.orphan = false;
    node.position = position + index;
    node.enter = 2 * node.position;
    node.leave = node.enter + 1;
    node.depth = 0;
    node.effectiveStartUnixNano = node.startTimeUnixNano;
    node.effectiveEndUnixNano =
      node.endTimeUnixNano > node.startTimeUnixNano ? node.endTimeUnixNano : node.startTimeUnixNano;
    node.flags = node.span.flags;
    const { ownSessionId, resourceSessionId } = node.span;
    node.sessionId = ownSessionId ?? resourceSessionId ?? node.traceId;
    node.sessionIdSource =
      ownSessionId !== undefined ? "span" : resourceSessionId !== undefined ? "resource" : "fallback";
    node.userId = node.span.ownUserId;
    node.agentName = node.span.ownAgentName;
    node.agentId = node.span.ownAgentName === undefined ? undefined : node.span.ownAgentId;
    node.turnId = node.traceId;
    node.turnRoot = undefined;
    node.runId = undefined;
  }
}

/** Stage A leaves the names of handoffs to Stage B. */
function withKnownSides(draft: EventDraft): EventDraft {
  if (draft.eventType === "handoff") return { ...draft, name: `${draft.fromAgent ?? "?"} -> ${draft.toAgent ?? "?"}` };
  if (draft.eventType === "decision" && draft.decisionKind === "handoff")
    return { ...draft, name: draft.toAgent ?? "?" };
  return draft;
}
