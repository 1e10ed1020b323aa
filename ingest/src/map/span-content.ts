/** What the class of a span makes of it: its events, and the fields of `MappedSpan` that only some classes have. */
import type { ControlFlow, EventDraft, MappedSpan } from "./mapped-span.ts";

type ClassField =
  | "nestable"
  | "pendingToolCalls"
  | "outputText"
  | "outputMessages"
  | "toolName"
  | "toolNorm"
  | "callId"
  | "toolHandoff"
  | "handoffTargetNorm"
  | "commandTargets"
  | "rootAnswer"
  | "codexModel"
  | "toolExecutionFailed"
  | "tripwire"
  | "mcp";

/** Filled by the readers of the class of the span, once; see `MappedSpan`. */
export type SpanContent = { -readonly [Field in ClassField]: MappedSpan[Field] } & {
  drafts: EventDraft[];
  controlFlow: readonly ControlFlow[];
  failed: boolean;
};

/** Nothing but whether the span failed. All members are there from the start, so that all contents have one shape. */
export function createContent(failed: boolean): SpanContent {
  return {
    drafts: [],
    controlFlow: none,
    failed,
    nestable: false,
    pendingToolCalls: false,
    outputText: undefined,
    outputMessages: undefined,
    toolName: undefined,
    toolNorm: undefined,
    callId: undefined,
    toolHandoff: undefined,
    handoffTargetNorm: undefined,
    commandTargets: none,
    rootAnswer: undefined,
    codexModel: undefined,
    toolExecutionFailed: false,
    tripwire: undefined,
    mcp: undefined,
  };
}

const none: readonly never[] = [];
