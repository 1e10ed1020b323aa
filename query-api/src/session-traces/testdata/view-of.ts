/** Session views of spans, with the costs that the processor would have stored. For tests. */
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import { costOfCall } from "@nonet/processor/fold/cost.ts";
import { isBetterCopy } from "@nonet/processor/fold/better-copy.ts";
import { mapTrace } from "@nonet/processor/fold/map-trace.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { priceTable } from "@nonet/proto/versions.ts";
import type { StoredCost, StoredTrace } from "../../store/stored-trace.ts";
import { createSessionView, type SessionView } from "../session-view.ts";

export function viewOf(
  spans: readonly DecodedSpan[],
  identity: { readonly tenantId: string; readonly projectId: string; readonly sessionId: string },
): SessionView {
  const traces = [...Map.groupBy(spans, (span) => span.traceId).values()];
  return createSessionView(
    { projectId: identity.projectId, sessionId: identity.sessionId },
    traces.map((own) => storedTraceOf(own, identity.tenantId)),
  );
}

function storedTraceOf(spans: readonly DecodedSpan[], tenantId: string): StoredTrace {
  const trace = mapTrace(spans, { tenantId });
  const costs = new Map<string, StoredCost>();
  for (const event of trace.events) {
    const cost = event.eventType === "llm_call" ? costOfCall(event) : undefined;
    if (cost === undefined) continue;
    costs.set(event.eventId, {
      units: cost.units,
      inputUnits: cost.inputUnits ?? null,
      outputUnits: cost.outputUnits ?? null,
      priceTable: cost.source === "reported" ? null : priceTable,
    });
  }
  return {
    trace,
    spans: storedSpans(spans),
    costs,
    weight: spans.length,
    versionKey: "test",
    receivedUnixNano: 0n,
  };
}

/** The store keeps one copy of a span that came twice. */
function storedSpans(spans: readonly DecodedSpan[]): Map<string, DecodedSpan> {
  const kept = new Map<string, DecodedSpan>();
  for (const span of spans) {
    const known = kept.get(span.spanId);
    if (known === undefined || isBetterCopy(mapSpan(span), mapSpan(known))) kept.set(span.spanId, span);
  }
  return kept;
}
