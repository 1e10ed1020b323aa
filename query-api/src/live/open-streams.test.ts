import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import express from "express";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { createConnections } from "./connections.ts";
import type { EventStream } from "./event-stream.ts";
import { createOpenStreams } from "./open-streams.ts";

/** A busy machine may take its time. */
const patience = { timeout: 10_000 };

const limits = { connectionsMax: 10, projectConnectionsMax: 10, waitingBytesMax: 4_000_000 };
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server whose only path is a stream that `tell` fills. */
async function serve(tell: (stream: EventStream) => Promise<void>, options: { slowMsMax?: number } = {}) {
  const world = { allowed: true as boolean | Error, closing: new AbortController(), over: 0 };
  const connections = createConnections(limits);
  const streams = createOpenStreams(
    { heartbeatMs: 20, slowMsMax: options.slowMsMax ?? 200, recheckMs: 10, comeBackMs: [1_000, 5_000] },
    { connections, closing: world.closing.signal, log: pino({ level: "silent" }), now: () => 0 },
  );
  const app = express();
  app.get("/", async (_request, response) => {
    const isStillAllowed = async () => {
      if (world.allowed instanceof Error) throw world.allowed;
      return world.allowed;
    };
    await streams.run(response, { isStillAllowed, tell });
    world.over += 1;
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { world, connections, port, url: `http://127.0.0.1:${port}/` };
}

function request(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  closers.push(() => socket.destroy());
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  return socket;
}

const untilGone = (stream: EventStream) =>
  new Promise<void>((resolve) => stream.signal.addEventListener("abort", () => resolve()));

it("shows that it lives while there is nothing to tell", async () => {
  const { port } = await serve(untilGone);
  let text = "";
  request(port).on("data", (chunk) => {
    text += chunk;
  });
  await expect.poll(() => text.split("\n:\n\n").length, patience).toBeGreaterThan(2);
  expect(text).toContain("Cache-Control: no-store, no-transform");
  expect(text).toContain("retry: 2000\n\n");
});

interface World {
  allowed: boolean | Error;
  readonly closing: AbortController;
}

it.each([
  {
    when: "the key is revoked",
    reason: "key_revoked",
    change(world: World) {
      world.allowed = false;
    },
  },
  {
    when: "nobody can say what the key is",
    reason: "unavailable",
    change(world: World) {
      world.allowed = new Error("away");
    },
  },
  { when: "the server closes", reason: "closing", change: (world: World) => world.closing.abort() },
])("ends when $when, with how soon to come back", async ({ reason, change }) => {
  const { world, url } = await serve(untilGone);
  const response = await fetch(url);
  const text = response.text();
  change(world);
  const [, retry] = /retry: (\d+)\nevent: end\ndata: (.*)\n\n$/.exec(await text) ?? [];
  expect(await text).toContain(`"reason":"${reason}"`);
  expect(Number(retry)).toBeGreaterThanOrEqual(1_000);
  expect(Number(retry)).toBeLessThanOrEqual(5_000);
  await expect.poll(() => world.over, patience).toBe(1);
});

it("ends with a word when telling fails, and at once when the client goes", async () => {
  const failing = await serve(async () => {
    throw new Error("a defect");
  });
  expect(await (await fetch(failing.url)).text()).toContain('"reason":"failed"');
  const going = await serve(untilGone);
  const socket = request(going.port);
  await once(socket, "data");
  socket.destroy();
  await expect.poll(() => going.world.over, patience).toBe(1);
});

it("cuts off a client that takes nothing, and never holds more for it than one event", async () => {
  const data = JSON.stringify("x".repeat(1_000_000));
  let sent = 0;
  const { world, port } = await serve(async (stream) => {
    while (!stream.signal.aborted) {
      await stream.send({ event: "e", data });
      sent += 1;
    }
  });
  const socket = request(port);
  socket.pause();
  await expect.poll(() => world.over, patience).toBe(1);
  // What the sockets of both sides buffer, and one event more.
  expect(sent).toBeLessThan(20);
});

it("gives up the stream that would hold more than all may together", async () => {
  const data = JSON.stringify("x".repeat(3_000_000));
  const fill = async (stream: EventStream) => {
    while (!stream.signal.aborted) await stream.send({ event: "e", data });
  };
  const { world, port } = await serve(fill, { slowMsMax: 60_000 });
  request(port).pause();
  request(port).pause();
  await expect.poll(() => world.over, patience).toBeGreaterThanOrEqual(1);
  expect(world.over).toBe(1);
});

it("takes so many streams of a project and of all, and gives places back once", () => {
  const connections = createConnections({ connectionsMax: 3, projectConnectionsMax: 2, waitingBytesMax: 1 });
  const take = (projectId: string) => connections.take(projectId);
  const first = take("a");
  take("a");
  expect(take("a")).toMatchObject({ problem: { code: "RATE_LIMIT_EXCEEDED", headers: { "Retry-After": "10" } } });
  take("b");
  expect(take("c")).toMatchObject({ problem: { code: "SERVICE_UNAVAILABLE", headers: { "Retry-After": "10" } } });
  if ("release" in first) {
    first.release();
    first.release();
  }
  expect(connections.count).toBe(2);
  expect(take("a")).toHaveProperty("release");
  expect(take("a")).toHaveProperty("problem");
});
