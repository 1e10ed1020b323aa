/** CSV as RFC 4180 has it, safe to open in a spreadsheet. Source: session-traces.md section 9. */

/** A number is written as in JSON; a text may need quotes; null is nothing at all, an empty text is `""`. */
export type CsvValue = string | number | boolean | null;

export function csvRecord(values: readonly CsvValue[]): string {
  return `${values.map(csvField).join(",")}\r\n`;
}

export function csvField(value: CsvValue): string {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const text = value.replaceAll("\u0000", "\uFFFD").toWellFormed();
  // What begins like a formula would be run by a spreadsheet; the apostrophe makes it text.
  if (formulaStart.test(text)) return quoted(`'${text}`);
  return text === "" || needsQuotes.test(text) ? quoted(text) : text;
}

const formulaStart = /^[=+\-@\t\r\n＝＋－＠]/;
const needsQuotes = /[,"\r\n]|^\s|\s$/;

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
