import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { liveFeedKey, traceKey, windowFloorKey, windowKey } from "./redis-keys.ts";

const projectId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const traceId = fc.stringMatching(/^[0-9a-f]{32}$/);

describe("Redis keys", () => {
  it("begin with the project, and are different for different things", () => {
    const key = fc.oneof(
      fc
        .tuple(projectId, traceId)
        .map(([project, trace]) => ({ what: ["t", project, trace], project, key: traceKey(project, trace) })),
      fc.tuple(projectId, fc.nat(), fc.nat()).map(([project, width, start]) => ({
        what: ["w", project, width, start],
        project,
        key: windowKey(project, width, start),
      })),
      projectId.map((project) => ({ what: ["f", project], project, key: windowFloorKey(project) })),
      projectId.map((project) => ({ what: ["l", project], project, key: liveFeedKey(project) })),
    );
    fc.assert(
      fc.property(key, key, (one, other) => {
        expect(one.key.startsWith(`${one.project}:`)).toBe(true);
        expect(one.key === other.key).toBe(JSON.stringify(one.what) === JSON.stringify(other.what));
      }),
    );
  });

  it.each(["", "a:b", "a b", "*", "ü", "x".repeat(65)])("are not built for project %j", (project) => {
    expect(() => liveFeedKey(project)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });
});
