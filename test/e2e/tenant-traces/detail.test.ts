/** The detail: tenant-traces.md sections 4 and 5, checklist T14 to T25. */
import { traceDetailSchema } from "@nonet/query-api/tenant-traces/response-schemas.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  agent,
  at,
  call,
  chat,
  newOwner,
  result,
  type SpanInput,
  said,
  span,
  startMs,
  startTracesFixture,
  type TracesFixture,
  tool,
  traceIdOf,
} from "./traces-fixture.ts";

let traces: TracesFixture;

beforeAll(async () => {
  traces = await startTracesFixture();
});

afterAll(() => traces?.close());

/** The body of the trace of these spans, in a project of its own. */
async function bodyOf(spans: readonly SpanInput[], trace = "t") {
  const owner = newOwner();
  await traces.store(owner, spans);
  const { status, body } = await traces.detail(owner, traceIdOf(trace));
  expect(status).toBe(200);
  traceDetailSchema.parse(body);
  const { data } = (await traces.list(owner)).body;
  const { modelConfig, ...listed } = data[0];
  // What the list shows is what the detail shows.
  expect(body).toMatchObject(listed);
  expect(modelConfig === null).toBe(body.modelConfig === null);
  return body;
}

const root = span({ trace: "t", id: "root", times: [0, 1000], attributes: agent("helper") });

function modelCall(id: string, times: readonly [number, number?], extra: Parameters<typeof chat>[0], parent = "root") {
  return span({ trace: "t", id, parent, times, attributes: chat(extra) });
}

function answered(text: string, extra: Parameters<typeof chat>[0] = {}): Parameters<typeof chat>[0] {
  return { "gen_ai.output.messages": [{ ...said("assistant", text), finish_reason: "stop" }], ...extra };
}

describe("T14 system instructions", () => {
  const inside = said("system", "Be brief.");
  it.each([
    [
      "given apart",
      {
        "gen_ai.system_instructions": [{ type: "text", content: "Be brief." }],
        "gen_ai.input.messages": [said("user", "Hi")],
      },
    ],
    ["inside the messages", { "gen_ai.input.messages": [inside, said("user", "Hi")] }],
    ["both", { "gen_ai.system_instructions": "Be brief.", "gen_ai.input.messages": [inside, said("user", "Hi")] }],
  ])("%s are one system message", async (_name, attributes) => {
    const body = await bodyOf([root, modelCall("chat", [10, 20], answered("Hello", attributes))]);
    expect(body.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ]);
  });
});

describe("T15 messages", () => {
  async function messagesOf(input: readonly object[]) {
    const body = await bodyOf([
      root,
      modelCall("chat", [10, 20], answered("Done", { "gen_ai.input.messages": input })),
    ]);
    return body.messages;
  }

  it("with several tool results become several, in order", async () => {
    const messages = await messagesOf([
      said("user", "Go"),
      said("assistant", call("a", { x: 1 }, "c1"), call("b", { y: 2 }, "c2")),
      said("user", result("one", "c1"), result({ two: [2, null] }, "c2"), "and now?"),
    ]);
    expect(messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: "",
        tool_calls: [
          { id: "c1", name: "a", args: { x: 1 } },
          { id: "c2", name: "b", args: { y: 2 } },
        ],
      },
      { role: "tool", tool_call_id: "c1", name: "a", content: "one" },
      { role: "tool", tool_call_id: "c2", name: "b", content: '{"two":[2,null]}' },
      { role: "user", content: "and now?" },
    ]);
  });

  it("hold arguments that are no object as a value", async () => {
    const [, message] = await messagesOf([
      said("user", "Go"),
      said(
        "assistant",
        call("list", [1, 2], "c1"),
        call("text", "plain words", "c2"),
        call("number", 42, "c3"),
        call("spelt", '{"a":{"b":1}}', "c4"),
        call("spelt list", "[1]", "c5"),
        call("absent", undefined, "c6"),
        call("nothing", null, "c7"),
        call("broken", '{"a":', "c8"),
      ),
    ]);
    expect(message.tool_calls.map((each: { args: object }) => each.args)).toEqual([
      { value: [1, 2] },
      { value: "plain words" },
      { value: 42 },
      { a: { b: 1 } },
      { value: [1] },
      {},
      {},
      { value: '{"a":' },
    ]);
  });

  it("name calls without ids, and results without ids after their calls", async () => {
    const messages = await messagesOf([
      said("system", "S"),
      said("user", "Go"),
      said("assistant", "text", call("a", {}), call("b", {})),
      said("tool", result("of a")),
      said("tool", result("of b")),
      said("tool", result("of none")),
    ]);
    expect(messages.slice(2)).toEqual([
      {
        role: "assistant",
        content: "text",
        tool_calls: [
          { id: "call_2_0", name: "a", args: {} },
          { id: "call_2_1", name: "b", args: {} },
        ],
      },
      { role: "tool", tool_call_id: "call_2_0", name: "a", content: "of a" },
      { role: "tool", tool_call_id: "call_2_1", name: "b", content: "of b" },
      { role: "tool", content: "of none" },
    ]);
  });

  it("show files by type, without their bytes, and no reasoning", async () => {
    const bytes = Buffer.from("not to be shown").toString("base64");
    const messages = await messagesOf([
      said(
        "user",
        "Look:",
        { type: "blob", mime_type: "image/png", modality: "image", content: bytes },
        { type: "uri", uri: "https://example.org/a.pdf", mime_type: "application/pdf" },
        { type: "uri", uri: `data:image/gif;base64,${bytes}` },
        "and say.",
      ),
      said("assistant", { type: "reasoning", content: "hidden thought" }, "Seen."),
    ]);
    expect(messages[0]).toMatchObject({ role: "user", content: "Look:\nand say." });
    expect(messages[0].parts).toEqual([
      { type: "media", mimeType: "image/png" },
      { type: "media", mimeType: "application/pdf", uri: "https://example.org/a.pdf" },
      { type: "media", mimeType: "image/gif" },
    ]);
    expect(messages[1]).toEqual({ role: "assistant", content: "Seen." });
    expect(JSON.stringify(messages)).not.toContain(bytes);
  });

  it("are none when nothing was captured", async () => {
    const body = await bodyOf([root, modelCall("chat", [10, 20], {})]);
    expect(body).toMatchObject({ messages: [], tools: [], toolChoice: null });
  });
});

describe("T16 delta repair", () => {
  it("restores what one earlier call had", async () => {
    const body = await bodyOf([
      root,
      modelCall("c1", [10, 20], {
        "gen_ai.input.messages": [said("user", "Where?")],
        "gen_ai.output.messages": [said("assistant", call("find", {}, "call_1"))],
      }),
      modelCall(
        "c2",
        [30, 40],
        answered("There.", { "gen_ai.input.messages": [said("tool", result("here", "call_1"))] }),
      ),
    ]);
    expect(body.messages).toEqual([
      { role: "user", content: "Where?" },
      { role: "assistant", content: "", tool_calls: [{ id: "call_1", name: "find", args: {} }] },
      { role: "tool", tool_call_id: "call_1", name: "find", content: "here" },
    ]);
  });

  it("goes back over three calls of the same agent, and keeps the system message", async () => {
    const step = (n: number, input: object) =>
      modelCall(`c${n}`, [n * 100, n * 100 + 50], {
        "gen_ai.input.messages": [said("system", "S"), input],
        "gen_ai.output.messages": [said("assistant", call("find", { n }, `call_${n}`))],
      });
    const body = await bodyOf([
      root,
      step(1, said("user", "Where?")),
      step(2, said("tool", result("one", "call_1"))),
      step(3, said("tool", result("two", "call_2"))),
      // Another agent's call in between is another conversation.
      span({ trace: "t", id: "sub", parent: "root", times: [360, 390], attributes: agent("sub") }),
      modelCall("other", [361, 380], { "gen_ai.input.messages": [said("user", "Not mine")] }, "sub"),
      modelCall(
        "c4",
        [400, 450],
        answered("There.", { "gen_ai.input.messages": [said("system", "S"), said("tool", result("three", "call_3"))] }),
      ),
    ]);
    expect(
      body.messages.map((message: { role: string; content: string }) => `${message.role} ${message.content}`),
    ).toEqual([
      "system S",
      "user Where?",
      "assistant ",
      "tool one",
      "assistant ",
      "tool two",
      "assistant ",
      "tool three",
    ]);
  });

  it("leaves an input that is whole alone", async () => {
    const whole = [
      said("user", "Where?"),
      said("assistant", call("find", {}, "call_1")),
      said("tool", result("here", "call_1")),
    ];
    const body = await bodyOf([
      root,
      modelCall("c1", [10, 20], {
        "gen_ai.input.messages": [said("user", "Where?")],
        "gen_ai.output.messages": [said("assistant", call("find", {}, "call_1"))],
      }),
      modelCall("c2", [30, 40], answered("There.", { "gen_ai.input.messages": whole })),
    ]);
    expect(body.messages).toHaveLength(3);
  });
});

describe("T17 the primary generation", () => {
  const asking = (name: string) => ({ "gen_ai.input.messages": [said("user", name)] });

  it("is the sub-agent's call when that gave the answer", async () => {
    const body = await bodyOf([
      root,
      modelCall("first", [10, 100], {
        ...asking("main"),
        "gen_ai.output.messages": [said("assistant", call("x", {}, "c"))],
      }),
      span({ trace: "t", id: "sub", parent: "root", times: [110, 900], attributes: agent("sub") }),
      modelCall(
        "second",
        [120, 890],
        answered("From below.", { ...asking("sub"), "gen_ai.response.model": "gpt-4o-mini" }),
        "sub",
      ),
    ]);
    expect(body).toMatchObject({
      messages: [{ role: "user", content: "sub" }],
      output: { message: "From below.", success: true, finishReason: "stop" },
      modelConfig: { model: "gpt-4o-mini" },
    });
  });

  it("is the main agent's call when a sub-agent helped", async () => {
    const body = await bodyOf([
      root,
      span({
        trace: "t",
        id: "tool",
        parent: "root",
        times: [5, 400],
        attributes: tool("ask_sub", { result: "helped" }),
      }),
      span({ trace: "t", id: "sub", parent: "tool", times: [10, 390], attributes: agent("sub") }),
      modelCall("inner", [20, 380], answered("A part.", asking("sub")), "sub"),
      modelCall("outer", [410, 900], answered("The whole.", asking("main"))),
    ]);
    expect(body).toMatchObject({ messages: [{ content: "main" }], output: { message: "The whole." } });
  });

  it("is the call that says what the root answered, though others end later", async () => {
    const body = await bodyOf([
      span({
        trace: "t",
        id: "root",
        times: [0, 1000],
        attributes: agent("helper", { "gen_ai.output.messages": [said("assistant", " The answer. ")] }),
      }),
      modelCall("answer", [10, 500], answered("The answer.", asking("answer"))),
      modelCall("title", [510, 900], answered("A title", asking("title"))),
    ]);
    expect(body).toMatchObject({ messages: [{ content: "answer" }], output: { message: "The answer." } });
  });

  it("is not a background call that ends after the answer", async () => {
    const paused = [
      span({ trace: "t", id: "root", times: [0, 1000], attributes: agent("helper"), status: { code: 2 } }),
      modelCall("answer", [10, 500], answered("The answer.", asking("answer"))),
      modelCall("memory", [900, 1500], answered("Remembered.", asking("memory"))),
    ];
    expect(await bodyOf(paused)).toMatchObject({
      messages: [{ content: "answer" }],
      output: { message: "The answer." },
    });
  });

  it("is never an embedding or a rerank", async () => {
    const body = await bodyOf([
      root,
      modelCall("embed", [10, 20], { "gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 10 }),
    ]);
    expect(body).toMatchObject({
      messages: [],
      modelConfig: null,
      output: { message: null, success: true },
      toolChoice: null,
      inputTokens: 10,
      usage: { calls: 1 },
    });
  });
});

describe("T18 a trace that ends in a tool call", () => {
  it("appends what was asked, and the results that were seen", async () => {
    const body = await bodyOf([
      root,
      modelCall("chat", [10, 20], {
        "gen_ai.input.messages": [said("user", "Go")],
        "gen_ai.output.messages": [
          {
            ...said(
              "assistant",
              "Looking.",
              call("find", { q: 1 }, "c1"),
              call("unseen", {}, "c2"),
              call("count", { n: 2 }),
            ),
            finish_reason: "tool_calls",
          },
        ],
      }),
      span({
        trace: "t",
        id: "find",
        parent: "root",
        times: [30, 40],
        attributes: tool("find", { id: "c1", result: { hits: 3 } }),
      }),
      span({ trace: "t", id: "count", parent: "root", times: [50, 60], attributes: tool("count", { result: "two" }) }),
    ]);
    const calls = [
      { id: "c1", name: "find", args: { q: 1 } },
      { id: "c2", name: "unseen", args: {} },
      { id: "call_1_2", name: "count", args: { n: 2 } },
    ];
    expect(body.messages).toEqual([
      { role: "user", content: "Go" },
      { role: "assistant", content: "Looking.", tool_calls: calls },
      { role: "tool", tool_call_id: "c1", name: "find", content: '{"hits":3}' },
      { role: "tool", tool_call_id: "call_1_2", name: "count", content: "two" },
    ]);
    expect(body.output).toEqual({ message: "Looking.", success: true, toolCalls: calls, finishReason: "tool_calls" });
  });

  it("takes an answer that was sent as a list of items as one", async () => {
    const items = [
      { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Looking." }] },
      { type: "function_call", call_id: "c1", name: "find", arguments: '{"q":1}' },
      { type: "function_call", call_id: "c2", name: "count", arguments: "{}" },
    ];
    const body = await bodyOf([root, modelCall("chat", [10, 20], { "gen_ai.output.messages": items })]);
    const calls = [
      { id: "c1", name: "find", args: { q: 1 } },
      { id: "c2", name: "count", args: {} },
    ];
    expect(body.messages).toEqual([{ role: "assistant", content: "Looking.", tool_calls: calls }]);
    expect(body.output).toMatchObject({ message: "Looking.", toolCalls: calls });
  });
});

describe("T19 tools and toolChoice", () => {
  const definitions = [{ type: "function", function: { name: "find", parameters: { type: "object" } } }];
  const cases: [string, Parameters<typeof chat>[0], string | null][] = [
    ["auto in the request", { "llm.invocation_parameters": { tool_choice: "auto" } }, "auto"],
    ["none in the request", { "llm.invocation_parameters": { tool_choice: "none" } }, "none"],
    ["any", { "llm.invocation_parameters": { tool_choice: { type: "any" } } }, "required"],
    ["ANY as text", { "gen_ai.request.tool_choice": "ANY" }, "required"],
    ["required", { "llm.request.tool_choice": "required" }, "required"],
    ["none as an attribute", { "gen_ai.request.tool_choice": "none" }, "none"],
    [
      "a forced function",
      { "gen_ai.request.tool_choice": { type: "function", function: { name: "find" } } },
      "tool:find",
    ],
    ["a forced tool", { "llm.invocation_parameters": { tool_choice: { type: "tool", name: "find" } } }, "tool:find"],
    [
      "the request before the attributes",
      { "llm.invocation_parameters": { tool_choice: "none" }, "gen_ai.request.tool_choice": "auto" },
      "none",
    ],
    ["nothing, with tools", {}, "auto"],
  ];
  it.each(cases)("%s", async (_name, attributes, expected) => {
    const extra = { ...attributes, "gen_ai.tool.definitions": definitions };
    expect((await bodyOf([root, modelCall("chat", [10, 20], answered("Hi", extra))])).toolChoice).toBe(expected);
  });

  it("is null when nothing is reported and there are no tools", async () => {
    expect((await bodyOf([root, modelCall("chat", [10, 20], answered("Hi"))])).toolChoice).toBeNull();
  });

  it("tools are those of the thread: first appearance, latest definition, other members as metadata", async () => {
    const body = await bodyOf([
      root,
      modelCall("c1", [10, 20], {
        "gen_ai.tool.definitions": [
          { type: "function", function: { name: "b", description: "old", parameters: { v: 1 } } },
          { type: "function", name: "a", strict: false, parameters: { type: "object" } },
        ],
      }),
      span({ trace: "t", id: "sub", parent: "root", times: [21, 25], attributes: agent("sub") }),
      modelCall("other", [22, 24], { "gen_ai.tool.definitions": [{ name: "not mine" }] }, "sub"),
      modelCall(
        "c2",
        [30, 40],
        answered("Hi", {
          "gen_ai.tool.definitions": [
            { type: "custom", name: "c", format: { type: "text" } },
            {
              type: "function",
              cache_control: { type: "ephemeral" },
              function: { name: "b", description: "new", strict: true },
            },
          ],
        }),
      ),
    ]);
    expect(body.tools).toEqual([
      {
        name: "b",
        description: "new",
        parameters: null,
        metadata: { strict: true, cache_control: { type: "ephemeral" } },
      },
      { name: "a", description: null, parameters: { type: "object" }, metadata: { strict: false } },
      { name: "c", description: null, parameters: null, metadata: { type: "custom", format: { type: "text" } } },
    ]);
  });
});

describe("section 5.6 modelConfig", () => {
  it("has all settings under their names here, and further members of the request", async () => {
    const body = await bodyOf([
      root,
      modelCall(
        "chat",
        [10, 20],
        answered("Hi", {
          "gen_ai.response.model": "gpt-4o-2024-08-06",
          "gen_ai.request.temperature": 0.5,
          "gen_ai.request.top_p": 0.9,
          "gen_ai.request.top_k": 40,
          "gen_ai.request.max_tokens": 100,
          "gen_ai.request.frequency_penalty": 0.1,
          "gen_ai.request.presence_penalty": 0.2,
          "gen_ai.request.seed": 7,
          "gen_ai.request.choice.count": 1,
          "gen_ai.request.stop_sequences": ["END"],
          "llm.invocation_parameters": {
            model: "other",
            temperature: 1,
            max_completion_tokens: 5,
            messages: [{ role: "user", content: "no" }],
            tools: [],
            tool_choice: "auto",
            provider: { order: ["x"] },
            parallel_tool_calls: false,
            response_format: { type: "json_object" },
            api_key: "sk-1",
            logit_bias: null,
          },
        }),
      ),
    ]);
    expect(body.modelConfig).toEqual({
      model: "gpt-4o-2024-08-06",
      provider: "openai",
      temperature: 0.5,
      max_tokens: 100,
      top_p: 0.9,
      top_k: 40,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      seed: 7,
      n: 1,
      stop: ["END"],
      response_format: { type: "json_object" },
      parallel_tool_calls: false,
      api_key: "[masked]",
    });
  });

  it("takes the output type for the format, and leaves out what was not reported", async () => {
    const body = await bodyOf([root, modelCall("chat", [10, 20], answered("Hi", { "gen_ai.output.type": "json" }))]);
    expect(body.modelConfig).toEqual({ model: "gpt-4o", provider: "openai", response_format: "json" });
  });
});

describe("T20 promptName", () => {
  const prompted = (id: string, times: [number, number], name: string | undefined, text: string) =>
    modelCall(id, times, answered(text, name === undefined ? {} : { "gen_ai.prompt.name": name }));
  const cases: [string, SpanInput[], string][] = [
    [
      "of the primary generation",
      [root, prompted("c1", [10, 20], "first", "A"), prompted("c2", [30, 40], "second", "B")],
      "second",
    ],
    [
      "of the first call that has one",
      [root, prompted("c1", [10, 20], "first", "A"), prompted("c2", [30, 40], undefined, "B")],
      "first",
    ],
    ["the agent of the first turn root", [root, prompted("c1", [10, 20], undefined, "A")], "helper"],
    [
      "its workflow, and not an agent below",
      [
        span({
          trace: "t",
          id: "root",
          name: "run",
          times: [0, 1000],
          attributes: { "gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "triage flow" },
        }),
        span({ trace: "t", id: "inner", parent: "root", times: [5, 900], attributes: agent("inner") }),
        prompted("c1", [10, 20], undefined, "A"),
      ],
      "triage flow",
    ],
    [
      "its span name",
      [
        span({
          trace: "t",
          id: "root",
          name: "nightly run",
          times: [0, 1000],
          attributes: { "gen_ai.operation.name": "invoke_workflow" },
        }),
        prompted("c1", [10, 20], undefined, "A"),
      ],
      "nightly run",
    ],
    [
      "without a turn root, the name of the earliest span",
      [
        span({
          trace: "t",
          id: "http",
          name: "POST /ask",
          times: [0, 100],
          attributes: { "http.request.method": "POST" },
        }),
        modelCall("c1", [10, 20], answered("A"), "http"),
      ],
      "POST /ask",
    ],
  ];
  it.each(cases)("is that %s", async (_name, spans, expected) => {
    expect((await bodyOf(spans)).promptName).toBe(expected);
  });
});

describe("T21 status, success and error", () => {
  it("completed", async () => {
    const body = await bodyOf([root, modelCall("chat", [10, 20], answered("Hi"))]);
    expect(body).toMatchObject({ status: "completed", output: { success: true }, error: null });
  });

  it.each([["content_filter"], ["error"]])("completed without success when the model ended with %s", async (reason) => {
    const body = await bodyOf([
      root,
      modelCall("chat", [10, 20], {
        "gen_ai.output.messages": [said("assistant", "No")],
        "gen_ai.response.finish_reasons": [reason],
      }),
    ]);
    expect(body).toMatchObject({ status: "completed", output: { success: false, finishReason: reason } });
  });

  it("failed by the root, as in the contract", async () => {
    const body = await bodyOf([
      span({ trace: "t", id: "root", times: [0, 1000], attributes: agent("helper"), status: { code: 2 } }),
      span({
        trace: "t",
        id: "chat",
        parent: "root",
        times: [10, 20],
        attributes: chat({ "error.type": "429" }),
        status: { code: 2, message: "slow down" },
      }),
    ]);
    expect(body).toMatchObject({
      status: "failed",
      output: { message: null, success: false },
      inputTokens: null,
      outputTokens: null,
      totalTokens: null,
      cost: null,
      usage: { calls: 1, callsMissingUsage: 1, unpricedCalls: 1 },
      error: { type: "429", message: "slow down" },
    });
  });

  it("failed without a root, when the only call failed", async () => {
    const body = await bodyOf([
      span({
        trace: "t",
        id: "chat",
        times: [10, 20],
        attributes: chat({ "error.type": "timeout" }),
        status: { code: 2 },
      }),
    ]);
    expect(body).toMatchObject({ status: "failed", output: { success: false }, error: { type: "timeout" } });
  });

  it("not failed by an error that was handled", async () => {
    const body = await bodyOf([
      root,
      span({
        trace: "t",
        id: "tool",
        parent: "root",
        times: [10, 20],
        attributes: tool("find", { id: "c" }),
        status: { code: 2, message: "broken" },
      }),
      modelCall("chat", [30, 40], answered("Without it, then.")),
    ]);
    expect(body).toMatchObject({ status: "completed", error: null });
  });

  it("running while a root is open, then completed", async () => {
    const owner = newOwner();
    const open = span({ trace: "t", id: "root", times: [0], attributes: agent("helper") });
    await traces.store(owner, [open, modelCall("chat", [10, 20], answered("Hi"))]);
    const running = (await traces.detail(owner, traceIdOf("t"))).body;
    expect(running).toMatchObject({ status: "running", output: { success: null, message: "Hi" }, error: null });
    expect((await traces.list(owner, "?status=running")).body.data).toHaveLength(1);
    await traces.store(owner, [root]);
    expect((await traces.detail(owner, traceIdOf("t"))).body).toMatchObject({
      status: "completed",
      output: { success: true },
    });
    expect((await traces.list(owner, "?status=running")).body.data).toEqual([]);
  });

  it.each([
    ["completed", {}],
    ["failed", { "error.type": "timeout" }],
  ])("running for a minute while the root is missing, then %s", async (settled, failure) => {
    const owner = newOwner();
    const status = "error.type" in failure ? { status: { code: 2 } } : {};
    await traces.store(owner, [
      span({ trace: "t", id: "chat", parent: "missing", times: [10, 1000], attributes: chat(failure), ...status }),
    ]);
    const seenAt = async (ms: number) => {
      traces.api.setNow(startMs + ms);
      const { status, output } = (await traces.detail(owner, traceIdOf("t"))).body;
      const listed = (await traces.list(owner)).body.data[0].status;
      const filtered = (await traces.list(owner, `?status=${status}`)).body.data.length;
      return [status, output.success, listed, filtered];
    };
    expect(await seenAt(60_999)).toEqual(["running", null, "running", 1]);
    expect(await seenAt(61_000)).toEqual([settled, settled === "completed", settled, 1]);
  });
});

describe("T22 tokens", () => {
  const usage = (input: number, output: number) => ({
    "gen_ai.usage.input_tokens": input,
    "gen_ai.usage.output_tokens": output,
  });

  it("of a call that two instrumentations report count once", async () => {
    const body = await bodyOf([
      root,
      span({
        trace: "t",
        id: "framework",
        parent: "root",
        times: [10, 100],
        attributes: {
          "openinference.span.kind": "LLM",
          "llm.model_name": "gpt-4o",
          "llm.token_count.prompt": 100,
          "llm.token_count.completion": 10,
        },
      }),
      modelCall("sdk", [20, 90], answered("Hi", usage(100, 10)), "framework"),
    ]);
    expect(body).toMatchObject({ inputTokens: 100, outputTokens: 10, totalTokens: 110, usage: { calls: 1 } });
  });

  it("of an agent count only in a turn without a countable call", async () => {
    const aggregate = usage(500, 50);
    const withCall = await bodyOf([
      span({ trace: "t", id: "root", times: [0, 1000], attributes: agent("helper", aggregate) }),
      modelCall("chat", [10, 20], answered("Hi", usage(100, 10))),
    ]);
    expect(withCall).toMatchObject({ inputTokens: 100, outputTokens: 10 });
    const alone = await bodyOf([
      span({
        trace: "t",
        id: "root",
        times: [0, 1000],
        attributes: agent("helper", { ...aggregate, "gen_ai.usage.cost": 0.5 }),
      }),
      span({ trace: "t", id: "tool", parent: "root", times: [10, 20], attributes: tool("find", { result: "x" }) }),
    ]);
    expect(alone).toMatchObject({
      inputTokens: 500,
      outputTokens: 50,
      totalTokens: 550,
      cost: 0.5,
      usage: { calls: 0 },
    });
  });

  it("that are partial are not summed", async () => {
    const body = await bodyOf([
      root,
      modelCall("c1", [10, 20], answered("A", usage(100, 10))),
      modelCall(
        "c2",
        [30, 40],
        answered("B", { "gen_ai.usage.partial.input_tokens": 7, "gen_ai.usage.partial.output_tokens": 3 }),
      ),
    ]);
    expect(body).toMatchObject({
      inputTokens: 100,
      outputTokens: 10,
      usage: { calls: 2, callsMissingUsage: 0, unpricedCalls: 1 },
    });
  });

  it("are 0 without calls, null when unreported, and the sum of what is reported", async () => {
    const none = await bodyOf([
      root,
      span({ trace: "t", id: "tool", parent: "root", times: [1, 2], attributes: tool("x", { result: "y" }) }),
    ]);
    expect(none).toMatchObject({
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
      cost: 0,
      usage: { calls: 0, callsMissingUsage: 0, cacheReadInputTokens: 0 },
    });
    const unreported = await bodyOf([root, modelCall("chat", [10, 20], answered("Hi"))]);
    expect(unreported).toMatchObject({
      inputTokens: null,
      outputTokens: null,
      totalTokens: null,
      cost: null,
      usage: { callsMissingUsage: 1 },
    });
    const partly = await bodyOf([
      root,
      modelCall(
        "c1",
        [10, 20],
        answered("A", {
          ...usage(100, 10),
          "gen_ai.usage.cache_read.input_tokens": 40,
          "gen_ai.usage.reasoning.output_tokens": 4,
        }),
      ),
      modelCall("c2", [30, 40], answered("B")),
    ]);
    expect(partly).toMatchObject({
      inputTokens: 100,
      outputTokens: 10,
      usage: {
        calls: 2,
        callsMissingUsage: 1,
        unpricedCalls: 1,
        cacheReadInputTokens: 40,
        cacheCreationInputTokens: null,
        reasoningOutputTokens: 4,
      },
    });
  });

  it("of one turn that are unknown are not made known by another that called no model", async () => {
    const body = await bodyOf([
      root,
      modelCall("chat", [10, 20], answered("Hi")),
      span({ trace: "t", id: "second", times: [2000, 2100], attributes: agent("other") }),
      span({ trace: "t", id: "tool", parent: "second", times: [2001, 2002], attributes: tool("x", { result: "y" }) }),
    ]);
    expect(body).toMatchObject({ inputTokens: null, cost: null, duration: 2100 });
  });
});

describe("T23 times", () => {
  it.each([
    [1.499_999, 1],
    [1.5, 2],
    [0.4, 0],
  ])("a root of %d ms lasts %d", async (ms, rounded) => {
    const body = await bodyOf([span({ trace: "t", id: "root", times: [0.9, 0.9 + ms], attributes: agent("helper") })]);
    expect(body.duration).toBe(rounded);
    expect(body.createdAt).toBe("2026-05-04T09:00:00.000Z");
    expect(body.timestamp).toBe(Date.parse(body.createdAt));
  });

  it("reach from the first root to the end of the last, and leave out what lies around", async () => {
    const body = await bodyOf([
      span({ trace: "t", id: "http", name: "POST", times: [0, 9000], attributes: { "http.request.method": "POST" } }),
      span({ trace: "t", id: "one", parent: "http", times: [100, 200], attributes: agent("one") }),
      span({ trace: "t", id: "two", parent: "http", times: [300, 500], attributes: agent("two") }),
    ]);
    expect(body).toMatchObject({ duration: 400, createdAt: "2026-05-04T09:00:00.100Z", promptName: "one" });
  });

  it("are those of all spans without an ended root", async () => {
    const body = await bodyOf([
      span({ trace: "t", id: "http", name: "POST", times: [0, 9000], attributes: { "http.request.method": "POST" } }),
      modelCall("chat", [100, 200], answered("Hi"), "http"),
    ]);
    expect(body).toMatchObject({ duration: 9000, createdAt: "2026-05-04T09:00:00.000Z" });
    const open = await bodyOf([
      span({ trace: "t", id: "root", times: [50], attributes: agent("helper") }),
      modelCall("chat", [100, 250], answered("Hi")),
    ]);
    expect(open).toMatchObject({ duration: 200, createdAt: "2026-05-04T09:00:00.050Z" });
  });
});

describe("T24 tags and metadata", () => {
  it("are united over the spans in order", async () => {
    const many = Array.from({ length: 49 }, (_, index) => `tag-${index}`);
    const body = await bodyOf([
      span({
        trace: "t",
        id: "root",
        times: [0, 1000],
        attributes: agent("helper", {
          "tag.tags": ["first", "second"],
          metadata: { plan: "gold", a: 1 },
          "session.id": "s-1",
          "user.id": "u-1",
        }),
      }),
      modelCall(
        "chat",
        [10, 20],
        answered("Hi", {
          "tag.tags": ["second", ...many],
          metadata: { plan: "silver", b: { c: [1] }, session_id: "sent", user_id: "sent" },
        }),
      ),
    ]);
    expect(body.tags).toEqual(["first", "second", ...many.slice(0, 48)]);
    expect(body.metadata).toEqual({ plan: "gold", a: 1, b: { c: [1] }, session_id: "s-1", user_id: "u-1" });
    expect(Object.keys(body.metadata)).toEqual(["plan", "a", "b", "session_id", "user_id"]);
  });

  it("have 100 sent keys at most, and names that are ordinary data", async () => {
    const sent = Object.fromEntries([
      ["__proto__", "x"],
      ["constructor", "y"],
      ...Array.from({ length: 150 }, (_, index) => [`k${index}`, index]),
    ]);
    const body = await bodyOf([
      span({ trace: "t", id: "root", times: [0, 1000], attributes: agent("helper", { metadata: sent }) }),
    ]);
    expect(Object.keys(body.metadata)).toHaveLength(101);
    expect(body.metadata.session_id).toBe(traceIdOf("t"));
    expect(Object.hasOwn(body.metadata, "__proto__")).toBe(true);
  });

  it("name the session of the first turn root, and the filter finds each session of the trace", async () => {
    const owner = newOwner();
    await traces.store(owner, [
      span({ trace: "t", id: "one", times: [0, 100], attributes: agent("one", { "session.id": "s-one" }) }),
      span({ trace: "t", id: "two", times: [200, 300], attributes: agent("two", { "session.id": "s-two" }) }),
    ]);
    expect((await traces.detail(owner, traceIdOf("t"))).body.metadata).toEqual({ session_id: "s-one" });
    for (const session of ["s-one", "s-two"]) {
      expect((await traces.list(owner, `?session_id=${session}`)).body.data).toHaveLength(1);
    }
    const { events } = (await traces.detail(owner, traceIdOf("t"), "?include=events")).body;
    for (const session of ["s-one", "s-two"]) {
      const served = await traces.get(
        traces.tokenOf(owner),
        `/api/projects/${owner.projectId}/sessions/${session}/traces`,
      );
      expect(events.filter((event: { sessionId: string }) => event.sessionId === session)).toEqual(served.body.data);
    }
  });
});

describe("T25 the trace id", () => {
  it("is found in any case and with a prefix", async () => {
    const owner = newOwner();
    const id = traceIdOf("t");
    await traces.store(owner, [root]);
    for (const each of [id, id.toUpperCase(), `trace_${id}`, `trace_${id.toUpperCase()}`]) {
      expect((await traces.detail(owner, each)).body.traceId).toBe(id);
    }
    for (const each of [`${id}0`, id.slice(1), `TRACE_${id}`, `trace_trace_${id}`, "x", "..%2f", "%00", "%zz"]) {
      const { status, body } = await traces.detail(owner, each);
      expect([status, body.code], each).toEqual([404, "NOT_FOUND"]);
    }
  });
});

describe("section 9 limits", () => {
  it("gives 5,000 events", async () => {
    const owner = newOwner();
    const tools = Array.from({ length: 2600 }, (_, index) =>
      span({
        trace: "t",
        id: `tool ${index}`,
        parent: "root",
        times: [index, index + 0.5],
        attributes: tool("x", { result: "y" }),
      }),
    );
    await traces.store(owner, [root, ...tools]);
    const { body } = await traces.detail(owner, traceIdOf("t"), "?include=events");
    expect([body.events.length, body.eventsTruncated]).toEqual([5000, true]);
    expect(body.events[0].timeUnixNano).toBe(at(0).toString());
  });
});
