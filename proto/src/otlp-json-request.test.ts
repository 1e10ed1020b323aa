import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { exportRequestFromJson } from "./otlp-json-request.ts";
import { decodeResource, decodeScope, decodeSpan } from "./otlp-protobuf.ts";
import type { DecodedSpan } from "./otlp-span.ts";
import { walkExportRequest } from "./otlp-walk.ts";
import { anyRequest, encodeRequest, requestType } from "./testdata/otlp-messages.ts";

// Properties take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const seed = { seed: Number(process.env["NONET_TEST_SEED"] ?? 20261124) };
const ids = '"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174"';

function walkJson(json: string | Uint8Array) {
  const encoded = exportRequestFromJson(json);
  return encoded.outcome === "encoded" ? walkExportRequest(encoded.bytes) : encoded;
}

function readAccepted(bytes: Uint8Array): DecodedSpan[] {
  const walked = walkExportRequest(bytes);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked.groups.flatMap((group) => {
    const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
    const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
    return group.spans.map((span) => decodeSpan(span.bytes, resource, scope));
  });
}

/** The one span of a request in JSON. */
function readSpan(fields: string): DecodedSpan {
  const encoded = exportRequestFromJson(spanRequest(fields));
  if (encoded.outcome !== "encoded") throw new Error(encoded.reason);
  const span = readAccepted(encoded.bytes)[0];
  if (span === undefined) throw new Error("the span was not accepted");
  return span;
}

function spanRequest(fields: string): string {
  return `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`;
}

function readValue(value: string): unknown {
  return readSpan(`${ids},"attributes":[{"key":"k","value":${value}}]`).attributes.get("k");
}

/** A generated request as OTLP/JSON, written from the protobufjs message. */
function toOtlpJson(bytes: Uint8Array): string {
  const object = requestType.toObject(requestType.decode(bytes), { longs: String, bytes: Array, json: true });
  return JSON.stringify(camel(object));
}

function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      name.endsWith("_id")
        ? Buffer.from(inner as number[]).toString("hex")
        : name === "bytes_value"
          ? Buffer.from(inner as number[]).toString("base64")
          : camel(inner),
    ]),
  );
}

describe("exportRequestFromJson", () => {
  it("publishes what the same request in protobuf publishes (51)", () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const bytes = encodeRequest(request);
        const encoded = exportRequestFromJson(toOtlpJson(bytes));
        if (encoded.outcome !== "encoded") throw new Error(encoded.reason);
        expect(readAccepted(encoded.bytes)).toEqual(readAccepted(bytes));
      }),
      { ...seed, numRuns: 150 },
    );
  });

  it("takes hex ids in any case, and an empty parent as root (40)", () => {
    expect(readSpan(`${ids},"parentSpanId":""`)).toMatchObject({
      traceId: "5b8efff798038103d269b633813fc60c",
      spanId: "eee19b7ec3c1b174",
      parentSpanId: undefined,
    });
    expect(readSpan(`${ids},"parentSpanId":"ABCDEF0123456789"`).parentSpanId).toBe("abcdef0123456789");
  });

  it.each([
    ["odd length", '"traceId":"5B8EFFF798038103D269B633813FC60","spanId":"eee19b7ec3c1b174"', "invalid_trace_id"],
    ["other characters", '"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"zzzzzzzz"', "invalid_span_id"],
    ["base64 ids", '"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"eee19b7ec3c1b174"', "invalid_trace_id"],
  ])("rejects one span for an id of %s (41)", (_, fields, reason) => {
    const walked = walkJson(spanRequest(fields));
    expect(walked).toMatchObject({ spanCount: 1, groups: [{ rejected: [{ reason }] }] });
  });

  it("drops a parent that is not hex, and counts it (41, 68)", () => {
    const walked = walkJson(spanRequest(`${ids},"parentSpanId":"not hex!"`));
    expect(walked).toMatchObject({ rejectedCount: 0, warnings: { invalidParents: 1 } });
  });

  it("knows lowerCamelCase names only (42)", () => {
    expect(walkJson('{"resource_spans":[{"scope_spans":[]}]}')).toMatchObject({ spanCount: 0 });
    expect(readSpan(`${ids},"trace_state":"a","start_time_unix_nano":"5"`)).toMatchObject({
      traceState: "",
      startTimeUnixNano: 0n,
    });
  });

  it.each([
    ['"kind":3', 3],
    ['"kind":"3"', 3],
    ['"kind":"SPAN_KIND_SERVER"', 2],
    ['"kind":"SPAN_KIND_NEW"', 0],
    ['"kind":77', 77],
    ['"kind":-1', -1],
  ])("reads the enum %s (43)", (field, kind) => {
    expect(readSpan(`${ids},${field}`).kind).toBe(kind);
  });

  it("reads status codes by number and name (43)", () => {
    expect(readSpan(`${ids},"status":{"code":"STATUS_CODE_ERROR","message":"m"}`)).toMatchObject({
      statusCode: 2,
      statusMessage: "m",
    });
  });

  it.each([
    ['"1544712660000000001"', 1544712660000000001n],
    ["1544712660000000001", 1544712660000000001n],
    ['"18446744073709551615"', 18446744073709551615n],
    ["5", 5n],
    ["1e3", 1000n],
  ])("keeps the time %s exact (44)", (text, time) => {
    expect(readSpan(`${ids},"startTimeUnixNano":${text}`).startTimeUnixNano).toBe(time);
  });

  it.each([
    ['{"intValue":"9223372036854775807"}', 9223372036854775807n],
    ['{"intValue":9223372036854775807}', 9223372036854775807n],
    ['{"intValue":-9223372036854775808}', -9223372036854775808n],
    ['{"intValue": 9007199254740993 }', 9007199254740993n],
    ['{"intValue":"42"}', 42],
    ['{"intValue":42}', 42],
    ['{"doubleValue":1.5}', 1.5],
    ['{"doubleValue":"1.5"}', 1.5],
    ['{"doubleValue":"NaN"}', Number.NaN],
    ['{"doubleValue":"-Infinity"}', Number.NEGATIVE_INFINITY],
    ['{"doubleValue":12345678901234567890}', 12345678901234567000],
    ['{"bytesValue":"+/8="}', Uint8Array.of(0xfb, 0xff)],
    ['{"bytesValue":"-_8"}', Uint8Array.of(0xfb, 0xff)],
    ['{"bytesValue":""}', Uint8Array.of()],
    ['{"boolValue":false}', false],
    ['{"stringValue":"1234567890123456789012"}', "1234567890123456789012"],
    ['{"stringValue":"\\ud83d\\ude00\\u00e9"}', "😀é"],
    ['{"stringValue":"\\ud83d"}', "\uFFFD"],
    ["{}", null],
    ["null", null],
    ['{"stringValue":null}', null],
    ['{"arrayValue":{"values":[{"intValue":1},null,{}]}}', [1, null, null]],
    ['{"arrayValue":{}}', []],
    [
      '{"kvlistValue":{"values":[{"key":"a","value":{"intValue":1}},{"key":"b"}]}}',
      new Map([
        ["a", 1],
        ["b", null],
      ]),
    ],
  ])("reads the value %s (44 to 50)", (text, expected) => {
    expect(readValue(text)).toEqual(expected);
  });

  it("keeps long digits inside strings as they are, beside long numbers", () => {
    const text = 'say \\"1234567890123456789\\", [1234567890123456789, \\\\';
    expect(
      readSpan(
        `${ids},"attributes":[{"key":"t","value":{"stringValue":"${text}"}},{"key":"n","value":{"intValue":1234567890123456789}}]`,
      ).attributes,
    ).toEqual(
      new Map<string, unknown>([
        ["t", 'say "1234567890123456789", [1234567890123456789, \\'],
        ["n", 1234567890123456789n],
      ]),
    );
  });

  it("null is absent everywhere (47)", () => {
    const names = [
      "traceState",
      "parentSpanId",
      "name",
      "kind",
      "startTimeUnixNano",
      "attributes",
      "events",
      "links",
      "status",
      "flags",
    ];
    const span = readSpan(`${ids},${names.map((name) => `"${name}":null`).join()}`);
    expect(span).toEqual(readSpan(ids));
    expect(walkJson('{"resourceSpans":null}')).toMatchObject({ spanCount: 0 });
    expect(walkJson('{"resourceSpans":[{"resource":null,"scopeSpans":null,"schemaUrl":null}]}')).toMatchObject({
      spanCount: 0,
    });
  });

  it.each([
    ["", "not JSON"],
    ["{", "not JSON"],
    ["[]", "expected an object"],
    ["null", "expected an object"],
    ['"x"', "expected an object"],
    ['{"resourceSpans":{}}', "expected an array", "resourceSpans"],
    ['{"resourceSpans":[3]}', "expected an object", "resourceSpans[0]"],
    [spanRequest(`${ids},"name":5`), "expected a string", "resourceSpans[0].scopeSpans[0].spans[0].name"],
    [
      spanRequest(`${ids},"startTimeUnixNano":"x"`),
      "expected an integer",
      "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano",
    ],
    [
      spanRequest(`${ids},"startTimeUnixNano":-1`),
      "integer out of range",
      "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano",
    ],
    [
      spanRequest(`${ids},"startTimeUnixNano":1.5`),
      "expected an integer",
      "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano",
    ],
    [spanRequest(`${ids},"kind":true`), "expected an integer", "resourceSpans[0].scopeSpans[0].spans[0].kind"],
    [spanRequest('"traceId":5'), "expected hexadecimal text", "resourceSpans[0].scopeSpans[0].spans[0].traceId"],
    [
      spanRequest(`${ids},"attributes":[{"key":"a"},{"key":"b","value":{"bytesValue":"*"}}]`),
      "expected base64 text",
      "resourceSpans[0].scopeSpans[0].spans[0].attributes[1].value.bytesValue",
    ],
    [
      spanRequest(`${ids},"attributes":[{"key":"b","value":"text"}]`),
      "expected an object",
      "resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value",
    ],
    [
      spanRequest(`${ids},"attributes":[{"key":"b","value":{"boolValue":"true"}}]`),
      "expected true or false",
      "resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.boolValue",
    ],
  ])("refuses %s (48)", (text, reason, path = "") => {
    expect(exportRequestFromJson(text)).toEqual({ outcome: "undecodable", reason, path });
  });

  it("of a duplicated key the last one wins (50)", () => {
    expect(readSpan(`${ids},"name":"a","name":"b"`).name).toBe("b");
  });

  it("takes a byte order mark and invalid UTF-8 (37, 50)", () => {
    expect(walkJson(`\uFEFF${spanRequest(ids)}`)).toMatchObject({ spanCount: 1 });
    expect(walkJson(Buffer.from(`\uFEFF${spanRequest(ids)}`))).toMatchObject({ spanCount: 1, rejectedCount: 0 });
    const broken = Buffer.concat([Buffer.from('{"resourceSpans":[],"x":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(walkJson(broken)).toMatchObject({ spanCount: 0 });
  });

  it("skips unknown names at any depth (35)", () => {
    const future = '"futureField":{"a":[1,{"b":null}]}';
    const with_ = `{${future},"resourceSpans":[{${future},"resource":{${future}},"scopeSpans":[{${future},"scope":{${future}},"spans":[{${future},${ids},"attributes":[{${future},"key":"k","value":{${future},"stringValue":"v"}}],"events":[{${future}}],"status":{${future}}}]}]}]}`;
    const without = `{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{${ids},"attributes":[{"key":"k","value":{"stringValue":"v"}}],"events":[{}],"status":{}}]}]}]}`;
    expect(exportRequestFromJson(with_)).toEqual(exportRequestFromJson(without));
  });

  it("a key __proto__ is an unknown name", () => {
    expect(readSpan(`${ids},"__proto__":{"name":"x"}`).name).toBe("");
  });

  it("takes nesting of any depth, empties what is deeper than 64 and counts it (71)", () => {
    const deep = ['{"arrayValue":{"values":['.repeat(20_000), "{}", "]}}".repeat(20_000)].join("");
    expect(walkJson(spanRequest(`${ids},"attributes":[{"key":"k","value":${deep}}]`))).toMatchObject({
      rejectedCount: 0,
      warnings: { tooDeepValues: 1 },
    });
    expect(walkJson(`{"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`)).toMatchObject({ spanCount: 0 });
  });

  it("refuses more objects than spans can have, before they are made", () => {
    expect(exportRequestFromJson(`{"x":[${"{},".repeat(4_000_001)}{}]}`)).toMatchObject({ outcome: "too_large" });
  });

  it("survives any text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => spanRequest(`${ids},"attributes":${json}`)),
        ),
        (text) => {
          expect(["encoded", "undecodable"]).toContain(exportRequestFromJson(text).outcome);
        },
      ),
      { ...seed, numRuns: 500 },
    );
  });
});
