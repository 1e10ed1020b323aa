import { expect, test } from "vitest";
import { createCallScopes } from "./call-scopes.ts";

/** A store with a clock, which processors share. */
function openStore() {
  const store = { nowMs: 1_000, reads: 0, scopes: new Map<string, number>() };
  const reports = {
    async scopesOf() {
      store.reads += 1;
      return [...store.scopes]
        .sort(([, a], [, b]) => a - b)
        .slice(0, 2)
        .map(([scope, addedMs]) => ({ scope, ageMs: store.nowMs - addedMs }));
    },
    async addScopes(_projectId: string, added: readonly string[]) {
      for (const scope of added) if (!store.scopes.has(scope)) store.scopes.set(scope, store.nowMs);
    },
  };
  const open = (leaseMs: number) => createCallScopes({ leaseMs }, { reports, elapsed: () => store.nowMs });
  return { store, open };
}

const one = new Set(["sdk"]);
const other = new Set(["framework"]);

test("a project with one scope costs a question now and then, none where nobody else writes", async () => {
  const { store, open } = openStore();
  const shared = open(50);
  const alone = open(0);
  for (const scopes of [shared, alone]) expect(await scopes.haveSeveral("p", one)).toBe(false);
  store.reads = 0;
  for (let asked = 0; asked < 100; asked += 1) {
    expect(await shared.haveSeveral("p", one)).toBe(false);
    expect(await alone.haveSeveral("p", one)).toBe(false);
  }
  expect(store.reads).toBe(0);
  store.nowMs += 50;
  await shared.haveSeveral("p", one);
  await alone.haveSeveral("p", one);
  expect(store.reads).toBe(1);
});

test("who adds the second scope knows at once and waits until the others know; they do within their lease", async () => {
  const { store, open } = openStore();
  const first = open(50);
  const second = open(50);
  await first.haveSeveral("p", one);
  store.nowMs += 10;
  expect(await second.haveSeveral("p", other)).toBe(true);
  expect(await first.haveSeveral("p", one)).toBe(false);
  const startedMs = performance.now();
  await second.settled("p");
  expect(performance.now() - startedMs).toBeGreaterThan(40);
  store.nowMs += 50;
  expect(await first.haveSeveral("p", one)).toBe(true);
  // Older than a lease: nobody is left who does not know.
  await first.settled("p");
  store.reads = 0;
  expect(await first.haveSeveral("p", new Set(["third"]))).toBe(true);
  expect(store.reads).toBe(0);
});
