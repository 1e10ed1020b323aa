/** The order of a trace's events and spans, kept from fold to fold. Source: event-mapping.md 1.4, session-traces.md 1.11. */
import { comparePlaced } from "./place-events.ts";
import type { PlacedEvent, TraceNode } from "./trace-node.ts";

/** So many changes are put in place one by one; more are sorted in. */
const singleChangesMax = 32;

/**
 * @param before  in order.
 * @param isReordered  the order of those that stay may have changed too.
 */
export function updateEventOrder(
  before: PlacedEvent[],
  change: {
    readonly withdrawn: readonly PlacedEvent[];
    readonly fresh: readonly PlacedEvent[];
    readonly isReordered: boolean;
  },
): PlacedEvent[] {
  return update(before, change.withdrawn, change.fresh, comparePlaced, change.isReordered);
}

export function updateSpanOrder(
  before: TraceNode[],
  change: { readonly fresh: readonly TraceNode[]; readonly isReordered: boolean },
): TraceNode[] {
  return update(before, [], change.fresh, compareSpans, change.isReordered);
}

/** Ascending (effective start, position in the walk). */
function compareSpans(a: TraceNode, b: TraceNode): number {
  if (a.startOffset !== b.startOffset) return a.startOffset - b.startOffset;
  // Offsets beyond 2^53 are rounded.
  if (a.effectiveStartUnixNano !== b.effectiveStartUnixNano) {
    return a.effectiveStartUnixNano < b.effectiveStartUnixNano ? -1 : 1;
  }
  return a.position - b.position;
}

function update<Item>(
  before: Item[],
  withdrawn: readonly Item[],
  fresh: readonly Item[],
  compare: (a: Item, b: Item) => number,
  isReordered: boolean,
): Item[] {
  if (isReordered || withdrawn.length + fresh.length > singleChangesMax) {
    const gone = new Set(withdrawn);
    const standing = gone.size === 0 ? before : before.filter((item) => !gone.has(item));
    // The sort finds the parts that are in order already.
    return [...standing, ...fresh.toSorted(compare)].sort(compare);
  }
  for (const item of withdrawn) before.splice(before.indexOf(item), 1);
  for (const item of fresh) {
    let low = 0;
    let high = before.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(before[middle] as Item, item) < 0) low = middle + 1;
      else high = middle;
    }
    before.splice(low, 0, item);
  }
  return before;
}
