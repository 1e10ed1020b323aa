/** Test only: the spans of an export request, from OTLP/JSON or protobuf, through the readers of the receiver. */
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";

export function spansOfJson(json: string | Uint8Array): DecodedSpan[] {
  const request = exportRequestFromJson(json);
  if (request.outcome !== "encoded") throw new Error(request.reason);
  return spansOfProtobuf(request.bytes);
}

export function spansOfProtobuf(bytes: Uint8Array): DecodedSpan[] {
  const request = walkExportRequest(bytes);
  if (request.outcome !== "walked") throw new Error(request.reason);
  return request.groups.flatMap((group) => {
    const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
    const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
    return group.spans.map((span) => decodeSpan(span.bytes, resource, scope));
  });
}
