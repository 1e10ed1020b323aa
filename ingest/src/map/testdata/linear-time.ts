/** Test only: holds when ten times the input takes at most twelve times the time. */
import { expect } from "vitest";

/** For tests that call it: other work shares the cores. */
export const linearTimeTimeoutMs = 120_000;

/**
 * @param size of the smaller input.
 * @param prepare builds the input of a size and returns the work.
 */
export function expectLinearTime(size: number, prepare: (size: number) => () => unknown): void {
  const small = prepare(size);
  const large = prepare(size * 10);
  for (let round = 0; round < 3; round++) {
    small();
    large();
  }
  // Other work disturbs the caches: the best of several tries is the one that was disturbed least.
  let ratio = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 20 && ratio > 12; attempt++) {
    ratio = Math.min(ratio, bestCpuTime(large, 1) / (bestCpuTime(small, 10) / 10));
  }
  expect(ratio).toBeLessThanOrEqual(12);
}

/** Microseconds of this thread's CPU for `repeats` runs, the best of five. */
function bestCpuTime(work: () => unknown, repeats: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const before = process.threadCpuUsage();
    for (let repeat = 0; repeat < repeats; repeat++) work();
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, Math.max(1, user + system));
  }
  return best;
}
