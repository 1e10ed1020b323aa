/** ExportTraceServiceResponse, and the text that tells a sender what became of its spans (otlp-receiver.md 5.1). */

import { messageFieldsMax, type RejectReason, type WalkedRequest, type WalkWarnings } from "@nonet/proto/otlp-walk.ts";
import { wireType } from "@nonet/proto/protobuf-reader.ts";
import { ReverseWriter } from "@nonet/proto/protobuf-reverse-writer.ts";

export interface PartialSuccess {
  readonly rejectedSpans: number;
  /** At most `errorMessageBytesMax` bytes; not empty. */
  readonly errorMessage: string;
}

export interface RefusedSpan {
  readonly spanId: string;
  readonly reason: string;
}

/** Zero bytes for full success (rule 52). */
export function responseToProtobuf(partial: PartialSuccess | undefined): Uint8Array {
  const writer = new ReverseWriter(64);
  if (partial === undefined) return writer.finish();
  writer.text(partial.errorMessage);
  writer.tag(2, wireType.bytes);
  if (partial.rejectedSpans > 0) {
    writer.varint(BigInt(partial.rejectedSpans));
    writer.tag(1, wireType.varint);
  }
  writer.lengthTo(0);
  writer.tag(1, wireType.bytes);
  return writer.finish();
}

/** `{}` for full success; `rejectedSpans` is a decimal string (rule 59). */
export function responseToJson(partial: PartialSuccess | undefined): string {
  if (partial === undefined) return "{}";
  return JSON.stringify({
    partialSuccess: {
      ...(partial.rejectedSpans > 0 ? { rejectedSpans: String(partial.rejectedSpans) } : {}),
      errorMessage: partial.errorMessage,
    },
  });
}

/** Rule 57. The text is ASCII as far as it is ours. */
const errorMessageBytesMax = 8_192;
const idsShownMax = 10;
const reasonsShownMax = 10;

const reasonTexts: Readonly<Record<RejectReason, string>> = {
  no_ids: "without trace id and span id (log records sent to the trace path look like this)",
  invalid_trace_id: "with an invalid trace id (16 bytes, not all zero)",
  invalid_span_id: "with an invalid span id (8 bytes, not all zero)",
  too_many_fields: `with more than ${messageFieldsMax} fields`,
};

const warningTexts: Readonly<Record<keyof WalkWarnings, string>> = {
  invalidParents: "invalid parent span ids dropped",
  droppedLinks: "links with invalid ids dropped",
  tooDeepValues: "attribute values nested too deep emptied",
  indexedValues: "profile-only index values emptied",
};

/** @returns undefined when nothing is to be said: all spans were accepted as they were. */
export function partialSuccess(walked: WalkedRequest, refused: readonly RefusedSpan[]): PartialSuccess | undefined {
  const rejectedSpans = walked.rejectedCount + refused.length;
  const sentences: string[] = [];
  if (rejectedSpans > 0) {
    const rejected = walked.groups.flatMap((group) => group.rejected);
    const counts = new Map<string, number>();
    for (const { reason } of rejected) count(counts, reasonTexts[reason]);
    for (const { reason } of refused) count(counts, reason);
    const reasons = [...counts].slice(0, reasonsShownMax).map(([reason, times]) => `${times} ${reason}`);
    if (counts.size > reasonsShownMax) reasons.push(`${counts.size - reasonsShownMax} further reasons`);
    sentences.push(`${rejectedSpans} of ${walked.spanCount} spans rejected: ${reasons.join("; ")}`);
    const ids = [...rejected, ...refused].map((span) => span.spanId).filter((id) => id !== "");
    if (ids.length > 0) sentences.push(`first span ids: ${ids.slice(0, idsShownMax).join(", ")}`);
  }
  for (const [name, text] of Object.entries(warningTexts)) {
    const times = walked.warnings[name as keyof WalkWarnings];
    if (times > 0) sentences.push(`warning: ${times} ${text}`);
  }
  if (sentences.length === 0) return undefined;
  return { rejectedSpans, errorMessage: cut(sentences.join(". ")) };
}

function count(counts: Map<string, number>, reason: string): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1);
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= errorMessageBytesMax) return text;
  return `${bytes.toString("utf8", 0, errorMessageBytesMax - 8).replace(/\uFFFD+$/, "")}...`;
}
