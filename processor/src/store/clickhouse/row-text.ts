/**
 * Rows as text. A row is split in two: the key, and the rest; both without the version. So equal texts mean that nothing changed, and a
 * tombstone is the key alone.
 *
 *     ["<version>",0,<key columns>,<other columns>]        JSONCompactEachRow
 */
import type { TableName, TableRows } from "@nonet/proto/tables.ts";
import { tableLayouts } from "./table-columns.ts";

/** A row without its version. */
export type RowContent<T extends TableName> = Omit<TableRows[T], "version" | "is_deleted">;

export interface RowText {
  /** Inner text of the JSON array of the key columns, e.g. `"default",493840,"4bf9…","ev_…"`. */
  readonly key: string;
  readonly rest: string;
}

export function toRowText<T extends TableName>(table: T, row: RowContent<T>): RowText {
  const layout = tableLayouts[table];
  // `as`: the layout names columns of this very row type; TypeScript does not follow the table through the index.
  const values = row as unknown as Record<string, unknown>;
  return { key: inner(layout.key, values), rest: inner(layout.rest, values) };
}

/** A live row as one line. */
export function liveLine(version: bigint, row: RowText): string {
  return `["${version}",0,${row.key},${row.rest}]\n`;
}

/** Hides the row with this key. A null in a column that is not Nullable becomes its default (`input_format_null_as_default`). */
export function tombstoneLine(version: bigint, table: TableName, key: string): string {
  return `["${version}",1,${key}${",null".repeat(tableLayouts[table].rest.length)}]\n`;
}

function inner(columns: readonly string[], values: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(columns.map((column) => values[column]));
  return text.slice(1, -1);
}
