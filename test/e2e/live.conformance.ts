/** What following a project and a session is like, in every shape of Nonet. */
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { startRunningAgent } from "./live-agent.ts";
import { type LiveClient, type LiveEvent, openLive, showSession, toTree } from "./live-client.ts";
import { runSdkAgent } from "./sdk-agent.ts";
import { eventually } from "./service-process.ts";
import type { ShapeUnderTest } from "./shape-under-test.ts";

/** Noise only adds, so one round in time shows that the pipeline is in time; beyond so many rounds it is not. */
const freshRoundsMax = 20;

export function liveConformance(shape: () => ShapeUnderTest): void {
  const open: LiveClient[] = [];
  afterEach(() => {
    for (const client of open.splice(0)) client.close();
  });

  const projectPath = "/api/projects/default/live";
  const sessionPath = (id: string) => `/api/projects/default/sessions/${id}/live`;
  const freshSession = () => `live-${randomBytes(6).toString("hex")}`;

  async function follow(path: string, lastEventId?: string): Promise<LiveClient> {
    const { apiUrl, apiKey } = shape();
    const client = await openLive(apiUrl + path, apiKey, lastEventId === undefined ? {} : { lastEventId });
    open.push(client);
    return client;
  }

  async function treeOf(sessionId: string): Promise<unknown[]> {
    const path = `/api/projects/default/sessions/${sessionId}/traces?view=tree&structure=all&content=preview`;
    const { body } = await shape().get(path);
    return (body as { data: unknown[] }).data;
  }

  async function isQueryable(sessionId: string): Promise<void> {
    const path = `/api/projects/default/sessions/${sessionId}`;
    await eventually(async () => (await shape().get(path)).status === 200, { withinMs: 15_000, what: path });
  }

  describe("a session whose agent is still at work", () => {
    test("children show under a placeholder, soon after their acks, and stay where they are when the parent ends", async () => {
      const sessionId = freshSession();
      const agent = startRunningAgent(shape(), sessionId);
      const first = await agent.call("model-0");
      await isQueryable(sessionId);
      const client = await follow(sessionPath(sessionId));
      expect(client.status).toBe(200);
      expect(client.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      const snapshot = await client.next(({ event }) => event === "snapshot");
      const rootId = `${agent.traceId}:${agent.rootSpanId}`;
      const childId = (spanId: string) => `${agent.traceId}:${spanId}`;
      expect(snapshot.data.nodes).toMatchObject([
        { nodeId: rootId, kind: "placeholder", parentNodeId: null, spanId: agent.rootSpanId },
        { nodeId: childId(first.spanId), kind: "event", parentNodeId: rootId, event: { type: "llm_call" } },
      ]);
      expect(snapshot.data.running).toMatchObject({ nodeId: rootId, openCount: 1, stuck: false });
      const runningForMs = Date.parse(snapshot.data.serverTime) - Date.parse(snapshot.data.running?.startedAt ?? "");
      expect(Math.abs(runningForMs - (Date.now() - agent.startedMs))).toBeLessThan(5_000);

      const lateMs: number[] = [];
      while (lateMs.length < 2 || (lateMs.length < freshRoundsMax && Math.min(...lateMs) >= shape().freshMs)) {
        const { spanId, ackedMs } = await agent.call(`model-${lateMs.length + 1}`);
        const shows = await client.next(
          ({ data }) => data.changed?.some((node) => node.nodeId === childId(spanId)) === true,
        );
        lateMs.push(shows.atMs - ackedMs);
      }
      expect(Math.min(...lateMs)).toBeLessThan(shape().freshMs);

      const start = client.events.length;
      await agent.end();
      await client.next(({ data }) => data.running === null, { start });
      const { nodes } = showSession(client.events);
      expect(nodes.get(rootId)).toMatchObject({ kind: "span", class: "agent", parentNodeId: null });
      expect([...nodes.values()].filter((node) => node.parentNodeId === rootId)).toHaveLength(1 + lateMs.length + 1);
      expect(toTree(showSession(client.events))).toEqual(await treeOf(sessionId));
      expect(client.events.filter(({ event }) => event === "reset" || event === "end")).toEqual([]);
    });

    test("who comes back is told the difference, and who comes back to no change is not told it again", async () => {
      const sessionId = freshSession();
      await runSdkAgent("http/protobuf", shape(), sessionId);
      await isQueryable(sessionId);
      const before = await follow(sessionPath(sessionId));
      await before.next(({ event }) => event === "snapshot");
      before.close();
      const same = await follow(sessionPath(sessionId), before.lastEventId());
      expect(await same.next(() => true)).toMatchObject({ event: "status", data: { session: { id: sessionId } } });
      same.close();

      await runSdkAgent("http/protobuf", shape(), sessionId);
      await eventually(async () => (await shape().get(`/api/projects/default/sessions/${sessionId}`)).body, {
        withinMs: 15_000,
        what: "the second turn",
      });
      await eventually(async () => (await treeOf(sessionId)).length === 2, { withinMs: 15_000, what: "two turns" });
      const after = await follow(sessionPath(sessionId), before.lastEventId());
      expect(await after.next(() => true)).toMatchObject({ event: "changes" });
      const tree = () => toTree(showSession([...before.events, ...after.events]));
      await eventually(async () => expect(tree()).toEqual(await treeOf(sessionId)) ?? true, {
        withinMs: 10_000,
        what: "the tree with both turns",
      });
    });

    test("an id that is no id, or of another stream, is a reset and then a snapshot", async () => {
      const [sessionId, other] = [freshSession(), freshSession()];
      await Promise.all([sessionId, other].map((id) => runSdkAgent("http/protobuf", shape(), id)));
      await Promise.all([sessionId, other].map(isQueryable));
      const elsewhere = await follow(sessionPath(other));
      const project = await follow(projectPath);
      await elsewhere.next(({ event }) => event === "snapshot");
      await project.next(({ event }) => event === "ready");
      for (const forged of ["x", "0-0", "1-1", elsewhere.lastEventId(), project.lastEventId()]) {
        const client = await follow(sessionPath(sessionId), forged);
        await client.next(({ event }) => event === "snapshot");
        expect(client.events).toMatchObject([
          { event: "reset", data: { reason: "unknown_id" } },
          { event: "snapshot", data: { session: { id: sessionId } } },
        ]);
        client.close();
      }
    });
  });

  describe("a project", () => {
    test("tells of each session that changes, and resumes after any event", async () => {
      const client = await follow(projectPath);
      expect(await client.next(() => true)).toMatchObject({ event: "ready", id: expect.any(String) });
      const [one, two] = [freshSession(), freshSession()];
      const traceId = await runSdkAgent("http/protobuf", shape(), one);
      const of = (id: string) => (event: LiveEvent) =>
        event.data.sessionId === id && event.data.session?.eventCount === 6;
      const change = await client.next(of(one));
      expect(change).toMatchObject({
        event: "change",
        id: expect.any(String),
        data: { traces: [{ traceId }], session: { id: one, agent: "shop", turnCount: 1, status: "active" } },
      });
      client.close();

      await runSdkAgent("http/protobuf", shape(), two);
      await isQueryable(two);
      const later = await follow(projectPath, change.id);
      await later.next(of(two));
      expect(later.events.filter(({ event }) => event !== "change")).toEqual([]);
      expect(later.events.some(of(one))).toBe(false);

      const { apiUrl, apiKey } = shape();
      const byParameter = await openLive(`${apiUrl}${projectPath}?lastEventId=${change.id}`, apiKey);
      open.push(byParameter);
      await byParameter.next(of(two));
      expect(byParameter.events[0]?.event).toBe("change");
    });

    test("a forged id is a reset, and what comes after it is told", async () => {
      for (const forged of ["1795572030456-0", "0-0", "%00", "A".repeat(5_000)]) {
        const client = await follow(projectPath, forged);
        expect(await client.next(() => true)).toMatchObject({ event: "reset", data: { reason: "unknown_id" } });
        const sessionId = freshSession();
        await runSdkAgent("http/protobuf", shape(), sessionId);
        await client.next(({ data }) => data.sessionId === sessionId);
        client.close();
      }
    });
  });

  test("it is asked for as everything else is", async () => {
    const { apiUrl, apiKey } = shape();
    const ask = async (path: string, headers: Record<string, string>, method = "GET") => {
      const response = await fetch(apiUrl + path, { method, headers });
      await response.body?.cancel();
      return response;
    };
    const bearer = { authorization: `Bearer ${apiKey}` };
    const session = freshSession();
    await runSdkAgent("http/protobuf", shape(), session);
    await isQueryable(session);
    for (const path of [projectPath, sessionPath(session)]) {
      expect((await ask(path, {})).status).toBe(401);
      expect((await ask(path.replace("default", "foreign"), bearer)).status).toBe(404);
      expect((await ask(path, { ...bearer, accept: "application/json" })).status).toBe(406);
      expect((await ask(`${path}?colour=red`, bearer)).status).toBe(400);
      expect((await ask(path, bearer, "POST")).status).toBe(405);
      const head = await ask(path, bearer, "HEAD");
      expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
      const zipped = await ask(path, { ...bearer, accept: "text/event-stream", "accept-encoding": "gzip, br" });
      expect([zipped.status, zipped.headers.get("content-encoding")]).toEqual([200, null]);
      expect(zipped.headers.get("cache-control")).toBe("no-store, no-transform");
    }
    expect((await ask(sessionPath("no-such-session"), bearer)).status).toBe(404);
    expect((await ask(sessionPath("no-such-session"), bearer, "HEAD")).status).toBe(404);
  });
}
