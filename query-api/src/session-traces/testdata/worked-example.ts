/** The session `sess_42` of session-traces.md 7.2 and tenant-traces.md section 8, as OpenTelemetry GenAI spans. */
import { type SpanInput, toExportRequest } from "./otlp-request.ts";

export const exampleTenantId = "acme";
export const exampleProjectId = "prj_7f3k";
export const exampleSessionId = "sess_42";
export const firstTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
export const secondTraceId = "7c1d2a9e0b5f4c38915e6d2a7f80c4b3";

/** 2026-05-04T09:00:00.000Z. */
export const exampleStartMs = 1_777_885_200_000;
const secondStartMs = exampleStartMs + 60_000;

const resource = { "deployment.environment.name": "production", "service.name": "support" };

function at(baseMs: number, ms: number): bigint {
  return BigInt(baseMs + ms) * 1_000_000n;
}

function span(
  base: { traceId: string; startMs: number },
  ids: { spanId: string; parent?: string },
  described: { name: string; times: readonly [number, number] } & Pick<SpanInput, "attributes" | "status" | "events">,
): SpanInput {
  const { name, times, ...rest } = described;
  return {
    traceId: base.traceId,
    spanId: ids.spanId,
    ...(ids.parent === undefined ? {} : { parentSpanId: ids.parent }),
    name,
    start: at(base.startMs, times[0]),
    end: at(base.startMs, times[1]),
    ...rest,
  };
}

const system = { role: "system", parts: [{ type: "text", content: "You help customers with their orders. Be brief." }] };
const question = {
  role: "user",
  parts: [{ type: "text", content: "Where is order 7731, and can it still go to my office?" }],
};
const bothCalls = {
  role: "assistant",
  parts: [
    { type: "tool_call", id: "call_1", name: "get_order", arguments: { orderId: "7731" } },
    { type: "tool_call", id: "call_2", name: "get_customer", arguments: { customerId: "cust_9" } },
  ],
  finish_reason: "tool_calls",
};
const answer = "Order 7731 is on its way with DX, so the address can no longer be changed.";

function modelCall(described: {
  input: number;
  output: number;
  finishReason: string;
  prompt: readonly [string, string | undefined];
  extra: NonNullable<SpanInput["attributes"]>;
}): NonNullable<SpanInput["attributes"]> {
  const [promptName, promptVersion] = described.prompt;
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.request.temperature": 0.2,
    "gen_ai.usage.input_tokens": described.input,
    "gen_ai.usage.output_tokens": described.output,
    "gen_ai.response.finish_reasons": [described.finishReason],
    "gen_ai.request.stream": false,
    "gen_ai.prompt.name": promptName,
    ...(promptVersion === undefined ? {} : { "gen_ai.prompt.version": promptVersion }),
    ...described.extra,
  };
}

const first = { traceId: firstTraceId, startMs: exampleStartMs };
const firstRoot = "00f067aa0ba902b7";

export const firstTurnSpans: readonly SpanInput[] = [
  span(
    first,
    { spanId: firstRoot },
    {
      name: "invoke_agent triage",
      times: [0, 4200],
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "triage",
        "session.id": exampleSessionId,
        "tag.tags": ["production", "support"],
        metadata: { customer_id: "cust_9" },
      },
    },
  ),
  span(
    first,
    { spanId: "1a2b3c4d5e6f7081", parent: firstRoot },
    {
      name: "guardrail prompt_injection",
      times: [5, 125],
      attributes: {
        "gen_ai.guardrail.name": "prompt_injection",
        "gen_ai.guardrail.target.type": "input",
        "gen_ai.guardrail.result": "pass",
      },
    },
  ),
  span(
    first,
    { spanId: "3c4d5e6f708192a3", parent: firstRoot },
    {
      name: "chat gpt-4o",
      times: [140, 1040],
      attributes: modelCall({
        input: 820,
        output: 60,
        finishReason: "tool_calls",
        prompt: ["order_support", undefined],
        extra: {
          "gen_ai.input.messages": [system, question],
          "gen_ai.output.messages": [bothCalls],
          "gen_ai.request.max_tokens": 512,
        },
      }),
    },
  ),
  span(
    first,
    { spanId: "4d5e6f708192a3b4", parent: firstRoot },
    {
      name: "execute_tool get_order",
      times: [1050, 1650],
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_order",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": { orderId: "7731" },
        "gen_ai.tool.call.result": { carrier: "DX", state: "in_transit" },
      },
    },
  ),
  span(
    first,
    { spanId: "5e6f708192a3b4c5", parent: firstRoot },
    {
      name: "execute_tool get_customer",
      times: [1660, 2060],
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_customer",
        "gen_ai.tool.call.id": "call_2",
        "gen_ai.tool.call.arguments": { customerId: "cust_9" },
        "gen_ai.tool.call.result": { office: "4 Mill Lane" },
      },
    },
  ),
  span(
    first,
    { spanId: "6f708192a3b4c5d6", parent: firstRoot },
    {
      name: "chat gpt-4o",
      times: [2080, 3280],
      attributes: modelCall({
        input: 1480,
        output: 140,
        finishReason: "stop",
        prompt: ["order_support", undefined],
        extra: {
          "gen_ai.request.max_tokens": 512,
          "gen_ai.input.messages": [system, question, bothCalls],
          "gen_ai.output.messages": [
            { role: "assistant", parts: [{ type: "text", content: answer }], finish_reason: "stop" },
          ],
        },
      }),
    },
  ),
  span(
    first,
    { spanId: "708192a3b4c5d6e7", parent: firstRoot },
    {
      name: "guardrail pii",
      times: [3290, 3350],
      attributes: {
        "gen_ai.guardrail.name": "pii",
        "gen_ai.guardrail.target.type": "output",
        "gen_ai.guardrail.result": "fail",
        "gen_ai.guardrail.action": "modify",
      },
    },
  ),
];

const second = { traceId: secondTraceId, startMs: secondStartMs };
const secondRoot = "8192a3b4c5d6e7f8";
const handoff = "a3b4c5d6e7f8091a";
const billing = "b4c5d6e7f8091a2b";

function refund(spanId: string, times: readonly [number, number], failure: string | undefined): SpanInput {
  return span(
    second,
    { spanId, parent: billing },
    {
      name: "execute_tool refund_order",
      times,
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "refund_order",
        "gen_ai.tool.call.arguments": { orderId: "7731" },
        ...(failure === undefined ? { "gen_ai.tool.call.result": { refunded: true } } : {}),
      },
      ...(failure === undefined
        ? {}
        : {
            status: { code: 2 },
            events: [
              {
                name: "exception",
                time: at(secondStartMs, times[1]),
                attributes: { "exception.type": "TimeoutError", "exception.message": failure },
              },
            ],
          }),
    },
  );
}

export const secondTurnSpans: readonly SpanInput[] = [
  span(
    second,
    { spanId: secondRoot },
    {
      name: "invoke_agent triage",
      times: [0, 6000],
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "triage",
        "session.id": exampleSessionId,
        "user.id": "u_118",
        metadata: { plan: "gold", channel: "web" },
      },
    },
  ),
  span(
    second,
    { spanId: "92a3b4c5d6e7f809", parent: secondRoot },
    {
      name: "chat gpt-4o",
      times: [100, 900],
      attributes: modelCall({
        input: 1700,
        output: 40,
        finishReason: "tool_calls",
        prompt: ["triage", "7"],
        extra: {
          "gen_ai.request.max_tokens": 512,
          "gen_ai.response.id": "chatcmpl-7Yq",
          "gen_ai.output.messages": [
            {
              role: "assistant",
              parts: [{ type: "tool_call", id: "call_9", name: "transfer_to_billing", arguments: "{}" }],
              finish_reason: "tool_calls",
            },
          ],
        },
      }),
    },
  ),
  span(
    second,
    { spanId: handoff, parent: secondRoot },
    {
      name: "handoff",
      times: [950, 5900],
      attributes: { "gen_ai.handoff.from_agent": "triage", "gen_ai.handoff.to_agent": "billing" },
    },
  ),
  span(
    second,
    { spanId: billing, parent: handoff },
    {
      name: "invoke_agent billing",
      times: [960, 5895],
      attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "billing" },
    },
  ),
  refund("c5d6e7f8091a2b3c", [1000, 3000], "Refund service timed out after 2000 ms (request req_8f3a2b19)"),
  refund("d6e7f8091a2b3c4d", [3100, 5100], "Refund service timed out after 2000 ms (request req_8f3a2b20)"),
  refund("e7f8091a2b3c4d5e", [5200, 5500], undefined),
  span(
    second,
    { spanId: "f8091a2b3c4d5e6f", parent: billing },
    {
      name: "chat gpt-4o",
      times: [5510, 5890],
      attributes: modelCall({
        input: 2100,
        output: 55,
        finishReason: "stop",
        prompt: ["billing", undefined],
        extra: {
          "gen_ai.output.messages": [
            {
              role: "assistant",
              parts: [{ type: "text", content: "The refund is on its way." }],
              finish_reason: "stop",
            },
          ],
        },
      }),
    },
  ),
];

export function exampleRequest(spans: readonly SpanInput[]): object {
  return toExportRequest(spans, { resource });
}
