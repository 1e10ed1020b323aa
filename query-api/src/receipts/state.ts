import type { ProcessedPosition } from "@nonet/proto/control/processed-positions.ts";
import type { Receipt } from "@nonet/proto/receipt.ts";

export const receiptStates = ["logged", "stored", "queryable", "expired"] as const;
export type ReceiptState = (typeof receiptStates)[number];

/**
 * A request is as far as the least of its partitions. One without accepted spans has nothing that could still be missing: it is queryable.
 *
 * @param positions  a partition that nobody has told of yet was not processed.
 */
export function stateOf(
  receipt: Pick<Receipt, "partitions">,
  positions: ReadonlyMap<number, ProcessedPosition>,
): Exclude<ReceiptState, "expired"> {
  const isPassed = (which: keyof ProcessedPosition): boolean =>
    receipt.partitions.every(({ partition, lastOffset }) => (positions.get(partition)?.[which] ?? 0n) > lastOffset);
  if (isPassed("queryable")) return "queryable";
  return isPassed("stored") ? "stored" : "logged";
}
