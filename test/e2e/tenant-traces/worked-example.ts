/** The trace of tenant-traces.md section 8 in three dialects, and the body that all of them give. */
import { firstTraceId, firstTurnSpans } from "@nonet/query-api/session-traces/testdata/worked-example.ts";
import type { SpanInput } from "./traces-fixture.ts";

export const exampleTraceId = firstTraceId;

const system = "You help customers with their orders. Be brief.";
const question = "Where is order 7731, and can it still go to my office?";
const answer = "Order 7731 is on its way with DX, so the address can no longer be changed.";
const requested = [
  { id: "call_1", name: "get_order", args: { orderId: "7731" }, result: { carrier: "DX", state: "in_transit" } },
  { id: "call_2", name: "get_customer", args: { customerId: "cust_9" }, result: { office: "4 Mill Lane" } },
] as const;
const orderParameters = { type: "object", properties: { orderId: { type: "string" } }, required: ["orderId"] };
const customerParameters = { type: "object", properties: { customerId: { type: "string" } } };

export const exampleBody = {
  traceId: exampleTraceId,
  promptName: "order_support",
  messages: [
    { role: "system", content: system },
    { role: "user", content: question },
    {
      role: "assistant",
      content: "",
      tool_calls: requested.map(({ id, name, args }) => ({ id, name, args })),
    },
    ...requested.map(({ id, name, result }) => ({
      role: "tool",
      tool_call_id: id,
      name,
      content: JSON.stringify(result),
    })),
  ],
  output: { message: answer, success: true, finishReason: "stop" },
  inputTokens: 2300,
  outputTokens: 200,
  totalTokens: 2500,
  cost: 0.00775,
  costCurrency: "USD",
  duration: 4200,
  modelConfig: { model: "gpt-4o-2024-08-06", provider: "openai", temperature: 0.2, max_tokens: 512 },
  tools: [
    {
      name: "get_order",
      description: "Look up an order by its number",
      parameters: orderParameters,
      metadata: {},
    },
    {
      name: "get_customer",
      description: "Look up a customer",
      parameters: customerParameters,
      metadata: { strict: true },
    },
  ],
  toolChoice: "auto",
  status: "completed",
  tags: ["production", "support"],
  metadata: { customer_id: "cust_9", session_id: "sess_42" },
  createdAt: "2026-05-04T09:00:00.000Z",
  timestamp: 1777885200000,
  error: null,
  usage: {
    calls: 2,
    callsMissingUsage: 0,
    unpricedCalls: 0,
    cacheReadInputTokens: null,
    cacheCreationInputTokens: null,
    reasoningOutputTokens: null,
  },
};

type Attributes = NonNullable<SpanInput["attributes"]>;

/** The spans of session-traces.md 7.2 with the attributes that a dialect gives them, by name and time. */
function spansWith(attributesOf: (span: SpanInput, isLast: boolean) => Attributes): SpanInput[] {
  const lastCall = firstTurnSpans.findLast((span) => span.name.startsWith("chat"));
  return firstTurnSpans.map((span) => ({ ...span, attributes: attributesOf(span, span === lastCall) }));
}

const definitions = [
  {
    type: "function",
    function: { name: "get_order", description: "Look up an order by its number", parameters: orderParameters },
  },
  {
    type: "function",
    function: { name: "get_customer", description: "Look up a customer", parameters: customerParameters, strict: true },
  },
];

const genAiInput = [
  { role: "system", parts: [{ type: "text", content: system }] },
  { role: "user", parts: [{ type: "text", content: question }] },
];
const genAiAsks = {
  role: "assistant",
  parts: requested.map(({ id, name, args }) => ({ type: "tool_call", id, name, arguments: args })),
  finish_reason: "tool_calls",
};
const genAiResults = requested.map(({ id, result }) => ({
  role: "tool",
  parts: [{ type: "tool_call_response", id, response: result }],
}));

/** OpenTelemetry GenAI. */
export const genAiSpans = spansWith((span, isLast) => {
  if (!span.name.startsWith("chat")) return span.attributes ?? {};
  return {
    ...span.attributes,
    "gen_ai.input.messages": isLast ? [...genAiInput, genAiAsks, ...genAiResults] : genAiInput,
    "gen_ai.output.messages": isLast
      ? [{ role: "assistant", parts: [{ type: "text", content: answer }], finish_reason: "stop" }]
      : [genAiAsks],
    "gen_ai.tool.definitions": definitions,
  };
});

function tokensOf(isLast: boolean): { input: number; output: number } {
  return isLast ? { input: 1480, output: 140 } : { input: 820, output: 60 };
}

/** OpenInference. */
export const openInferenceSpans = spansWith((span, isLast) => {
  if (span.name.startsWith("invoke_agent")) {
    return {
      "openinference.span.kind": "AGENT",
      "agent.name": "triage",
      "session.id": "sess_42",
      "tag.tags": ["production", "support"],
      metadata: { customer_id: "cust_9" },
    };
  }
  if (span.name.startsWith("guardrail")) return { "openinference.span.kind": "GUARDRAIL" };
  if (span.name.startsWith("execute_tool")) return openInferenceTool(span.name.slice("execute_tool ".length));
  const tokens = tokensOf(isLast);
  const asks = openInferenceCalls(isLast ? "llm.input_messages.2" : "llm.output_messages.0");
  return {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.token_count.prompt": tokens.input,
    "llm.token_count.completion": tokens.output,
    "llm.token_count.total": tokens.input + tokens.output,
    "llm.invocation_parameters": { temperature: 0.2, max_tokens: 512, model: "gpt-4o", tool_choice: "auto" },
    "llm.finish_reason": isLast ? "stop" : "tool_calls",
    "prompt.id": "order_support",
    "llm.tools.0.tool.json_schema": definitions[0] ?? {},
    "llm.tools.1.tool.json_schema": definitions[1] ?? {},
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": system,
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": question,
    ...asks,
    ...(isLast ? openInferenceEnd() : {}),
  };
});

function openInferenceTool(name: string): Attributes {
  const { id, args, result } = requested.find((each) => each.name === name) ?? requested[0];
  return {
    "openinference.span.kind": "TOOL",
    "tool.name": name,
    "tool_call.id": id,
    "input.value": args,
    "output.value": result,
  };
}

function openInferenceCalls(prefix: string): Attributes {
  const attributes: Record<string, string> = { [`${prefix}.message.role`]: "assistant" };
  for (const [index, { id, name, args }] of requested.entries()) {
    const call = `${prefix}.message.tool_calls.${index}.tool_call`;
    attributes[`${call}.id`] = id;
    attributes[`${call}.function.name`] = name;
    attributes[`${call}.function.arguments`] = JSON.stringify(args);
  }
  return attributes;
}

function openInferenceEnd(): Attributes {
  const attributes: Record<string, string> = {
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": answer,
  };
  for (const [index, { id, result }] of requested.entries()) {
    const message = `llm.input_messages.${3 + index}.message`;
    attributes[`${message}.role`] = "tool";
    attributes[`${message}.tool_call_id`] = id;
    attributes[`${message}.content`] = JSON.stringify(result);
  }
  return attributes;
}

/** OpenLLMetry. */
export const openLlmetrySpans = spansWith((span, isLast) => {
  const properties = {
    "traceloop.association.properties.customer_id": "cust_9",
    "traceloop.association.properties.session_id": "sess_42",
  };
  if (span.name.startsWith("invoke_agent")) {
    return {
      ...properties,
      "traceloop.span.kind": "agent",
      "traceloop.entity.name": "triage",
      "tag.tags": ["production", "support"],
    };
  }
  if (span.name.startsWith("guardrail")) return { ...properties, "gen_ai.guardrail.name": "pii" };
  if (span.name.startsWith("execute_tool")) {
    const name = span.name.slice("execute_tool ".length);
    const { args, result } = requested.find((each) => each.name === name) ?? requested[0];
    return {
      ...properties,
      "traceloop.span.kind": "tool",
      "traceloop.entity.name": name,
      "traceloop.entity.input": { args: [], kwargs: args },
      "traceloop.entity.output": result,
    };
  }
  const tokens = tokensOf(isLast);
  return {
    ...properties,
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.max_tokens": 512,
    "gen_ai.usage.prompt_tokens": tokens.input,
    "gen_ai.usage.completion_tokens": tokens.output,
    "traceloop.prompt.key": "order_support",
    "llm.request.functions.0.name": "get_order",
    "llm.request.functions.0.description": "Look up an order by its number",
    "llm.request.functions.0.parameters": orderParameters,
    "llm.request.functions.1.name": "get_customer",
    "llm.request.functions.1.description": "Look up a customer",
    "llm.request.functions.1.parameters": customerParameters,
    "llm.request.functions.1.strict": true,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": system,
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": question,
    ...openLlmetryCalls(isLast ? "gen_ai.prompt.2" : "gen_ai.completion.0"),
    ...(isLast ? openLlmetryEnd() : { "gen_ai.completion.0.finish_reason": "tool_calls" }),
  };
});

function openLlmetryCalls(prefix: string): Attributes {
  const attributes: Record<string, string> = { [`${prefix}.role`]: "assistant" };
  for (const [index, { id, name, args }] of requested.entries()) {
    attributes[`${prefix}.tool_calls.${index}.id`] = id;
    attributes[`${prefix}.tool_calls.${index}.name`] = name;
    attributes[`${prefix}.tool_calls.${index}.arguments`] = JSON.stringify(args);
  }
  return attributes;
}

function openLlmetryEnd(): Attributes {
  const attributes: Record<string, string> = {
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": answer,
    "gen_ai.completion.0.finish_reason": "stop",
  };
  for (const [index, { id, result }] of requested.entries()) {
    attributes[`gen_ai.prompt.${3 + index}.role`] = "tool";
    attributes[`gen_ai.prompt.${3 + index}.tool_call_id`] = id;
    attributes[`gen_ai.prompt.${3 + index}.content`] = JSON.stringify(result);
  }
  return attributes;
}
