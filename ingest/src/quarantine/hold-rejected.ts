/** Offers the spans of a request that were not stored to the quarantine: those that are invalid, and those that no record can hold. */
import type { QuarantineWriter } from "@nonet/proto/control/quarantine-writer.ts";
import type { RejectReason, WalkedGroup } from "@nonet/proto/otlp-walk.ts";
import type { UnstorableSpan } from "../publish/accept-spans.ts";
import { encodeOneSpanRequest } from "./one-span-request.ts";

/** A sender that gets all of its spans wrong repeats itself: of one request so many are kept. */
const heldPerRequestMax = 1_000;

const details: Readonly<Record<RejectReason, string>> = {
  no_ids: "neither a trace id nor a span id; log records sent to the trace path look like this",
  invalid_trace_id: "a trace id has 16 bytes, not all zero",
  invalid_span_id: "a span id has 8 bytes, not all zero",
  too_many_fields: "more fields than are decoded; its bytes are not kept",
};

export function holdRejected(
  writer: Pick<QuarantineWriter, "offer" | "drop">,
  request: { readonly groups: readonly WalkedGroup[]; readonly refused: readonly UnstorableSpan[] },
  context: { readonly projectId: string; readonly receiptId: string; readonly atMs: number },
): void {
  let count = 0;
  let left = 0;
  const hold = (
    group: WalkedGroup,
    span: { readonly bytes: Uint8Array; readonly traceId: string; readonly spanId: string },
    why: { readonly reason: string; readonly detail: string },
  ): void => {
    count += 1;
    if (count > heldPerRequestMax) {
      left += 1;
      return;
    }
    writer.offer({
      ...context,
      ...why,
      kind: "rejected_span",
      traceId: span.traceId,
      spanId: span.spanId,
      form: "otlp_request",
      bytes: span.bytes.length === 0 ? span.bytes : encodeOneSpanRequest(group, span.bytes),
      key: noBytes,
      source: undefined,
    });
  };
  for (const group of request.groups) {
    for (const span of group.rejected) hold(group, span, { reason: span.reason, detail: details[span.reason] });
  }
  for (const span of request.refused) {
    hold(span.group, span, { reason: "record_too_large", detail: span.reason });
  }
  if (left > 0) writer.drop(left);
}

const noBytes = new Uint8Array(0);
