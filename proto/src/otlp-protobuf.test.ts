import fc from "fast-check";
import type { Message } from "protobufjs";
import { describe, expect, it, vi } from "vitest";
import { decodeResource, decodeScope, decodeSpan } from "./otlp-protobuf.ts";
import { otlpSchema } from "./otlp-schema.ts";
import type { AttributeValue, DecodedSpan } from "./otlp-span.ts";
import { walkExportRequest } from "./otlp-walk.ts";
import {
  anyRequest,
  disorder,
  encodeRequest,
  field,
  requestAround,
  requestType,
  sampleIds,
  seededRandom,
  varint,
} from "./testdata/otlp-messages.ts";

// Properties take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const seed = { seed: Number(process.env["NONET_TEST_SEED"] ?? 20261124) };
const noResource = decodeResource(new Uint8Array(), "");
const noScope = decodeScope(new Uint8Array(), "");

/** Spans as published, each read with its resource and scope. */
function readAccepted(bytes: Uint8Array): DecodedSpan[] {
  const walked = walkExportRequest(bytes);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked.groups.flatMap((group) => {
    const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
    const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
    return group.spans.map((span) => {
      const decoded = decodeSpan(span.bytes, resource, scope);
      expect([decoded.traceId, decoded.spanId]).toEqual([span.traceId, span.spanId]);
      return decoded;
    });
  });
}

/** What protobufjs reads from the same bytes, turned into our shape by the rules of the contract. */
function readWithProtobufjs(bytes: Uint8Array): DecodedSpan[] {
  const request = requestType.decode(bytes) as Message & Loose;
  return list(request["resource_spans"]).flatMap((resourceSpans) => {
    const resource = (resourceSpans["resource"] ?? {}) as Loose;
    return list(resourceSpans["scope_spans"]).flatMap((scopeSpans) => {
      const scope = (scopeSpans["scope"] ?? {}) as Loose;
      return list(scopeSpans["spans"])
        .filter((span) => isId(span["trace_id"], 16) && isId(span["span_id"], 8))
        .map((span): DecodedSpan => {
          const status = (span["status"] ?? {}) as Loose;
          return {
            traceId: hex(span["trace_id"]),
            spanId: hex(span["span_id"]),
            parentSpanId: isId(span["parent_span_id"], 8) ? hex(span["parent_span_id"]) : undefined,
            traceState: String(span["trace_state"] ?? ""),
            flags: Number(span["flags"] ?? 0),
            name: String(span["name"] ?? ""),
            kind: Number(span["kind"] ?? 0),
            startTimeUnixNano: BigInt(String(span["start_time_unix_nano"] ?? 0)),
            endTimeUnixNano: BigInt(String(span["end_time_unix_nano"] ?? 0)),
            attributes: attributes(span),
            droppedAttributesCount: Number(span["dropped_attributes_count"] ?? 0),
            events: list(span["events"]).map((event) => ({
              name: String(event["name"] ?? ""),
              timeUnixNano: BigInt(String(event["time_unix_nano"] ?? 0)),
              attributes: attributes(event),
              droppedAttributesCount: Number(event["dropped_attributes_count"] ?? 0),
            })),
            droppedEventsCount: Number(span["dropped_events_count"] ?? 0),
            links: list(span["links"])
              .filter((link) => isId(link["trace_id"], 16) && isId(link["span_id"], 8))
              .map((link) => ({
                traceId: hex(link["trace_id"]),
                spanId: hex(link["span_id"]),
                traceState: String(link["trace_state"] ?? ""),
                attributes: attributes(link),
                droppedAttributesCount: Number(link["dropped_attributes_count"] ?? 0),
                flags: Number(link["flags"] ?? 0),
              })),
            droppedLinksCount: Number(span["dropped_links_count"] ?? 0),
            statusCode: Number(status["code"] ?? 0),
            statusMessage: String(status["message"] ?? ""),
            resource: {
              attributes: attributes(resource),
              droppedAttributesCount: Number(resource["dropped_attributes_count"] ?? 0),
              schemaUrl: String(resourceSpans["schema_url"] ?? ""),
            },
            scope: {
              name: String(scope["name"] ?? ""),
              version: String(scope["version"] ?? ""),
              attributes: attributes(scope),
              droppedAttributesCount: Number(scope["dropped_attributes_count"] ?? 0),
              schemaUrl: String(scopeSpans["schema_url"] ?? ""),
            },
          };
        });
    });
  });
}

type Loose = Readonly<Record<string, unknown>>;

function list(value: unknown): Loose[] {
  return (value ?? []) as Loose[];
}

function attributes(owner: Loose): Map<string, AttributeValue> {
  return new Map(list(owner["attributes"]).map((each) => [String(each["key"] ?? ""), value(each["value"])]));
}

function value(any: unknown): AttributeValue {
  const from = (any ?? {}) as Loose & { readonly value?: string };
  switch (from.value) {
    case "string_value":
      return String(from["string_value"]);
    case "bool_value":
      return Boolean(from["bool_value"]);
    case "int_value": {
      const integer = BigInt(String(from["int_value"]));
      return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
    }
    case "double_value":
      return Number(from["double_value"]);
    case "bytes_value":
      return new Uint8Array(from["bytes_value"] as Uint8Array);
    case "array_value":
      return list((from["array_value"] as Loose)["values"]).map(value);
    case "kvlist_value":
      return attributes({ attributes: (from["kvlist_value"] as Loose)["values"] });
    default:
      return null;
  }
}

function hex(id: unknown): string {
  return Buffer.from((id ?? []) as Uint8Array).toString("hex");
}

function isId(id: unknown, length: number): boolean {
  const bytes = (id ?? []) as Uint8Array;
  return bytes.length === length && bytes.some((byte) => byte !== 0);
}

describe("decodeSpan", () => {
  it("reads what protobufjs reads, whatever the order of fields, unknown ones and merged messages (otlp-receiver.md 35, 36)", () => {
    fc.assert(
      fc.property(anyRequest, fc.integer(), (request, order) => {
        const bytes = disorder(encodeRequest(request), otlpSchema.exportRequest, seededRandom(order));
        expect(readAccepted(bytes)).toEqual(readWithProtobufjs(bytes));
      }),
      { ...seed, numRuns: 150 },
    );
  });

  it("gives the same for a request in another wire form", () => {
    fc.assert(
      fc.property(anyRequest, fc.integer(), (request, order) => {
        const plain = encodeRequest(request);
        expect(readAccepted(disorder(plain, otlpSchema.exportRequest, seededRandom(order)))).toEqual(
          readAccepted(plain),
        );
      }),
      { ...seed, numRuns: 100 },
    );
  });

  it("gives for published bytes what it gives for the bytes that were sent", () => {
    fc.assert(
      fc.property(anyRequest, fc.integer(), (request, order) => {
        const bytes = disorder(encodeRequest(request), otlpSchema.exportRequest, seededRandom(order));
        const published = readAccepted(bytes);
        let index = 0;
        for (const sent of sentSpans(bytes)) {
          const decoded = decodeSpan(sent, noResource, noScope);
          if (published[index]?.spanId !== decoded.spanId || published[index]?.traceId !== decoded.traceId) continue;
          expect(decoded).toEqual({ ...published[index], resource: noResource, scope: noScope });
          index++;
        }
        expect(index).toBe(published.length);
      }),
      { ...seed, numRuns: 100 },
    );
  });

  it.each([
    ["string", field(2, field(1, "x")), "x"],
    ["invalid UTF-8 as U+FFFD", field(2, field(1, Buffer.from([0x61, 0xff, 0xfe, 0x62]))), "a\uFFFD\uFFFDb"],
    ["largest safe integer", attributeInt(9007199254740991n), 9007199254740991],
    ["beyond it a bigint", attributeInt(9007199254740992n), 9007199254740992n],
    ["smallest integer", attributeInt(-(2n ** 63n)), -(2n ** 63n)],
    ["-2^53", attributeInt(-(2n ** 53n)), -(2n ** 53n)],
    ["empty value", field(2), null],
    ["no value", Buffer.alloc(0), null],
    ["last member of the oneof", field(2, field(1, "x"), Buffer.from([0x10, 1])), true],
    ["profile-only string index (72)", field(2, Buffer.from([0x40, 5])), null],
    ["profile-only key index (72)", Buffer.concat([field(2, field(1, "x")), Buffer.from([0x18, 5])]), null],
  ])("attribute value: %s", (_, valueField, expected) => {
    const span = decodeSpan(Buffer.concat([sampleIds, field(9, field(1, "k"), valueField)]), noResource, noScope);
    expect(span.attributes.get("k")).toEqual(expected);
  });

  it("keeps no reference to the bytes it read", () => {
    const bytes = Buffer.concat([sampleIds, field(9, field(1, "k"), field(2, field(7, Buffer.from([1, 2, 3]))))]);
    const span = decodeSpan(bytes, noResource, noScope);
    bytes.fill(0);
    expect(span.attributes.get("k")).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("throws INVALID_BODY on bytes that are not a span", () => {
    expect(() => decodeSpan(Buffer.from([0x0a, 0x20, 1]), noResource, noScope)).toThrow(
      expect.objectContaining({ code: "INVALID_BODY" }),
    );
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeSpan(bytes, noResource, noScope);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_BODY" });
        }
      }),
      { ...seed, numRuns: 1000 },
    );
  });
});

function attributeInt(integer: bigint): Buffer {
  const bytes = [0x18];
  let rest = BigInt.asUintN(64, integer);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return field(2, Buffer.from(bytes));
}

/** The bytes of every span as it was sent. */
function sentSpans(bytes: Buffer): Buffer[] {
  return children(bytes, 1).flatMap((envelope) => children(envelope, 2).flatMap((inner) => children(inner, 2)));
}

function children(bytes: Buffer, number: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint();
    const wire = tag & 7;
    if (wire === 0) readVarint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else {
      const length = readVarint();
      if (tag >>> 3 === number) found.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return found;

  function readVarint(): number {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
  }
}

describe("a deeply nested value", () => {
  it("is null beyond depth 64, and its neighbours stay (71)", () => {
    let nested = field(1, "deep");
    for (let depth = 0; depth < 100; depth++) nested = field(5, field(1, nested), field(1, field(1, "beside")));
    const span = requestAround(
      Buffer.concat([
        sampleIds,
        field(9, field(1, "deep"), field(2, nested)),
        field(9, field(1, "next"), field(2, field(1, "kept"))),
      ]),
    );
    const walked = walkExportRequest(span);
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    const decoded = readAccepted(span)[0];
    let depth = 0;
    let level: unknown = decoded?.attributes.get("deep");
    while (Array.isArray(level)) {
      depth++;
      expect(level[1]).toBe(depth < 64 ? "beside" : null);
      level = level[0];
    }
    expect([depth, level]).toEqual([64, null]);
    expect(decoded?.attributes.get("next")).toBe("kept");
    expect(walked.warnings.tooDeepValues).toBe(2);
  });

  it("two hundred thousand levels deep costs no stack", () => {
    const levels = 200_000;
    const lengths: Buffer[] = [];
    let size = 0;
    for (let level = 0; level < levels; level++) {
      const inner = Buffer.concat([Buffer.from([0x0a]), varint(size)]);
      size += inner.length;
      const outer = Buffer.concat([Buffer.from([0x2a]), varint(size)]);
      size += outer.length;
      lengths.push(inner, outer);
    }
    const nested = Buffer.concat(lengths.reverse());
    const walked = walkExportRequest(
      requestAround(Buffer.concat([sampleIds, field(9, field(1, "k"), field(2, nested))])),
    );
    expect(walked).toMatchObject({ outcome: "walked", warnings: { tooDeepValues: 1 } });
  });
});
