/** Whatever a sender sends, mapping answers: in bounds, in linear time, and without a defect (6.1). */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { explainSpan } from "./explain-span.ts";
import { toCompactJson } from "./json-text.ts";
import { defaultLimits, type LimitName } from "./limits.ts";
import { mapSpan } from "./map-span.ts";
import { modelCallSources } from "./read-model-call.ts";
import { tokenSources } from "./read-tokens.ts";
import { toolSources } from "./read-tool.ts";
import { isUncleanText } from "./sanitise.ts";
import { buildSpan, type Loose } from "./testdata/build-span.ts";
import { expectLinearTime, linearTimeTimeoutMs } from "./testdata/linear-time.ts";

const kinds: readonly { readonly [key: string]: string }[] = [
  { "gen_ai.operation.name": "chat" },
  { "gen_ai.operation.name": "execute_tool" },
  { "gen_ai.operation.name": "invoke_agent" },
  { "gen_ai.operation.name": "embeddings" },
  { "gen_ai.operation.name": "apply_guardrail" },
  { "gen_ai.operation.name": "handoff" },
  { "gen_ai.operation.name": "retrieval" },
  { "gen_ai.operation.name": "update_memory" },
  { "gen_ai.operation.name": "goto" },
  { "openinference.span.kind": "LLM" },
  { "openinference.span.kind": "CHAIN" },
  { "openinference.span.kind": "EVALUATOR" },
  { "traceloop.span.kind": "workflow" },
  { "langfuse.observation.type": "generation" },
  { "mlflow.spanType": '"LLM"' },
  { "ai.operationId": "ai.generateText.doGenerate" },
  { "mastra.span.type": "model_generation" },
  {},
];

const knownKeys = [
  ...Object.values(modelCallSources).flat(),
  ...Object.values(tokenSources).flat(),
  ...Object.values(toolSources).flat(),
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "gen_ai.system_instructions",
  "gen_ai.tool.definitions",
  "gcp.vertex.agent.llm_request",
  "gcp.vertex.agent.llm_response",
  "events",
  "metadata",
  "tags",
  "error",
  "usage",
  "llm.invocation_parameters",
  "langfuse.observation.usage_details",
  "ai.response.toolCalls",
  "gen_ai.prompt.0.role",
  "gen_ai.prompt.0.content",
  "gen_ai.completion.1.tool_calls.0.arguments",
  "llm.output_messages.0.message.contents.0.message_content.text",
  "annotations.0.label",
  "retrieval.documents.0.document.content",
  "__proto__",
  "constructor",
  "toString",
];

const messageJson = fc
  .jsonValue({ maxDepth: 4 })
  .map((value) => JSON.stringify({ role: "assistant", content: value, parts: value, tool_calls: value, type: value }));
const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  messageJson,
  fc.constantFrom(
    "[[[",
    "{'a': ",
    '"',
    "\ud800",
    "null",
    "<REDACTED>",
    '{"__proto__": {"x": 1}, "constructor": 1}',
    "[1e999]",
    '{"messages": [{"role": {"value": "user"}}]}',
  ),
);
const leaves: fc.Arbitrary<Loose> = fc.oneof(
  texts,
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array(),
);
const values: fc.Arbitrary<Loose> = fc.oneof(
  { weight: 4, arbitrary: leaves },
  { weight: 1, arbitrary: fc.array(leaves, { maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "role", "content", "parts", "text", "type")),
      leaves,
      { maxKeys: 4, noNullPrototype: true },
    ),
  },
);
const spans = fc.record({
  kind: fc.constantFrom(...kinds),
  attributes: fc.dictionary(
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...knownKeys) }, { weight: 1, arbitrary: fc.string() }),
    values,
    { maxKeys: 12, noNullPrototype: true },
  ),
  events: fc.array(
    fc.record({
      name: fc.constantFrom(
        "exception",
        "gen_ai.choice",
        "gen_ai.user.message",
        "gen_ai.tool.message",
        "gen_ai.evaluation.result",
        "codex.tool_result",
        "tool.output",
        "gen_ai.client.inference.operation.details",
        "error",
      ),
      attributes: fc.dictionary(
        fc.constantFrom(
          "content",
          "message",
          "exception.type",
          "exception.message",
          "gen_ai.output.messages",
          "tool_calls",
          "duration_ms",
          "event.name",
        ),
        values,
        { noNullPrototype: true },
      ),
    }),
    { maxLength: 3 },
  ),
  name: fc.oneof(
    fc.string(),
    fc.constantFrom(
      "claude_code.tool",
      "claude_code.llm_request",
      "session_task.turn",
      "A -> B",
      "haystack.agent.step.llm",
    ),
  ),
  endTimeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 63n }),
  statusCode: fc.integer({ min: -1, max: 3 }),
  statusMessage: texts,
});

describe("any span", { timeout: linearTimeTimeoutMs }, () => {
  test("is mapped without a defect, to drafts that can be written down", () => {
    fc.assert(
      fc.property(spans, ({ kind, attributes, ...parts }) => {
        const defects: unknown[] = [];
        const span = buildSpan({ ...attributes, ...kind }, parts);
        const mapped = mapSpan(span, { onDefect: (ruleId, error) => defects.push(ruleId, error) });
        expect(defects).toEqual([]);
        for (const draft of [...mapped.drafts, ...mapped.controlFlow.map((flow) => flow.draft)]) {
          const json = JSON.stringify(draft);
          expect(json.includes("\\u0000")).toBe(false);
          expect(Buffer.byteLength(json)).toBeLessThanOrEqual(defaultLimits.eventBytesMax);
          for (const [key, value] of Object.entries(draft)) expect([key, value]).not.toEqual([key, undefined]);
          expect(isUncleanText(draft.name) && span.name !== draft.name).toBe(false);
        }
        expect(mapSpan(span)).toEqual(mapped);
        expect(explainSpan(span).mapped).toEqual(mapped);
      }),
      { numRuns: 200 },
    );
  });

  test("that makes a rule throw is a plain node, and the caller is told which rule", () => {
    const seen: string[] = [];
    const broken = {
      ...buildSpan({ "gen_ai.operation.name": "chat" }),
      endTimeUnixNano: undefined as unknown as bigint,
    };
    const mapped = mapSpan(broken, { onDefect: (ruleId) => seen.push(ruleId) });
    expect(mapped).toMatchObject({ class: "plain", ruleId: "ERROR:GENAI-LLM", defect: "GENAI-LLM", drafts: [] });
    expect(seen).toEqual(["GENAI-LLM"]);
  });
});

describe("6.1", { timeout: linearTimeTimeoutMs }, () => {
  const limitsOf = (attributes: { readonly [key: string]: Loose }) => {
    const limits = new Set<LimitName>();
    const mapped = mapSpan(buildSpan(attributes), { onLimit: (limit) => limits.add(limit) });
    expect(mapped.flags.includes("truncated")).toBe(limits.size > 0);
    return { limits: [...limits], draft: mapped.drafts[0] as unknown as Record<string, never>, mapped };
  };
  const tool = (args: Loose) =>
    limitsOf({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.arguments": args });
  const chat = (key: string, value: Loose) => limitsOf({ "gen_ai.operation.name": "chat", [key]: value });

  test("64 levels: what is deeper than 32 becomes its JSON text", () => {
    let value: Loose = "leaf";
    for (let depth = 0; depth < 64; depth++) value = { a: value };
    const { draft, limits } = tool(value);
    expect(limits).toEqual(["depthMax"]);
    let inner: unknown = draft["arguments"];
    for (let depth = 0; depth < 32; depth++) inner = (inner as Record<string, unknown>)["a"];
    expect(inner).toBe(`${'{"a":'.repeat(32)}"leaf"${"}".repeat(32)}`);
  });

  test("200,000 levels of JSON text survive", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(tool(deep).limits).toContain("depthMax");
    expect(chat("gen_ai.input.messages", deep).mapped.defect).toBeUndefined();
    expect(chat("gen_ai.output.messages", `{"a":${deep}}`).mapped.defect).toBeUndefined();
    expect(
      limitsOf({ "openinference.span.kind": "CHAIN", "output.value": `{"x":${deep}}` }).mapped.defect,
    ).toBeUndefined();
  });

  test("4 MiB texts are cut, and events stay below their limit", () => {
    const text = "é".repeat(2_097_152);
    const { draft, limits } = chat(
      "gen_ai.output.messages",
      JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: text }] }]),
    );
    expect(limits).toContain("textBytesMax");
    const messages = draft["outputMessages"] as unknown as { parts: { text: string }[] }[];
    expect(Buffer.byteLength(messages[0]?.parts[0]?.text ?? "")).toBe(262_144);
    const large = chat(
      "gen_ai.input.messages",
      JSON.stringify(
        Array.from({ length: 20 }, (_, index) => ({ role: "user", content: `${index}${"x".repeat(200_000)}` })),
      ),
    );
    expect(large.limits).toContain("eventBytesMax");
    expect(Buffer.byteLength(JSON.stringify(large.draft))).toBeLessThanOrEqual(1_048_576);
    const kept = large.draft["inputMessages"] as unknown as { parts: { text: string }[] }[];
    expect(kept[kept.length - 1]?.parts[0]?.text.startsWith("19x")).toBe(true);
  });

  test("structured values above their limit become their JSON text, cut", () => {
    const { draft, limits } = tool(JSON.stringify({ a: "x".repeat(200_000), b: "y".repeat(200_000) }));
    expect(limits).toContain("structuredBytesMax");
    expect(typeof draft["arguments"]).toBe("string");
  });

  test("many keys, many items, many messages, many calls", () => {
    expect(
      tool(JSON.stringify(Object.fromEntries(Array.from({ length: 1_200 }, (_, index) => [`k${index}`, 1])))).limits,
    ).toEqual(["objectKeysMax"]);
    expect(tool(JSON.stringify({ list: Array.from({ length: 12_000 }, () => 1) })).limits).toEqual(["listItemsMax"]);
    const messages = [
      { role: "system", content: "s" },
      ...Array.from({ length: 700 }, (_, index) => ({ role: "user", content: `m${index}` })),
    ];
    const { draft, limits } = chat("gen_ai.input.messages", JSON.stringify(messages));
    expect(limits).toEqual(["inputMessagesMax"]);
    const kept = draft["inputMessages"] as unknown as { role: string; parts: { text: string }[] }[];
    expect([kept.length, kept[0]?.role, kept[499]?.parts[0]?.text]).toEqual([500, "system", "m699"]);
    const calls = Array.from({ length: 200 }, (_, index) => ({ type: "tool_call", id: `c${index}`, name: "f" }));
    const decision = chat("gen_ai.output.messages", JSON.stringify([{ role: "assistant", parts: calls }])).mapped
      .drafts[1];
    expect(decision).toMatchObject({ decisionKind: "tool_selection" });
    expect((decision as { calls?: unknown[] }).calls?.length).toBe(128);
  });

  test("exceptions: sixteen, the last always among them", () => {
    const events = Array.from({ length: 40 }, (_, index) => ({
      name: "exception",
      attributes: { "exception.type": "E", "exception.message": `m${index}` },
    }));
    const errors = mapSpan(buildSpan({ "gen_ai.operation.name": "chat" }, { events, statusCode: 2 })).drafts.filter(
      (draft) => draft.eventType === "error",
    );
    expect([errors.length, errors[15]?.discriminator, errors[15]?.handled]).toEqual([16, "e39", false]);
  });

  test("metadata and names", () => {
    const { mapped, limits } = limitsOf({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "m".repeat(300),
      metadata: JSON.stringify({
        big: "x".repeat(9_000),
        ...Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`k${index}`, index])),
      }),
    });
    expect(limits.sort()).toEqual(["metadataKeysMax", "metadataValueBytesMax", "nameCharsMax"]);
    expect(Object.keys(mapped.metadata ?? {}).length).toBe(100);
    expect((mapped.drafts[0] as { requestModel?: string }).requestModel?.length).toBe(256);
  });

  test("6.2: bytes and data URIs leave their size", () => {
    expect(tool({ image: new Uint8Array(5_000), small: new Uint8Array([1, 2]) }).draft["arguments"]).toEqual({
      image: { $bytes: null, size: 5_000 },
      small: { $bytes: "AQI=" },
    });
    expect(tool({ image: `data:image/png;base64,${"A".repeat(2_000)}` }).draft["arguments"]).toEqual({
      image: { $bytes: null, size: 2_022, mimeType: "image/png" },
    });
  });

  test("6.2: unclean characters, wherever they stand", () => {
    const { draft } = chat(
      "gen_ai.output.messages",
      '[{"role": "assistant", "parts": [{"type": "text", "content": "a\\u0000b\\r\\nc\\ud800"}, {"type": "tool_call", "name": "f", "arguments": {"k\\u0001": "v\\u0007"}}]}]',
    );
    expect(draft["outputMessages"]).toMatchObject([{ parts: [{ text: "ab\nc\ufffd" }, { arguments: { k: "v" } }] }]);
    expect(chat("gen_ai.request.model", "m\u0000x").draft).toMatchObject({ requestModel: "mx", name: "mx" });
  });
});

describe("time is linear", { timeout: linearTimeTimeoutMs }, () => {
  const mapTime = (attributes: (size: number) => { readonly [key: string]: Loose }) => (size: number) => {
    const span = buildSpan(attributes(size));
    return () => mapSpan(span);
  };

  test.each<[string, number, (size: number) => { readonly [key: string]: Loose }]>([
    [
      "messages",
      40_000,
      (size) => ({
        "gen_ai.operation.name": "chat",
        "gen_ai.output.messages": JSON.stringify([{ role: "assistant", content: "word \n".repeat(size / 6) }]),
      }),
    ],
    [
      "many messages",
      20_000,
      (size) => ({
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": JSON.stringify(
          Array.from({ length: size / 40 }, () => ({ role: "user", content: "hello" })),
        ),
      }),
    ],
    [
      "malformed JSON",
      40_000,
      (size) => ({ "gen_ai.operation.name": "chat", "gen_ai.output.messages": `[${'{"a": "b"},'.repeat(size / 11)}` }),
    ],
    [
      "Python arguments",
      20_000,
      (size) => ({ "gen_ai.operation.name": "execute_tool", "input.value": `{'a': [${"'x', ".repeat(size / 5)}]}` }),
    ],
    [
      "folded messages",
      1_000,
      (size) =>
        Object.fromEntries([
          ["openinference.span.kind", "LLM"],
          ...Array.from({ length: size }, (_, index) => [
            `llm.input_messages.${index % 2_000}.message.part${Math.floor(index / 2_000)}`,
            "x",
          ]),
        ]),
    ],
    [
      "metadata",
      2_000,
      (size) =>
        Object.fromEntries([
          ["gen_ai.operation.name", "chat"],
          ...Array.from({ length: size }, (_, index) => [`metadata.k${index}`, "x"]),
        ]),
    ],
    [
      "quotes and backslashes",
      20_000,
      (size) => ({
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.call.arguments": `{"a": "${'\\\\\\"'.repeat(size / 4)}"}`,
      }),
    ],
    [
      "a status message",
      40_000,
      (size) => ({
        "gen_ai.operation.name": "chat",
        "error.message": "a".repeat(size),
        "error.type": "x.".repeat(size),
      }),
    ],
  ])("%s", (_name, size, attributes) => {
    expectLinearTime(size, mapTime(attributes));
  });

  test("of a value of any depth", () => {
    expectLinearTime(5_000, (size) => {
      const deep = JSON.parse(`${"[".repeat(size)}${"]".repeat(size)}`);
      return () => toCompactJson(deep);
    });
  });
});
