/** What a model call was asked with beyond the fields of its event, read from its span again. Source: tenant-traces.md 5.5, 5.6; event-mapping.md 2.3. */
import { isRecord, type JsonRecord, newRecord } from "@nonet/ingest/map/json-shape.ts";
import { defaultLimits } from "@nonet/ingest/map/limits.ts";
import { isPresent } from "@nonet/ingest/map/present-value.ts";
import { readRequestJson } from "@nonet/ingest/map/read-model-call.ts";
import { sanitiseJson } from "@nonet/ingest/map/sanitise-json.ts";
import { readSpanFacts, scanFamilies } from "@nonet/ingest/map/span-facts.ts";
import { SpanReader } from "@nonet/ingest/map/span-reader.ts";
import type { Json } from "@nonet/proto/json.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";

export interface RequestSettings {
  /** Members of the request JSON, secrets masked. */
  readonly request: JsonRecord;
  /** As sent. */
  readonly toolChoice: Json | undefined;
  readonly outputType: string | undefined;
}

export function readRequestSettings(span: DecodedSpan): RequestSettings {
  const reader = new SpanReader(span, defaultLimits);
  const { families, textChars } = scanFamilies(span);
  const sent = readRequestJson(readSpanFacts(reader, families, textChars));
  const clean = sent === undefined ? newRecord() : sanitiseJson(sent, reader, { maskSecrets: true, deep: true });
  const request: JsonRecord = isRecord(clean) ? clean : newRecord();
  return {
    request,
    toolChoice: choiceOf(request.tool_choice) ?? toolChoiceKeys.map((key) => readChoice(reader, key)).find(isKnown),
    outputType: reader.name("gen_ai.output.type"),
  };
}

const toolChoiceKeys = ["gen_ai.request.tool_choice", "llm.request.tool_choice"] as const;

function readChoice(reader: SpanReader, key: string): Json | undefined {
  const sent = reader.attributes.get(key);
  return choiceOf(typeof sent === "string" && isNone(sent) ? sent : reader.json(key));
}

/** `none` is a choice here, and not a word for nothing. */
function choiceOf(value: Json | undefined): Json | undefined {
  return isPresent(value) || (typeof value === "string" && isNone(value)) ? value : undefined;
}

function isNone(text: string): boolean {
  return text.trim().toLowerCase() === "none";
}

function isKnown(value: Json | undefined): boolean {
  return value !== undefined;
}
