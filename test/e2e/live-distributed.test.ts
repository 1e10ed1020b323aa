/** Following live in the distributed shape, and what all APIs say while Redis is empty, full, frozen or gone (law 6). */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DistributedFixture, startDistributedFixture } from "./distributed-fixture.ts";
import { liveConformance } from "./live.conformance.ts";
import { startRunningAgent } from "./live-agent.ts";
import { openLive } from "./live-client.ts";
import { eventually } from "./service-process.ts";

describe("live in the distributed shape", () => {
  let shape: DistributedFixture;
  beforeAll(async () => {
    shape = await startDistributedFixture();
  });
  afterAll(() => shape?.close());

  liveConformance(() => shape);

  async function redis<T>(use: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(shape.services.redis.url);
    try {
      return await use(client);
    } finally {
      client.disconnect();
    }
  }

  /** All that the APIs say of one session and of its agent; without what counts writes, or depends on the clock. */
  async function answersOf(sessionId: string, agent: string, range: string): Promise<unknown> {
    const session = `/api/projects/default/sessions/${sessionId}`;
    const paths = [
      session,
      `${session}/traces`,
      `${session}/traces?view=tree&structure=all`,
      `${session}/metrics`,
      `/api/projects/default/metrics?${range}&step=60&groupBy=agent,model&agent=${agent}`,
    ];
    const bodies = await Promise.all(
      paths.map(async (path) => {
        const { status, body } = await shape.get(path);
        expect([path, status]).toEqual([path, 200]);
        return body;
      }),
    );
    const isExempt = (key: string, value: unknown) =>
      key === "revision" || (key === "status" && ["active", "idle"].includes(String(value)));
    return JSON.parse(JSON.stringify(bodies, (key, value) => (isExempt(key, value) ? undefined : value)));
  }

  const disasters = [
    {
      name: "is emptied",
      away: false,
      strike: () => redis((client) => client.flushall()),
      heal: async () => undefined,
    },
    {
      name: "evicts what it can under a small limit",
      away: false,
      resets: false,
      async strike() {
        await redis(async (client) => {
          await client.config("SET", "maxmemory-policy", "allkeys-random");
          await client.config("SET", "maxmemory", "2500000");
          for (let n = 0; n < 400; n += 1) await client.set(`filler:${n}`, "x".repeat(10_000));
          expect(await client.info("stats")).not.toContain("evicted_keys:0\r");
        });
      },
      heal: () => redis((client) => client.config("SET", "maxmemory", "0")),
    },
    {
      name: "says nothing",
      away: true,
      strike: async () => shape.services.redis.pause(),
      heal: async () => shape.services.redis.resume(),
    },
    {
      name: "is killed and comes back empty",
      away: true,
      strike: () => shape.services.redis.kill(),
      heal: () => shape.services.redis.restart(),
    },
  ];

  test.each(disasters)(
    "Redis $name: spans are taken and processed, answers stay right, and live goes on",
    async (disaster) => {
      const unique = `redis-${disasters.indexOf(disaster)}`;
      const range = `from=${new Date(Date.now() - 600_000).toISOString()}&to=${new Date(Date.now() + 600_000).toISOString()}`;
      const before = startRunningAgent(shape, `${unique}-before`, `${unique}-before`);
      await before.call("m");
      await before.end();
      const running = startRunningAgent(shape, `${unique}-running`, `${unique}-running`);
      await running.call("m-0");
      for (const id of ["before", "running"]) {
        const path = `/api/projects/default/sessions/${unique}-${id}`;
        await eventually(async () => (await shape.get(path)).status === 200, { withinMs: 20_000, what: path });
      }
      const detail = `/api/projects/default/sessions/${unique}-before`;
      await eventually(
        async () => JSON.stringify((await shape.get(detail)).body).includes(`"rootSpanId":"${before.rootSpanId}"`),
        { withinMs: 20_000, what: "the whole turn" },
      );
      // The windows of the metrics follow what is stored by up to a second.
      let answers: unknown;
      await eventually(
        async () => {
          const known = JSON.stringify(answers);
          answers = await answersOf(`${unique}-before`, `${unique}-before`, range);
          return JSON.stringify(answers) === known;
        },
        { withinMs: 20_000, what: "answers that stay", everyMs: 1_500 },
      );
      const project = await openLive(`${shape.apiUrl}/api/projects/default/live`, shape.apiKey);
      const session = await openLive(
        `${shape.apiUrl}/api/projects/default/sessions/${unique}-running/live`,
        shape.apiKey,
      );
      try {
        await project.next(({ event }) => event === "ready");
        await session.next(({ event }) => event === "snapshot");

        await disaster.strike();
        const during = startRunningAgent(shape, `${unique}-during`, `${unique}-during`);
        await during.call("m");
        await running.call("m-1");
        const path = `/api/projects/default/sessions/${unique}-during`;
        await eventually(async () => (await shape.get(path)).status === 200, { withinMs: 20_000, what: path });
        expect(await answersOf(`${unique}-before`, `${unique}-before`, range)).toEqual(answers);
        // The store is asked where the feed is away.
        const nodeOf =
          (model: string) => (event: { data: { changed?: readonly unknown[]; nodes?: readonly unknown[] } }) =>
            JSON.stringify([event.data.changed, event.data.nodes]).includes(`"${model}"`);
        await session.next(nodeOf("m-1"), { withinMs: 20_000 });

        await disaster.heal();
        if (disaster.resets !== false) {
          await project.next(({ event, data }) => event === "reset" && data.reason === "feed_lost", {
            withinMs: 20_000,
          });
          const reset = await session.next(({ event }) => event === "reset", { withinMs: 20_000 });
          await session.next(({ event }) => event === "snapshot", { start: session.events.indexOf(reset) });
        }
        const start = project.events.length;
        await running.call("m-2");
        await session.next(nodeOf("m-2"), { withinMs: 20_000 });
        await project.next(({ data }) => data.sessionId === `${unique}-running`, { start, withinMs: 20_000 });
        expect(await answersOf(`${unique}-before`, `${unique}-before`, range)).toEqual(answers);
        await Promise.all([during.end(), running.end()]);
      } finally {
        await disaster.heal();
        project.close();
        session.close();
      }
    },
  );
});
