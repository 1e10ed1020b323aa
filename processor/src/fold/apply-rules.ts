/** The rules of Stage B, in the order in which they build on each other. Source: event-mapping.md 3.3, 3.4, section 4. */
import { collectAgentSpans } from "./agent-spans.ts";
import { decideCallHandoffs } from "./call-handoff.ts";
import { decideControlFlow } from "./control-flow.ts";
import { type DuplicateCall, findDuplicateCalls, isRepeatable } from "./duplicates.ts";
import { resolveHandoffs } from "./handoffs.ts";
import { inheritIdentity } from "./inherit.ts";
import { nestModelCalls } from "./model-nesting.ts";
import { nodeEventId } from "./place-events.ts";
import { markPropagated } from "./propagation.ts";
import { concludeTurns, type TurnConclusion } from "./response.ts";
import { completeDetails } from "./span-details.ts";
import { nestTools } from "./tool-nesting.ts";
import { clearNotes, type TraceNode } from "./trace-node.ts";
import { assignTurns } from "./turns.ts";

/**
 * Brings the drafts of all nodes to what their events will say.
 *
 * @param walked  in walk order.
 * @returns one conclusion per turn root, in walk order.
 */
export function applyRules(walked: readonly TraceNode[], traceId: string, tenantId: string): TurnConclusion[] {
  for (const node of walked) clearNotes(node);
  inheritIdentity(walked, traceId);
  const roots = assignTurns(walked, traceId);
  nestModelCalls(walked);
  nestTools(walked);
  completeDetails(walked);
  decideControlFlow(walked);
  const agents = collectAgentSpans(walked);
  resolveHandoffs(walked, agents);
  decideCallHandoffs(walked, agents);
  markPropagated(walked);
  const duplicates = findDuplicateCalls(walked);
  for (const duplicate of duplicates) markDuplicate(duplicate, tenantId);
  const conclusions = concludeTurns(walked, roots, new Set(duplicates.map(({ copy }) => copy)));
  for (const conclusion of conclusions) addResponse(conclusion);
  return conclusions;
}

function markDuplicate({ copy, original }: DuplicateCall, tenantId: string): void {
  copy.stageB = [...copy.stageB, `copy of the call in ${original.spanId}`];
  const overrides = copy.overrides ?? new Map();
  copy.overrides = overrides;
  for (const draft of copy.drafts) {
    if (!isRepeatable(draft)) continue;
    const { eventType, discriminator } = draft;
    const isThere = original.drafts.some(
      (other) => other.eventType === eventType && other.discriminator === discriminator,
    );
    if (!isThere) continue;
    overrides.set(draft, { duplicateOf: nodeEventId(original, tenantId, eventType, discriminator) });
  }
}

function addResponse({ root, answer }: TurnConclusion): void {
  if (answer === undefined) return;
  const { draft, agentName, agentId, extraFlag } = answer;
  root.drafts = [...root.drafts, draft];
  root.overrides ??= new Map();
  root.overrides.set(draft, { agent: { agentName, agentId }, ...(extraFlag !== undefined && { extraFlag }) });
}
