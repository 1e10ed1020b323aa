/**
 * What Stage A knows of one span, and all that Stage B may ask about it.
 *
 * Stage A (`mapSpan`) is a pure function of one span with its scope and resource. Stage B (`processor/src/fold`) finishes the drafts: it adds
 * ids, session, user, agent, turn and run, folds copies away and finds the response. Source: event-mapping.md section 0.
 *
 * What Stage B has to do to a draft, because it needs other spans:
 * - `llm_call`: `name` again (responseModel, requestModel, span name) after LLM-NEST or `codexModel` changed a model; the `tool_selection` decision
 *   again when the messages came from a wrapper (`toolSelection` in `tool-selection.ts` builds it from an llm draft).
 * - `decision` and `handoff` of rules HANDOFF-* and TOOL-HANDOFF: `fromAgent` where absent, `toAgent` and `selected` (absent when the span does not
 *   say: the next agent span; equal by `norm` to an agent span: its real name), and both names (`target` or `?`; `from -> to`).
 * - `decision` planning: `name` is the agent when there is one. CLAUDE-APPROVAL: `name` and `callId` of the tool span above.
 * - `tool_result` of a tool whose `claude_code.tool.execution` child failed (`toolExecutionFailed`): `isError`, status, message.
 * - `guardrail_eval` with result `unknown` beside a parent with `tripwire`: result `fail`, action `block`.
 * - `error`: `propagated` (false in drafts) and `originSpanId`.
 */
import type { AgentEvent, EventFlag, Message, SpanClass, TokenUsage } from "@nonet/proto/event.ts";
import type { JsonObject } from "@nonet/proto/json.ts";
import type { DecodedSpanLink } from "@nonet/proto/otlp-span.ts";

/** Fields that only Stage B can fill. */
type StageBField =
  | "eventId"
  | "traceId"
  | "spanId"
  | "parentSpanId"
  | "sessionId"
  | "sessionIdSource"
  | "userId"
  | "turnId"
  | "runId"
  | "agentName"
  | "agentId"
  | "scopeName"
  | "serviceName"
  | "environment"
  | "tags"
  | "metadata"
  | "flags"
  | "duplicateOf";

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/**
 * An event of one span before Stage B. `discriminator` is that of event mapping 1.3, `phase` where 1.4 puts it: among the start events of
 * the span or among its end events. Drafts of one span stand in the order in which they are emitted.
 */
export type EventDraft = DistributiveOmit<AgentEvent, StageBField> & {
  readonly discriminator: string;
  readonly phase: "start" | "end";
};

/** Evidence on a span of a control-flow type: a pause or a jump, never an error (3.3 CONTROL-FLOW). Only the deepest span of each type emits. */
export interface ControlFlow {
  /** Last dotted segment, e.g. `GraphInterrupt`, `ApprovalRequired`; `pydantic_ai.tool.deferral.name` gives its own. */
  readonly type: string;
  readonly kind: "interrupt" | "approval" | "deferral" | "routing";
  /** The decision to emit if this is the deepest span of that type. */
  readonly draft: EventDraft;
}

/** A tool span that hands over (2.10); its drafts are among the start events, `handoff` only when the tool did not fail. */
export interface ToolHandoff {
  /** As the tool or its arguments name it; `undefined` when content was not captured (`transfer_to_agent` without arguments). */
  readonly target: string | undefined;
  readonly mechanism: "transfer" | "delegation";
  readonly message: string | undefined;
}

/** What the span would answer if it were the root of a turn (event mapping section 4). Read for agent, workflow and chain spans. */
export interface RootAnswer {
  /** Steps 1 to 3; undefined when none gives a text. */
  readonly content: string | undefined;
  readonly finishReason: string | undefined;
  readonly usageAggregate: (TokenUsage & { cost?: number }) | undefined;
  /** `gen_ai.workflow.name` and the like, for `name` when there is no agent. */
  readonly workflowName: string | undefined;
  /** The output has a non-empty `__interrupt__`. */
  readonly interrupted: boolean;
}

export interface MappedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly startTimeUnixNano: bigint;
  /** 0 while open. */
  readonly endTimeUnixNano: bigint;
  /** Raw OTLP kind and status, for the node. */
  readonly kind: number;
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly links: readonly DecodedSpanLink[];

  readonly class: SpanClass;
  readonly ruleId: string;
  readonly scopeName: string;
  readonly serviceName: string | undefined;
  readonly environment: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly metadata: JsonObject | undefined;
  /** Sorted, without those Stage B adds (`clock_skew` against the parent, `content_missing`). */
  readonly flags: readonly EventFlag[];

  /** 2.4, the span's own. */
  readonly ownSessionId: string | undefined;
  readonly resourceSessionId: string | undefined;
  readonly ownUserId: string | undefined;
  /** 2.5, the span's own agent name; `undefined` on handoff and guardrail spans, whose attributes often name another agent. */
  readonly ownAgentName: string | undefined;
  readonly ownAgentId: string | undefined;
  /** Section 4: `gen_ai.agent.call.id` and the like. */
  readonly runId: string | undefined;

  /** Events without the conditional ones below: `llm_call` and its tool_selection, tool_call/tool_result, guardrail_eval, decision, state_change, EVT and ATTR events, errors. */
  readonly drafts: readonly EventDraft[];
  readonly controlFlow: readonly ControlFlow[];
  /** 3.3 ERROR step 2, control-flow types left out. For plain and inert spans: status ERROR. */
  readonly failed: boolean;

  /** Class llm, embedding, rerank: may it be a wrapper (not GENAI-MEDIA)? */
  readonly nestable: boolean;
  /** The reported output has tool calls without their results in the same output, or a finish reason `tool_calls`. */
  readonly pendingToolCalls: boolean;
  /** Last assistant text of the output, trimmed to what 2.6 gives; for the answering call and `last_llm_call`. */
  readonly outputText: string | undefined;
  readonly outputMessages: readonly Message[] | undefined;
  /** Tool and retrieval spans: name, its `norm`, call id. */
  readonly toolName: string | undefined;
  readonly toolNorm: string | undefined;
  readonly callId: string | undefined;
  readonly toolHandoff: ToolHandoff | undefined;
  /** Handoff spans: target as `norm`, to suppress the tool's handoff beside it. */
  readonly handoffTargetNorm: string | undefined;
  /** LangGraph under OpenInference: agents or nodes that a `Command` in the output of a node or tool goes to; empty for other spans. */
  readonly commandTargets: readonly string[];
  readonly rootAnswer: RootAnswer | undefined;
  /** Codex: `model` of a `session_task.turn` span, inherited by CODEX-LLM calls below. */
  readonly codexModel: string | undefined;
  /** Claude Code: this span is a `claude_code.tool.execution` with `success` false; its parent tool failed. */
  readonly toolExecutionFailed: boolean;
  /** OpenAI Agents: the status message says that a guardrail tripped here; names it where the message does. */
  readonly tripwire: { readonly guardrailName: string | undefined } | undefined;
  /** MCP fields of a tool span, for TOOL-NEST. */
  readonly mcp: { method?: string; sessionId?: string; protocolVersion?: string; requestId?: string } | undefined;
  /** Total attributes, for 1.3 "one span delivered twice"; compare the canonical JSON of the two `MappedSpan`s last. */
  readonly attributeCount: number;
  /** Set when a rule threw: the id of the rule or reader. The span is then a plain node. */
  readonly defect: string | undefined;
}
