/**
 * Compares the events of a capture with its `expected.json`, in the words of someone who looks at the run.
 *
 * Values are compared as the mapping reads them: a structured value and its JSON text are the same, names of tools and agents are equal
 * when they are after `norm` (event-mapping.md 2.5), an error type by its last dotted segment, a message by containment.
 */
import type {
  AgentEvent,
  DecisionEvent,
  ErrorEvent,
  HandoffEvent,
  LlmCallEvent,
  ToolCallEvent,
  ToolResultEvent,
} from "@nonet/proto/event.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { ExpectedCapture, ExpectedLlmCall, ExpectedToolCall } from "./expected-capture.ts";

/** One line per difference, empty when all is as it should be. */
export function compareCapture(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const ordered = [...events].sort((a, b) => {
    const difference = BigInt(a.timeUnixNano) - BigInt(b.timeUnixNano);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  });
  return [
    ...compareLlmCalls(ordered, expected.llmCalls),
    ...compareToolCalls(ordered, expected),
    ...compareHandoffs(ordered, expected),
    ...compareGuardrails(ordered, expected),
    ...compareErrors(ordered, expected),
    ...compareAnswers(ordered, expected),
    ...compareSessions(ordered, expected),
    ...compareDecisions(ordered, expected),
  ];
}

function isType<Type extends AgentEvent["eventType"]>(type: Type) {
  return (event: AgentEvent): event is Extract<AgentEvent, { eventType: Type }> => event.eventType === type;
}

function compareLlmCalls(events: readonly AgentEvent[], expected: readonly ExpectedLlmCall[]): string[] {
  const calls = events.filter(isType("llm_call")).filter((call) => call.duplicateOf === undefined);
  const selections = events.filter(isType("decision")).filter((event) => event.decisionKind === "tool_selection");
  const differences: string[] = [];
  if (calls.length !== expected.length) {
    differences.push(
      `llmCalls: ${expected.length} true calls, ${calls.length} llm_call events that are not duplicates: ${calls.map(where).join("; ")}`,
    );
    return differences;
  }
  for (const [index, wanted] of expected.entries()) {
    const call = calls[index] as LlmCallEvent;
    const selection = selections.find((event) => event.spanId === call.spanId && event.traceId === call.traceId);
    const fields: [string, unknown, unknown][] = [
      ["operation", wanted.operation, call.operation],
      ["model", wanted.model, call.responseModel ?? call.requestModel],
      ["requestModel", wanted.requestModel, call.requestModel],
      ["responseModel", wanted.responseModel, call.responseModel],
      ["responseId", wanted.responseId, call.responseId],
      ["inputTokens", wanted.inputTokens, call.inputTokens],
      ["outputTokens", wanted.outputTokens, call.outputTokens],
      ["cachedInputTokens", wanted.cachedInputTokens, call.cachedInputTokens],
      ["reasoningTokens", wanted.reasoningTokens, call.reasoningTokens],
      ["finishReason", wanted.finishReason, call.finishReasons?.join(",")],
      ["status", wanted.status, call.status],
      ["text", wanted.text, lastAssistantText(call)],
      ["toolCallsAsked", wanted.toolCallsAsked && [...wanted.toolCallsAsked].sort(), askedNames(selection)],
      ["askedArguments", wanted.askedArguments?.map(canonical).sort(), selection?.calls?.map(argumentsOf).sort()],
    ];
    for (const [field, want, got] of fields) {
      if (want === undefined || canonical(want as Json) === canonical(got as Json)) continue;
      differences.push(`llmCalls[${index}].${field}: expected ${show(want)}, got ${show(got)} on ${where(call)}`);
    }
  }
  return differences;
}

function askedNames(selection: DecisionEvent | undefined): string[] {
  if (selection === undefined) return [];
  const names = selection.calls?.map((call) => call.toolName ?? "?") ?? [];
  return (names.length > 0 ? names : [...(selection.selected ?? ["?"])]).sort();
}

function argumentsOf(call: { arguments?: Json }): string {
  return canonical(call.arguments ?? {});
}

function lastAssistantText(call: LlmCallEvent): string | undefined {
  const message = call.outputMessages?.findLast((candidate) => candidate.role === "assistant");
  const texts = message?.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return texts !== undefined && texts.length > 0 ? texts.join("\n") : undefined;
}

function compareToolCalls(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const all = events.filter(isType("tool_call"));
  const retrievals = all.filter((call) => call.toolType === "retrieval" || call.toolType === "memory");
  const calls = all.filter((call) => !retrievals.includes(call));
  const results = events.filter(isType("tool_result"));
  const differences: string[] = [];
  const wantedNames = [...expected.toolCalls.map((call) => call.name), ...(expected.frameworkTools ?? [])];
  if (namesOf(calls.map((call) => call.toolName)) !== namesOf(wantedNames)) {
    differences.push(
      `toolCalls: expected ${show(wantedNames)}, got ${show(calls.map((call) => call.toolName))}: ${calls.map(where).join("; ")}`,
    );
  }
  const foundRetrievals = retrievals.map((call) => call.toolName);
  if (namesOf(foundRetrievals) !== namesOf(expected.retrievals ?? [])) {
    differences.push(`retrievals: expected ${show(expected.retrievals ?? [])}, got ${show(foundRetrievals)}`);
  }
  const free = new Set(calls);
  for (const [index, wanted] of expected.toolCalls.entries()) {
    const named = [...free].filter((call) => norm(call.toolName) === norm(wanted.name));
    const call = bestMatch(named, results, wanted) ?? (named.length > 0 ? named[0] : undefined);
    if (call === undefined) {
      differences.push(`toolCalls[${index}]: no tool_call of ${wanted.name} with ${show(wanted.arguments)}`);
      continue;
    }
    free.delete(call);
    differences.push(...compareOneTool(index, wanted, call, resultOf(call, results)));
  }
  return differences;
}

/** Parallel calls of one tool are told apart by their arguments, and a paused call from its resumption by the missing result. */
function bestMatch(named: ToolCallEvent[], results: ToolResultEvent[], wanted: ExpectedToolCall) {
  return named.find(
    (call) =>
      (wanted.arguments === undefined || canonical(call.arguments) === canonical(wanted.arguments)) &&
      (wanted.callId === undefined || call.callId === wanted.callId || call.callId === undefined) &&
      (wanted.paused === true) === (resultOf(call, results) === undefined),
  );
}

function resultOf(call: ToolCallEvent, results: readonly ToolResultEvent[]): ToolResultEvent | undefined {
  return results.find((result) => result.spanId === call.spanId && result.traceId === call.traceId);
}

function compareOneTool(
  index: number,
  wanted: ExpectedToolCall,
  call: ToolCallEvent,
  result: ToolResultEvent | undefined,
): string[] {
  const differences: string[] = [];
  const differ = (field: string, want: unknown, got: unknown) =>
    differences.push(`toolCalls[${index}].${field}: expected ${show(want)}, got ${show(got)} on ${where(call)}`);
  if (wanted.arguments !== undefined && canonical(wanted.arguments) !== canonical(call.arguments)) {
    differ("arguments", wanted.arguments, call.arguments);
  }
  const callId = call.callId ?? result?.callId;
  if (wanted.callId !== undefined && callId !== wanted.callId) differ("callId", wanted.callId, callId);
  if (wanted.paused === true) {
    if (result !== undefined) differ("paused", "no tool_result", result.result ?? result.errorMessage ?? "tool_result");
    return differences;
  }
  if (result === undefined) {
    differ("result", "a tool_result", undefined);
    return differences;
  }
  if (wanted.result !== undefined && canonical(wanted.result) !== canonical(result.result)) {
    differ("result", wanted.result, result.result);
  }
  if (result.isError !== (wanted.isError ?? false)) differ("isError", wanted.isError ?? false, result.isError);
  const message = `${result.errorMessage ?? ""}\n${typeof result.result === "string" ? result.result : ""}`;
  if (wanted.errorMessage !== undefined && !message.includes(wanted.errorMessage)) {
    differ("errorMessage", wanted.errorMessage, result.errorMessage);
  }
  return differences;
}

function compareHandoffs(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const handoffs = events.filter(isType("handoff"));
  const decisions = events.filter(isType("decision")).filter((event) => event.decisionKind === "handoff");
  const got = handoffs.map((event) => `${norm(event.fromAgent ?? "?")} -> ${norm(event.toAgent ?? "?")}`);
  const matches =
    handoffs.length === expected.handoffs.length &&
    expected.handoffs.every(({ from, to }, index) => {
      const event = handoffs[index] as HandoffEvent;
      const fromMatches = from === undefined || norm(event.fromAgent ?? "?") === norm(from);
      return fromMatches && norm(event.toAgent ?? "?") === norm(to);
    });
  const differences: string[] = [];
  if (!matches) differences.push(`handoffs: expected ${show(expected.handoffs)}, got ${show(got)}`);
  if (decisions.length !== handoffs.length) {
    differences.push(`handoffs: ${handoffs.length} handoff events but ${decisions.length} decisions of kind handoff`);
  }
  return differences;
}

function compareGuardrails(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const found = events.filter(isType("guardrail_eval")).filter((event) => event.evalKind === "guardrail");
  const matches =
    found.length === expected.guardrails.length &&
    expected.guardrails.every(({ name, result }) =>
      found.some((event) => norm(event.guardrailName) === norm(name) && (result ?? event.result) === event.result),
    );
  const got = found.map(({ guardrailName, result }) => ({ name: guardrailName, result }));
  return matches ? [] : [`guardrails: expected ${show(expected.guardrails)}, got ${show(got)}`];
}

function compareErrors(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const errors = events.filter(isType("error")).filter((error) => !error.handled && !error.propagated);
  const matches =
    errors.length === expected.errors.length &&
    expected.errors.every(({ type, message }) =>
      errors.some(
        (error: ErrorEvent) =>
          (type === undefined || lastSegment(error.errorType) === lastSegment(type)) &&
          (message === undefined || (error.message ?? "").includes(message)),
      ),
    );
  if (matches) return [];
  const got = errors.map((error) => ({ type: error.errorType, message: error.message, on: where(error) }));
  return [`errors: expected ${show(expected.errors)}, got ${show(got)}`];
}

function compareAnswers(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  if (expected.finalAnswers === null) return [];
  const contents = events
    .filter(isType("response"))
    .flatMap((event) => (event.content === null ? [] : [event.content]));
  const matches = canonical(contents) === canonical([...expected.finalAnswers]);
  return matches ? [] : [`finalAnswers: expected ${show(expected.finalAnswers)}, got ${show(contents)}`];
}

function compareSessions(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const differences: string[] = [];
  const named = events.filter((event) => event.sessionIdSource !== "fallback");
  const sessionIds = [...new Set(named.map((event) => event.sessionId))].sort();
  if (canonical(sessionIds) !== canonical([...expected.sessionIds].sort())) {
    differences.push(`sessionIds: expected ${show(expected.sessionIds)}, got ${show(sessionIds)}`);
  }
  const stray = events.find((event) => event.sessionIdSource === "fallback");
  if (expected.sessionIds.length > 0 && stray !== undefined) {
    differences.push(`sessionIds: ${stray.eventType} on ${where(stray)} is in no session`);
  }
  const userIds = [...new Set(events.flatMap((event) => event.userId ?? []))].sort();
  if (canonical(userIds) !== canonical([...(expected.userIds ?? [])].sort())) {
    differences.push(`userIds: expected ${show(expected.userIds ?? [])}, got ${show(userIds)}`);
  }
  return differences;
}

function compareDecisions(events: readonly AgentEvent[], expected: ExpectedCapture): string[] {
  const decisions = events.filter(isType("decision"));
  const differences: string[] = [];
  const interrupts = decisions.filter((event) => event.decisionKind === "interrupt");
  if (interrupts.length !== (expected.interrupts ?? 0)) {
    differences.push(
      `interrupts: expected ${expected.interrupts ?? 0}, got ${interrupts.length}: ${interrupts.map(where).join("; ")}`,
    );
  }
  if (expected.routes === undefined) return differences;
  const routes = decisions.filter((event) => event.decisionKind === "routing");
  const matches =
    routes.length === expected.routes.length &&
    expected.routes.every(({ source, selected }, index) => {
      const route = routes[index];
      const sourceMatches = source === undefined || route?.source === source;
      return sourceMatches && (selected === undefined || canonical([...selected]) === canonical(route?.selected ?? []));
    });
  if (!matches) {
    const got = routes.map(({ source, selected }) => ({ source, selected }));
    differences.push(`routes: expected ${show(expected.routes)}, got ${show(got)}`);
  }
  return differences;
}

/** Event mapping 2.5. */
function norm(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
}

function namesOf(names: readonly string[]): string {
  return names.map(norm).sort().join(",");
}

function lastSegment(type: string): string {
  return type.split(".").at(-1) ?? type;
}

/** JSON text with sorted keys, in which a text that is JSON itself stands for its value. */
function canonical(value: Json | undefined): string {
  if (value === undefined) return "undefined";
  if (typeof value === "string") {
    const trimmed = value.trim();
    if (!/^(?:[[{]|-?\d|true$|false$)/.test(trimmed)) return JSON.stringify(value);
    try {
      const parsed = JSON.parse(trimmed) as Json;
      return typeof parsed === "string" ? JSON.stringify(parsed) : canonical(parsed);
    } catch {
      // Text that only begins like JSON is compared as text.
      return JSON.stringify(value);
    }
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(",")}]`;
  const object = value as { readonly [key: string]: Json };
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(object[key])}`);
  return `{${members.join(",")}}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

function where(event: AgentEvent): string {
  return `span ${event.spanId} (${event.name}, ${event.ruleId}, ${event.scopeName})`;
}
