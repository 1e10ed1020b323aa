import { expect, it } from "vitest";
import { buildSession } from "../testdata/turn-builder.ts";
import { measuredSpans } from "./measured-span.ts";
import { findSlowSpans } from "./slow-spans.ts";
import { defaultThresholds } from "./thresholds.ts";

it("K35: a slow agent is explained by its slow tool, and then matters little", () => {
  const view = buildSession()
    .turn(0, 20_000)
    .agent("worker", { at: 0, ms: 10_500, as: "worker" })
    .tool("crawl", { at: 10, ms: 10_000, under: "worker" })
    .view();
  const durations = new Map([
    ["agent:worker", Array(20).fill(600)],
    ["tool_call:crawl", Array(20).fill(500)],
  ]);
  const found = findSlowSpans(
    view,
    measuredSpans(view),
    { durations, fromUnixNano: 0n, toUnixNano: 1n },
    defaultThresholds,
  );
  const byKey = new Map(found.map(({ finding }) => [finding.key, finding]));
  const tool = byKey.get("tool_call:crawl");
  expect(tool).toMatchObject({ severity: "high", explainedBy: [] });
  expect(byKey.get("agent:worker")).toMatchObject({ severity: "low", explainedBy: [tool?.id] });
});
