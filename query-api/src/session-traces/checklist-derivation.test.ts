/** Lines of the conformance checklist that say what spans become, seen as this API shows it. Source: session-traces.md section 12. */
import { describe, expect, it } from "vitest";
import { toTraceEvent } from "./event-shape.ts";
import { sessionMetrics } from "./metrics.ts";
import type { Session } from "./session.ts";
import type { SessionView } from "./session-view.ts";
import { type AttributeInput, decodeRequest, type SpanInput, toExportRequest } from "./testdata/otlp-request.ts";
import { viewOf } from "./testdata/view-of.ts";
import type { DecisionData, ErrorData, HandoffData, TraceEvent } from "./trace-event.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const startNano = 1_777_885_200_000_000_000n;

type Attributes = Readonly<Record<string, AttributeInput>>;

/** @param times  milliseconds from the start of the trace. */
function span(
  id: string,
  parent: string | undefined,
  times: readonly [number, number],
  attributes: Attributes,
): SpanInput {
  return {
    traceId,
    spanId: id.padStart(16, "0"),
    ...(parent === undefined ? {} : { parentSpanId: parent.padStart(16, "0") }),
    name: String(attributes["name"] ?? attributes["gen_ai.operation.name"] ?? id),
    start: startNano + BigInt(times[0]) * 1_000_000n,
    end: startNano + BigInt(times[1]) * 1_000_000n,
    attributes,
  };
}

const agent = (name: string): Attributes => ({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name });
const chat = (more: Attributes = {}): Attributes => ({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o",
  ...more,
});

function view(spans: readonly SpanInput[]): SessionView {
  return viewOf(decodeRequest(toExportRequest(spans)), { tenantId: "acme", projectId: "p", sessionId: traceId });
}

function shown(spans: readonly SpanInput[]): TraceEvent[] {
  const whole = view(spans);
  const shape = { content: "full", attributes: false, mayReadContent: true } as const;
  return whole.events.map((event) => toTraceEvent(whole, event, shape));
}

function metricsOf(spans: readonly SpanInput[]) {
  const session = { id: traceId, projectId: "p", revision: 1, status: "idle", durationMs: 1 } as Session;
  return sessionMetrics(view(spans), session);
}

describe("K17: one handoff and one decision of kind handoff, that point at each other", () => {
  const root = span("1", undefined, [0, 1000], agent("triage"));
  const target = span("9", "1", [500, 900], agent("billing"));
  const asking = chat({
    "gen_ai.output.messages": [
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "call_1", name: "transfer_to_billing", arguments: {} }],
        finish_reason: "tool_calls",
      },
    ],
  });
  it.each<[string, readonly SpanInput[]]>([
    [
      "a handoff span",
      [
        root,
        span("2", "1", [100, 400], { "gen_ai.handoff.from_agent": "triage", "gen_ai.handoff.to_agent": "billing" }),
        target,
      ],
    ],
    [
      "a handing-over tool",
      [
        root,
        span("2", "1", [100, 400], {
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": "transfer_to_billing",
        }),
        target,
      ],
    ],
    ["an intercepted tool call", [root, span("2", "1", [100, 400], asking), target]],
    [
      "OpenInference `handoff to x`",
      [root, span("2", "1", [100, 400], { name: "handoff to billing", "openinference.span.kind": "TOOL" }), target],
    ],
  ])("%s", (_name, spans) => {
    const events = shown(spans);
    const handoffs = events.filter((event) => event.type === "handoff");
    const decisions = events.filter((event) => event.decisionKind === "handoff");
    expect([handoffs.length, decisions.length]).toEqual([1, 1]);
    // `as`: the data of these two types.
    const handoff = handoffs[0]?.data as HandoffData;
    const decision = decisions[0]?.data as DecisionData;
    expect([handoff.toAgent, handoff.decisionId, decision.handoffId]).toEqual([
      "billing",
      decisions[0]?.id,
      handoffs[0]?.id,
    ]);
  });
});

it("K18: one exception through three spans is three errors, two of them propagated, and counts once", () => {
  const failing = (
    id: string,
    parent: string | undefined,
    times: readonly [number, number],
    attributes: Attributes,
  ) => {
    const made = span(id, parent, times, attributes);
    const exception = { "exception.type": "TimeoutError", "exception.message": "no answer within 5 s" };
    const events = [{ name: "exception", time: made.end ?? made.start, attributes: exception }];
    return { ...made, status: { code: 2, message: "no answer within 5 s" }, events };
  };
  const spans = [
    failing("1", undefined, [0, 1000], agent("a")),
    failing("2", "1", [100, 900], agent("b")),
    failing("3", "2", [200, 800], { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "fetch" }),
  ];
  const errors = shown(spans).filter((event) => event.type === "error");
  const propagated = errors.filter((event) => (event.data as ErrorData).propagated);
  expect([errors.length, propagated.length]).toEqual([3, 2]);
  const origin = errors.find((event) => !(event.data as ErrorData).propagated);
  expect(origin?.spanId).toBe("3".padStart(16, "0"));
  for (const event of propagated) expect((event.data as ErrorData).rootCauseId).toBe(origin?.id);
  expect(metricsOf(spans).errors).toEqual({ count: 1, handled: 0, propagated: 2 });
});

it("K21: cached tokens beside the input are added once, partial calls are listed and not summed, unreported stays null", () => {
  const { tokens } = metricsOf([
    span("1", undefined, [0, 1000], agent("a")),
    // The total says that the input was reported without the cached tokens.
    span(
      "2",
      "1",
      [10, 20],
      chat({
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.total_tokens": 150,
      }),
    ),
    // Here the input has them.
    span(
      "3",
      "1",
      [30, 40],
      chat({
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 40,
      }),
    ),
    span("4", "1", [50, 60], chat({ "gen_ai.usage.partial.input_tokens": 7, "gen_ai.usage.partial.output_tokens": 1 })),
    span("5", "1", [70, 80], chat()),
  ]);
  expect(tokens.calls.map(({ usage, usagePartial }) => [usage.inputTokens, usage.outputTokens, usagePartial])).toEqual([
    [140, 10, false],
    [100, 10, false],
    [7, 1, true],
    [null, null, false],
  ]);
  expect(tokens.totals).toMatchObject({ inputTokens: 240, outputTokens: 20, reasoningOutputTokens: null });
  expect([tokens.callsReporting, tokens.callsMissing, tokens.callsPartial]).toEqual([2, 1, 1]);
});

it("K26: of nested spans without length starts come parent first, ends child first, and a call before its result", () => {
  const tool = (name: string): Attributes => ({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name });
  const events = shown([
    span("3", "2", [500, 500], tool("inner")),
    span("2", "1", [500, 500], tool("outer")),
    span("1", undefined, [500, 500], agent("a")),
  ]);
  expect(events.map((event) => [event.type, event.name])).toEqual([
    ["tool_call", "outer"],
    ["tool_call", "inner"],
    ["tool_result", "inner"],
    ["tool_result", "outer"],
    ["response", "a"],
  ]);
  expect(new Set(events.map((event) => event.timeUnixNano)).size).toBe(1);
});
