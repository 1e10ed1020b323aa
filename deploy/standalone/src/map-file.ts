/** `nonet map FILE`: both stages of the mapping on a file, as a whole: the tool with which a mapping bug is filed. */
import { mapTrace } from "@nonet/processor/fold/map-trace.ts";
import { readExportFile } from "./read-export-file.ts";

/**
 * @returns one event a line, traces in the order of their ids, events in the order of event mapping 1.4.
 * @throws PipelineError `INVALID_BODY` saying where the file is not an ExportTraceServiceRequest and why.
 */
export function mapFile(path: string): string[] {
  const { spans, rejected } = readExportFile(path);
  if (rejected.length > 0) {
    process.stderr.write(`${rejected.length} spans rejected (${rejected.slice(0, 5).join(", ")})\n`);
  }
  return [...Map.groupBy(spans, (span) => span.traceId)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, trace]) => mapTrace(trace, { tenantId: "default" }).events)
    .map((event) => JSON.stringify(event));
}
