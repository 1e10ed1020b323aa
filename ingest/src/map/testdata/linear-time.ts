/** Test only: holds when ten times the input takes at most twelve times the time. */
import { expect } from "vitest";

/**
 * @param size of the smaller input; the work for it should take well over 0.1 ms.
 * @param prepare builds the input of a size and returns the work.
 */
export function expectLinearTime(size: number, prepare: (size: number) => () => unknown): void {
  const small = prepare(size);
  const large = prepare(size * 10);
  for (let round = 0; round < 3; round++) {
    small();
    large();
  }
  // Other work shares the cores: the best of several tries is the one that was disturbed least.
  let ratio = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 12 && ratio > 12; attempt++) {
    ratio = Math.min(ratio, bestTime(large, 5) / bestTime(small, 40));
  }
  expect(ratio).toBeLessThanOrEqual(12);
}

function bestTime(work: () => unknown, rounds: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
