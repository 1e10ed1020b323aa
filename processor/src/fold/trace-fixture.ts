/** For tests: spans by hand or by fast-check, and what a test compares of a folded trace. */
import type { AttributeValue, DecodedSpan } from "@nonet/proto/otlp-span.ts";
import fc from "fast-check";
import type { FoldedTrace } from "./folded-trace.ts";

export interface SpanOptions {
  readonly id: number;
  readonly parent?: number | undefined;
  readonly traceId?: string;
  readonly name?: string;
  /** Milliseconds after the start of the trace; an end of `undefined` is an open span. */
  readonly start: number;
  readonly end?: number | undefined;
  readonly scope?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly resourceAttributes?: Readonly<Record<string, AttributeValue>>;
  readonly exception?: { readonly type: string; readonly message: string };
  readonly failed?: string;
}

const epoch = 1_767_225_600_000_000_000n;

export function makeSpan(options: SpanOptions): DecodedSpan {
  const { id, parent, start, end, exception, failed } = options;
  return {
    traceId: options.traceId ?? "a".repeat(32),
    spanId: toSpanId(id),
    parentSpanId: parent === undefined ? undefined : toSpanId(parent),
    traceState: "",
    flags: 0,
    name: options.name ?? "work",
    kind: 1,
    startTimeUnixNano: toNano(start),
    endTimeUnixNano: end === undefined ? 0n : toNano(end),
    attributes: new Map(Object.entries(options.attributes ?? {})),
    droppedAttributesCount: 0,
    events:
      exception === undefined
        ? []
        : [
            {
              name: "exception",
              timeUnixNano: toNano(end ?? start),
              attributes: new Map([
                ["exception.type", exception.type],
                ["exception.message", exception.message],
              ]),
              droppedAttributesCount: 0,
            },
          ],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    statusCode: failed === undefined ? 0 : 2,
    statusMessage: failed ?? "",
    resource: {
      attributes: new Map(Object.entries(options.resourceAttributes ?? {})),
      droppedAttributesCount: 0,
      schemaUrl: "",
    },
    scope: {
      name: options.scope ?? "app",
      version: "",
      attributes: new Map(),
      droppedAttributesCount: 0,
      schemaUrl: "",
    },
  };
}

export function toSpanId(id: number): string {
  return id.toString(16).padStart(16, "0");
}

export function toNano(milliseconds: number): bigint {
  return epoch + BigInt(milliseconds) * 1_000_000n;
}

/** Attributes of one span of each kind that some rule of Stage B looks at. */
const kinds: readonly { readonly name: string; readonly attributes: Readonly<Record<string, AttributeValue>> }[] = [
  { name: "GET /x", attributes: { "http.request.method": "GET" } },
  { name: "invoke_agent A", attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "A" } },
  {
    name: "invoke_agent B Agent",
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "B Agent",
      "gen_ai.agent.id": "b1",
      "gen_ai.usage.input_tokens": 9,
    },
  },
  { name: "chain", attributes: { "openinference.span.kind": "CHAIN" } },
  {
    name: "node",
    attributes: { "openinference.span.kind": "CHAIN", "output.value": '{"graph": null, "update": {}, "goto": "node"}' },
  },
  {
    name: "chat m",
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "m",
      "gen_ai.usage.input_tokens": 3,
      "gen_ai.usage.output_tokens": 2,
      "gen_ai.response.id": "r1",
      "gen_ai.output.messages":
        '[{"role":"assistant","parts":[{"type":"text","content":"done"}],"finish_reason":"stop"}]',
    },
  },
  {
    name: "ChatOpenAI",
    attributes: {
      "openinference.span.kind": "LLM",
      "llm.model_name": "m",
      "llm.token_count.prompt": 3,
      "llm.token_count.completion": 2,
    },
  },
  {
    name: "chat n",
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "n",
      "gen_ai.output.messages":
        '[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"transfer_to_b_agent","arguments":{}},{"type":"tool_call","id":"c2","name":"look","arguments":{"q":"x"}}]}]',
    },
  },
  {
    name: "execute_tool look",
    attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.result": "y" },
  },
  {
    name: "look",
    attributes: {
      "openinference.span.kind": "TOOL",
      "tool.name": "look",
      "input.value": "x",
      "gen_ai.tool.call.id": "c2",
    },
  },
  {
    name: "execute_tool transfer_to_b_agent",
    attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_b_agent" },
  },
  { name: "A -> unknown.handoff", attributes: { "gen_ai.handoff.from_agent": "A" } },
  { name: "guard", attributes: { "openinference.span.kind": "GUARDRAIL" } },
  { name: "retrieve", attributes: { "openinference.span.kind": "RETRIEVER" } },
  { name: "pending", attributes: { "logfire.span_type": "pending_span" } },
  { name: "embed", attributes: { "gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e" } },
];

/** Spans of one trace: any tree, with missing parents, cycles, skewed clocks, open spans, copies and failures. */
export function arbitraryTrace(sizeMax: number): fc.Arbitrary<DecodedSpan[]> {
  const span = fc.record({
    parent: fc.option(fc.nat({ max: sizeMax + 1 }), { nil: undefined, freq: 6 }),
    kind: fc.constantFrom(...kinds),
    start: fc.nat({ max: 40 }),
    duration: fc.option(fc.integer({ min: -2, max: 30 }), { nil: undefined, freq: 8 }),
    scope: fc.constantFrom("app", "other"),
    session: fc.constantFrom(undefined, undefined, undefined, "s1", "s2"),
    user: fc.constantFrom(undefined, undefined, "u1"),
    run: fc.constantFrom(undefined, undefined, undefined, "run-1"),
    exception: fc.constantFrom(
      undefined,
      undefined,
      { type: "ValueError", message: "boom" },
      { type: "ToolError", message: "tool failed: boom" },
      { type: "GraphInterrupt", message: "wait" },
    ),
    failed: fc.constantFrom(undefined, undefined, undefined, "boom"),
    id: fc.nat({ max: sizeMax }),
  });
  return fc.array(span, { minLength: 1, maxLength: sizeMax }).map((items) =>
    items.map(({ kind, parent, start, duration, scope, session, user, run, exception, failed, id }) =>
      makeSpan({
        id: id + 1,
        parent: parent === undefined ? undefined : parent + 1,
        name: kind.name,
        start,
        end: duration === undefined ? undefined : start + duration,
        scope,
        attributes: {
          ...kind.attributes,
          ...(session !== undefined && { "session.id": session }),
          ...(user !== undefined && { "user.id": user }),
          ...(run !== undefined && { "run.id": run }),
        },
        ...(exception !== undefined && { exception }),
        ...(failed !== undefined && { failed }),
      }),
    ),
  );
}

/** Everything that a reader can see of a folded trace, without references between nodes. */
export function visible(trace: FoldedTrace): unknown {
  return {
    traceId: trace.traceId,
    overflow: trace.overflow,
    events: trace.events,
    turns: trace.turns.map((turn) => ({
      turnId: turn.turnId,
      runId: turn.runId,
      root: turn.root?.spanId,
      events: turn.events.map((event) => event.eventId),
      paused: turn.paused,
    })),
    spans: trace.spans.map((span) => ({
      spanId: span.spanId,
      name: span.name,
      class: span.class,
      parent: span.parent?.spanId,
      children: span.children.map((child) => child.spanId),
      orphan: span.orphan,
      position: span.position,
      start: span.effectiveStartUnixNano,
      end: span.effectiveEndUnixNano,
      session: [span.sessionId, span.sessionIdSource, span.userId],
      agent: [span.agentName, span.agentId],
      turn: [span.turnId, span.runId],
      flags: span.flags,
      failed: span.failed,
      stageB: span.stageB,
      events: span.events.map((event) => event.eventId),
    })),
  };
}
