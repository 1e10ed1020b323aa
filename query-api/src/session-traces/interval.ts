/** Half-open intervals of nanoseconds. */
export interface Interval {
  readonly start: bigint;
  readonly end: bigint;
}

/** Length of the union of the parts that lie within `bounds`; an interval that ends before it begins has none. */
export function unionLength(intervals: readonly Interval[], bounds?: Interval): bigint {
  const clipped: Interval[] = [];
  for (const interval of intervals) {
    const start = bounds !== undefined && interval.start < bounds.start ? bounds.start : interval.start;
    const end = bounds !== undefined && interval.end > bounds.end ? bounds.end : interval.end;
    if (start < end) clipped.push({ start, end });
  }
  clipped.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  let length = 0n;
  let reached: bigint | undefined;
  for (const { start, end } of clipped) {
    const from = reached !== undefined && reached > start ? reached : start;
    if (end > from) length += end - from;
    if (reached === undefined || end > reached) reached = end;
  }
  return length;
}
