/** Reads OTLP/JSON by `JSON.parse`, without the readers that are tested with it. */
import type { AttributeMap, AttributeValue, DecodedResource, DecodedScope, DecodedSpan } from "../otlp-span.ts";

/**
 * The span that `decodeSpan` gives for the bytes the text was written from.
 *
 * @param resource text of `resourceToJson`, or what `resourceFromJson` made of it (spans of one resource share it).
 * @throws SyntaxError when a text is not JSON; the texts are ours.
 */
export function spanFromJson(
  text: string,
  resource: string | DecodedResource,
  scope: string | DecodedScope,
): DecodedSpan {
  const span = JSON.parse(text) as JsonSpan;
  return {
    traceId: span.traceId ?? "",
    spanId: span.spanId ?? "",
    parentSpanId: span.parentSpanId,
    traceState: span.traceState ?? "",
    flags: span.flags ?? 0,
    name: span.name ?? "",
    kind: span.kind ?? 0,
    startTimeUnixNano: BigInt(span.startTimeUnixNano ?? 0),
    endTimeUnixNano: BigInt(span.endTimeUnixNano ?? 0),
    attributes: attributesFromJson(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount ?? 0,
    events: (span.events ?? []).map((event) => ({
      name: event.name ?? "",
      timeUnixNano: BigInt(event.timeUnixNano ?? 0),
      attributes: attributesFromJson(event.attributes),
      droppedAttributesCount: event.droppedAttributesCount ?? 0,
    })),
    droppedEventsCount: span.droppedEventsCount ?? 0,
    links: (span.links ?? []).map((link) => ({
      traceId: link.traceId ?? "",
      spanId: link.spanId ?? "",
      traceState: link.traceState ?? "",
      attributes: attributesFromJson(link.attributes),
      droppedAttributesCount: link.droppedAttributesCount ?? 0,
      flags: link.flags ?? 0,
    })),
    droppedLinksCount: span.droppedLinksCount ?? 0,
    statusCode: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? "",
    resource: typeof resource === "string" ? resourceFromJson(resource) : resource,
    scope: typeof scope === "string" ? scopeFromJson(scope) : scope,
  };
}

/** Reads the text of `resourceToJson`. */
export function resourceFromJson(text: string): DecodedResource {
  const resource = JSON.parse(text) as JsonResource;
  return {
    attributes: attributesFromJson(resource.attributes),
    droppedAttributesCount: resource.droppedAttributesCount ?? 0,
    schemaUrl: resource.schemaUrl ?? "",
  };
}

/** Reads the text of `scopeToJson`. */
export function scopeFromJson(text: string): DecodedScope {
  const scope = JSON.parse(text) as JsonScope;
  return {
    name: scope.name ?? "",
    version: scope.version ?? "",
    attributes: attributesFromJson(scope.attributes),
    droppedAttributesCount: scope.droppedAttributesCount ?? 0,
    schemaUrl: scope.schemaUrl ?? "",
  };
}

/** What the writers above produce; texts are our own, so they are not checked again. */
interface JsonValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number | string;
  readonly arrayValue?: { readonly values?: readonly JsonValue[] };
  readonly kvlistValue?: { readonly values?: readonly JsonKeyValue[] };
  readonly bytesValue?: string;
}

interface JsonKeyValue {
  readonly key?: string;
  readonly value?: JsonValue;
}

interface JsonAttributes {
  readonly attributes?: readonly JsonKeyValue[];
  readonly droppedAttributesCount?: number;
}

interface JsonResource extends JsonAttributes {
  readonly schemaUrl?: string;
}

interface JsonScope extends JsonAttributes {
  readonly name?: string;
  readonly version?: string;
  readonly schemaUrl?: string;
}

interface JsonSpan extends JsonAttributes {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly flags?: number;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly events?: readonly (JsonAttributes & { readonly name?: string; readonly timeUnixNano?: string })[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly (JsonAttributes & {
    readonly traceId?: string;
    readonly spanId?: string;
    readonly traceState?: string;
    readonly flags?: number;
  })[];
  readonly droppedLinksCount?: number;
  readonly status?: { readonly code?: number; readonly message?: string };
}

function attributesFromJson(list: readonly JsonKeyValue[] | undefined): AttributeMap {
  const attributes = new Map<string, AttributeValue>();
  if (list !== undefined) for (const { key, value } of list) attributes.set(key ?? "", valueFromJson(value));
  return attributes;
}

function valueFromJson(value: JsonValue | undefined): AttributeValue {
  if (value === undefined) return null;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.intValue !== undefined) return integerFromText(value.intValue);
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueFromJson);
  if (value.kvlistValue !== undefined) return attributesFromJson(value.kvlistValue.values);
  if (value.bytesValue !== undefined) return new Uint8Array(Buffer.from(value.bytesValue, "base64"));
  return null;
}

function integerFromText(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
