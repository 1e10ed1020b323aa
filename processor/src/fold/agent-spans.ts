/** The agent spans of a trace, to name the target of a handoff. Source: event-mapping.md 2.5 (norm), 2.10, 3.3 CALL-HANDOFF. */
import { norm } from "@nonet/ingest/map/read-agent.ts";
import type { TraceNode } from "./trace-node.ts";

/** How many agent spans after a handoff are looked at. */
const candidatesMax = 512;

export interface AgentSpans {
  /** The name an agent span has, for a name that is equal to it by `norm`; of several the earliest. */
  realName(name: string): string | undefined;
  /** The first agent span of the turn that starts at or after a time and passes the test. */
  firstFrom(time: bigint, turnRoot: TraceNode | undefined, test: (agent: TraceNode) => boolean): TraceNode | undefined;
}

/** @param agents  the agent spans that have a name, by (start, span id). */
export function collectAgentSpans(agents: readonly TraceNode[]): AgentSpans {
  const names = new Map<string, string>();
  for (const agent of agents) {
    const name = agent.span.ownAgentName ?? "";
    const key = norm(name);
    if (!names.has(key)) names.set(key, name);
  }
  return {
    realName: (name) => names.get(norm(name)),
    firstFrom(time, turnRoot, test) {
      let low = 0;
      let high = agents.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((agents[middle] as TraceNode).startTimeUnixNano < time) low = middle + 1;
        else high = middle;
      }
      for (const agent of agents.slice(low, low + candidatesMax)) {
        if (agent.turnRoot === turnRoot && test(agent)) return agent;
      }
      return undefined;
    },
  };
}
