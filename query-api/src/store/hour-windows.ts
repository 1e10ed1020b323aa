/**
 * Ranges of hours to read one after the other, in the order of time, each larger than the one before: what is asked for mostly lies in the
 * first, and a filter that matches little still ends after a few. How many rows an hour has is asked of `sessions`, the smallest table with
 * hours: one row a trace and session.
 */
import type { ClickhouseReader } from "./clickhouse-reader.ts";

export interface HourWindow {
  readonly floor: number;
  /** Exclusive. */
  readonly ceiling: number;
  /** Whether rows may stand before `floor`. */
  readonly hasEarlier: boolean;
}

export interface HourRange {
  /** Nanoseconds since 1970, inclusive. */
  readonly from: bigint | undefined;
  /** Nanoseconds since 1970; rows of this very hour are wanted. */
  readonly to: bigint | undefined;
  readonly order: "asc" | "desc";
}

/** More than any hour of a uint64 of nanoseconds. */
export const hourMax = 4_294_967_295;

const hourNano = 3_600_000_000_000n;
const firstWindowRows = 4000;
const windowGrowth = 6;

/** Windows that together cover the range; none when no row of the project stands in it. */
export async function loadHourWindows(
  reader: ClickhouseReader,
  projectId: string,
  range: HourRange,
): Promise<HourWindow[]> {
  const floor = range.from === undefined ? 0 : Number(range.from / hourNano);
  const ceiling = range.to === undefined ? hourMax : Number(range.to / hourNano) + 1;
  const hours = await reader.select<{ hour: number; rows: string }>(
    `SELECT hour, count() AS rows FROM sessions
     WHERE project_id = {project:String} AND hour >= {floor:UInt32} AND hour < {ceiling:UInt32}
     GROUP BY hour ORDER BY hour ${range.order === "asc" ? "ASC" : "DESC"}`,
    { project: projectId, floor, ceiling },
  );
  const windows = splitHours(
    hours.map((entry) => ({ hour: entry.hour, rows: Number(entry.rows) })),
    { floor, ceiling },
    range.order,
  );
  return windows;
}

/** @param hours  those that have rows, in `order`. */
export function splitHours(
  hours: readonly { readonly hour: number; readonly rows: number }[],
  bounds: { readonly floor: number; readonly ceiling: number },
  order: "asc" | "desc",
): HourWindow[] {
  const windows: HourWindow[] = [];
  let near = order === "asc" ? bounds.floor : bounds.ceiling;
  let rows = 0;
  let wanted = firstWindowRows;
  for (const [index, entry] of hours.entries()) {
    rows += entry.rows;
    const isLast = index === hours.length - 1;
    if (rows < wanted && !isLast) continue;
    const far = order === "asc" ? (isLast ? bounds.ceiling : entry.hour + 1) : isLast ? bounds.floor : entry.hour;
    const [floor, ceiling] = order === "asc" ? [near, far] : [far, near];
    windows.push({ floor, ceiling, hasEarlier: floor > 0 });
    near = far;
    rows = 0;
    wanted *= windowGrowth;
  }
  return windows;
}
