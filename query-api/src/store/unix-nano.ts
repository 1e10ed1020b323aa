/** A time as a parameter of type UInt64: a time of a filter may lie beyond what a span can have (the year 2554), where the store refuses the number. */
export function unixNanoParameter(unixNano: bigint): string {
  if (unixNano < 0n) return "0";
  return (unixNano > unixNanoMax ? unixNanoMax : unixNano).toString();
}

/** The last time that a span can have. */
export const unixNanoMax = 2n ** 64n - 1n;
