/** What every shape of Nonet must do from end to end: one suite, run by standalone and by the distributed shape. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorkload, encodeRequest } from "../bench/workload.ts";
import { runSdkAgent, sdkTransports } from "./sdk-agent.ts";
import { sendAll } from "./sender.ts";
import { eventually } from "./service-process.ts";
import type { ShapeUnderTest } from "./shape-under-test.ts";
import { traceCopiesConformance } from "./trace-copies.conformance.ts";

interface TraceEvent {
  id: string;
  type: string;
  name: string;
  agentName: string | null;
  data: Record<string, unknown>;
}

const corpusDirectory = new URL("../corpus/", import.meta.url).pathname;

export function pipelineConformance(open: () => Promise<ShapeUnderTest>): void {
  let shape: ShapeUnderTest;
  beforeAll(async () => {
    shape = await open();
  });
  afterAll(() => shape?.close());

  const sessionPath = (id: string) => `/api/projects/default/sessions/${encodeURIComponent(id)}`;

  async function eventsOf(sessionId: string, count: number): Promise<TraceEvent[]> {
    return eventually(
      async () => {
        const { status, body } = await shape.get(`${sessionPath(sessionId)}/traces`);
        const { data } = body as { data: TraceEvent[] };
        return status === 200 && data.length >= count && data;
      },
      { withinMs: 15_000, what: `${count} events of ${sessionId}` },
    );
  }

  describe("a real OpenTelemetry SDK", () => {
    test.each(sdkTransports)(
      "%s: the agent's turn is a session with its calls, tool, decision and answer",
      async (transport) => {
        const sessionId = `sdk-${transport}`;
        await runSdkAgent(transport, shape, sessionId);
        const events = await eventsOf(sessionId, 6);
        expect(events.map((event) => event.type)).toEqual([
          "llm_call",
          "decision",
          "tool_call",
          "tool_result",
          "llm_call",
          "response",
        ]);
        expect(events.map((event) => event.agentName)).toEqual(Array(6).fill("shop"));
        expect(events[2]?.data).toMatchObject({ toolName: "get_order", callId: "call_1", arguments: { id: 7 } });
        expect(events[5]?.data).toMatchObject({ content: "Order 7 was shipped." });

        const { body: detail } = await shape.get(sessionPath(sessionId));
        expect(detail).toMatchObject({
          id: sessionId,
          agent: "shop",
          turnCount: 1,
          llmCallCount: 2,
          toolCallCount: 1,
          tokens: { input: 200, output: 40, total: 240 },
        });
        const { body: tree } = await shape.get(`${sessionPath(sessionId)}/traces?view=tree`);
        expect((tree as { data: unknown[] }).data).toHaveLength(1);
        const { body: decisions } = await shape.get(`${sessionPath(sessionId)}/traces?eventType=decision`);
        expect((decisions as { data: TraceEvent[] }).data.map((event) => event.name)).toEqual(["get_order"]);
        const { body: none } = await shape.get(`${sessionPath(sessionId)}/traces?decisionKind=handoff`);
        expect((none as { data: TraceEvent[] }).data).toEqual([]);
        const { body: metrics } = await shape.get(`${sessionPath(sessionId)}/metrics`);
        expect(metrics).toMatchObject({ tools: { callCount: 1, successRate: 1 }, llm: { callCount: 2 } });
      },
    );
  });

  describe("captures of real frameworks", () => {
    const captures = readdirSync(corpusDirectory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((framework) =>
        readdirSync(join(corpusDirectory, framework.name)).map((scenario) => join(framework.name, scenario)),
      );

    test("every one is accepted whole, byte for byte", async () => {
      for (const capture of captures) {
        for (const file of readdirSync(join(corpusDirectory, capture)).filter((name) =>
          /^\d+\.(pb|json)$/.test(name),
        )) {
          const response = await fetch(`${shape.httpUrl}/v1/traces`, {
            method: "POST",
            headers: {
              "content-type": file.endsWith(".pb") ? "application/x-protobuf" : "application/json",
              authorization: `Bearer ${shape.apiKey}`,
            },
            body: readFileSync(join(corpusDirectory, capture, file)),
          });
          const answer = await response.text();
          expect([capture, file, response.status]).toEqual([capture, file, 200]);
          expect(["", "{}"]).toContain(answer);
        }
      }
    });

    traceCopiesConformance(() => shape);
  });

  test("a span is readable in time after its ack at 1,000 spans a second, one span a request", async () => {
    // Three rounds at most: what else runs on the machine can only add to a time, so one round in time shows it.
    const worstMs: number[] = [];
    for (let round = 0; round < 3 && !(Math.min(...worstMs) < shape.freshMs); round += 1) {
      worstMs.push(await worstFreshness(11 + round));
    }
    expect(Math.min(...worstMs), `worst of each round: ${worstMs.join(", ")} ms`).toBeLessThan(shape.freshMs);
  });

  /** Sends a new workload for five seconds at 1,000 requests a second. Returns the longest time from ack until readable, in ms. */
  async function worstFreshness(seed: number): Promise<number> {
    const workload = createWorkload({ seed, spanCount: 5_000, startMs: Date.now() });
    const bodies = [...workload.requests(1)];
    const lateMs: number[] = [];
    const probes: Promise<void>[] = [];
    let sent = 0;
    const startedMs = performance.now();
    const probe = async (sessionId: string) => {
      const ackedMs = performance.now();
      await eventually(async () => (await shape.get(sessionPath(sessionId))).status === 200, {
        withinMs: 10_000,
        // Polling must not become the load.
        everyMs: 50,
        what: `${sessionId} is readable`,
      });
      lateMs.push(performance.now() - ackedMs);
    };
    while (sent < bodies.length) {
      // The pace: as many as the clock allows, fifty at a time.
      const due = Math.min(bodies.length, Math.floor(performance.now() - startedMs));
      const batch = bodies.slice(sent, due);
      if (batch.length > 0) {
        await sendAll(shape.httpUrl, batch, { concurrency: 50, withinMs: 20_000, apiKey: shape.apiKey });
        // A session begins with every 72nd span: every third of those that began with this batch must soon be readable.
        for (let session = Math.ceil(sent / 72); session * 72 < due; session += 1) {
          const sessionId = session % 3 === 0 ? workload.sessionIds[session] : undefined;
          if (sessionId !== undefined) probes.push(probe(sessionId));
        }
        sent = due;
      } else {
        await delay(5);
      }
    }
    await Promise.all(probes);
    expect(probes.length).toBeGreaterThan(10);
    return Math.max(...lateMs);
  }

  describe("bad input", () => {
    const post = (body: Uint8Array | string, headers: Record<string, string> = {}) =>
      fetch(`${shape.httpUrl}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/x-protobuf", authorization: `Bearer ${shape.apiKey}`, ...headers },
        body: typeof body === "string" ? body : Buffer.from(body),
      });

    test("a body that does not decode is 400 with a Status, and costs nobody else anything", async () => {
      expect((await post(Buffer.from("ffffffff", "hex"))).status).toBe(400);
      expect((await post("{", { "content-type": "application/json" })).status).toBe(400);
      await runSdkAgent("http/protobuf", shape, "after-bad-bodies");
      await eventsOf("after-bad-bodies", 6);
    });

    test("an invalid span costs only itself", async () => {
      const span = (traceId: string, sessionId: string) => ({
        traceId: Buffer.from(traceId, "hex"),
        spanId: Buffer.from("1112131415161718", "hex"),
        name: "chat",
        startTimeUnixNano: "1777885200000000000",
        endTimeUnixNano: "1777885201000000000",
        attributes: [
          { key: "gen_ai.operation.name", value: { stringValue: "chat" } },
          { key: "session.id", value: { stringValue: sessionId } },
        ],
      });
      const response = await post(
        encodeRequest([span("00".repeat(16), "invalid-neighbour"), span("ab".repeat(16), "valid-neighbour")]),
      );
      expect(response.status).toBe(200);
      expect(Buffer.from(await response.arrayBuffer()).subarray(2, 4)).toEqual(Buffer.from([0x08, 0x01]));
      await eventsOf("valid-neighbour", 1);
      expect((await shape.get(sessionPath("invalid-neighbour"))).status).toBe(404);
    });

    test("an unknown key is 401, a foreign project 404, and all bad parameters are named together", async () => {
      expect((await post(new Uint8Array(0), { authorization: "Bearer sk_live_unknownunknownunknown" })).status).toBe(
        401,
      );
      const anonymous = await fetch(`${shape.apiUrl}/api/projects/default/sessions`);
      expect(anonymous.status).toBe(401);
      expect((await shape.get("/api/projects/someone-else/sessions")).status).toBe(404);
      const bad = await shape.get("/api/projects/default/sessions?limit=0&sort=size&colour=red");
      expect(bad.status).toBe(400);
      const { errors } = bad.body as { errors: { parameter: string }[] };
      expect(errors.map((error) => error.parameter).sort()).toEqual(["colour", "limit", "sort"]);
    });
  });
}
