/**
 * The canonical workload, seeded: traces of 12 spans, each one turn of a six-turn session, about 1.65 KB a span.
 *
 *     invoke_agent triage                       root
 *       guardrail prompt_injection
 *       chat                                    2 KB of input messages, 2 KB of output; asks for tools
 *       execute_tool lookup_order
 *         HTTP GET                              a client span of an HTTP library
 *       execute_tool lookup_customer
 *       chat
 *       invoke_agent billing                    target of the handoff
 *         execute_tool refund
 *           HTTP POST
 *         execute_tool notify
 *         chat
 *
 * Three in a hundred tools fail with an exception event. Every span carries the session id.
 */
import protobuf from "protobufjs";

export interface WorkloadConfig {
  seed: number;
  spanCount: number;
  /** Start of the first trace, ms since 1970; traces follow each other by `traceSpacingMs`. */
  startMs: number;
  traceSpacingMs?: number;
}

export interface Workload {
  readonly traceIds: readonly string[];
  readonly sessionIds: readonly string[];
  readonly spanCount: number;
  /** Requests of `spansPerRequest` spans in order, as ExportTraceServiceRequest bytes. */
  requests(spansPerRequest: number): Iterable<Uint8Array>;
}

const turnsPerSession = 6;

export function createWorkload(config: WorkloadConfig): Workload {
  const random = mulberry32(config.seed);
  const spans: object[] = [];
  const traceIds: string[] = [];
  const sessionIds: string[] = [];
  for (let trace = 0; spans.length < config.spanCount; trace += 1) {
    const turn = trace % turnsPerSession;
    if (turn === 0) sessionIds.push(`session-${config.seed}-${sessionIds.length}`);
    const startMs = config.startMs + trace * (config.traceSpacingMs ?? 10);
    const made = makeTrace(random, sessionIds.at(-1) ?? "", startMs);
    traceIds.push(made.traceId);
    spans.push(...made.spans);
  }
  return {
    traceIds,
    sessionIds,
    spanCount: spans.length,
    *requests(spansPerRequest) {
      for (let first = 0; first < spans.length; first += spansPerRequest) {
        yield encodeRequest(spans.slice(first, first + spansPerRequest));
      }
    },
  };
}

const otlp = new protobuf.Root();
const protoDirectory = new URL("../../proto/otlp/", import.meta.url).pathname;
otlp.resolvePath = (_origin, target) => (target.startsWith("/") ? target : protoDirectory + target);
otlp.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto");
const requestType = otlp.lookupType("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");

export function encodeRequest(spans: readonly object[]): Uint8Array {
  return requestType
    .encode(
      requestType.fromObject({
        resourceSpans: [
          {
            resource: {
              attributes: toAttributes({
                "service.name": "support-agents",
                "service.version": "2.4.1",
                "deployment.environment.name": "production",
                "host.name": "worker-3",
              }),
            },
            scopeSpans: [{ scope: { name: "opentelemetry.instrumentation.openai_v2", version: "2.3.0" }, spans }],
          },
        ],
      }),
    )
    .finish();
}

type Scalar = string | number | boolean;

export function toAttributes(values: Record<string, Scalar>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === "string"
        ? { stringValue: value }
        : typeof value === "boolean"
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: value }
            : { doubleValue: value },
  }));
}

interface SpanShape {
  name: string;
  kind?: number;
  parent?: Buffer;
  fromMs: number;
  toMs: number;
  attributes: Record<string, Scalar>;
  failed?: string | undefined;
}

function makeTrace(random: () => number, sessionId: string, startMs: number): { traceId: string; spans: object[] } {
  const traceId = randomBytes(random, 16);
  const spans: object[] = [];
  const add = (shape: SpanShape): Buffer => {
    const spanId = randomBytes(random, 8);
    const nano = (ms: number) =>
      `${BigInt(Math.round(startMs + ms)) * 1_000_000n + BigInt(Math.floor(random() * 1000))}`;
    spans.push({
      traceId,
      spanId,
      ...(shape.parent === undefined ? {} : { parentSpanId: shape.parent }),
      name: shape.name,
      kind: shape.kind ?? 1,
      startTimeUnixNano: nano(shape.fromMs),
      endTimeUnixNano: nano(shape.toMs),
      attributes: toAttributes({ "session.id": sessionId, "user.id": `user-${sessionId}`, ...shape.attributes }),
      ...(shape.failed === undefined
        ? {}
        : {
            status: { code: 2, message: shape.failed },
            events: [
              {
                timeUnixNano: nano(shape.toMs),
                name: "exception",
                attributes: toAttributes({
                  "exception.type": "ToolError",
                  "exception.message": shape.failed,
                  "exception.stacktrace": `ToolError: ${shape.failed}\n${"    at call (tools.ts:10:3)\n".repeat(6)}`,
                }),
              },
            ],
          }),
    });
    return spanId;
  };
  const chat = (parent: Buffer, fromMs: number, toMs: number, tools: readonly string[]) =>
    add({
      name: "chat gpt-4o",
      kind: 3,
      parent,
      fromMs,
      toMs,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": `chatcmpl-${randomBytes(random, 12).toString("hex")}`,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.usage.input_tokens": 400 + Math.floor(random() * 800),
        "gen_ai.usage.output_tokens": 40 + Math.floor(random() * 400),
        "gen_ai.response.finish_reasons": tools.length > 0 ? '["tool_calls"]' : '["stop"]',
        "gen_ai.input.messages": JSON.stringify([
          { role: "system", parts: [{ type: "text", content: "You are a careful support agent." }] },
          { role: "user", parts: [{ type: "text", content: words(random, 1800) }] },
        ]),
        "gen_ai.output.messages": JSON.stringify([
          {
            role: "assistant",
            parts: [
              { type: "text", content: words(random, 1800) },
              ...tools.map((name) => ({
                type: "tool_call",
                id: `call_${randomBytes(random, 6).toString("hex")}`,
                name,
                arguments: { order_id: Math.floor(random() * 1e6) },
              })),
            ],
            finish_reason: tools.length > 0 ? "tool_call" : "stop",
          },
        ]),
      },
    });
  const tool = (parent: Buffer, name: string, fromMs: number, toMs: number) =>
    add({
      name: `execute_tool ${name}`,
      parent,
      fromMs,
      toMs,
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": `call_${randomBytes(random, 6).toString("hex")}`,
        "gen_ai.tool.call.arguments": JSON.stringify({
          order_id: Math.floor(random() * 1e6),
          reason: words(random, 120),
        }),
        "gen_ai.tool.call.result": JSON.stringify({ status: "ok", detail: words(random, 400) }),
      },
      failed: random() < 0.03 ? `backend answered ${500 + Math.floor(random() * 4)}` : undefined,
    });
  const http = (parent: Buffer, method: string, fromMs: number, toMs: number) =>
    add({
      name: method,
      kind: 3,
      parent,
      fromMs,
      toMs,
      attributes: {
        "http.request.method": method,
        "url.full": `https://api.example.com/v1/orders/${Math.floor(random() * 1e6)}?expand=items`,
        "server.address": "api.example.com",
        "server.port": 443,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "user_agent.original": "support-agents/2.4.1",
      },
    });

  const root = add({
    name: "invoke_agent triage",
    fromMs: 0,
    toMs: 6000,
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "triage",
      "gen_ai.output.messages": JSON.stringify([
        { role: "assistant", parts: [{ type: "text", content: words(random, 300) }], finish_reason: "stop" },
      ]),
    },
  });
  add({
    name: "guardrail prompt_injection",
    parent: root,
    fromMs: 5,
    toMs: 125,
    attributes: {
      "gen_ai.operation.name": "apply_guardrail",
      "gen_ai.guardrail.name": "prompt_injection",
      "gen_ai.guardrail.result": "pass",
      "gen_ai.guardrail.target.type": "input",
    },
  });
  chat(root, 140, 1040, ["lookup_order", "lookup_customer"]);
  http(tool(root, "lookup_order", 1050, 1650), "GET", 1060, 1600);
  tool(root, "lookup_customer", 1660, 2060);
  chat(root, 2080, 3280, ["transfer_to_billing"]);
  const billing = add({
    name: "invoke_agent billing",
    parent: root,
    fromMs: 3300,
    toMs: 5900,
    attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "billing" },
  });
  http(tool(billing, "refund", 3350, 4300), "POST", 3360, 4250);
  tool(billing, "notify", 4310, 4600);
  chat(billing, 4610, 5880, []);
  return { traceId: traceId.toString("hex"), spans };
}

/** A small, fast generator with a seed; statistical quality hardly matters here. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function randomBytes(random: () => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => 1 + Math.floor(random() * 255)));
}

const vocabulary =
  "order refund customer invoice shipping delayed payment card address confirm please thank account status update request item return policy warehouse courier package tracking number received damaged replace credit balance due date email phone support agent escalate review manager approve decline amount total tax discount code apply expire renew subscription plan cancel period month year billing issue resolved pending open closed priority high low urgent note detail history previous contact reply wait".split(
    " ",
  );

export function words(random: () => number, length: number): string {
  let text = "";
  while (text.length < length) text += `${vocabulary[Math.floor(random() * vocabulary.length)]} `;
  return text.slice(0, length);
}
