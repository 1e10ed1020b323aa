/** Sums by dimensions as text: the same for the same sums, whatever their order and whoever wrote the JSON. */
import { rolledMembers } from "@nonet/proto/metric-sums.ts";

export type SumRow = Readonly<Record<string, unknown>>;

export function toSumsText(rows: readonly SumRow[]): string {
  return rows
    .map((row) => JSON.stringify(rolledMembers.map((name) => plainOf(row[name]))))
    .sort()
    .join("\n");
}

/** Histograms by bucket. */
function plainOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([key, member]) => [Number(key), String(member)] as const)
    .sort(([a], [b]) => a - b);
}
