/**
 * Rows as a body that can be told from a part of it. Source: session-traces.md section 9.
 *
 *     csv      header, then a record a row; complete when the chunked body ends properly, as the trailers say
 *     ndjson   {"kind":…} a line, the last {"kind":"end","rows":n}
 *     json     {"data":[…],"rows":n}
 */
import type { Response } from "express";
import { createStreamBody } from "../../http/stream-body.ts";

export const exportFormats = ["csv", "ndjson", "json"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const mediaTypeOf: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv",
  ndjson: "application/x-ndjson",
  json: "application/json",
};

const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson",
  json: "application/json",
};

export interface RowStream {
  readonly format: ExportFormat;
  /** What comes before the first row: a CSV header with its byte-order mark. */
  readonly head: string;
  /** The text of each row, without what separates it from the next; a CSV record with its CRLF. */
  readonly rows: AsyncIterable<string>;
}

export function streamHeaders(
  format: ExportFormat,
  file: { projectId: string; nowMs: number },
): Record<string, string> {
  const time = new Date(file.nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  return {
    "Content-Type": contentTypes[format],
    "Content-Disposition": `attachment; filename="traces-${file.projectId}-${time}.${format}"`,
    "X-Content-Type-Options": "nosniff",
    Trailer: "X-Export-Rows, X-Export-Status",
  };
}

/** Rows are written as they come, and wait for a slow reader. Throws what `rows` throws; the caller then cuts the connection. */
export async function writeRows(stream: RowStream, response: Response): Promise<void> {
  const rows = stream.rows[Symbol.asyncIterator]();
  // The first row is made before the first byte goes out: until then a failure is an ordinary problem.
  let next = await rows.next();
  const body = createStreamBody(response);
  await body.write(stream.format === "json" ? '{"data":[' : stream.head);
  let count = 0;
  while (next.done !== true) {
    if (body.gone) {
      await rows.return?.();
      return;
    }
    const separator = stream.format === "json" && count > 0 ? "," : "";
    await body.write(separator + next.value + (stream.format === "ndjson" ? "\n" : ""));
    count += 1;
    next = await rows.next();
  }
  if (stream.format === "ndjson") await body.write(`${JSON.stringify({ kind: "end", rows: count })}\n`);
  if (stream.format === "json") await body.write(`],"rows":${count}}`);
  body.end({ "X-Export-Rows": String(count), "X-Export-Status": "complete" });
}
