import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeRequest, type SpanInput, toExportRequest } from "../session-traces/testdata/otlp-request.ts";
import { viewOf } from "../session-traces/testdata/view-of.ts";
import { treeOfTurn } from "../session-traces/tree-view.ts";
import { type LiveNode, type LiveTrace, toLiveTrace } from "./live-nodes.ts";
import type { LiveSession } from "./live-session.ts";
import { changesSince, type ToldSession, toldOf } from "./session-changes.ts";

const traceId = "c".repeat(32);
const shape = { content: "preview", attributes: false, mayReadContent: true } as const;
const identity = { tenantId: "t", projectId: "p", sessionId: "s" };

function span(id: number, parent: number | undefined, operation: string, open = false): SpanInput {
  return {
    traceId,
    spanId: hex(id),
    ...(parent === undefined ? {} : { parentSpanId: hex(parent) }),
    name: `${operation} ${id}`,
    start: 1_000_000n * BigInt(id),
    end: open ? 0n : 1_000_000n * BigInt(100 - id),
    attributes: {
      "session.id": "s",
      "gen_ai.operation.name": operation,
      "gen_ai.tool.name": "t",
      "gen_ai.tool.call.result": "1",
    },
  };
}

function hex(id: number): string {
  return id.toString(16).padStart(16, "0");
}

const agent = span(1, undefined, "invoke_agent");
const spans = [
  agent,
  span(2, 1, "chat"),
  span(3, 1, "execute_tool"),
  span(4, 3, "invoke_agent"),
  span(5, 4, "chat"),
  span(6, 99, "execute_tool"),
  span(7, 98, "invoke_agent"),
  span(8, 7, "chat", true),
];

function liveOf(received: readonly SpanInput[]): LiveTrace {
  const view = viewOf(decodeRequest(toExportRequest(received)), identity);
  return toLiveTrace(view, shape, (turnId) => view.turnById.get(turnId)?.index);
}

function nodesOf(live: LiveTrace): LiveNode[] {
  return live.nodes.map((node) => JSON.parse(node.text) as LiveNode);
}

function sessionOf(live: LiveTrace): LiveSession {
  const nodes = new Map(live.nodes.map((node) => [node.nodeId, node]));
  return { ...empty, nodes, turns: live.turns };
}

const empty: LiveSession = {
  session: undefined,
  nodes: new Map(),
  turns: [],
  oldestOpen: undefined,
  openCount: 0,
  lastReceivedUnixNano: 0n,
  omittedTraces: 0,
};

it("puts a placeholder where a parent has not ended, and what comes then takes its place", () => {
  const [before, after] = [
    liveOf([spans[1], spans[2]] as SpanInput[]),
    liveOf([agent, spans[1], spans[2]] as SpanInput[]),
  ];
  const rootId = `${traceId}:${hex(1)}`;
  expect(nodesOf(before)[0]).toEqual({
    nodeId: rootId,
    parentNodeId: null,
    turnId: null,
    index: 0,
    kind: "placeholder",
    spanId: hex(1),
    traceId,
    startTimeUnixNano: "2000000",
  });
  expect(before.open).toEqual([{ nodeId: rootId, startUnixNano: 2_000_000n }]);
  const child = `${traceId}:${hex(2)}`;
  for (const live of [before, after]) {
    const node = nodesOf(live).find(({ nodeId }) => nodeId === child);
    expect(node).toMatchObject({ kind: "event", parentNodeId: rootId, index: 0, event: { type: "llm_call" } });
  }
  expect(nodesOf(after)[0]).toMatchObject({ nodeId: rootId, kind: "span", name: "invoke_agent 1" });
  expect(after.open).toEqual([]);
});

it("names what is open: spans without an end, and every awaited parent once", () => {
  const open = liveOf(spans).open.map(({ nodeId }) => nodeId.slice(-2));
  expect(open.toSorted()).toEqual(["08", "62", "63"]);
});

it("has the nodes of the tree view, each once and under the same parent", () => {
  const view = viewOf(decodeRequest(toExportRequest(spans)), identity);
  const request = { structure: "all", matches: () => true, unfiltered: true, shape } as const;
  const nodes = nodesOf(liveOf(spans)).filter((node) => node.kind !== "placeholder");
  let count = 0;
  for (const turn of view.turns) {
    const open = treeOfTurn(view, turn, request);
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      count += 1;
      open.push(...node.children);
      const id = node.kind === "event" ? node.event.id : node.spanId;
      const same = nodes.find((each) => (each.kind === "event" ? each.event.id : each.spanId) === id);
      expect(same).toMatchObject({ turnId: turn.turnId, kind: node.kind });
      for (const [index, child] of node.children.entries()) {
        const childId = child.kind === "event" ? child.event.id : child.spanId;
        const place = nodes.find((each) => (each.kind === "event" ? each.event.id : each.spanId) === childId);
        expect(place).toMatchObject({ parentNodeId: same?.nodeId, index });
      }
    }
  }
  expect(nodes).toHaveLength(count);
});

it("tells by changes, in whatever order and batches spans come, what a snapshot would show", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(spans, { minLength: 1 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 3 })),
      (order, sizes) => {
        let told: ToldSession = toldOf(empty);
        const shown = new Map<string, string>();
        for (let received = 0; received < order.length; ) {
          received = Math.min(order.length, received + (sizes.next().value as number));
          const live = sessionOf(liveOf(order.slice(0, received)));
          const now = toldOf(live);
          const { changed, removed } = changesSince(told, live, now);
          for (const text of changed) shown.set((JSON.parse(text) as LiveNode).nodeId, text);
          for (const nodeId of removed) shown.delete(nodeId);
          told = now;
        }
        const whole = liveOf(order);
        expect(new Set(shown.values())).toEqual(new Set(whole.nodes.map((node) => node.text)));
        const ids = new Set(whole.nodes.map((node) => node.nodeId));
        expect(ids.size).toBe(whole.nodes.length);
        for (const { parentNodeId } of nodesOf(whole)) if (parentNodeId !== null) expect(ids).toContain(parentNodeId);
      },
    ),
    { numRuns: 60 },
  );
});
