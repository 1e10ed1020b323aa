/**
 * Rows as text. A row is split in two: the key, and the rest; both without the version. So equal texts mean that nothing changed, and a
 * tombstone is the key alone.
 *
 *     ["<version>",0,<key columns>,<other columns>]        JSONCompactEachRow
 *     <version> 0 <key columns> <other columns>            TabSeparated, for `spans`: its bytes are no text that JSON could carry
 *
 * A text of TabSeparated holds one byte in each character (`latin1`), so that bytes can be put together like other texts.
 */
import type { TableName, TableRows } from "@nonet/proto/tables.ts";
import { tableLayouts } from "./table-columns.ts";

/** A row without its version. */
export type RowContent<T extends TableName> = Omit<TableRows[T], "version" | "is_deleted">;

export interface RowText {
  /** The key columns, e.g. `"default",493840,"4bf9…","ev_…"`. */
  readonly key: string;
  readonly rest: string;
}

interface TextFormat {
  readonly name: string;
  readonly encoding: "utf8" | "latin1";
}

const json: TextFormat = { name: "JSONCompactEachRow", encoding: "utf8" };

export const textFormats: { readonly [T in TableName]: TextFormat } = {
  traces: json,
  spans: { name: "TabSeparated", encoding: "latin1" },
  events: json,
  sessions: json,
  metric_points: json,
};

export function toRowText<T extends TableName>(table: T, row: RowContent<T>): RowText {
  const layout = tableLayouts[table];
  const inner = textFormats[table] === json ? jsonOf : tabSeparated;
  // `as`: the layout names columns of this very row type; TypeScript does not follow the table through the index.
  const values = row as unknown as Record<string, unknown>;
  return { key: inner(layout.key, values), rest: inner(layout.rest, values) };
}

/** The key text of a row whose key columns are known. */
export function toRowKey<T extends TableName>(table: T, values: Readonly<Record<string, unknown>>): string {
  return (textFormats[table] === json ? jsonOf : tabSeparated)(tableLayouts[table].key, values);
}

/** A live row as one line. */
export function liveLine(version: bigint, table: TableName, row: RowText): string {
  if (textFormats[table] === json) return `["${version}",0,${row.key},${row.rest}]\n`;
  return `${version}\t0\t${row.key}\t${row.rest}\n`;
}

/** Hides the row with this key. A null in a column that is not Nullable becomes its default (`input_format_null_as_default`). */
export function tombstoneLine(version: bigint, table: TableName, key: string): string {
  const columns = tableLayouts[table].rest.length;
  if (textFormats[table] === json) return `["${version}",1,${key}${",null".repeat(columns)}]\n`;
  return `${version}\t1\t${key}${"\t\\N".repeat(columns)}\n`;
}

function jsonOf(columns: readonly string[], values: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(columns.map((column) => values[column]));
  return text.slice(1, -1);
}

function tabSeparated(columns: readonly string[], values: Readonly<Record<string, unknown>>): string {
  return columns
    .map((column) => {
      const value = values[column];
      return value instanceof Uint8Array ? escapeBytes(value) : escapeText(String(value));
    })
    .join("\t");
}

function escapeText(value: string): string {
  // Most are ids, numbers and plain names.
  if (/^[\w .:/-]*$/.test(value)) return value;
  return escapeBytes(Buffer.from(value));
}

/** Tabs, line feeds and backslashes escaped; nothing else has a meaning in TabSeparated. The text's own search is twice as fast as a loop over bytes. */
function escapeBytes({ buffer, byteOffset, length }: Uint8Array): string {
  const text = Buffer.from(buffer, byteOffset, length).toString("latin1");
  return text.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n");
}
