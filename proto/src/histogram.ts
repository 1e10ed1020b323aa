/**
 * A mergeable histogram of durations: exponential buckets, eight to each doubling, so that any percentile is within 4.5% of the truth.
 *
 * Bucket `i` holds durations d (microseconds) with 2^(i/8) <= d < 2^((i+1)/8); bucket -1 holds those under one microsecond. Counts add up, so
 * the histogram of a window is the sum of the histograms of its parts.
 */

/** Bucket index -> count. */
export type Histogram = Map<number, number>;

const bucketsPerDoubling = 8;

export function bucketOf(durationMs: number): number {
  const us = durationMs * 1000;
  return us < 1 ? -1 : Math.min(Math.floor(Math.log2(us) * bucketsPerDoubling), 500);
}

export function addToHistogram(histogram: Histogram, durationMs: number): void {
  const bucket = bucketOf(durationMs);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
}

export function mergeHistogram(into: Histogram, from: Iterable<readonly [number, number]>): void {
  for (const [bucket, count] of from) into.set(bucket, (into.get(bucket) ?? 0) + count);
}

/** @returns the middle of the bucket that holds the percentile, in ms; null for an empty histogram. */
export function percentileMs(histogram: Histogram, percentile: number): number | null {
  let total = 0;
  for (const count of histogram.values()) total += count;
  if (total === 0) return null;
  let rank = Math.ceil(total * percentile);
  for (const bucket of [...histogram.keys()].sort((a, b) => a - b)) {
    rank -= histogram.get(bucket) ?? 0;
    if (rank <= 0) return bucket < 0 ? 0 : 2 ** ((bucket + 0.5) / bucketsPerDoubling) / 1000;
  }
  return null;
}
