/** What the spans of a trace say about it in their metadata. Source: tenant-traces.md 5.9. */
import type { FoldedTrace } from "@nonet/processor/fold/folded-trace.ts";
import { earliestSpanOf, turnRootsOf } from "@nonet/processor/fold/trace-summary.ts";
import type { JsonObject } from "@nonet/proto/json.ts";

const sentKeysMax = 100;

/** The first value of a key in span order; then the session and the user, which win over what was sent under these names. */
export function traceMetadata(trace: FoldedTrace): JsonObject {
  const metadata: JsonObject = Object.create(null);
  let count = 0;
  for (const span of trace.spans) {
    for (const [key, value] of Object.entries(span.metadata ?? {})) {
      if (count === sentKeysMax || Object.hasOwn(metadata, key)) continue;
      metadata[key] = value;
      count += 1;
    }
  }
  const userId = trace.spans.find((span) => span.userId !== undefined)?.userId;
  const sessionId = (turnRootsOf(trace)[0] ?? earliestSpanOf(trace))?.sessionId ?? trace.traceId;
  setLast(metadata, "session_id", sessionId);
  if (userId !== undefined) setLast(metadata, "user_id", userId);
  return metadata;
}

function setLast(metadata: JsonObject, key: string, value: string): void {
  delete metadata[key];
  metadata[key] = value;
}
