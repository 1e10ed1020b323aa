/** The whole mapping of one trace, both stages. Source: event-mapping.md section 0. */
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { foldTrace } from "./fold-trace.ts";
import type { FoldedTrace } from "./folded-trace.ts";

/** @param spans  of one trace, in any order, repeats allowed. The tenant is part of event ids. */
export function mapTrace(spans: readonly DecodedSpan[], context: { readonly tenantId: string }): FoldedTrace {
  return foldTrace(
    spans.map((span) => mapSpan(span)),
    context,
  );
}
