/**
 * The messages of an ExportTraceServiceRequest as a table: what the walk, the rewriter and the JSON reader need to know about fields.
 * Source: otlp-receiver.md rule 66; proto/otlp, release 1.11.0. A test compares it with the .proto files.
 */
import { wireType } from "./protobuf-reader.ts";

/** How the bytes of a field are to be understood. */
export type FieldKind =
  | "string"
  | "bytes"
  | "id"
  | "bool"
  | "int32"
  | "uint32"
  | "int64"
  | "enum"
  | "fixed32"
  | "fixed64"
  | "double"
  | "message";

export interface FieldSchema {
  readonly number: number;
  /** As in the .proto file. */
  readonly name: string;
  /** As in OTLP/JSON. */
  readonly jsonName: string;
  readonly kind: FieldKind;
  readonly wire: number;
  readonly repeated: boolean;
  readonly message: MessageSchema | undefined;
}

export interface MessageSchema {
  readonly name: string;
  /** By field number; holes are unknown fields. */
  readonly fields: readonly (FieldSchema | undefined)[];
  readonly byJsonName: ReadonlyMap<string, FieldSchema>;
  /** All its fields are members of one oneof. */
  readonly oneof: boolean;
}

interface OpenMessage extends MessageSchema {
  readonly fields: (FieldSchema | undefined)[];
  readonly byJsonName: Map<string, FieldSchema>;
}

const anyValue = message("AnyValue", true);
const arrayValue = message("ArrayValue");
const keyValue = message("KeyValue");
const keyValueList = message("KeyValueList");

define(anyValue, [
  [1, "string_value", "string"],
  [2, "bool_value", "bool"],
  [3, "int_value", "int64"],
  [4, "double_value", "double"],
  [5, "array_value", arrayValue],
  [6, "kvlist_value", keyValueList],
  [7, "bytes_value", "bytes"],
  [8, "string_value_strindex", "int32"],
]);
define(arrayValue, [[1, "values", [anyValue]]]);
define(keyValueList, [[1, "values", [keyValue]]]);
define(keyValue, [
  [1, "key", "string"],
  [2, "value", anyValue],
  [3, "key_strindex", "int32"],
]);

const entityRef = define(message("EntityRef"), [
  [1, "schema_url", "string"],
  [2, "type", "string"],
  [3, "id_keys", ["string"]],
  [4, "description_keys", ["string"]],
]);

const resource = define(message("Resource"), [
  [1, "attributes", [keyValue]],
  [2, "dropped_attributes_count", "uint32"],
  [3, "entity_refs", [entityRef]],
]);

const scope = define(message("InstrumentationScope"), [
  [1, "name", "string"],
  [2, "version", "string"],
  [3, "attributes", [keyValue]],
  [4, "dropped_attributes_count", "uint32"],
]);

const event = define(message("Event"), [
  [1, "time_unix_nano", "fixed64"],
  [2, "name", "string"],
  [3, "attributes", [keyValue]],
  [4, "dropped_attributes_count", "uint32"],
]);

const link = define(message("Link"), [
  [1, "trace_id", "id"],
  [2, "span_id", "id"],
  [3, "trace_state", "string"],
  [4, "attributes", [keyValue]],
  [5, "dropped_attributes_count", "uint32"],
  [6, "flags", "fixed32"],
]);

const status = define(message("Status"), [
  [2, "message", "string"],
  [3, "code", "enum"],
]);

const span = define(message("Span"), [
  [1, "trace_id", "id"],
  [2, "span_id", "id"],
  [3, "trace_state", "string"],
  [4, "parent_span_id", "id"],
  [5, "name", "string"],
  [6, "kind", "enum"],
  [7, "start_time_unix_nano", "fixed64"],
  [8, "end_time_unix_nano", "fixed64"],
  [9, "attributes", [keyValue]],
  [10, "dropped_attributes_count", "uint32"],
  [11, "events", [event]],
  [12, "dropped_events_count", "uint32"],
  [13, "links", [link]],
  [14, "dropped_links_count", "uint32"],
  [15, "status", status],
  [16, "flags", "fixed32"],
]);

const scopeSpans = define(message("ScopeSpans"), [
  [1, "scope", scope],
  [2, "spans", [span]],
  [3, "schema_url", "string"],
]);

const resourceSpans = define(message("ResourceSpans"), [
  [1, "resource", resource],
  [2, "scope_spans", [scopeSpans]],
  [3, "schema_url", "string"],
]);

const exportRequest = define(message("ExportTraceServiceRequest"), [[1, "resource_spans", [resourceSpans]]]);

/** A log record, to recognise logs sent to the trace path (rule 75): its envelopes share field numbers with those of spans. */
const logRecord = define(message("LogRecord"), [
  [1, "time_unix_nano", "fixed64"],
  [2, "severity_number", "enum"],
  [3, "severity_text", "string"],
  [5, "body", anyValue],
  [6, "attributes", [keyValue]],
  [7, "dropped_attributes_count", "uint32"],
  [8, "flags", "fixed32"],
  [9, "trace_id", "bytes"],
  [10, "span_id", "bytes"],
  [11, "observed_time_unix_nano", "fixed64"],
  [12, "event_name", "string"],
]);

export const otlpSchema = {
  exportRequest,
  resourceSpans,
  resource,
  scopeSpans,
  scope,
  span,
  event,
  link,
  status,
  keyValue,
  anyValue,
  arrayValue,
  keyValueList,
  logRecord,
} as const;

type FieldType = Exclude<FieldKind, "message"> | MessageSchema;

function message(name: string, oneof = false): OpenMessage {
  return { name, fields: [], byJsonName: new Map(), oneof };
}

/** A type in brackets is a repeated field. */
function define(
  target: OpenMessage,
  rows: readonly (readonly [number: number, name: string, type: FieldType | readonly [FieldType]])[],
): MessageSchema {
  for (const [number, name, type] of rows) {
    const repeated = Array.isArray(type);
    const element = (repeated ? type[0] : type) as FieldType;
    const kind = typeof element === "string" ? element : "message";
    const jsonName = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const field: FieldSchema = {
      number,
      name,
      jsonName,
      kind,
      wire: wireOf(kind),
      repeated,
      message: typeof element === "string" ? undefined : element,
    };
    target.fields[number] = field;
    target.byJsonName.set(jsonName, field);
  }
  return target;
}

function wireOf(kind: FieldKind): number {
  switch (kind) {
    case "string":
    case "bytes":
    case "id":
    case "message":
      return wireType.bytes;
    case "bool":
    case "int32":
    case "uint32":
    case "int64":
    case "enum":
      return wireType.varint;
    case "fixed32":
      return wireType.fixed32;
    case "fixed64":
    case "double":
      return wireType.fixed64;
    default:
      return kind satisfies never;
  }
}
