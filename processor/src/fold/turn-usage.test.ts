import type { AgentEvent, LlmCallEvent } from "@nonet/proto/event.ts";
import { describe, expect, it } from "vitest";
import { sumNumbers, sumUnits, usageOfTurn } from "./turn-usage.ts";

/** Only what usage is made of. */
function call(fields: Partial<LlmCallEvent>): AgentEvent {
  return { eventType: "llm_call", ...fields } as AgentEvent;
}

const response = { eventType: "response", usageAggregate: { inputTokens: 9, cost: 0.5 } } as AgentEvent;
const free = (): bigint | null => 7n;

describe("usage of a turn (session-traces.md 1.14)", () => {
  it("is the sum of its countable calls, and null where none of them reports", () => {
    const events = [
      call({ inputTokens: 1, outputTokens: 2 }),
      call({ inputTokens: 3 }),
      call({ inputTokens: 100, usagePartial: true }),
      call({ inputTokens: 50, duplicateOf: "ev_1" }),
      response,
    ];
    expect(usageOfTurn(events, free)).toMatchObject({
      source: "calls",
      costUnits: 14n,
      usage: { inputTokens: 4, outputTokens: 2, totalTokens: null },
    });
  });

  it("stays unknown where calls report nothing, whatever the agent says (ruling 7)", () => {
    expect(usageOfTurn([call({}), response], () => null)).toMatchObject({
      source: "calls",
      costUnits: null,
      usage: { inputTokens: null },
    });
  });

  it("is the agent's without a countable call, and none without any", () => {
    expect(usageOfTurn([response], free)).toMatchObject({
      source: "aggregate",
      costUnits: 500_000_000_000n,
      usage: { inputTokens: 9, outputTokens: null },
    });
    expect(usageOfTurn([], free)).toMatchObject({ source: "none", costUnits: 0n, usage: { inputTokens: 0 } });
    expect(usageOfTurn([call({ usagePartial: true, inputTokens: 1 })], free)).toMatchObject({
      source: "calls",
      costUnits: null,
      usage: { inputTokens: null },
    });
  });
});

it("sums by the null rules of 2.5", () => {
  expect([sumNumbers([]), sumNumbers([null]), sumNumbers([null, 2, 3])]).toEqual([0, null, 5]);
  expect([sumUnits([]), sumUnits([null]), sumUnits([null, 2n])]).toEqual([0n, null, 2n]);
});
