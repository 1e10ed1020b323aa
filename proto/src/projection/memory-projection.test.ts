import { describe, expect, it } from "vitest";
import { createMemoryProjection } from "./memory-projection.ts";
import { describeProjection } from "./projection.conformance.ts";

describeProjection("memory", async () => createMemoryProjection({ feedLengthMax: 10_000 }));

describe("createMemoryProjection", () => {
  const id = (i: number) => i.toString(16).padStart(32, "0");

  it("keeps the values used last when they are too many or too large together", async () => {
    for (const config of [{ countMax: 3 }, { bytesMax: 3 * 1_500 }]) {
      const projection = createMemoryProjection(config);
      const write = (i: number) =>
        projection.writeTraces([{ projectId: "p", traceId: id(i), version: 1n, tree: `"${"x".repeat(1_000)}"` }]);
      for (const i of [1, 2, 3]) await write(i);
      expect(await projection.readTrace("p", id(1))).toBeDefined();
      await write(4);
      const kept = [];
      for (const i of [1, 2, 3, 4]) if ((await projection.readTrace("p", id(i))) !== undefined) kept.push(i);
      expect(kept).toEqual([1, 3, 4]);
      await projection.close();
    }
  });

  it("forgets a value that nobody wrote again in time", async () => {
    let nowMs = 0;
    const projection = createMemoryProjection({ ttlMs: 1_000 }, { now: () => nowMs });
    await projection.writeTraces([{ projectId: "p", traceId: id(1), version: 5n, tree: "{}" }]);
    nowMs = 999;
    expect(await projection.readTrace("p", id(1))).toBeDefined();
    nowMs = 1_000;
    expect(await projection.readTrace("p", id(1))).toBeUndefined();
    expect(await projection.writeTraces([{ projectId: "p", traceId: id(1), version: 4n, tree: "{}" }])).toMatchObject({
      written: 1,
    });
  });
});
