export interface LruMap<V> {
  /** Counts as a use. */
  get(key: string): V | undefined;
  /** @param bytes what the value weighs; it is not kept when it alone is over the limit. */
  set(key: string, value: V, bytes: number): void;
  readonly count: number;
  readonly bytes: number;
}

/** A map bounded by count and bytes that drops what was not used for longest. */
export function createLruMap<V>({ countMax, bytesMax }: { countMax: number; bytesMax: number }): LruMap<V> {
  const entries = new Map<string, { value: V; bytes: number }>(); // in the order of use, oldest first
  let total = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    total -= entry.bytes;
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes) {
      remove(key);
      if (bytes > bytesMax) return;
      entries.set(key, { value, bytes });
      total += bytes;
      for (const oldest of entries.keys()) {
        if (entries.size <= countMax && total <= bytesMax) break;
        remove(oldest);
      }
    },
    get count() {
      return entries.size;
    },
    get bytes() {
      return total;
    },
  };
}
