import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { expect, test } from "vitest";
import { createRecordDecoder } from "./decode-records.ts";

/** A Span with these ids and a name. */
function spanOf(traceId: Uint8Array, spanId: Uint8Array): Uint8Array {
  return Uint8Array.from([0x0a, traceId.length, ...traceId, 0x12, spanId.length, ...spanId, 0x2a, 1, 0x78]);
}

function decode(span: Uint8Array): string {
  const value = encodeRecord({
    kind: "span_events",
    tenantId: "acme",
    projectId: "p",
    receivedUnixNano: 1n,
    mappingVersion: 1,
    priceVersion: "",
    settingsVersion: 0,
    resource: new Uint8Array(),
    scope: new Uint8Array(),
    span,
    resourceSchemaUrl: "",
    scopeSchemaUrl: "",
    spanClass: "",
    ruleId: "",
    events: [],
  });
  const source = { partition: 0, offset: 0n, key: new Uint8Array(), value, timestampMs: 0 };
  return createRecordDecoder({ onDefect: () => undefined }).decode(source).kind;
}

test("a record of a producer that did not check the ids is unreadable, and holds up nobody", () => {
  const bytes = (length: number) => new Uint8Array(length).fill(0xa1);
  expect(decode(spanOf(bytes(16), bytes(8)))).toBe("span");
  expect(decode(spanOf(bytes(12), bytes(8)))).toBe("unreadable");
  expect(decode(spanOf(bytes(16), bytes(4)))).toBe("unreadable");
  expect(decode(spanOf(new Uint8Array(), bytes(8)))).toBe("unreadable");
});
