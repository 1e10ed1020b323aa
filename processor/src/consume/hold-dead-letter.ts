/** Offers a record that will never be processed to the quarantine of its project, where people find it. The log itself keeps it too. */
import { isProjectId } from "@nonet/proto/control/projects.ts";
import type { QuarantineWriter } from "@nonet/proto/control/quarantine-writer.ts";
import type { SourceRecord } from "./record-source.ts";

/** @param reason of a PipelineError: `[CODE] sentence`. */
export function holdDeadLetter(
  writer: Pick<QuarantineWriter, "offer">,
  record: SourceRecord,
  context: { readonly reason: string; readonly topic: string; readonly atMs: number },
): void {
  const key = ownerOf(record.key);
  // Nobody's: it lies with the log's dead letters only.
  if (key === undefined) return;
  const [, code = "INTERNAL", detail = context.reason] = /^\[([A-Z_]+)\] (.*)$/s.exec(context.reason) ?? [];
  writer.offer({
    projectId: key.projectId,
    kind: "dead_letter",
    reason: code.toLowerCase(),
    detail,
    traceId: key.traceId,
    spanId: "",
    form: "agent_record",
    bytes: record.value,
    key: record.key,
    source: `${context.topic}/${record.partition}/${record.offset}`,
    receiptId: undefined,
    atMs: context.atMs,
  });
}

/** The key of a record: project id, zero byte, 16 bytes of trace id (topics.ts). */
function ownerOf(key: Uint8Array): { projectId: string; traceId: string } | undefined {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.length);
  const end = key.length - 17;
  if (end < 1 || bytes[end] !== 0) return undefined;
  const projectId = bytes.toString("latin1", 0, end);
  return isProjectId(projectId) ? { projectId, traceId: bytes.toString("hex", end + 1) } : undefined;
}
