const hourNano = 3_600_000_000_000n;

/** Hours since 1970; the largest time OTLP can say, in the year 2554, fits 32 bits. */
export function hourOf(unixNano: bigint | string): number {
  return Number(BigInt(unixNano) / hourNano);
}
