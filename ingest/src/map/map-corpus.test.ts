/** Every capture of a real framework, span by span: nothing throws, and what the spans carry of models, tokens and tools comes out as counted outside. */
import { readdirSync, readFileSync } from "node:fs";
import type { AgentEvent } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { describe, expect, test } from "vitest";
import { explainSpan } from "./explain-span.ts";
import { mapSpan } from "./map-span.ts";
import type { EventDraft } from "./mapped-span.ts";
import { spansOfJson, spansOfProtobuf } from "./testdata/load-spans.ts";

const corpusUrl = new URL("../../../test/corpus/", import.meta.url);

const captures = readdirSync(corpusUrl, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(new URL(`${name}/`, corpusUrl)).map((scenario) => `${name}/${scenario}`));

function load(capture: string): DecodedSpan[] {
  const directory = new URL(`${capture}/`, corpusUrl);
  return readdirSync(directory)
    .filter((file) => file !== "truth.json")
    .sort()
    .flatMap((file) => {
      const bytes = readFileSync(new URL(file, directory));
      return file.endsWith(".pb") ? spansOfProtobuf(bytes) : spansOfJson(bytes);
    });
}

function draftsOf<T extends AgentEvent["eventType"]>(capture: string, type: T) {
  return load(capture)
    .flatMap((span) => mapSpan(span).drafts)
    .filter((draft): draft is Extract<EventDraft, { eventType: T }> => draft.eventType === type);
}

test("there are captures", () => {
  expect(captures.length).toBeGreaterThan(100);
});

test.each(captures)("%s", { timeout: 60_000 }, (capture) => {
  for (const span of load(capture)) {
    const { mapped, unreadAttributes } = explainSpan(span);
    expect([mapped.defect, mapped.flags.includes("malformed_json")]).toEqual([undefined, false]);
    expect(unreadAttributes.every((key) => span.attributes.has(key))).toBe(true);
    // Telemetry of an AI library is known as such.
    if (span.attributes.has("gen_ai.operation.name")) expect(mapped.class).not.toBe("plain");
  }
});

describe("facts seen in captures", { timeout: 60_000 }, () => {
  test("a response taken for the request is told apart", () => {
    const [call] = draftsOf("openai-openinference/tools", "llm_call");
    expect(call).toMatchObject({
      requestModel: "gpt-4o-mini",
      responseModel: "gpt-4o-mini-2024-07-18",
      provider: "openai",
    });
  });

  test("`completed` of a Responses answer that asks for tools is no stop", () => {
    const reasons = draftsOf("openai-agents-openinference/handoff", "llm_call").map((call) => call.finishReasons?.[0]);
    expect(reasons).toEqual(["tool_calls", "tool_calls", "tool_calls", "stop"]);
  });

  test("the id of a response that only its JSON has", () => {
    const ids = draftsOf("langgraph-openinference+openai/react-stream", "llm_call").map((call) => call.responseId);
    expect(ids.filter((id) => id?.startsWith("chatcmpl-")).length).toBeGreaterThanOrEqual(2);
  });

  test("tools of LangChain for JavaScript are named by their results", () => {
    const calls = draftsOf("langchain-js-traceloop-sdk/agent-tools", "tool_call");
    expect(calls.map((call) => [call.toolName, call.arguments])).toEqual([
      ["get_order", { orderId: "A-1001" }],
      ["get_weather", { city: "Oslo" }],
      ["track_parcel", { trackingId: "TRK-77" }],
    ]);
  });

  test("llama-index tool outputs are opened", () => {
    expect(
      draftsOf("llama-index-openinference/function-agent-stream", "tool_result").map((result) => result.result),
    ).toContain(42);
  });

  test("an interrupt is no error, with either instrumentation", () => {
    for (const capture of ["langgraph-openinference/interrupt", "langgraph-traceloop/interrupt"]) {
      const mapped = load(capture).map((span) => mapSpan(span));
      expect(mapped.flatMap((span) => span.drafts).filter((draft) => draft.eventType === "error")).toEqual([]);
      expect(mapped.some((span) => span.controlFlow.some((flow) => flow.kind === "interrupt"))).toBe(true);
    }
  });

  test("the previous response is no session", () => {
    expect(load("agent-framework-builtin/handoff").flatMap((span) => mapSpan(span).ownSessionId ?? [])).toEqual([]);
  });

  test("a tripped guardrail is told by the status of the span around it", () => {
    const tripped = load("openai-agents-openinference/guardrail").flatMap((span) => mapSpan(span).tripwire ?? []);
    expect(tripped).toEqual([{ guardrailName: "homework_guardrail" }]);
  });

  test("ADK's merged copy runs nothing", () => {
    expect(draftsOf("adk-builtin/agent-tools", "tool_call").map((call) => call.toolName)).toEqual([
      "get_order",
      "get_weather",
      "track_parcel",
    ]);
  });

  test("LangSmith's exceptions are read out of their text", () => {
    expect(
      new Set(draftsOf("langsmith-otel/tool-error", "error").map((error) => `${error.errorType}: ${error.message}`)),
    ).toEqual(new Set(["PaymentError: provider refused the refund"]));
  });
});
