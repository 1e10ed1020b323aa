/** Repetitions of a block of steps. Source: session-traces.md 8.4, "Loop". */

export interface LoopLimits {
  readonly maxPeriod: number;
  readonly minRepetitions: number;
}

export interface Loop {
  readonly start: number;
  readonly period: number;
  readonly repetitions: number;
}

/**
 * @param labels  one for each step; the same label is the same step.
 * @param isHandoff  a block of nothing but handoffs is told as a cycle, not as a loop.
 */
export function findLoops(
  labels: readonly string[],
  isHandoff: (label: string) => boolean,
  limits: LoopLimits,
): Loop[] {
  const accepted: Loop[] = [];
  for (let period = 2; period <= limits.maxPeriod; period += 1) {
    let start = 0;
    while (start + limits.minRepetitions * period <= labels.length) {
      let reached = start;
      while (reached + period < labels.length && labels[reached] === labels[reached + period]) reached += 1;
      const repetitions = Math.floor((reached - start + period) / period);
      if (repetitions < limits.minRepetitions) {
        start += 1;
        continue;
      }
      const loop = { start, period, repetitions };
      if (isLoop(labels.slice(start, start + period), isHandoff) && !accepted.some((other) => contains(other, loop))) {
        accepted.push(loop);
      }
      start += period * repetitions;
    }
  }
  return accepted;
}

function isLoop(block: readonly string[], isHandoff: (label: string) => boolean): boolean {
  return !block.every((label) => label === block[0]) && !isRepetition(block) && !block.every(isHandoff);
}

/** Of a shorter block, at least two steps long, whose length divides it. */
function isRepetition(block: readonly string[]): boolean {
  for (let length = 2; length < block.length; length += 1) {
    if (block.length % length === 0 && block.every((label, index) => label === block[index % length])) return true;
  }
  return false;
}

function contains(outer: Loop, inner: Loop): boolean {
  return (
    inner.start >= outer.start &&
    inner.start + inner.period * inner.repetitions <= outer.start + outer.period * outer.repetitions
  );
}
