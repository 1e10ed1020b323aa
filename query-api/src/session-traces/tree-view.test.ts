import { describe, expect, it } from "vitest";
import { createEventPredicate } from "./event-filter.ts";
import { sessionMetrics } from "./metrics.ts";
import type { Session } from "./session.ts";
import { decodeRequest, type SpanInput, toExportRequest } from "./testdata/otlp-request.ts";
import { viewOf } from "./testdata/view-of.ts";
import { type Node, type TreeRequest, treeOfTurn } from "./tree-view.ts";

const traceId = "c".repeat(32);
const shape = { content: "full", attributes: false, mayReadContent: true } as const;
const identity = { tenantId: "t", projectId: "p", sessionId: "s" };

function idOf(number: number): string {
  return (number + 1).toString(16).padStart(16, "0");
}

/** `count` spans, each the child of the one before, alternating agents and model calls; the first names the session. */
function chain(count: number): SpanInput[] {
  return Array.from({ length: count }, (_, index) => ({
    traceId,
    spanId: idOf(index),
    ...(index === 0 ? {} : { parentSpanId: idOf(index - 1) }),
    name: index % 2 === 0 ? `invoke_agent a${index}` : "chat m",
    start: 1_000_000n + BigInt(index),
    end: 2_000_000n + BigInt(count) - BigInt(index),
    attributes:
      index % 2 === 0
        ? {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": `a${index}`,
            ...(index === 0 ? { "session.id": "s" } : {}),
          }
        : { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" },
  }));
}

function collect(nodes: readonly Node[]): { ids: string[]; depth: number } {
  const ids: string[] = [];
  let deepest = 0;
  const open = nodes.map((node) => ({ node, depth: 1 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.node.kind === "event") ids.push(next.node.event.id);
    deepest = Math.max(deepest, next.depth);
    for (const child of next.node.children) open.push({ node: child, depth: next.depth + 1 });
  }
  return { ids, depth: deepest };
}

describe("tree", () => {
  it("K27: holds each event once, however deep the spans are nested", () => {
    const view = viewOf(decodeRequest(toExportRequest(chain(3000))), identity);
    for (const structure of ["omit", "ancestors", "all"] as const) {
      const request: TreeRequest = { structure, matches: () => true, unfiltered: true, shape };
      const nodes = view.turns.flatMap((turn) => treeOfTurn(view, turn, request));
      const { ids, depth } = collect(nodes);
      expect(ids.toSorted()).toEqual(view.events.map((event) => event.eventId).toSorted());
      expect(new Set(ids).size).toBe(ids.length);
      expect(depth).toBeLessThan(500);
      expect(() => JSON.stringify(nodes)).not.toThrow();
    }
    expect(sessionMetrics(view, { durationMs: 0 } as Session).llm.callCount).toBeGreaterThan(0);
  });

  it("K27: keeps ancestors of what matches, marked as not matching", () => {
    const view = viewOf(decodeRequest(toExportRequest(chain(4))), identity);
    const last = view.events.findLast((event) => event.eventType === "llm_call");
    const matches = createEventPredicate(view, { eventType: ["llm_call"], agent: [last?.agentName ?? ""] });
    const [turn] = view.turns;
    if (turn === undefined) throw new Error("no turn");
    const nodes = treeOfTurn(view, turn, { structure: "ancestors", matches, unfiltered: false, shape });
    const outline = (node: Node): unknown =>
      node.kind === "span"
        ? [node.name, node.children.map(outline)]
        : [node.event.type, node.matched, node.children.map(outline)];
    expect(nodes.map(outline)).toEqual([
      ["invoke_agent a0", [["llm_call", false, [["invoke_agent a2", [["llm_call", true, []]]]]]]],
    ]);
  });

  it("leaves structural spans out, or shows them all, as asked", () => {
    const spans = [
      ...chain(2),
      { traceId, spanId: "f".repeat(16), parentSpanId: idOf(0), name: "GET /", start: 1_000_001n, end: 1_000_002n },
    ];
    const view = viewOf(decodeRequest(toExportRequest(spans)), identity);
    const names = (structure: TreeRequest["structure"]): string[] => {
      const found: string[] = [];
      const open = view.turns.flatMap((turn) =>
        treeOfTurn(view, turn, { structure, matches: () => true, unfiltered: true, shape }),
      );
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        if (node.kind === "span") found.push(node.name);
        for (const child of node.children) open.push(child);
      }
      return found.sort();
    };
    expect(names("omit")).toEqual([]);
    expect(names("ancestors")).toEqual(["invoke_agent a0"]);
    expect(names("all")).toEqual(["GET /", "invoke_agent a0"]);
  });
});
