import { expect, it } from "vitest";
import { PipelineError } from "../errors.ts";
import { noSettings, type ProjectSettings } from "./project-settings.ts";
import { createSettingsCache } from "./settings-cache.ts";

function fakeDatabase() {
  const versions: ProjectSettings[] = [noSettings.settings];
  const state = { versions, away: false, asked: 0 };
  const answer = <T>(value: T): T => {
    state.asked += 1;
    if (state.away) throw new PipelineError("CONTROL_UNAVAILABLE", "away");
    return value;
  };
  return {
    state,
    change(scope: string) {
      versions.push({ ...noSettings.settings, ignoredScopes: [scope] });
    },
    db: {
      async getProjectSettings() {
        const version = versions.length - 1;
        const settings = versions[version] ?? noSettings.settings;
        return answer({ version, settings, changedAtMs: undefined, changedBy: undefined });
      },
      async getSettingsVersion(_projectId: string, version: number) {
        return answer(versions[version]);
      },
    },
  };
}

it("asks again after 5 s, at once when told of a change, and gives the same object while nothing changes", async () => {
  const { db, state, change } = fakeDatabase();
  let nowMs = 0;
  const cache = createSettingsCache(db, { now: () => nowMs });
  const first = await cache.current("p");
  change("a");
  nowMs = 4_999;
  expect(await cache.current("p")).toBe(first);
  nowMs = 5_000;
  const second = await cache.current("p");
  expect(second).toMatchObject({ version: 1, settings: { ignoredScopes: ["a"] } });
  nowMs = 10_001;
  expect(await cache.current("p")).toBe(second);
  change("b");
  cache.forget("p");
  expect(await cache.current("p")).toMatchObject({ version: 2 });
  expect(state.asked).toBe(4);
});

it("goes on with what it knows while the database is away, and refuses what it does not know", async () => {
  const { db, state, change } = fakeDatabase();
  let nowMs = 0;
  const cache = createSettingsCache(db, { now: () => nowMs });
  change("a");
  await cache.current("p");
  state.away = true;
  nowMs = 3_600_000;
  expect(await cache.current("p")).toMatchObject({ version: 1 });
  const asked = state.asked;
  expect(await cache.current("p")).toMatchObject({ version: 1 });
  await expect(cache.current("other")).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE", retryable: true });
  expect(state.asked).toBe(asked);
  state.away = false;
  nowMs += 1_000;
  expect(await cache.current("other")).toMatchObject({ version: 1 });
});

it("does not take for new what was on its way when a change was told", async () => {
  const { db, change } = fakeDatabase();
  const held = Promise.withResolvers<void>();
  let holding = true;
  const cache = createSettingsCache({
    ...db,
    async getProjectSettings() {
      const found = await db.getProjectSettings();
      if (holding) await held.promise;
      return found;
    },
  });
  const old = cache.current("p");
  holding = false;
  change("a");
  cache.forget("p");
  expect(await cache.current("p")).toMatchObject({ version: 1 });
  held.resolve();
  await old;
  expect(await cache.current("p")).toMatchObject({ version: 1 });
});

it("keeps versions for ever, within its bound", async () => {
  const { db, state, change } = fakeDatabase();
  const cache = createSettingsCache(db, { entriesMax: 2 });
  for (const scope of ["a", "b", "c"]) change(scope);
  expect(await cache.at("p", 0)).toEqual(noSettings.settings);
  expect(state.asked).toBe(0);
  expect(await cache.at("p", 1)).toMatchObject({ ignoredScopes: ["a"] });
  expect(await cache.at("p", 1)).toMatchObject({ ignoredScopes: ["a"] });
  expect(state.asked).toBe(1);
  await cache.at("p", 2);
  await cache.at("p", 3);
  await cache.at("p", 1);
  expect(state.asked).toBe(4);
  expect(await cache.at("p", 99)).toEqual(noSettings.settings);
});
