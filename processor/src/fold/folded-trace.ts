/** What Stage B knows about one trace: its events in order, one node per kept span, and its turns. Source: event-mapping.md 3.4, 4; session-traces.md 1.3, 1.5. */
import type { AgentEvent, EventFlag, SessionIdSource, SpanClass } from "@nonet/proto/event.ts";
import type { JsonObject } from "@nonet/proto/json.ts";

/**
 * One span of the trace, with what Stage B concluded for it. Spans of class `drop` have no node. Nodes that come from `foldState` belong to
 * its state and are brought up to date in place by the next `foldState`; events are never changed once made.
 */
export interface FoldedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** As sent, also when that span was never received. */
  readonly parentSpanId: string | undefined;
  /** Position in the depth-first walk over the trace, from 0: the tie-break of the order of 1.4. */
  readonly position: number;
  /** The parent within the trace after cycles were cut; absent for roots and orphans. */
  readonly parent: FoldedSpan | undefined;
  /** By (start, end, spanId). */
  readonly children: readonly FoldedSpan[];
  /** `parentSpanId` is set but that span was never received. */
  readonly orphan: boolean;
  readonly name: string;
  readonly class: SpanClass;
  readonly ruleId: string;
  readonly startTimeUnixNano: bigint;
  /** 0 while the span is open. */
  readonly endTimeUnixNano: bigint;
  /** Event mapping 1.4. */
  readonly effectiveStartUnixNano: bigint;
  readonly effectiveEndUnixNano: bigint;
  readonly sessionId: string;
  readonly sessionIdSource: SessionIdSource;
  readonly userId: string | undefined;
  readonly turnId: string;
  readonly runId: string | undefined;
  readonly agentName: string | undefined;
  readonly agentId: string | undefined;
  /** Of an agent, workflow or chain span that states one (event mapping section 4, Agent). */
  readonly workflowName: string | undefined;
  readonly environment: string | undefined;
  readonly serviceName: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly metadata: JsonObject | undefined;
  readonly flags: readonly EventFlag[];
  /** session-traces.md 1.3: evidence of failure; for `plain` and `inert`, status ERROR. */
  readonly failed: boolean;
  /** Rules of 3.4 that touched the span, for `explain`: e.g. `LLM-NEST wrapper`, `TOOL-NEST merged into 00f0…`. */
  readonly stageB: readonly string[];
  /** Events of this span, in their order. */
  readonly events: readonly AgentEvent[];
}

export interface FoldedTurn {
  /** `traceId:spanId` of the turn root, or the bare trace id for spans outside any container. */
  readonly turnId: string;
  readonly runId: string | undefined;
  readonly root: FoldedSpan | undefined;
  /** Events of the turn, in order. */
  readonly events: readonly AgentEvent[];
  /** session-traces.md 1.5: ended by an interrupt, approval or deferral and not resumed in this trace. */
  readonly paused: boolean;
}

export interface FoldedTrace {
  readonly traceId: string;
  /** Walk order: (effective start, position in the depth-first walk), session-traces.md 1.11. */
  readonly spans: readonly FoldedSpan[];
  /** In walk order of their roots; the turn of what lies outside any container comes last, and only if it has events. */
  readonly turns: readonly FoldedTurn[];
  /** The complete list in the order of event mapping 1.4. */
  readonly events: readonly AgentEvent[];
  /** More spans came than Stage B folds (contracts/README.md ruling 9). */
  readonly overflow: boolean;
}
