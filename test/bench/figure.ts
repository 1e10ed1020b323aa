/** One measured figure. Names are stable: a baseline is compared by scenario and name. */
export interface Figure {
  readonly scenario: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the project promises; a miss fails the benchmark. */
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
  /** Whether it can be compared with a baseline of another day: costs per unit can, rates on a shared machine cannot. */
  readonly isComparable: boolean;
}

/** A cost per unit, in CPU, bytes or rows: less is better, and it can be compared with another run. */
export function cost(scenario: string, name: string, value: number, unit: string, atMost?: number): Figure {
  return {
    scenario,
    name,
    value: round(value),
    unit,
    ...(atMost !== undefined && { target: { atMost } }),
    isComparable: true,
  };
}

/** A time or a size of a run, which what else the machine does can only make worse. */
export function observed(scenario: string, name: string, value: number, unit: string, atMost?: number): Figure {
  return {
    scenario,
    name,
    value: round(value),
    unit,
    ...(atMost !== undefined && { target: { atMost } }),
    isComparable: false,
  };
}

/** A rate: "at least", on a shared machine. */
export function rate(scenario: string, name: string, value: number, unit: string, atLeast?: number): Figure {
  return {
    scenario,
    name,
    value: Math.round(value),
    unit,
    ...(atLeast !== undefined && { target: { atLeast } }),
    isComparable: false,
  };
}

export function isMissed({ value, target }: Figure): boolean {
  if (target === undefined) return false;
  return "atMost" in target ? value > target.atMost : value < target.atLeast;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
