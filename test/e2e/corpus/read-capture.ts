/**
 * The captures of `test/corpus/`: what real exporters sent, as the mapping reads it.
 *
 *     test/corpus/<framework>-<instrumentation>/<scenario>/NNN.pb | NNN.json    one ExportTraceServiceRequest each, in order
 *                                                         /expected.json      what must come out of them (compare-capture.ts)
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedResource, DecodedScope, DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { ProtobufReader } from "@nonet/proto/protobuf-reader.ts";
import { resourceFromJson, scopeFromJson, spanFromJson } from "@nonet/proto/testdata/otlp-json-reader.ts";

const corpusPath = join(import.meta.dirname, "..", "..", "corpus");

/** `<framework>-<instrumentation>/<scenario>` of every capture, sorted. */
export function listCaptures(): string[] {
  const names: string[] = [];
  for (const family of readdirSync(corpusPath, { withFileTypes: true })) {
    if (!family.isDirectory()) continue;
    for (const scenario of readdirSync(join(corpusPath, family.name), { withFileTypes: true })) {
      if (scenario.isDirectory()) names.push(`${family.name}/${scenario.name}`);
    }
  }
  return names.sort();
}

export function capturePath(name: string, file: string): string {
  return join(corpusPath, name, file);
}

/** All spans of a capture in the order in which they were sent. */
export function readCapture(name: string): DecodedSpan[] {
  const spans: DecodedSpan[] = [];
  for (const file of readdirSync(join(corpusPath, name)).sort()) {
    if (/^\d+\.pb$/.test(file)) spans.push(...readProtobufRequest(readFileSync(capturePath(name, file))));
    else if (/^\d+\.json$/.test(file)) spans.push(...readJsonRequest(readFileSync(capturePath(name, file), "utf8")));
  }
  return spans;
}

interface LengthField {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** The length-delimited fields of one message; all that the envelope of an export request has. */
function readLengthFields(bytes: Uint8Array): LengthField[] {
  const reader = new ProtobufReader(bytes);
  const fields: LengthField[] = [];
  while (reader.position < bytes.length) {
    const tag = reader.readTag(bytes.length);
    if ((tag & 7) !== 2) {
      reader.skip(tag & 7, bytes.length);
      continue;
    }
    const end = reader.readLength(bytes.length);
    fields.push({ number: tag >>> 3, bytes: bytes.subarray(reader.position, end) });
    reader.position = end;
  }
  return fields;
}

const emptyBytes = new Uint8Array();

/** Field numbers of opentelemetry.proto.collector.trace.v1 and of trace.v1: the resource or scope is 1, its children 2, the schema URL 3. */
function openGroup(bytes: Uint8Array): { head: Uint8Array; children: Uint8Array[]; schemaUrl: string } {
  const fields = readLengthFields(bytes);
  const schemaUrl = fields.find((field) => field.number === 3)?.bytes ?? emptyBytes;
  return {
    head: fields.find((field) => field.number === 1)?.bytes ?? emptyBytes,
    children: fields.filter((field) => field.number === 2).map((field) => field.bytes),
    schemaUrl: new TextDecoder().decode(schemaUrl),
  };
}

function readProtobufRequest(bytes: Uint8Array): DecodedSpan[] {
  const spans: DecodedSpan[] = [];
  for (const { bytes: resourceSpans } of readLengthFields(bytes)) {
    const resourceGroup = openGroup(resourceSpans);
    const resource: DecodedResource = decodeResource(resourceGroup.head, resourceGroup.schemaUrl);
    for (const scopeSpans of resourceGroup.children) {
      const scopeGroup = openGroup(scopeSpans);
      const scope: DecodedScope = decodeScope(scopeGroup.head, scopeGroup.schemaUrl);
      for (const span of scopeGroup.children) spans.push(decodeSpan(span, resource, scope));
    }
  }
  return spans;
}

interface JsonRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: object;
    readonly schemaUrl?: string;
    readonly scopeSpans?: readonly {
      readonly scope?: object;
      readonly schemaUrl?: string;
      readonly spans?: readonly object[];
    }[];
  }[];
}

function readJsonRequest(text: string): DecodedSpan[] {
  const request = JSON.parse(text) as JsonRequest;
  const spans: DecodedSpan[] = [];
  for (const resourceSpans of request.resourceSpans ?? []) {
    const resource = resourceFromJson(
      JSON.stringify({ ...resourceSpans.resource, schemaUrl: resourceSpans.schemaUrl ?? "" }),
    );
    for (const scopeSpans of resourceSpans.scopeSpans ?? []) {
      const scope = scopeFromJson(JSON.stringify({ ...scopeSpans.scope, schemaUrl: scopeSpans.schemaUrl ?? "" }));
      for (const span of scopeSpans.spans ?? []) spans.push(spanFromJson(JSON.stringify(span), resource, scope));
    }
  }
  return spans;
}
