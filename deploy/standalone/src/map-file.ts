/** `nonet map FILE`: both stages of the mapping on a file, as a whole: the tool with which a mapping bug is filed. */
import { readFileSync } from "node:fs";
import { mapTrace } from "@nonet/processor/fold/map-trace.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import {
  type OversizedRequest,
  type UndecodableRequest,
  type WalkedRequest,
  walkExportRequest,
} from "@nonet/proto/otlp-walk.ts";

/**
 * @returns one event a line, traces in the order of their ids, events in the order of event mapping 1.4.
 * @throws PipelineError `INVALID_BODY` saying where the file is not an ExportTraceServiceRequest and why.
 */
export function mapFile(path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (caught) {
    throw new PipelineError("INVALID_BODY", `cannot read ${path}: ${String(caught)}`, { cause: caught });
  }
  const walked = walk(path, bytes);
  const spans = walked.groups.flatMap((group): DecodedSpan[] => {
    const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
    const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
    return group.spans.map((span) => decodeSpan(span.bytes, resource, scope));
  });
  if (walked.rejectedCount > 0) {
    const reasons = walked.groups.flatMap((group) =>
      group.rejected.map((each) => `${each.spanId || "no id"}: ${each.reason}`),
    );
    process.stderr.write(`${walked.rejectedCount} spans rejected (${reasons.slice(0, 5).join(", ")})\n`);
  }
  return [...Map.groupBy(spans, (span) => span.traceId)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, trace]) => mapTrace(trace, { tenantId: "default" }).events)
    .map((event) => JSON.stringify(event));
}

/** JSON begins with a brace, which no protobuf request does: field 15 of wire type 3 is a group. */
function walk(path: string, bytes: Buffer): WalkedRequest {
  const isJson = /^(\xEF\xBB\xBF)?\s*\{/.test(bytes.subarray(0, 64).toString("latin1"));
  const encoded = isJson ? exportRequestFromJson(bytes) : { outcome: "encoded" as const, bytes };
  const walked = encoded.outcome === "encoded" ? walkExportRequest(encoded.bytes) : encoded;
  if (walked.outcome === "walked") return walked;
  throw new PipelineError(
    "INVALID_BODY",
    `${path} is not an OTLP ${isJson ? "JSON" : "protobuf"} export: ${whereAndWhy(walked)}`,
  );
}

function whereAndWhy(refused: UndecodableRequest | OversizedRequest): string {
  return "path" in refused && refused.path !== "" ? `${refused.path}: ${refused.reason}` : refused.reason;
}
