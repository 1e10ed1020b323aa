import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { resourceToJson, scopeToJson, spanToJson } from "./otlp-json.ts";
import { exportRequestFromJson } from "./otlp-json-request.ts";
import { decodeResource, decodeScope, decodeSpan } from "./otlp-protobuf.ts";
import { otlpSchema } from "./otlp-schema.ts";
import { walkExportRequest } from "./otlp-walk.ts";
import { resourceFromJson, scopeFromJson, spanFromJson } from "./testdata/otlp-json-reader.ts";
import { anyRequest, disorder, encodeRequest, field, sampleIds, seededRandom } from "./testdata/otlp-messages.ts";

// Properties take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const seed = { seed: Number(process.env["NONET_TEST_SEED"] ?? 20261124) };

function publishedGroups(bytes: Uint8Array) {
  const walked = walkExportRequest(bytes);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked.groups;
}

describe("the text of a span", () => {
  it("reads back into exactly what the bytes decode to", () => {
    fc.assert(
      fc.property(anyRequest, fc.integer(), (request, order) => {
        const bytes = disorder(encodeRequest(request), otlpSchema.exportRequest, seededRandom(order));
        for (const group of publishedGroups(bytes)) {
          const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
          const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
          const resourceJson = resourceToJson(group.resourceBytes, group.resourceSchemaUrl);
          const scopeJson = scopeToJson(group.scopeBytes, group.scopeSchemaUrl);
          expect(resourceFromJson(resourceJson)).toEqual(resource);
          expect(scopeFromJson(scopeJson)).toEqual(scope);
          for (const span of group.spans) {
            const decoded = decodeSpan(span.bytes, resource, scope);
            expect(spanFromJson(spanToJson(span.bytes), resourceJson, scopeJson)).toEqual(decoded);
            expect(spanFromJson(spanToJson(span.bytes), resource, scope)).toEqual(decoded);
          }
        }
      }),
      { ...seed, numRuns: 150 },
    );
  });

  it("is OTLP/JSON: read as a request it publishes the same spans", () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const groups = publishedGroups(encodeRequest(request));
        const text = `{"resourceSpans":[${groups.map(
          (group) =>
            `{"resource":${resourceToJson(group.resourceBytes)},"schemaUrl":${JSON.stringify(group.resourceSchemaUrl)},"scopeSpans":[{"scope":${scopeToJson(group.scopeBytes)},"schemaUrl":${JSON.stringify(group.scopeSchemaUrl)},"spans":[${group.spans.map((span) => spanToJson(span.bytes)).join()}]}]}`,
        )}]}`;
        const encoded = exportRequestFromJson(text);
        if (encoded.outcome !== "encoded") throw new Error(encoded.reason);
        const again = publishedGroups(encoded.bytes).flatMap((group) =>
          group.spans.map((span) => spanToJson(span.bytes)),
        );
        expect(again.map((each) => JSON.parse(each))).toEqual(
          groups.flatMap((group) => group.spans.map((span) => JSON.parse(spanToJson(span.bytes)))),
        );
      }),
      { ...seed, numRuns: 100 },
    );
  });

  it("looks like this", () => {
    const span = Buffer.concat([
      sampleIds,
      field(5, "chat"),
      Buffer.from([0x30, 3, 0x39, 0, 0x48, 0x59, 0xe3, 0xfa, 0xeb, 0x6f, 0x15]),
      field(9, field(1, "n"), field(2, Buffer.from([0x18, 1]))),
      field(9, field(1, "d"), field(2, Buffer.from([0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]))),
      field(9, field(1, "nan"), field(2, Buffer.from([0x21, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]))),
      field(9, field(1, "zero"), field(2, Buffer.from([0x21, 0, 0, 0, 0, 0, 0, 0, 0x80]))),
      field(9, field(1, "b"), field(2, field(7, Buffer.from([0xfb, 0xff])))),
      field(9, field(1, "l"), field(2, field(5, field(1, field(1, 'a"b')), field(1)))),
      field(9, field(1, "m"), field(2, field(6, field(1, field(1, "k"), field(2, Buffer.from([0x10, 0])))))),
      field(11, Buffer.from([0x09, 1, 0, 0, 0, 0, 0, 0, 0]), field(2, "e")),
      field(15, field(2, "bad"), Buffer.from([0x18, 2])),
    ]);
    expect(spanToJson(span)).toBe(
      '{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"chat","kind":3,' +
        '"startTimeUnixNano":"1544712660000000000","attributes":[' +
        '{"key":"n","value":{"intValue":"1"}},{"key":"d","value":{"doubleValue":1}},{"key":"nan","value":{"doubleValue":"NaN"}},' +
        '{"key":"zero","value":{"doubleValue":-0.0}},{"key":"b","value":{"bytesValue":"+/8="}},' +
        '{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a\\"b"},{}]}}},' +
        '{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":false}}]}}}],' +
        '"events":[{"timeUnixNano":"1","name":"e"}],"status":{"message":"bad","code":2}}',
    );
  });

  it("keeps what only the resource's text holds: entity references and the schema URL", () => {
    const resource = field(3, field(1, "u"), field(2, "service"), field(3, "service.name"), field(4, "d"));
    expect(resourceToJson(resource, "https://example.com/1")).toBe(
      '{"entityRefs":[{"schemaUrl":"u","type":"service","idKeys":["service.name"],"descriptionKeys":["d"]}],"schemaUrl":"https://example.com/1"}',
    );
    expect(resourceToJson(new Uint8Array())).toBe("{}");
    expect(scopeToJson(new Uint8Array())).toBe("{}");
  });
});
