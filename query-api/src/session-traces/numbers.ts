/** Numbers and times as this API writes them. Source: session-traces.md 2.5. */

/** RFC 3339 in UTC with three fraction digits, truncated. */
export function toTimestamp(unixNano: bigint | string): string {
  return new Date(Number(BigInt(unixNano) / 1_000_000n)).toISOString();
}

/** Milliseconds, exact to the nanosecond: whole and fractional part apart, since a uint64 does not fit a double. */
export function toMs(nano: bigint): number {
  return Number(nano / 1_000_000n) + Number(nano % 1_000_000n) / 1_000_000;
}

/** Six decimals, which is what nanoseconds need, so that sums and differences do not show the error of binary fractions. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1e6) / 1e6;
}

/** Rounded half up to `decimals`. */
export function roundTo(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  // The epsilon lifts a half that binary writes just below itself (1.005), and nothing else.
  return Math.round(value * factor * (1 + Number.EPSILON)) / factor;
}

/** A rate to six decimals; null when nothing was counted. */
export function rate(part: number, whole: number): number | null {
  return whole === 0 ? null : roundTo(part / whole, 6);
}

/** Percentile by linear interpolation between the two nearest ranks. Source: session-traces.md 2.5. */
export function percentile(values: readonly number[], p: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const h = (sorted.length - 1) * p;
  const low = sorted[Math.floor(h)] ?? 0;
  const high = sorted[Math.ceil(h)] ?? 0;
  return roundMs(low + (h - Math.floor(h)) * (high - low));
}

export function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return roundMs(values.reduce((sum, value) => sum + value, 0) / values.length);
}
