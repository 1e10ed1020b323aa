import { describe, expect, it } from "vitest";
import { reasonsOf, spansToExplain } from "./explanation.ts";
import { explanationSchema } from "./response-schemas.ts";
import { decodeRequest, toExportRequest } from "./testdata/otlp-request.ts";
import { viewOf } from "./testdata/view-of.ts";

const traceId = "a".repeat(32);
const start = 1_777_885_200_000_000_000n;
const wrapperId = "2".repeat(16);
const callId = "3".repeat(16);
const view = viewOf(
  decodeRequest(
    toExportRequest([
      {
        traceId,
        spanId: "1".repeat(16),
        name: "invoke_agent shop",
        start,
        end: start + 9_000n,
        attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop", "session.id": "s" },
      },
      {
        traceId,
        spanId: wrapperId,
        parentSpanId: "1".repeat(16),
        name: "chat gpt-4o",
        start: start + 1n,
        end: start + 8_000n,
        attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" },
      },
      {
        traceId,
        spanId: callId,
        parentSpanId: wrapperId,
        name: "chat gpt-4o",
        start: start + 2n,
        end: start + 7_000n,
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.request.model": "gpt-4o",
          "gen_ai.usage.input_tokens": 12,
          "my.own.secret": "hunter2",
        },
      },
    ]),
  ),
  { tenantId: "acme", projectId: "p", sessionId: "s" },
);

function explain(spanId: string) {
  const [span] = spansToExplain(view, spanId);
  if (span === undefined) throw new Error(`no span ${spanId}`);
  return reasonsOf(span);
}

describe("the reasons of a span", () => {
  it("name the rule, the attributes of each field, the events and what was not read, and no value", () => {
    const reasons = explain(callId);
    explanationSchema.parse(reasons);
    expect(reasons).toMatchObject({ traceId, spanId: callId, class: "llm", defectRuleId: null });
    const attributesOf = new Map(reasons.fields.map((each) => [each.field, each.attributes]));
    expect(attributesOf.get("requestModel")).toContain("gen_ai.request.model");
    expect(attributesOf.get("inputTokens")).toContain("gen_ai.usage.input_tokens");
    expect(reasons.events.map((event) => event.eventType)).toEqual(["llm_call"]);
    expect(reasons.unreadAttributes).toEqual(["my.own.secret"]);
    expect(JSON.stringify(reasons)).not.toContain("hunter2");
  });

  it("say what the trace changed: the wrapper of a call gives no event", () => {
    const reasons = explain(wrapperId);
    expect(reasons.stageB.join()).toContain("LLM-NEST wrapper");
    expect(reasons.events).toEqual([]);
  });

  it("are those of received spans only", () => {
    expect(spansToExplain(view, "9".repeat(16))).toEqual([]);
  });
});
