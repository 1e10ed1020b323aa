/** Records of the log as spans and commands. What cannot be read is told apart here, before it can hold up its neighbours. */
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedResource, DecodedScope } from "@nonet/proto/otlp-span.ts";
import { decodeRecord, type Refold, type SpanEvents } from "@nonet/proto/record-codec.ts";
import { toStoredGroup } from "@nonet/proto/stored-span.ts";
import type { SourceRecord } from "./record-source.ts";

export interface SpanRecord {
  readonly kind: "span";
  readonly source: SourceRecord;
  readonly record: SpanEvents;
  readonly mapped: MappedSpan;
  /** As they are stored (proto/src/stored-span.ts). */
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
}

export interface RefoldRecord {
  readonly kind: "refold";
  readonly source: SourceRecord;
  readonly record: Refold;
}

export interface UnreadableRecord {
  readonly kind: "unreadable";
  readonly source: SourceRecord;
  readonly reason: string;
}

export type DecodedRecord = SpanRecord | RefoldRecord | UnreadableRecord;

export interface RecordDecoder {
  /** Never throws: a record that cannot be read comes back as `unreadable`. */
  decode(source: SourceRecord): DecodedRecord;
}

/** Resources and scopes repeat from record to record; this many different ones are kept decoded. */
const repeatedMax = 512;

export function createRecordDecoder(deps: { onDefect(ruleId: string, error: unknown): void }): RecordDecoder {
  const resources = new Map<string, Repeated<DecodedResource>>();
  const scopes = new Map<string, Repeated<DecodedScope>>();

  return {
    decode(source) {
      try {
        const record = decodeRecord(source.value);
        if (record.kind === "refold") return { kind: "refold", source, record };
        const resource = remembered(resources, record.resource, record.resourceSchemaUrl, readResource);
        const scope = remembered(scopes, record.scope, record.scopeSchemaUrl, readScope);
        const span = decodeSpan(record.span, resource.decoded, scope.decoded);
        // Ingest refuses such ids; another producer may not.
        if (!/^[0-9a-f]{32}$/.test(span.traceId) || !/^[0-9a-f]{16}$/.test(span.spanId)) {
          return { kind: "unreadable", source, reason: "the span's ids are not 16 and 8 bytes" };
        }
        const mapped = mapSpan(span, { onDefect: deps.onDefect });
        return { kind: "span", source, record, mapped, resource: resource.stored, scope: scope.stored };
      } catch (caught) {
        return { kind: "unreadable", source, reason: PipelineError.from(caught).message };
      }
    },
  };
}

interface Repeated<T> {
  readonly decoded: T;
  readonly stored: Uint8Array;
}

function readResource(bytes: Uint8Array, schemaUrl: string): Repeated<DecodedResource> {
  return { decoded: decodeResource(bytes, schemaUrl), stored: toStoredGroup(bytes, schemaUrl) };
}

function readScope(bytes: Uint8Array, schemaUrl: string): Repeated<DecodedScope> {
  return { decoded: decodeScope(bytes, schemaUrl), stored: toStoredGroup(bytes, schemaUrl) };
}

function remembered<T>(
  known: Map<string, T>,
  bytes: Uint8Array,
  schemaUrl: string,
  decode: (bytes: Uint8Array, schemaUrl: string) => T,
): T {
  const key = `${schemaUrl}\n${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")}`;
  let value = known.get(key);
  if (value === undefined) {
    value = decode(bytes, schemaUrl);
    if (known.size >= repeatedMax) known.clear();
    known.set(key, value);
  }
  return value;
}
