import { expect, test } from "vitest";
import { createPositionCache } from "./position-cache.ts";

test("asks once while the answer is fresh, again later, and does not keep a failure", async () => {
  let nowMs = 0;
  let asked = 0;
  let fails = false;
  const positionsOf = createPositionCache(250, {
    async load() {
      asked += 1;
      if (fails) throw new Error("away");
      return new Map([[0, { stored: BigInt(asked), queryable: 0n }]]);
    },
    now: () => nowMs,
  });
  const [first, second] = await Promise.all([positionsOf("t"), positionsOf("t")]);
  expect([asked, first]).toEqual([1, second]);
  await positionsOf("another");
  expect(asked).toBe(2);
  nowMs = 251;
  fails = true;
  await expect(positionsOf("t")).rejects.toThrow("away");
  fails = false;
  expect((await positionsOf("t")).get(0)?.stored).toBe(4n);
});
