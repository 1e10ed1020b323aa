/** K38: each anomaly, just below its threshold and at it. */
import { describe, expect, it } from "vitest";
import { asks, buildSession, says, type TurnBuilder } from "../testdata/turn-builder.ts";
import { findDecisionAnomalies } from "./decision-anomalies.ts";
import { measuredSpans } from "./measured-span.ts";
import { defaultThresholds } from "./thresholds.ts";

function anomaliesOf(builder: TurnBuilder): string[] {
  const view = builder.view();
  const found = findDecisionAnomalies(view, measuredSpans(view), defaultThresholds);
  return found.map(({ finding }) => `${finding.kind} ${finding.severity} ${finding.evidence.length}`);
}

/** A turn that answers, so that nothing but what is tested is odd. */
function answered(): TurnBuilder {
  return buildSession()
    .turn(0, 10_000)
    .call({ at: 9000, ms: 10, answer: says("done") });
}

/** Transfers one after the other; the agents do something after all of them. */
function transfers(...agents: readonly string[]): TurnBuilder {
  const builder = answered();
  for (const [index, to] of agents.slice(1).entries())
    builder.handoff(agents[index] ?? "", to, { at: 10 + index * 10, ms: 5 });
  for (const [index, name] of [...new Set(agents)].entries()) builder.agent(name, { at: 5000 + index, ms: 1 });
  return builder;
}

describe("handovers", () => {
  it("back and forth", () => {
    expect(anomaliesOf(transfers("triage", "billing", "triage"))).toEqual([]);
    expect(anomaliesOf(transfers("triage", "billing", "triage", "billing", "sales"))).toEqual([
      "handoff_ping_pong medium 3",
    ]);
    expect(anomaliesOf(transfers("a", "b", "a", "b", "a", "b"))).toEqual(["handoff_ping_pong high 5"]);
  });

  it("in a circle", () => {
    expect(anomaliesOf(transfers("a", "b", "c", "a", "b", "c"))).toEqual([]);
    expect(anomaliesOf(transfers("a", "b", "c", "a", "b", "c", "a"))).toEqual(["handoff_cycle medium 6"]);
    expect(anomaliesOf(transfers("a", "b", "c", "a", "b", "c", "a", "b", "c", "a"))).toEqual(["handoff_cycle high 9"]);
  });

  it("to an agent that never appears", () => {
    expect(anomaliesOf(answered().handoff("main", "ghost", { at: 10, ms: 5 }))).toEqual(["dead_end_decision medium 1"]);
    expect(anomaliesOf(answered().handoff("main", "Human Agent", { at: 10, ms: 5 }))).toEqual([]);
    expect(
      anomaliesOf(
        answered()
          .tool("transfer_to_billing", { at: 10, ms: 5, failure: "no such agent" })
          .agent("billing", { at: 20, ms: 1 }),
      ),
    ).toEqual(["dead_end_decision medium 1"]);
  });
});

describe("tools", () => {
  const search = (builder: TurnBuilder, at: number, failure?: string): TurnBuilder =>
    builder.tool("search", {
      at,
      ms: 1,
      args: { q: "x" },
      result: { n: at },
      ...(failure === undefined ? {} : { failure }),
    });

  it("called again with equal arguments", () => {
    expect(anomaliesOf(search(search(answered(), 1), 2))).toEqual([]);
    expect(anomaliesOf(search(search(search(answered(), 1), 2), 3))).toEqual(["repeated_tool_call medium 3"]);
    expect(anomaliesOf(search(search(search(answered(), 1, "boom"), 2), 3))).toEqual([]);
    let five = answered();
    for (let at = 1; at <= 5; at += 1) five = search(five, at);
    expect(anomaliesOf(five)).toEqual(["repeated_tool_call high 5"]);
  });

  it("tried again and again", () => {
    const storm = (failures: number): TurnBuilder => {
      const builder = answered();
      for (let at = 1; at <= failures; at += 1) builder.tool("pay", { at, ms: 1, args: { at }, failure: "declined" });
      return builder;
    };
    expect(anomaliesOf(storm(2))).toEqual([]);
    expect(anomaliesOf(storm(3))).toEqual(["retry_storm high 3"]);
    expect(anomaliesOf(storm(3).tool("pay", { at: 50, ms: 1, args: {} }))).toEqual(["retry_storm medium 3"]);
  });

  it("in a loop", () => {
    const loop = (rounds: number): TurnBuilder => {
      const builder = answered();
      for (let round = 0; round < rounds; round += 1) {
        builder
          .tool("a", { at: round * 10 + 1, ms: 1, args: { v: 1 } })
          .tool("b", { at: round * 10 + 5, ms: 1, args: { v: 1 } });
      }
      return builder;
    };
    const loops = (rounds: number): string[] => anomaliesOf(loop(rounds)).filter((found) => found.startsWith("loop"));
    expect(loops(2)).toEqual([]);
    expect(loops(3)).toEqual(["loop medium 6"]);
    expect(loops(5)).toEqual(["loop high 10"]);
  });

  it("asked for and never run", () => {
    const asking = asks({ id: "c1", name: "search" });
    expect(anomaliesOf(answered().call({ at: 1, ms: 1, answer: asking }))).toEqual(["dead_end_decision low 1"]);
    expect(
      anomaliesOf(answered().call({ at: 1, ms: 1, answer: asking }).tool("search", { at: 5, ms: 1, id: "c1" })),
    ).toEqual([]);
    // The last call of the session may still be waiting.
    expect(anomaliesOf(answered().call({ at: 9500, ms: 1, answer: asking }))).toEqual([]);
  });
});

describe("turns", () => {
  it("that end without an answer", () => {
    expect(anomaliesOf(buildSession().turn(0, 100))).toEqual([]);
    expect(
      anomaliesOf(buildSession().turn(0, 100, { failure: "boom" }).call({ at: 1, ms: 1, failure: "boom" })),
    ).toEqual(["unanswered_turn high 1"]);
  });

  it("that act on what was blocked", () => {
    const blocked = (action?: string): TurnBuilder =>
      answered().guardrail("g", {
        at: 1,
        ms: 1,
        target: "input",
        result: "fail",
        ...(action === undefined ? {} : { action }),
      });
    expect(anomaliesOf(blocked())).toEqual([]);
    expect(anomaliesOf(blocked().tool("t", { at: 5, ms: 1 }))).toEqual(["blocked_then_acted high 2"]);
    expect(anomaliesOf(blocked("warn").tool("t", { at: 5, ms: 1 }))).toEqual([]);
  });
});
