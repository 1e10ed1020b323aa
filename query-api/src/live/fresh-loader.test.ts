import { expect, it } from "vitest";
import { createFreshLoader } from "./fresh-loader.ts";

/** A busy machine may take its time. */
const patience = { timeout: 10_000 };

const config = { restMsMin: 1, restFactor: 0 };

it("gives those who ask together one load, and those who ask while it runs the next", async () => {
  let began = 0;
  const ends: (() => void)[] = [];
  const loader = createFreshLoader(config, async () => {
    began += 1;
    const number = began;
    await new Promise<void>((resolve) => ends.push(resolve));
    return number;
  });
  const together = [loader.load("a"), loader.load("a")];
  await expect.poll(() => began, patience).toBe(1);
  const later = [loader.load("a"), loader.load("a")];
  ends[0]?.();
  expect(await Promise.all(together)).toEqual([1, 1]);
  await expect.poll(() => began, patience).toBe(2);
  ends[1]?.();
  expect(await Promise.all(later)).toEqual([2, 2]);
});

it("rests after a load in proportion to what it took, and loads other keys meanwhile", async () => {
  const began: { key: string; atMs: number }[] = [];
  const loader = createFreshLoader({ restMsMin: 40, restFactor: 1 }, async (key: string) => {
    began.push({ key, atMs: performance.now() });
  });
  await loader.load("a");
  await Promise.all([loader.load("a"), loader.load("b")]);
  expect(began.map(({ key }) => key)).toEqual(["a", "b", "a"]);
  expect((began[2]?.atMs ?? 0) - (began[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(38);
});

it("tells of a failure who asked for it, and nobody after", async () => {
  let fails = true;
  const loader = createFreshLoader(config, async () => {
    if (fails) throw new Error("away");
    return 1;
  });
  await expect(loader.load("a")).rejects.toThrow("away");
  fails = false;
  expect(await loader.load("a")).toBe(1);
});
