/** One turn after another under an agent each, span by span, for tests of what follows from them. */
import type { SessionView } from "../session-view.ts";
import { type AttributeInput, decodeRequest, type SpanInput, toExportRequest } from "./otlp-request.ts";
import { viewOf } from "./view-of.ts";

export interface StepInput {
  /** Milliseconds from the start of the turn. */
  readonly at: number;
  readonly ms: number;
  /** An error with this message, recorded at the span's end. */
  readonly failure?: string;
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  /** Name of the step whose span is the parent; default the agent of the turn. */
  readonly under?: string;
  /** To hang others under it. */
  readonly as?: string;
}

export interface TurnBuilder {
  readonly spans: SpanInput[];
  /** Begins a turn, `at` ms from the start of the session. */
  turn(at: number, ms: number, options?: { readonly failure?: string; readonly sessionId?: string }): TurnBuilder;
  call(input: StepInput & { readonly model?: string; readonly tools?: readonly object[]; readonly messages?: readonly object[]; readonly answer?: object }): TurnBuilder;
  tool(name: string, input: StepInput & { readonly args?: object; readonly result?: object; readonly id?: string }): TurnBuilder;
  handoff(from: string, to: string, input: StepInput): TurnBuilder;
  agent(name: string, input: StepInput): TurnBuilder;
  guardrail(name: string, input: StepInput & { readonly target: string; readonly result: string; readonly action?: string }): TurnBuilder;
  view(): SessionView;
}

export const sessionStartMs = 1_777_885_200_000;

export function buildSession(): TurnBuilder {
  const spans: SpanInput[] = [];
  const names = new Map<string, string>();
  let turns = 0;
  let turnStart = sessionStartMs;
  let rootId = "";
  const traceId = (): string => turns.toString(16).padStart(32, "0");
  const nano = (ms: number): bigint => BigInt(Math.round((turnStart + ms) * 1000)) * 1000n;

  function add(name: string, input: StepInput, attributes: Readonly<Record<string, AttributeInput>>): TurnBuilder {
    const spanId = (spans.length + 1).toString(16).padStart(16, "0");
    if (input.as !== undefined) names.set(input.as, spanId);
    const end = nano(input.at + input.ms);
    spans.push({
      traceId: traceId(),
      spanId,
      parentSpanId: input.under === undefined ? rootId : (names.get(input.under) ?? rootId),
      name,
      start: nano(input.at),
      end,
      attributes: { ...attributes, ...input.attributes },
      ...failureOf(input.failure, end),
    });
    return builder;
  }

  const builder: TurnBuilder = {
    spans,
    turn(at, ms, options = {}) {
      turns += 1;
      turnStart = sessionStartMs + at;
      rootId = (spans.length + 1).toString(16).padStart(16, "0");
      const end = nano(ms);
      spans.push({
        traceId: traceId(),
        spanId: rootId,
        name: "invoke_agent main",
        start: nano(0),
        end,
        attributes: {
          "gen_ai.operation.name": "invoke_agent",
          "gen_ai.agent.name": "main",
          "session.id": options.sessionId ?? "s",
        },
        ...failureOf(options.failure, end),
      });
      return builder;
    },
    call({ model = "gpt-4o", tools, messages, answer, ...input }) {
      return add(`chat ${model}`, input, {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        ...(tools === undefined ? {} : { "gen_ai.tool.definitions": tools }),
        ...(messages === undefined ? {} : { "gen_ai.input.messages": messages }),
        ...(answer === undefined ? {} : { "gen_ai.output.messages": [answer] }),
      });
    },
    tool(name, { args, result, id, ...input }) {
      return add(`execute_tool ${name}`, input, {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        ...(id === undefined ? {} : { "gen_ai.tool.call.id": id }),
        ...(args === undefined ? {} : { "gen_ai.tool.call.arguments": JSON.stringify(args) }),
        ...(result === undefined ? {} : { "gen_ai.tool.call.result": JSON.stringify(result) }),
      });
    },
    handoff: (from, to, input) =>
      add("handoff", input, { "gen_ai.handoff.from_agent": from, "gen_ai.handoff.to_agent": to }),
    agent: (name, input) =>
      add(`invoke_agent ${name}`, input, { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name }),
    guardrail: (name, { target, result, action, ...input }) =>
      add(`guardrail ${name}`, input, {
        "gen_ai.guardrail.name": name,
        "gen_ai.guardrail.target.type": target,
        "gen_ai.guardrail.result": result,
        ...(action === undefined ? {} : { "gen_ai.guardrail.action": action }),
      }),
    view: () => viewOf(decodeRequest(toExportRequest(spans)), { tenantId: "t", projectId: "p", sessionId: "s" }),
  };
  return builder;
}

function failureOf(failure: string | undefined, time: bigint): Partial<SpanInput> {
  if (failure === undefined) return {};
  const attributes = { "exception.type": "Failure", "exception.message": failure };
  return { status: { code: 2 }, events: [{ name: "exception", time, attributes }] };
}

export function says(text: string): object {
  return { role: "assistant", parts: [{ type: "text", content: text }], finish_reason: "stop" };
}

export function asks(...calls: readonly { id?: string; name: string; args?: object }[]): object {
  const parts = calls.map(({ id, name, args }) => ({
    type: "tool_call",
    ...(id === undefined ? {} : { id }),
    name,
    arguments: JSON.stringify(args ?? {}),
  }));
  return { role: "assistant", parts, finish_reason: "tool_calls" };
}

export function userSays(text: string): object {
  return { role: "user", parts: [{ type: "text", content: text }] };
}
