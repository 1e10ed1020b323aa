/** The model calls that make one conversation with the primary generation. Source: tenant-traces.md 5.2. */
import type { FoldedSpan, FoldedTrace } from "@nonet/processor/fold/folded-trace.ts";
import { lookupDepthMax } from "@nonet/processor/fold/trace-node.ts";
import { generationsOf } from "@nonet/processor/fold/trace-summary.ts";
import type { LlmCallEvent } from "@nonet/proto/event.ts";

/** The calls with the same nearest agent above as the primary's, in event order. */
export function threadOf(trace: FoldedTrace, primary: LlmCallEvent): LlmCallEvent[] {
  const spans = new Map(trace.spans.map((span) => [span.spanId, span]));
  const agentOf = (call: LlmCallEvent): FoldedSpan | undefined => agentAbove(spans.get(call.spanId));
  const agent = agentOf(primary);
  return generationsOf(trace).filter((call) => agentOf(call) === agent);
}

function agentAbove(span: FoldedSpan | undefined): FoldedSpan | undefined {
  let distance = 0;
  for (let above = span?.parent; above !== undefined && distance < lookupDepthMax; above = above.parent, distance++) {
    if (above.class === "agent") return above;
  }
  return undefined;
}
