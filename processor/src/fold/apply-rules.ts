/** The rules of Stage B, in the order in which they build on each other. Source: event-mapping.md 3.3, 3.4, section 4. */
import { collectAgentSpans } from "./agent-spans.ts";
import { decideCallHandoffs } from "./call-handoff.ts";
import { decideCommandHandoffs } from "./command-handoffs.ts";
import { decideControlFlow } from "./control-flow.ts";
import { markDuplicateCalls } from "./duplicates.ts";
import { resolveHandoffs } from "./handoffs.ts";
import { nestModelCalls } from "./model-nesting.ts";
import { completeFromSteps } from "./model-steps.ts";
import { markPropagated } from "./propagation.ts";
import { completeFromRequests } from "./requested-calls.ts";
import { concludeTurns, type TurnConclusion } from "./response.ts";
import { completeDetails } from "./span-details.ts";
import { nestTools } from "./tool-nesting.ts";
import type { TraceIndex } from "./trace-index.ts";
import { setDrafts, type TraceNode } from "./trace-node.ts";

/**
 * Brings the drafts of all spans to what their events will say.
 *
 * @param index  of spans that have inherited what they do, without notes of an earlier fold.
 * @param roots  the turn roots.
 * @returns one conclusion per turn root, in their order.
 */
export function applyRules(index: TraceIndex, roots: readonly TraceNode[], tenantId: string): TurnConclusion[] {
  completeDetails(index.details);
  completeFromSteps(index.modelSteps);
  nestModelCalls(index.models);
  nestTools(index.tools);
  completeFromRequests(index);
  decideControlFlow(index.flows);
  const agents = collectAgentSpans(index.agents);
  resolveHandoffs(index.handoffs, agents);
  decideCommandHandoffs(index, agents);
  if (index.transfers.length > 0) decideCallHandoffs(callersOf(index.transfers), index, agents);
  markPropagated(index.failures);
  const copies = markDuplicateCalls(index, tenantId);
  const conclusions = concludeTurns(roots, index, copies);
  for (const conclusion of conclusions) addResponse(conclusion);
  return conclusions;
}

/** A wrapper's output may have gone to the calls below it. */
function callersOf(transfers: readonly TraceNode[]): TraceNode[] {
  return [...new Set(transfers.flatMap((node) => [node, ...node.wrapped]))];
}

function addResponse({ root, answer }: TurnConclusion): void {
  if (answer === undefined) return;
  const { draft, agentName, agentId, extraFlag } = answer;
  setDrafts(root, [...root.drafts, draft]);
  root.overrides ??= new Map();
  root.overrides.set(draft, { agent: { agentName, agentId }, ...(extraFlag !== undefined && { extraFlag }) });
}
