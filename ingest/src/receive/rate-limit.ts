/**
 * Spans per second and tenant, as a bucket that holds one second's worth. A request is let in while its tenant's bucket is not empty and is paid for
 * afterwards, when its spans are known: a large one leaves a debt, so the long-term rate holds and no request is too large to ever pass.
 */
export interface RateLimit {
  /** Milliseconds until the tenant may send again; undefined when it may now. */
  waitMs(tenantId: string): number | undefined;
  pay(tenantId: string, spans: number): void;
  /** Spans that the tenant sent to another process which shares the rate. */
  payElsewhere(tenantId: string, spans: number): void;
}

/** Tenants remembered. Beyond that the longest unused is forgotten, which forgives at most its debt. */
const tenantsMax = 10_000;

/**
 * @param spansPerSecondMax 0 is unlimited.
 * @param onPaid is told of what is paid here.
 */
export function createRateLimit(
  spansPerSecondMax: number,
  now: () => number,
  onPaid?: (tenantId: string, spans: number) => void,
): RateLimit {
  const buckets = new Map<string, { spans: number; atMs: number }>();

  function refilled(tenantId: string): { spans: number; atMs: number } {
    const atMs = now();
    const before = buckets.get(tenantId) ?? { spans: spansPerSecondMax, atMs };
    const earned = (Math.max(0, atMs - before.atMs) / 1000) * spansPerSecondMax;
    const bucket = { spans: Math.min(spansPerSecondMax, before.spans + earned), atMs };
    buckets.delete(tenantId);
    buckets.set(tenantId, bucket);
    if (buckets.size > tenantsMax) {
      const oldest = buckets.keys().next();
      if (oldest.done !== true) buckets.delete(oldest.value);
    }
    return bucket;
  }

  function pay(tenantId: string, spans: number): void {
    if (spansPerSecondMax > 0) refilled(tenantId).spans -= spans;
  }

  return {
    waitMs(tenantId) {
      if (spansPerSecondMax === 0) return undefined;
      const { spans } = refilled(tenantId);
      return spans > 0 ? undefined : Math.ceil(((1 - spans) / spansPerSecondMax) * 1000);
    },
    pay(tenantId, spans) {
      pay(tenantId, spans);
      if (spansPerSecondMax > 0) onPaid?.(tenantId, spans);
    },
    payElsewhere: pay,
  };
}
