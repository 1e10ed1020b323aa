/** Event mapping 2.11 and 3.3 ERROR and CONTROL-FLOW: what failed on a span, what was only a pause or a jump. */

import type { ErrorEvent } from "@nonet/proto/event.ts";
import type { DecodedSpanEvent } from "@nonet/proto/otlp-span.ts";
import { isClaudeCode } from "./dialects/coding-agents.ts";
import { isRecord } from "./json-shape.ts";
import { toCompactJson } from "./json-text.ts";
import { keyList } from "./key-list.ts";
import type { ControlFlow } from "./mapped-span.ts";
import { isPresent } from "./present-value.ts";
import { cutBytes, cutMiddle } from "./sanitise.ts";
import { eventsOf, eventText } from "./span-events.ts";
import { family, type SpanFacts } from "./span-facts.ts";
import type { SpanReader } from "./span-reader.ts";

const controlFlowKinds: ReadonlyMap<string, ControlFlow["kind"] | "none"> = new Map<
  string,
  ControlFlow["kind"] | "none"
>([
  ["GraphInterrupt", "interrupt"],
  ["NodeInterrupt", "interrupt"],
  ["GraphBubbleUp", "interrupt"],
  ["InterruptException", "interrupt"],
  ["ApprovalRequired", "approval"],
  ["CallDeferred", "deferral"],
  ["ParentCommand", "routing"],
  ["Command", "routing"],
  ["GeneratorExit", "none"],
  ["StopIteration", "none"],
  ["StopAsyncIteration", "none"],
]);

export interface RecordedError {
  readonly discriminator: string;
  readonly timeUnixNano: bigint;
  readonly errorType: string;
  readonly message: string | undefined;
  readonly stack: string | undefined;
  readonly handled: boolean;
  readonly sourceKind: ErrorEvent["sourceKind"];
}

export interface ErrorReading {
  /** Evidence of failure, control-flow types left out. */
  readonly failed: boolean;
  readonly errors: readonly RecordedError[];
  /** Types of control flow seen on the span, in order, each once. */
  readonly controlFlow: readonly {
    readonly type: string;
    readonly kind: ControlFlow["kind"];
    readonly reason: string | undefined;
  }[];
  /** The span ended in one of them, `GeneratorExit` and the like included, and did not fail otherwise. */
  readonly endedInControlFlow: boolean;
}

interface ToolOutcome {
  readonly isError: boolean;
  /** Text of the result, for a failed tool that says nothing else. */
  readonly resultText: string | undefined;
}

const statedTypeKeys = keyList(["error.type", "error_type"]);
const statedMessageKeys = keyList(["error.message", "error_message", "error.msg"]);

const noErrors: ErrorReading = { failed: false, errors: [], controlFlow: [], endedInControlFlow: false };

/** @param tool the outcome of a tool span by its own attributes (2.9); undefined for other classes. */
export function readErrors(facts: SpanFacts, tool: ToolOutcome | undefined): ErrorReading {
  const { reader, span } = facts;
  reader.field = "errorType";
  const exceptions = span.events.length === 0 ? [] : readExceptions(reader);
  const statusText = span.statusCode === 2 ? parseStatusText(span.statusMessage) : undefined;
  const statedType = cleanType(reader.first(statedTypeKeys), reader);
  const deferral = (facts.families & family.pydantic) === 0 ? undefined : reader.name("pydantic_ai.tool.deferral.name");
  if (
    exceptions.length === 0 &&
    span.statusCode !== 2 &&
    statedType === undefined &&
    deferral === undefined &&
    !mayFail(facts, tool)
  )
    return noErrors;

  const controlFlow = new Map<string, { type: string; kind: ControlFlow["kind"]; reason: string | undefined }>();
  let endedInControlFlow = false;
  const note = (type: string | undefined, reason: string | undefined) => {
    const known = controlFlowOf(type);
    if (known === undefined) return false;
    endedInControlFlow = true;
    if (known.kind !== "none" && !controlFlow.has(known.type))
      controlFlow.set(known.type, { type: known.type, kind: known.kind, reason });
    return true;
  };
  const real = exceptions.filter((exception) => !note(exception.errorType, exception.message));
  const attributeIsControl = note(statedType, undefined);
  const statusIsControl = statusText !== undefined && note(statusText.leadingWord, statusText.rest);
  note(deferral, undefined);

  const attributeError = readErrorAttribute(facts);
  // A failed status is evidence unless all that the span says about it is control flow.
  const onlyControl = endedInControlFlow && (attributeIsControl || statusIsControl || real.length === 0);
  const failed =
    (span.statusCode === 2 && !onlyControl) ||
    (statedType !== undefined && !attributeIsControl) ||
    attributeError !== undefined ||
    (tool?.isError === true && !(onlyControl && span.statusCode === 2)) ||
    (!onlyControl && hasLevelEvidence(facts));

  const errors =
    failed && real.length === 0
      ? [statusError(facts, statedType, statusText, attributeError, tool)]
      : settle(real, failed);
  return { failed, errors, controlFlow: [...controlFlow.values()], endedInControlFlow: endedInControlFlow && !failed };
}

/** False when the remaining kinds of evidence cannot be there. */
function mayFail(facts: SpanFacts, tool: ToolOutcome | undefined): boolean {
  return (
    tool?.isError === true || hasLevelEvidence(facts) || facts.reader.attributes.has("error") || isClaudeCode(facts)
  );
}

function hasLevelEvidence(facts: SpanFacts): boolean {
  const { reader, families } = facts;
  if ((families & family.logfire) !== 0 && (reader.number("logfire.level_num") ?? 0) >= 17) return true;
  if ((families & family.langfuse) !== 0 && reader.word("langfuse.observation.level") === "error") return true;
  return isClaudeCode(facts) && reader.boolean("success") === false;
}

interface RecordedException {
  readonly index: number;
  readonly timeUnixNano: bigint;
  readonly errorType: string;
  readonly message: string | undefined;
  readonly stack: string | undefined;
}

const exceptionEvents: ReadonlySet<string> = new Set([
  "exception",
  "gen_ai.client.operation.exception",
  "agent.step_recovery",
]);
const typeKeys = ["exception.type", "error.type", "type"] as const;
const messageKeys = ["exception.message", "error.message", "message"] as const;
const stackKeys = ["exception.stacktrace", "stacktrace"] as const;

function readExceptions(reader: SpanReader): RecordedException[] {
  const { limits } = reader;
  const exceptions: RecordedException[] = [];
  const seen = new Set<string>();
  eventsOf(reader).forEach((event, index) => {
    if (!exceptionEvents.has(event.name) && event.name !== "error") return;
    const message = eventText(reader, event, messageKeys);
    if (event.name === "error" && message === undefined) return;
    const exception = toException(reader, event, index, message);
    const key = `${exception.errorType}\n${exception.message ?? ""}`;
    if (seen.has(key)) return;
    seen.add(key);
    // The last is always kept: it is the one that says how the span ended.
    if (exceptions.length === limits.exceptionsMax) {
      reader.exceeded("exceptionsMax");
      exceptions.pop();
    }
    exceptions.push(exception);
  });
  return exceptions;
}

function toException(
  reader: SpanReader,
  event: DecodedSpanEvent,
  index: number,
  sent: string | undefined,
): RecordedException {
  const stack = eventText(reader, event, stackKeys);
  const type = cleanType(eventText(reader, event, typeKeys), reader) ?? "error";
  const inner = type === "Exception" && sent !== undefined ? parseRepresentation(sent) : undefined;
  return {
    index,
    timeUnixNano: event.timeUnixNano,
    errorType: inner?.type ?? type,
    message: limitMessage(reader, inner?.message ?? sent),
    stack: stack === undefined ? undefined : limitStack(reader, stack),
  };
}

/** LangSmith records a bare `Exception` whose message is the real one's `repr` and a traceback (corpus). */
function parseRepresentation(message: string): { type: string; message: string } | undefined {
  const traceback = message.indexOf("Traceback (most recent call last)");
  if (traceback < 0) return undefined;
  const found = /^([A-Za-z_][\w.]{0,199})\((['"])([\s\S]*)\2,?\)\s*$/.exec(message.slice(0, traceback));
  const [, type, , text] = found ?? [];
  return type === undefined || text === undefined ? undefined : { type, message: text };
}

/** Step 3: with evidence the last one is what ended the span, the others were handled. */
function settle(exceptions: readonly RecordedException[], failed: boolean): RecordedError[] {
  return exceptions.map((exception, position) => ({
    discriminator: `e${exception.index}`,
    timeUnixNano: exception.timeUnixNano,
    errorType: exception.errorType,
    message: exception.message,
    stack: exception.stack,
    handled: !(failed && position === exceptions.length - 1),
    sourceKind: "exception_event",
  }));
}

function statusError(
  facts: SpanFacts,
  statedType: string | undefined,
  statusText: StatusText | undefined,
  attributeError: string | undefined,
  tool: ToolOutcome | undefined,
): RecordedError {
  const { reader, span } = facts;
  const claudeStatus = isClaudeCode(facts) ? reader.name("status_code") : undefined;
  reader.field = "message";
  const statedMessage = reader.firstText(statedMessageKeys);
  const levelMessage =
    (facts.families & family.langfuse) === 0 ? undefined : reader.text("langfuse.observation.status_message");
  const message =
    statedMessage ?? attributeError ?? levelMessage ?? statusText?.rest ?? statusText?.text ?? tool?.resultText;
  const fromAttribute =
    span.statusCode !== 2 && (statedType !== undefined || statedMessage !== undefined || attributeError !== undefined);
  return {
    discriminator: "status",
    timeUnixNano: span.endTimeUnixNano,
    errorType: statedType ?? statusText?.type ?? claudeStatus ?? "error",
    message: limitMessage(reader, message),
    stack: undefined,
    handled: false,
    sourceKind: fromAttribute ? "attribute" : "status",
  };
}

/** JSON attribute `error` with a message (Logfire), or its text on Claude Code spans. */
function readErrorAttribute(facts: SpanFacts): string | undefined {
  const { reader } = facts;
  if (!reader.attributes.has("error")) return undefined;
  const error = reader.json("error");
  if (typeof error === "string") return isClaudeCode(facts) ? error : undefined;
  if (!isRecord(error) || typeof error["message"] !== "string" || !isPresent(error["message"])) return undefined;
  const detail = isRecord(error["data"]) ? error["data"]["error"] : undefined;
  if (!isPresent(detail)) return error["message"];
  return `${error["message"]}: ${typeof detail === "string" ? detail : toCompactJson(detail ?? null)}`;
}

interface StatusText {
  /** The whole text; undefined when there is none. */
  readonly text: string | undefined;
  /** Of `SomeError: rest`. */
  readonly type: string | undefined;
  readonly rest: string | undefined;
  /** The identifier the text begins with, as in `GraphInterrupt(...)`. */
  readonly leadingWord: string | undefined;
}

const errorNameEnding = /(Error|Exception|Interrupt|Timeout|Exit|Cancelled)$/;

/** A plain `Error: ` is what JavaScript puts before any message and says nothing. */
function parseStatusText(message: string): StatusText {
  if (!isPresent(message)) return { text: undefined, type: undefined, rest: undefined, leadingWord: undefined };
  const leadingWord = /^[A-Za-z_][\w.]{0,199}/.exec(message)?.[0];
  if (leadingWord === undefined) return { text: message, type: undefined, rest: undefined, leadingWord };
  const after = message.slice(leadingWord.length);
  if (after.startsWith(":") && leadingWord !== "Error" && errorNameEnding.test(leadingWord)) {
    return { text: message, type: leadingWord, rest: after.slice(1).trim(), leadingWord };
  }
  const isWholeWord = after === "" || after.startsWith("(") || after.startsWith(":");
  return { text: message, type: undefined, rest: undefined, leadingWord: isWholeWord ? leadingWord : undefined };
}

function controlFlowOf(type: string | undefined): { type: string; kind: ControlFlow["kind"] | "none" } | undefined {
  if (type === undefined) return undefined;
  const last = type.slice(type.lastIndexOf(".") + 1);
  const kind = controlFlowKinds.get(last);
  return kind === undefined ? undefined : { type: last, kind };
}

/** `<class 'x.Y'>` is `x.Y`. */
function cleanType(value: unknown, reader: SpanReader): string | undefined {
  if (typeof value !== "string") return typeof value === "number" ? String(value) : undefined;
  const className = /^<class '([^']{1,200})'>$/.exec(value.trim())?.[1];
  return reader.toName(className ?? value);
}

function limitMessage(reader: SpanReader, message: string | undefined): string | undefined {
  if (message === undefined || message === "") return undefined;
  reader.noteText(message);
  const cut = cutBytes(message, reader.limits.errorMessageBytesMax);
  if (cut.length !== message.length) reader.exceeded("errorMessageBytesMax");
  return cut;
}

function limitStack(reader: SpanReader, stack: string): string {
  const cut = cutMiddle(stack, reader.limits.errorStackBytesMax);
  if (cut.length !== stack.length) reader.exceeded("errorStackBytesMax");
  return cut;
}

const tripwireText = /guardrail tripwire triggered/i;

/** OpenAI Agents tell only in the status of the span around a guardrail that it tripped (corpus). */
export function readTripwire(facts: SpanFacts): { readonly guardrailName: string | undefined } | undefined {
  const { statusCode, statusMessage } = facts.span;
  if (statusCode !== 2 || statusMessage.length > 8_192 || !tripwireText.test(statusMessage)) return undefined;
  const quoted = /["']guardrail["']\s*:\s*["']([^"']{1,256})["']/.exec(statusMessage)?.[1];
  return { guardrailName: quoted };
}
