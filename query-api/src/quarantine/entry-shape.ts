/** An entry of the quarantine as JSON, and its bytes in readable form. */
import {
  type Quarantined,
  type QuarantinedWithBytes,
  quarantineForms,
  quarantineKinds,
  quarantineStates,
} from "@nonet/proto/control/quarantine.ts";
import { resourceToJson, scopeToJson, spanToJson } from "@nonet/proto/otlp-json.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { decodeRecord } from "@nonet/proto/record-codec.ts";
import { z } from "zod";

const text = z.string();

const entryShape = {
  id: text,
  kind: z.enum(quarantineKinds),
  reason: text.describe("For filters: `invalid_trace_id`, `record_unreadable`."),
  detail: text,
  state: z.enum(quarantineStates),
  outcome: text.nullable().describe("Why the last replay did not succeed."),
  at: text,
  replayedAt: text.nullable(),
  traceId: text.describe("Hex, as far as it is known; may be empty."),
  spanId: text,
  source: text.nullable().describe("`topic/partition/offset` of a dead letter."),
  form: z.enum(quarantineForms).describe("What the bytes are."),
  size: z.int().describe("Bytes, whole."),
  truncated: z.boolean().describe("Not all bytes are kept; it cannot be replayed."),
};

export const entrySchema = z.strictObject(entryShape).meta({ id: "QuarantineEntry" });

export const entryDetailSchema = z
  .strictObject({
    ...entryShape,
    contentWithheld: z.boolean().describe("The token lacks `traces:content`."),
    bytes: text.nullable().describe("Base64, masked."),
    text: text.nullable().describe("The bytes as UTF-8, when they are that."),
    decoded: z
      .strictObject({ resource: z.unknown(), scope: z.unknown(), span: z.unknown() })
      .nullable()
      .describe("OTLP/JSON of the span, when it can be decoded."),
  })
  .meta({ id: "QuarantineEntryDetail" });

export function toEntry(entry: Quarantined): z.infer<typeof entrySchema> {
  return {
    id: entry.id,
    kind: entry.kind,
    reason: entry.reason,
    detail: entry.detail,
    state: entry.state,
    outcome: entry.outcome === "" ? null : entry.outcome,
    at: new Date(entry.atMs).toISOString(),
    replayedAt: entry.replayedAtMs === undefined ? null : new Date(entry.replayedAtMs).toISOString(),
    traceId: entry.traceId,
    spanId: entry.spanId,
    source: entry.source ?? null,
    form: entry.form,
    size: entry.size,
    truncated: entry.truncated,
  };
}

export function toEntryDetail(entry: QuarantinedWithBytes, mayReadContent: boolean): z.infer<typeof entryDetailSchema> {
  const common = toEntry(entry);
  if (!mayReadContent) return { ...common, contentWithheld: true, bytes: null, text: null, decoded: null };
  return {
    ...common,
    contentWithheld: false,
    bytes: entry.bytes.toString("base64"),
    text: textOf(entry.bytes),
    decoded: decode(entry),
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: what tells text from other bytes that happen to be UTF-8.
const notText = /[\0-\x08\x0e-\x1f]/;

function textOf(bytes: Buffer): string | null {
  try {
    const decoded = utf8.decode(bytes);
    return notText.test(decoded) ? null : decoded;
  } catch {
    // Bytes that are no UTF-8 are what most entries are.
    return null;
  }
}

function decode(entry: QuarantinedWithBytes): z.infer<typeof entryDetailSchema>["decoded"] {
  try {
    const parts = entry.form === "agent_record" ? partsOfRecord(entry.bytes) : partsOfRequest(entry.bytes);
    if (parts === undefined) return null;
    return {
      resource: JSON.parse(resourceToJson(parts.resource, parts.resourceSchemaUrl)),
      scope: JSON.parse(scopeToJson(parts.scope, parts.scopeSchemaUrl)),
      span: JSON.parse(spanToJson(parts.span)),
    };
  } catch {
    // It lies here because somebody could not read it; the bytes are shown all the same.
    return null;
  }
}

interface Parts {
  readonly resource: Uint8Array;
  readonly resourceSchemaUrl: string;
  readonly scope: Uint8Array;
  readonly scopeSchemaUrl: string;
  readonly span: Uint8Array;
}

function partsOfRecord(bytes: Buffer): Parts | undefined {
  const record = decodeRecord(bytes);
  return record.kind === "span_events" ? record : undefined;
}

function partsOfRequest(bytes: Buffer): Parts | undefined {
  const walked = walkExportRequest(bytes);
  const group = walked.outcome === "walked" ? walked.groups[0] : undefined;
  const span = group?.spans[0] ?? group?.rejected[0];
  if (group === undefined || span === undefined) return undefined;
  const { resourceBytes: resource, scopeBytes: scope, resourceSchemaUrl, scopeSchemaUrl } = group;
  return { resource, resourceSchemaUrl, scope, scopeSchemaUrl, span: span.bytes };
}
