import fc from "fast-check";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { isPipelineError } from "./errors.ts";
import { type AgentRecord, decodeRecord, encodeRecord, type RecordEvent } from "./record-codec.ts";

const root = protobuf.loadSync(new URL("../nonet/v1/agent_record.proto", import.meta.url).pathname);
const agentRecordType = root.lookupType("nonet.v1.AgentRecord");

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const nanos = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const bytes = fc.uint8Array({ maxLength: 40 });
const versions = {
  mappingVersion: fc.integer({ min: 0, max: 1000 }),
  priceVersion: text,
  settingsVersion: fc.integer({ min: 0, max: 1000 }),
};
const count = fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { nil: undefined });

const event: fc.Arbitrary<RecordEvent> = fc.record({
  eventType: text,
  name: text,
  timeUnixNano: nanos,
  discriminator: text,
  ruleId: text,
  status: text,
  sessionId: text,
  agentName: text,
  model: text,
  provider: text,
  toolName: text,
  decisionKind: text,
  inputTokens: count,
  outputTokens: count,
  durationMs: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
  contentJson: text,
});

const record: fc.Arbitrary<AgentRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("span_events" as const),
    tenantId: text,
    projectId: text,
    receivedUnixNano: nanos,
    ...versions,
    resource: bytes,
    scope: bytes,
    span: bytes,
    resourceSchemaUrl: text,
    scopeSchemaUrl: text,
    spanClass: text,
    ruleId: text,
    events: fc.array(event, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("refold" as const),
    tenantId: text,
    projectId: text,
    traceId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString("hex")),
    reason: text,
    ...versions,
    issuedUnixNano: nanos,
    callKeys: fc.array(text, { maxLength: 3 }),
  }),
);

/** Bytes as hex and 64-bit integers as text, so that a Buffer and a Uint8Array compare equal. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
  }
  return value;
}

test("encode then decode is identity", () => {
  fc.assert(
    fc.property(record, (value) => {
      expect(plain(decodeRecord(encodeRecord(value)))).toEqual(plain(value));
    }),
  );
});

test("protobufjs reads the same bytes from the .proto file as we wrote, so any consumer can", () => {
  fc.assert(
    fc.property(record, (value) => {
      const message = agentRecordType.decode(encodeRecord(value));
      const again = agentRecordType.encode(message).finish();
      expect(plain(decodeRecord(again))).toEqual(plain(value));
      const object = agentRecordType.toObject(message, { longs: String, defaults: true });
      const inner = value.kind === "refold" ? object.refold : object.spanEvents;
      expect(inner.tenantId).toBe(value.tenantId);
      expect(inner.projectId).toBe(value.projectId);
      if (value.kind === "span_events") {
        expect(inner.receivedUnixNano).toBe(value.receivedUnixNano.toString());
        expect(inner.events).toHaveLength(value.events.length);
      }
    }),
  );
});

test("bytes that are no record give RECORD_UNREADABLE and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (value) => {
      try {
        decodeRecord(value);
      } catch (caught) {
        expect(isPipelineError(caught) && caught.code).toBe("RECORD_UNREADABLE");
      }
    }),
  );
});
