import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeResource, decodeScope, decodeSpan } from "./otlp-protobuf.ts";
import { walkExportRequest } from "./otlp-walk.ts";
import { createStoredSpanReader, toStoredGroup } from "./stored-span.ts";
import { anyRequest, encodeRequest } from "./testdata/otlp-messages.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

test("what is stored of a span reads back into exactly what its bytes decode to, schema URLs included", () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      const walked = walkExportRequest(encodeRequest(request));
      if (walked.outcome !== "walked") throw new Error(walked.reason);
      const read = createStoredSpanReader();
      for (const group of walked.groups) {
        const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
        const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
        for (const span of group.spans) {
          const texts = {
            span: base64(span.bytes),
            resource: base64(toStoredGroup(group.resourceBytes, group.resourceSchemaUrl)),
            scope: base64(toStoredGroup(group.scopeBytes, group.scopeSchemaUrl)),
          };
          expect(read(texts)).toEqual(decodeSpan(span.bytes, resource, scope));
        }
      }
    }),
    { seed: 20261125, numRuns: 150 },
  );
}, 60_000);
