/** The spans of a file with one OTLP export, protobuf or JSON, through the readers of the receiver. */
import { readFileSync } from "node:fs";
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

export interface ExportFile {
  readonly spans: DecodedSpan[];
  /** Spans that the receiver would refuse: `id: reason`. */
  readonly rejected: string[];
}

/** @throws PipelineError `INVALID_BODY` saying where the file is not an ExportTraceServiceRequest and why. */
export function readExportFile(path: string): ExportFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (caught) {
    throw new PipelineError("INVALID_BODY", `cannot read ${path}: ${String(caught)}`, { cause: caught });
  }
  const { groups } = walk(path, bytes);
  return {
    spans: groups.flatMap((group) => {
      const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
      const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
      return group.spans.map((span) => decodeSpan(span.bytes, resource, scope));
    }),
    rejected: groups.flatMap((group) => group.rejected.map((each) => `${each.spanId || "no id"}: ${each.reason}`)),
  };
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
