import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type LocalPostgres, startPostgres } from "@nonet/local/postgres.ts";
import { describeControlDatabase } from "@nonet/proto/control/control-database.conformance.ts";
import { openControlDatabase } from "@nonet/proto/control/control-database.ts";
import { createCredentialCache } from "@nonet/proto/control/credentials.ts";
import { describeQuarantine } from "@nonet/proto/control/quarantine.conformance.ts";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let postgres: LocalPostgres;
const databases: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  for (const name of databases) await administer(`drop database ${name} with (force)`);
  await postgres.close();
});

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function freshUrl(): Promise<string> {
  const name = `nonet_${randomBytes(6).toString("hex")}`;
  await administer(`create database ${name}`);
  databases.push(name);
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

describeControlDatabase("PostgreSQL", freshUrl);
describeQuarantine("PostgreSQL", freshUrl);

/** A way to PostgreSQL that a test can cut, or fill with silence. */
async function openProxy(target: URL) {
  const sockets = new Set<Socket>();
  let silent = false;
  let cut = false;
  const server = createServer((near) => {
    if (cut) {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port || 5432), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => silent || to.write(bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: url.href,
    cut() {
      cut = true;
      dropAll();
    },
    silence() {
      silent = true;
    },
    restore() {
      cut = false;
      silent = false;
    },
    [Symbol.asyncDispose]: async () => {
      dropAll();
      server.close();
      await once(server, "close");
    },
  };
}

describe("control database on a PostgreSQL that goes away", () => {
  it("says CONTROL_UNAVAILABLE while it is cut off, keeps known keys going, and is back by itself", async () => {
    await using proxy = await openProxy(new URL(await freshUrl()));
    await using db = openControlDatabase({ url: proxy.url });
    await db.migrate();
    const { apiKey = "" } = await db.ensureFirstCredential();
    let nowMs = Date.now();
    const cache = createCredentialCache(db, { now: () => nowMs });
    expect(await cache.lookup(apiKey)).toMatchObject({ projectId: "default" });

    proxy.cut();
    await expect(db.nextOwnerEpoch("t", 0)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE", retryable: true });
    nowMs += 61_000;
    expect(await cache.lookup(apiKey)).toMatchObject({ projectId: "default" });
    await expect(cache.lookup(`${apiKey}x`)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE" });

    proxy.restore();
    expect(await db.nextOwnerEpoch("t", 0)).toBe(1);
    nowMs += 1_000;
    expect(await cache.lookup(`${apiKey}x`)).toBeUndefined();
  });

  it("answers within its times while the server says nothing, and is back by itself", { retry: 2 }, async () => {
    await using proxy = await openProxy(new URL(await freshUrl()));
    await using db = openControlDatabase({ url: proxy.url });
    await db.migrate();
    proxy.silence();
    const startMs = performance.now();
    const asked = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => db.nextOwnerEpoch("t", i)));
    expect(performance.now() - startMs).toBeLessThan(15_000);
    for (const result of asked) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "CONTROL_UNAVAILABLE", retryable: true } });
    }
    proxy.restore();
    expect(await db.nextOwnerEpoch("again", 0)).toBe(1);
  });
});
