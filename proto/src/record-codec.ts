/**
 * AgentRecord <-> bytes, the only code that knows the layout of proto/nonet/v1/agent_record.proto.
 *
 * Written against protobufjs' Writer and Reader instead of generated classes: one pass, no intermediate objects. A property test holds it
 * against protobufjs' own reading of the .proto file. Unknown fields are skipped, so an older reader reads a newer record.
 */
import protobuf from "protobufjs/minimal.js";
import { PipelineError } from "./errors.ts";

/** What a consumer of its own can filter by without reading OTLP; see the .proto for which of it is provisional. */
export interface RecordEvent {
  eventType: string;
  name: string;
  timeUnixNano: bigint;
  discriminator: string;
  ruleId: string;
  status: string;
  sessionId: string;
  agentName: string;
  model: string;
  provider: string;
  toolName: string;
  decisionKind: string;
  inputTokens: number | undefined;
  outputTokens: number | undefined;
  durationMs: number | undefined;
  /** The event draft as JSON text. */
  contentJson: string;
}

/** One span with its events. `resource`, `scope` and `span` are OTLP bytes, masked, otherwise as sent. */
export interface SpanEvents {
  kind: "span_events";
  tenantId: string;
  projectId: string;
  receivedUnixNano: bigint;
  mappingVersion: number;
  priceVersion: string;
  settingsVersion: number;
  resource: Uint8Array;
  scope: Uint8Array;
  span: Uint8Array;
  resourceSchemaUrl: string;
  scopeSchemaUrl: string;
  spanClass: string;
  ruleId: string;
  events: RecordEvent[];
}

/** Fold a stored trace again, with these versions. Travels through the trace's partition so that its owner does it (law 4). */
export interface Refold {
  kind: "refold";
  tenantId: string;
  projectId: string;
  /** 32 hex digits. */
  traceId: string;
  reason: string;
  mappingVersion: number;
  priceVersion: string;
  settingsVersion: number;
  issuedUnixNano: bigint;
  /** Model calls that another trace tells of too: `<slot of ten minutes since 1970> response|output <value>`. */
  callKeys: string[];
}

export type AgentRecord = SpanEvents | Refold;

const noBytes = new Uint8Array(0);

export function encodeRecord(record: AgentRecord): Uint8Array {
  if (record.kind === "span_events") return createSpanEventsEncoder(record)(record);
  const writer = protobuf.Writer.create();
  writeRefold(writer.uint32(tag(2, 2)).fork(), record).ldelim();
  return writer.finish();
}

/** What the spans of one group of a request have in common. */
export type SpanEventsGroup = Omit<SpanEvents, "kind" | "span" | "spanClass" | "ruleId" | "events">;

/**
 * Encodes the records of one group: what they have in common is written once and copied, so that a record costs a few copies.
 *
 *     outer tag, length | common fields | span | class, rule, events
 */
export function createSpanEventsEncoder(
  group: SpanEventsGroup,
): (own: Pick<SpanEvents, "span" | "spanClass" | "ruleId" | "events">) => Uint8Array {
  const common = writeGroup(protobuf.Writer.create(), group).finish();
  return (own) => {
    const mapped = own.spanClass === "" && own.ruleId === "" && own.events.length === 0 ? noBytes : writeMapped(own);
    const spanHead = own.span.length === 0 ? 0 : 1 + varintLength(own.span.length);
    const length = common.length + spanHead + own.span.length + mapped.length;
    const bytes = Buffer.allocUnsafe(1 + varintLength(length) + length);
    bytes[0] = tag(1, 2);
    let offset = writeVarint(bytes, 1, length);
    bytes.set(common, offset);
    offset += common.length;
    if (spanHead > 0) {
      bytes[offset] = tag(9, 2);
      offset = writeVarint(bytes, offset + 1, own.span.length);
      bytes.set(own.span, offset);
      offset += own.span.length;
    }
    bytes.set(mapped, offset);
    return bytes;
  };
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** @returns the offset behind it. */
function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 0x80) {
    bytes[at] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}

/** @throws PipelineError `RECORD_UNREADABLE` for bytes that are no AgentRecord. */
export function decodeRecord(bytes: Uint8Array): AgentRecord {
  try {
    const reader = protobuf.Reader.create(bytes);
    let record: AgentRecord | undefined;
    while (reader.pos < reader.len) {
      const field = reader.uint32();
      switch (field >>> 3) {
        case 1:
          record = readSpanEvents(reader, reader.uint32() + reader.pos);
          break;
        case 2:
          record = readRefold(reader, reader.uint32() + reader.pos);
          break;
        default:
          reader.skipType(field & 7);
      }
    }
    if (record !== undefined) return record;
  } catch (caught) {
    throw new PipelineError("RECORD_UNREADABLE", `record of ${bytes.length} bytes: ${String(caught)}`, {
      cause: caught,
    });
  }
  throw new PipelineError("RECORD_UNREADABLE", `record of ${bytes.length} bytes holds neither a span nor a command`);
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

function writeText(writer: protobuf.Writer, field: number, value: string): void {
  if (value !== "") writer.uint32(tag(field, 2)).string(value);
}

function writeBytes(writer: protobuf.Writer, field: number, value: Uint8Array): void {
  if (value.length > 0) writer.uint32(tag(field, 2)).bytes(value);
}

function writeUint(writer: protobuf.Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32(tag(field, 0)).uint32(value);
}

function writeNanos(writer: protobuf.Writer, field: number, value: bigint): void {
  if (value === 0n) return;
  // protobufjs takes 64-bit values as two halves; a bigint would be turned into text first.
  writer.uint32(tag(field, 1));
  writer.fixed32(Number(value & 0xffffffffn)).fixed32(Number(value >> 32n));
}

function readNanos(reader: protobuf.Reader): bigint {
  const low = reader.fixed32();
  return (BigInt(reader.fixed32()) << 32n) | BigInt(low);
}

function writeGroup(writer: protobuf.Writer, group: SpanEventsGroup): protobuf.Writer {
  writeText(writer, 1, group.tenantId);
  writeText(writer, 2, group.projectId);
  writeNanos(writer, 3, group.receivedUnixNano);
  writeUint(writer, 4, group.mappingVersion);
  writeText(writer, 5, group.priceVersion);
  writeUint(writer, 6, group.settingsVersion);
  writeBytes(writer, 7, group.resource);
  writeBytes(writer, 8, group.scope);
  writeText(writer, 10, group.resourceSchemaUrl);
  writeText(writer, 11, group.scopeSchemaUrl);
  return writer;
}

function writeMapped(own: Pick<SpanEvents, "spanClass" | "ruleId" | "events">): Uint8Array {
  const writer = protobuf.Writer.create();
  writeText(writer, 12, own.spanClass);
  writeText(writer, 13, own.ruleId);
  for (const event of own.events) writeEvent(writer.uint32(tag(14, 2)).fork(), event).ldelim();
  return writer.finish();
}

function writeEvent(writer: protobuf.Writer, event: RecordEvent): protobuf.Writer {
  writeText(writer, 1, event.eventType);
  writeText(writer, 2, event.name);
  writeNanos(writer, 3, event.timeUnixNano);
  writeText(writer, 4, event.discriminator);
  writeText(writer, 5, event.ruleId);
  writeText(writer, 6, event.status);
  writeText(writer, 7, event.sessionId);
  writeText(writer, 8, event.agentName);
  writeText(writer, 9, event.model);
  writeText(writer, 10, event.provider);
  writeText(writer, 11, event.toolName);
  writeText(writer, 12, event.decisionKind);
  if (event.inputTokens !== undefined) writer.uint32(tag(13, 0)).uint64(event.inputTokens);
  if (event.outputTokens !== undefined) writer.uint32(tag(14, 0)).uint64(event.outputTokens);
  if (event.durationMs !== undefined) writer.uint32(tag(15, 1)).double(event.durationMs);
  writeText(writer, 16, event.contentJson);
  return writer;
}

function writeRefold(writer: protobuf.Writer, record: Refold): protobuf.Writer {
  writeText(writer, 1, record.tenantId);
  writeText(writer, 2, record.projectId);
  writeBytes(writer, 3, Buffer.from(record.traceId, "hex"));
  writeText(writer, 4, record.reason);
  writeUint(writer, 5, record.mappingVersion);
  writeText(writer, 6, record.priceVersion);
  writeUint(writer, 7, record.settingsVersion);
  writeNanos(writer, 8, record.issuedUnixNano);
  for (const key of record.callKeys) writer.uint32(tag(9, 2)).string(key);
  return writer;
}

function readSpanEvents(reader: protobuf.Reader, end: number): SpanEvents {
  const record: SpanEvents = {
    kind: "span_events",
    tenantId: "",
    projectId: "",
    receivedUnixNano: 0n,
    mappingVersion: 0,
    priceVersion: "",
    settingsVersion: 0,
    resource: noBytes,
    scope: noBytes,
    span: noBytes,
    resourceSchemaUrl: "",
    scopeSchemaUrl: "",
    spanClass: "",
    ruleId: "",
    events: [],
  };
  while (reader.pos < end) {
    const field = reader.uint32();
    switch (field >>> 3) {
      case 1:
        record.tenantId = reader.string();
        break;
      case 2:
        record.projectId = reader.string();
        break;
      case 3:
        record.receivedUnixNano = readNanos(reader);
        break;
      case 4:
        record.mappingVersion = reader.uint32();
        break;
      case 5:
        record.priceVersion = reader.string();
        break;
      case 6:
        record.settingsVersion = reader.uint32();
        break;
      case 7:
        record.resource = reader.bytes();
        break;
      case 8:
        record.scope = reader.bytes();
        break;
      case 9:
        record.span = reader.bytes();
        break;
      case 10:
        record.resourceSchemaUrl = reader.string();
        break;
      case 11:
        record.scopeSchemaUrl = reader.string();
        break;
      case 12:
        record.spanClass = reader.string();
        break;
      case 13:
        record.ruleId = reader.string();
        break;
      case 14:
        record.events.push(readEvent(reader, reader.uint32() + reader.pos));
        break;
      default:
        reader.skipType(field & 7);
    }
  }
  return record;
}

function readEvent(reader: protobuf.Reader, end: number): RecordEvent {
  const event: RecordEvent = {
    eventType: "",
    name: "",
    timeUnixNano: 0n,
    discriminator: "",
    ruleId: "",
    status: "",
    sessionId: "",
    agentName: "",
    model: "",
    provider: "",
    toolName: "",
    decisionKind: "",
    inputTokens: undefined,
    outputTokens: undefined,
    durationMs: undefined,
    contentJson: "",
  };
  while (reader.pos < end) {
    const field = reader.uint32();
    switch (field >>> 3) {
      case 1:
        event.eventType = reader.string();
        break;
      case 2:
        event.name = reader.string();
        break;
      case 3:
        event.timeUnixNano = readNanos(reader);
        break;
      case 4:
        event.discriminator = reader.string();
        break;
      case 5:
        event.ruleId = reader.string();
        break;
      case 6:
        event.status = reader.string();
        break;
      case 7:
        event.sessionId = reader.string();
        break;
      case 8:
        event.agentName = reader.string();
        break;
      case 9:
        event.model = reader.string();
        break;
      case 10:
        event.provider = reader.string();
        break;
      case 11:
        event.toolName = reader.string();
        break;
      case 12:
        event.decisionKind = reader.string();
        break;
      case 13:
        event.inputTokens = Number(reader.uint64());
        break;
      case 14:
        event.outputTokens = Number(reader.uint64());
        break;
      case 15:
        event.durationMs = reader.double();
        break;
      case 16:
        event.contentJson = reader.string();
        break;
      default:
        reader.skipType(field & 7);
    }
  }
  return event;
}

function readRefold(reader: protobuf.Reader, end: number): Refold {
  const record: Refold = {
    kind: "refold",
    tenantId: "",
    projectId: "",
    traceId: "",
    reason: "",
    mappingVersion: 0,
    priceVersion: "",
    settingsVersion: 0,
    issuedUnixNano: 0n,
    callKeys: [],
  };
  while (reader.pos < end) {
    const field = reader.uint32();
    switch (field >>> 3) {
      case 1:
        record.tenantId = reader.string();
        break;
      case 2:
        record.projectId = reader.string();
        break;
      case 3:
        record.traceId = Buffer.from(reader.bytes()).toString("hex");
        break;
      case 4:
        record.reason = reader.string();
        break;
      case 5:
        record.mappingVersion = reader.uint32();
        break;
      case 6:
        record.priceVersion = reader.string();
        break;
      case 7:
        record.settingsVersion = reader.uint32();
        break;
      case 8:
        record.issuedUnixNano = readNanos(reader);
        break;
      case 9:
        record.callKeys.push(reader.string());
        break;
      default:
        reader.skipType(field & 7);
    }
  }
  return record;
}
