/** OTLP/JSON export requests from short descriptions of spans, and the spans decoded from them as a receiver would. For tests. */
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";

export type AttributeInput = string | number | boolean | readonly string[] | object;

export interface SpanInput {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  /** Left out: the span is open. */
  readonly end?: bigint;
  /** Whole numbers become ints, other numbers doubles, lists of text arrays, objects their JSON text. */
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  readonly status?: { readonly code: number; readonly message?: string };
  readonly events?: readonly {
    readonly name: string;
    readonly time: bigint;
    readonly attributes: Readonly<Record<string, AttributeInput>>;
  }[];
}

export interface ScopeInput {
  readonly resource?: Readonly<Record<string, AttributeInput>>;
  readonly scopeName?: string;
}

export function toExportRequest(spans: readonly SpanInput[], scope: ScopeInput = {}): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: toAttributes(scope.resource ?? {}) },
        scopeSpans: [{ scope: { name: scope.scopeName ?? "test" }, spans: spans.map(toSpan) }],
      },
    ],
  };
}

/** @throws when the request is not one: a mistake of the test. */
export function decodeRequest(request: object): DecodedSpan[] {
  const encoded = exportRequestFromJson(JSON.stringify(request));
  if (encoded.outcome !== "encoded") throw new Error(encoded.reason);
  const walked = walkExportRequest(encoded.bytes);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked.groups.flatMap((group) => {
    const resource = decodeResource(group.resourceBytes, group.resourceSchemaUrl);
    const scope = decodeScope(group.scopeBytes, group.scopeSchemaUrl);
    return group.spans.map((span) => decodeSpan(span.bytes, resource, scope));
  });
}

function toSpan(span: SpanInput): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: 1,
    startTimeUnixNano: span.start.toString(),
    ...(span.end === undefined ? {} : { endTimeUnixNano: span.end.toString() }),
    attributes: toAttributes(span.attributes ?? {}),
    ...(span.status === undefined ? {} : { status: span.status }),
    events: (span.events ?? []).map((event) => ({
      name: event.name,
      timeUnixNano: event.time.toString(),
      attributes: toAttributes(event.attributes),
    })),
  };
}

function toAttributes(attributes: Readonly<Record<string, AttributeInput>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: toAnyValue(value) }));
}

function toAnyValue(value: AttributeInput): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
  }
  return { stringValue: JSON.stringify(value) };
}
