/** Where the other reports of a model call lie that two instrumentations told of in traces of their own. */
import type { FoldedSpan } from "@nonet/processor/fold/folded-trace.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";

const hourNano = 3_600_000_000_000n;

/**
 * In the words of the notes of Stage B; of copies within the trace that stage has noted it itself.
 *
 * @throws PipelineError as `ClickhouseReader`.
 */
export async function loadCopyNotes(reader: ClickhouseReader, projectId: string, span: FoldedSpan): Promise<string[]> {
  const notes: string[] = [];
  for (const event of span.events) {
    if (event.eventType !== "llm_call") continue;
    const wanted = [event.duplicateOf, event.usageFrom].filter((id) => id !== undefined);
    if (wanted.length === 0) continue;
    const hour = Number(BigInt(event.timeUnixNano) / hourNano);
    const rows = await reader.select<{ event_id: string; trace_id: string; span_id: string }>(
      `SELECT event_id, trace_id, span_id FROM events
       WHERE project_id = {project:String} AND hour BETWEEN {from:UInt32} AND {to:UInt32} AND event_id IN {events:Array(String)}
       LIMIT 1 BY event_id`,
      { project: projectId, from: Math.max(0, hour - 1), to: hour + 1, events: wanted },
    );
    const places = new Map(rows.map((row) => [row.event_id, row]));
    const original = places.get(event.duplicateOf ?? "");
    if (original !== undefined && original.trace_id !== span.traceId) {
      notes.push(`copy of the call in ${original.trace_id}/${original.span_id}`);
    }
    const counting = places.get(event.usageFrom ?? "");
    if (counting !== undefined) notes.push(`counts of the call in ${counting.trace_id}/${counting.span_id}`);
  }
  return notes;
}
