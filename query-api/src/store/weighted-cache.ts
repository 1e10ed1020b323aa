/** A map that forgets the least recently used entries when their weights add up to more than its maximum. */
export interface WeightedCache<V> {
  get(key: string): V | undefined;
  /** An entry heavier than the whole cache is not kept. */
  set(key: string, value: V, weight: number): void;
}

export function createWeightedCache<V>(weightMax: number): WeightedCache<V> {
  /** In the order of use, oldest first. */
  const entries = new Map<string, { value: V; weight: number }>();
  let total = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    total -= entry.weight;
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, weight) {
      remove(key);
      if (weight > weightMax) return;
      entries.set(key, { value, weight });
      total += weight;
      for (const oldest of entries.keys()) {
        if (total <= weightMax) break;
        remove(oldest);
      }
    },
  };
}
