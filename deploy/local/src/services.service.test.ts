import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startKafka } from "./kafka.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

test("Redis answers, is silent while paused, and comes back empty on its port after a restart", async () => {
  await using redis = await startRedis();
  const port = Number(new URL(redis.url).port);
  expect(await ask(port, "SET a 1\r\n")).toBe("+OK\r\n");
  redis.pause();
  expect(await ask(port, "GET a\r\n", 200)).toBe("no answer");
  redis.resume();
  expect(await ask(port, "GET a\r\n")).toBe("$1\r\n1\r\n");
  await redis.kill();
  expect(await ask(port, "PING\r\n")).toBe("refused");
  await redis.restart();
  expect(await ask(port, "GET a\r\n")).toBe("$-1\r\n");
  await redis.close();
  expect(await ask(port, "PING\r\n")).toBe("refused");
});

test("PostgreSQL takes connections, none after a kill, and again after a restart", async () => {
  await using postgres = await startPostgres();
  const port = Number(new URL(postgres.url).port);
  // SSLRequest: every server answers it with one letter, before it asks who is there.
  const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
  expect(await ask(port, sslRequest)).toBe("N");
  await postgres.kill();
  expect(await ask(port, sslRequest)).toBe("refused");
  await postgres.restart();
  expect(await ask(port, sslRequest)).toBe("N");
});

test("Kafka of one node takes connections, none after a kill, and again after a restart", async () => {
  await using kafka = await startKafka();
  expect(kafka.brokers).toHaveLength(1);
  const port = Number(kafka.brokers[0]?.split(":")[1]);
  expect(await ask(port, apiVersionsRequest)).toBe("answer");
  await kafka.kill();
  expect(await ask(port, apiVersionsRequest)).toBe("refused");
  await kafka.restart();
  expect(await ask(port, apiVersionsRequest)).toBe("answer");
});

test("services end with the process that started them, however it ends", async () => {
  const module = join(import.meta.dirname, "redis.ts");
  const program = `
    const { startRedis } = await import(${JSON.stringify(module)});
    console.log(new URL((await startRedis()).url).port);
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const port = Number(String(line));
  expect(await ask(port, "PING\r\n")).toBe("+PONG\r\n");
  parent.kill("SIGKILL");
  await expect.poll(() => ask(port, "PING\r\n"), { timeout: 5_000 }).toBe("refused");
});

test("a service that is named by the environment is used and refuses to be killed", async () => {
  process.env.NONET_TEST_REDIS_URL = "redis://127.0.0.1:1";
  try {
    const redis = await startRedis();
    expect(redis.url).toBe("redis://127.0.0.1:1");
    await expect(redis.kill()).rejects.toThrow(/NONET_TEST_REDIS_URL/);
    await redis.close();
  } finally {
    delete process.env.NONET_TEST_REDIS_URL;
  }
});

const apiVersionsRequest = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);

/** What the port answers first: its text, "answer" for bytes that are none, "no answer" or "refused". */
function ask(port: number, request: string | Buffer, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(request));
    const finish = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish("no answer"));
    socket.once("error", () => finish("refused"));
    socket.once("data", (bytes) => finish(request === apiVersionsRequest ? "answer" : bytes.toString("latin1")));
  });
}
