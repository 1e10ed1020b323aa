/**
 * One structural walk over an ExportTraceServiceRequest: everything is validated to full depth, no object is made per attribute, and each span
 * comes out as the range of its bytes. About ten times cheaper than decoding.
 *
 * Rules of otlp-receiver.md: 33 to 38 (structure), 66 to 75 (data). A request that is damaged anywhere is refused whole, with the path of the
 * field; a span that decodes but breaks a rule is rejected alone.
 */
import { isPipelineError, PipelineError } from "./errors.ts";
import { valueDepthMax } from "./otlp-protobuf.ts";
import { isIdAt, type Masking, rewriteMessage } from "./otlp-rewrite.ts";
import { type MessageSchema, otlpSchema } from "./otlp-schema.ts";
import { asBuffer, ProtobufReader, wireType } from "./protobuf-reader.ts";

export interface WalkedSpan {
  /** One Span message in published form: masked and canonical. A view of the request unless it had to be rewritten. */
  readonly bytes: Uint8Array;
  /** Lower-case hex, valid. */
  readonly traceId: string;
  readonly spanId: string;
}

/** `no_ids`: neither a trace id nor a span id; log records sent to the trace path look like this. */
export type RejectReason = "no_ids" | "invalid_trace_id" | "invalid_span_id" | "too_many_fields";

export interface RejectedSpan {
  readonly reason: RejectReason;
  /** As sent and masked, for the quarantine; empty for `too_many_fields`. */
  readonly bytes: Uint8Array;
  /** Hex of what was sent, at most 16 bytes of it. */
  readonly traceId: string;
  readonly spanId: string;
}

/** The spans of one ScopeSpans, in the order they were sent. */
export interface WalkedGroup {
  /** A Resource message, merged and masked; groups of one ResourceSpans share the object. Empty when there is none. */
  readonly resourceBytes: Uint8Array;
  readonly resourceSchemaUrl: string;
  readonly scopeBytes: Uint8Array;
  readonly scopeSchemaUrl: string;
  readonly spans: readonly WalkedSpan[];
  readonly rejected: readonly RejectedSpan[];
}

/** Things that were repaired, by count (rules 68, 69, 71, 72). */
export interface WalkWarnings {
  invalidParents: number;
  droppedLinks: number;
  tooDeepValues: number;
  indexedValues: number;
}

export interface WalkedRequest {
  readonly outcome: "walked";
  /** Without groups that have neither spans nor rejections. */
  readonly groups: readonly WalkedGroup[];
  /** Accepted and rejected together. */
  readonly spanCount: number;
  readonly rejectedCount: number;
  readonly warnings: Readonly<WalkWarnings>;
}

export interface UndecodableRequest {
  readonly outcome: "undecodable";
  /** E.g. `resource_spans[0].scope_spans[2].spans[7].attributes[1]`; empty at the top. */
  readonly path: string;
  /** Names what is wrong and where, never the data. */
  readonly reason: string;
}

/** Decodes, and is more than is taken: many small parts cost many times their bytes. */
export interface OversizedRequest {
  readonly outcome: "too_large";
  /** No field is to blame. */
  readonly path: "";
  readonly reason: string;
}

export type WalkOutcome = WalkedRequest | UndecodableRequest | OversizedRequest;

/** Spans and envelopes of one request. Real ones have hundreds, rarely ten thousand; each costs an object or more. */
export const requestPartsMax = 200_000;

/**
 * Fields of one span, resource or scope, nested ones included; half of them can be values of a list. A span with more is rejected alone: whoever decodes it would
 * need a hundred times its bytes.
 */
export const messageFieldsMax = 2_000_000;

export interface WalkOptions {
  /** What must not be kept; by default everything is. */
  readonly masking?: Masking;
}

/** @param bytes at most 1 GiB; not mutated; the result holds views of it. */
export function walkExportRequest(bytes: Uint8Array, options: WalkOptions = {}): WalkOutcome {
  const steps = walkSteps(bytes, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same walk, giving way to other work whenever it has held the thread for `sliceMsMax`. */
export async function walkExportRequestInSlices(
  bytes: Uint8Array,
  options: WalkOptions & { readonly sliceMsMax: number },
): Promise<WalkOutcome> {
  const steps = walkSteps(bytes, options);
  let sliceStart = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - sliceStart < options.sliceMsMax) continue;
    await new Promise((resolve) => setImmediate(resolve));
    sliceStart = performance.now();
  }
}

/** Spans and envelopes, and bytes of spans, between two chances to give way. */
const partsPerStep = 256;
const bytesPerStep = 262_144;

interface OpenGroup {
  readonly spans: WalkedSpan[];
  readonly rejected: RejectedSpan[];
  readonly scopeRanges: number[];
  readonly spanRanges: number[];
  scopeSchemaUrl: string;
}

const noMasking: Masking = { isSecretKey: () => false, mayHoldSecrets: () => false, maskText: (_, text) => text };

function* walkSteps(bytes: Uint8Array, options: WalkOptions): Generator<undefined, WalkOutcome, undefined> {
  const walk = new Walk(bytes, options.masking ?? noMasking);
  const groups: WalkedGroup[] = [];
  let spanCount = 0;
  let rejectedCount = 0;
  try {
    const reader = walk.reader;
    const end = bytes.length;
    while (reader.position < end) {
      const envelopeEnd = walk.enterMessage(otlpSchema.exportRequest, end);
      if (envelopeEnd < 0) continue;
      if (walk.countPart()) yield;
      const envelope = walk.resourceSpans(envelopeEnd);
      const resourceBytes = walk.published(otlpSchema.resource, envelope.resourceRanges);
      for (const group of envelope.groups) {
        const scopeBytes = walk.published(otlpSchema.scope, group.scopeRanges);
        for (let pair = 0; pair < group.spanRanges.length; pair += 2) {
          const start = group.spanRanges[pair] as number;
          const spanEnd = group.spanRanges[pair + 1] as number;
          walk.span(start, spanEnd, group);
          spanCount++;
          if (walk.countPart(spanEnd - start)) yield;
        }
        rejectedCount += group.rejected.length;
        if (group.spanRanges.length === 0) continue;
        groups.push({
          resourceBytes,
          resourceSchemaUrl: envelope.schemaUrl,
          scopeBytes,
          scopeSchemaUrl: group.scopeSchemaUrl,
          spans: group.spans,
          rejected: group.rejected,
        });
      }
      reader.position = envelopeEnd;
    }
  } catch (error) {
    if (!isPipelineError(error) || (error.code !== "INVALID_BODY" && error.code !== "TOO_LARGE")) throw error;
    if (error.code === "TOO_LARGE") return { outcome: "too_large", path: "", reason: messageOf(error) };
    const path = pathTo(bytes, walk.reader.position);
    return { outcome: "undecodable", path, reason: messageOf(error) };
  }
  return {
    outcome: "walked",
    groups,
    spanCount,
    rejectedCount,
    warnings: walk.warnings,
  };
}

/** Without the code in front. */
function messageOf(error: PipelineError): string {
  return error.message.slice(error.code.length + 3);
}

class Walk {
  readonly reader: ProtobufReader;
  readonly warnings: WalkWarnings = { invalidParents: 0, droppedLinks: 0, tooDeepValues: 0, indexedValues: 0 };
  private readonly bytes: Buffer;
  private readonly masking: Masking;
  private parts = 0;
  private stepBytes = 0;
  /** Fields that `check` has seen of the message at hand. */
  private fields = 0;
  /** Set by `check` when the message cannot be published as it is. */
  private mustRewrite = false;
  /** Where `check` last saw the ids of a span. */
  private traceIdStart = 0;
  private traceIdEnd = 0;
  private spanIdStart = 0;
  private spanIdEnd = 0;

  constructor(bytes: Uint8Array, masking: Masking) {
    this.bytes = asBuffer(bytes);
    this.reader = new ProtobufReader(this.bytes);
    this.masking = masking;
  }

  /** @returns whether it is time to give way. */
  countPart(bytes = 0): boolean {
    if (++this.parts > requestPartsMax) {
      throw new PipelineError("TOO_LARGE", `more than ${requestPartsMax} spans and envelopes; export smaller batches`);
    }
    this.stepBytes += bytes;
    if (this.parts % partsPerStep !== 0 && this.stepBytes < bytesPerStep) return false;
    this.stepBytes = 0;
    return true;
  }

  /** Reads the tag of the one embedded field of an envelope; skips others and returns -1. */
  enterMessage(schema: MessageSchema, end: number): number {
    const tag = this.readKnownTag(schema, end);
    if (schema.fields[tag >>> 3] !== undefined) return this.reader.readLength(end);
    this.reader.skip(tag & 7, end);
    return -1;
  }

  /** Splits a ResourceSpans into the ranges of its parts; spans themselves are not entered. */
  resourceSpans(end: number): { resourceRanges: number[]; groups: OpenGroup[]; schemaUrl: string } {
    const reader = this.reader;
    const resourceRanges: number[] = [];
    const groups: OpenGroup[] = [];
    let schemaUrl = "";
    while (reader.position < end) {
      const tag = this.readKnownTag(otlpSchema.resourceSpans, end);
      if (tag === 10) pushRange(resourceRanges, reader, end);
      else if (tag === 18) {
        this.countPart();
        groups.push(this.scopeSpans(reader.readLength(end)));
      } else if (tag === 26) schemaUrl = this.text(end);
      else reader.skip(tag & 7, end);
    }
    return { resourceRanges, groups, schemaUrl };
  }

  /** Checks one span and adds it to the accepted or the rejected of its group. */
  span(start: number, end: number, group: OpenGroup): void {
    const reader = this.reader;
    const warningsBefore = { ...this.warnings };
    this.mustRewrite = false;
    this.fields = 0;
    this.traceIdStart = this.traceIdEnd = this.spanIdStart = this.spanIdEnd = 0;
    reader.position = start;
    let reason: RejectReason | undefined;
    try {
      this.check(otlpSchema.span, end, 1);
    } catch (error) {
      const sent = this.bytes.subarray(start, end);
      const tooMany = this.fields > messageFieldsMax;
      // What has too many fields cannot be masked either: nothing of it is kept.
      const bytes = tooMany ? Buffer.alloc(0) : readLogRecord(sent, this.masking);
      if (bytes === undefined) throw error;
      Object.assign(this.warnings, warningsBefore);
      group.rejected.push({ reason: tooMany ? "too_many_fields" : "no_ids", bytes, traceId: "", spanId: "" });
      return;
    }
    const { traceIdStart, traceIdEnd, spanIdStart, spanIdEnd } = this;
    if (traceIdStart === traceIdEnd && spanIdStart === spanIdEnd) reason = "no_ids";
    else if (!isIdAt(this.bytes, traceIdStart, traceIdEnd, 16)) reason = "invalid_trace_id";
    else if (!isIdAt(this.bytes, spanIdStart, spanIdEnd, 8)) reason = "invalid_span_id";
    const bytes = this.mustRewrite
      ? rewriteMessage(this.bytes, otlpSchema.span, [start, end], this.masking)
      : this.bytes.subarray(start, end);
    if (reason === undefined) {
      const traceId = this.bytes.toString("hex", traceIdStart, traceIdEnd);
      const spanId = this.bytes.toString("hex", spanIdStart, spanIdEnd);
      group.spans.push({ bytes, traceId, spanId });
      return;
    }
    const traceId = this.bytes.toString("hex", traceIdStart, Math.min(traceIdEnd, traceIdStart + 16));
    const spanId = this.bytes.toString("hex", spanIdStart, Math.min(spanIdEnd, spanIdStart + 16));
    group.rejected.push({ reason, bytes, traceId, spanId });
  }

  /** Checks a resource or scope and returns it in published form; repeated ones are merged. */
  published(schema: MessageSchema, ranges: readonly number[]): Uint8Array {
    if (ranges.length === 0) return Buffer.alloc(0);
    this.mustRewrite = ranges.length > 2;
    this.fields = 0;
    for (let pair = 0; pair < ranges.length; pair += 2) {
      this.reader.position = ranges[pair] as number;
      this.check(schema, ranges[pair + 1] as number, 1);
    }
    if (this.mustRewrite) return rewriteMessage(this.bytes, schema, ranges, this.masking);
    return this.bytes.subarray(ranges[0], ranges[1]);
  }

  /**
   * Checks the message from the reader's position to `end`.
   *
   * @param depth that of the attribute values in it, see `valueDepthMax`.
   */
  check(schema: MessageSchema, end: number, depth: number): void {
    const reader = this.reader;
    if (schema === otlpSchema.anyValue && depth > valueDepthMax) {
      if (reader.position === end) return;
      this.warnings.tooDeepValues++;
      this.mustRewrite = true;
      this.checkDeep(end);
      return;
    }
    const childDepth = schema === otlpSchema.anyValue ? depth + 1 : depth;
    let seen = 0;
    let firstStart = 0;
    let firstEnd = 0;
    let secondStart = 0;
    let secondEnd = 0;
    let parentStart = 0;
    let parentEnd = 0;
    while (reader.position < end) {
      if (++this.fields > messageFieldsMax)
        throw new PipelineError("TOO_LARGE", `more than ${messageFieldsMax} fields`);
      const tag = this.readKnownTag(schema, end);
      const number = tag >>> 3;
      const field = number < schema.fields.length ? schema.fields[number] : undefined;
      if (field === undefined) {
        reader.skip(tag & 7, end);
        continue;
      }
      if (!field.repeated) {
        const bit = schema.oneof ? 1 : 1 << number;
        if ((seen & bit) !== 0) this.mustRewrite = true;
        seen |= bit;
      }
      if (field.wire !== wireType.bytes) {
        if (field.wire === wireType.varint) reader.skipVarint(end);
        else reader.skipFixed(field.wire === wireType.fixed64 ? 8 : 4, end);
        if (field.kind === "int32") {
          this.warnings.indexedValues++;
          this.mustRewrite = true;
        }
        continue;
      }
      const fieldEnd = reader.readLength(end);
      if (field.message !== undefined) this.check(field.message, fieldEnd, childDepth);
      else if (schema === otlpSchema.keyValue) {
        if (this.masking.isSecretKey(this.bytes, reader.position, fieldEnd)) this.mustRewrite = true;
      } else if (schema === otlpSchema.anyValue) {
        if (number === 1 && this.masking.mayHoldSecrets(this.bytes, reader.position, fieldEnd)) this.mustRewrite = true;
      } else if (number === 1) {
        firstStart = reader.position;
        firstEnd = fieldEnd;
      } else if (number === 2) {
        secondStart = reader.position;
        secondEnd = fieldEnd;
      } else if (number === 4) {
        parentStart = reader.position;
        parentEnd = fieldEnd;
      }
      reader.position = fieldEnd;
    }
    if (schema === otlpSchema.span) {
      this.traceIdStart = firstStart;
      this.traceIdEnd = firstEnd;
      this.spanIdStart = secondStart;
      this.spanIdEnd = secondEnd;
      if (parentStart !== parentEnd && !isIdAt(this.bytes, parentStart, parentEnd, 8)) {
        this.mustRewrite = true;
        // Eight zero bytes are how some senders say "root": nothing to warn of.
        if (parentEnd - parentStart !== 8) this.warnings.invalidParents++;
      }
    } else if (schema === otlpSchema.link) {
      if (!isIdAt(this.bytes, firstStart, firstEnd, 16) || !isIdAt(this.bytes, secondStart, secondEnd, 8)) {
        this.warnings.droppedLinks++;
        this.mustRewrite = true;
      }
    }
  }

  private scopeSpans(end: number): OpenGroup {
    const reader = this.reader;
    const group: OpenGroup = { spans: [], rejected: [], scopeRanges: [], spanRanges: [], scopeSchemaUrl: "" };
    while (reader.position < end) {
      const tag = this.readKnownTag(otlpSchema.scopeSpans, end);
      if (tag === 10) pushRange(group.scopeRanges, reader, end);
      else if (tag === 18) pushRange(group.spanRanges, reader, end);
      else if (tag === 26) group.scopeSchemaUrl = this.text(end);
      else reader.skip(tag & 7, end);
    }
    return group;
  }

  /** A tag whose wire type is the one its field must have, or the tag of an unknown field. */
  private readKnownTag(schema: MessageSchema, end: number): number {
    const reader = this.reader;
    const start = reader.position;
    const tag = reader.readTag(end);
    const number = tag >>> 3;
    const field = number < schema.fields.length ? schema.fields[number] : undefined;
    if (field !== undefined && field.wire !== (tag & 7)) {
      reader.position = start;
      reader.fail(`wrong wire type ${tag & 7}, expected ${field.wire},`);
    }
    return tag;
  }

  /** Checks a value that nests beyond the limit without the stack of the process: frames are `end * 4 + schema index`. */
  private checkDeep(end: number): void {
    const reader = this.reader;
    let frames = new Uint32Array(1024);
    let height = 0;
    let schemaIndex = 0;
    let messageEnd = end;
    for (;;) {
      if (reader.position >= messageEnd) {
        if (height === 0) return;
        const frame = frames[--height] as number;
        schemaIndex = frame & 3;
        messageEnd = frame >>> 2;
        continue;
      }
      const schema = deepSchemas[schemaIndex] as MessageSchema;
      const tag = this.readKnownTag(schema, messageEnd);
      const message = schema.fields[tag >>> 3]?.message;
      if (message === undefined) {
        reader.skip(tag & 7, messageEnd);
        continue;
      }
      const childEnd = reader.readLength(messageEnd);
      // A message that ends with its last child needs no frame.
      if (childEnd < messageEnd) {
        if (height === frames.length) {
          const larger = new Uint32Array(frames.length * 2);
          larger.set(frames);
          frames = larger;
        }
        frames[height++] = messageEnd * 4 + schemaIndex;
      }
      schemaIndex = deepSchemas.indexOf(message);
      messageEnd = childEnd;
    }
  }

  private text(end: number): string {
    const textEnd = this.reader.readLength(end);
    const text = this.bytes.toString("utf8", this.reader.position, textEnd);
    this.reader.position = textEnd;
    return text;
  }
}

const deepSchemas: readonly MessageSchema[] = [
  otlpSchema.anyValue,
  otlpSchema.arrayValue,
  otlpSchema.keyValueList,
  otlpSchema.keyValue,
];

function pushRange(ranges: number[], reader: ProtobufReader, end: number): void {
  const fieldEnd = reader.readLength(end);
  ranges.push(reader.position, fieldEnd);
  reader.position = fieldEnd;
}

/**
 * Log records sent to the trace path share the envelopes of spans, but not the wire types of a span's fields (rule 75). They are told by a time
 * where a span has its trace id or its events.
 *
 * @returns the log record, masked; undefined for what is none.
 */
function readLogRecord(bytes: Buffer, masking: Masking): Uint8Array | undefined {
  const walk = new Walk(bytes, masking);
  try {
    const logRecord = walk.published(otlpSchema.logRecord, [0, bytes.length]);
    const reader = new ProtobufReader(bytes);
    while (reader.position < bytes.length) {
      const tag = reader.readTag(bytes.length);
      if (tag === ((1 << 3) | wireType.fixed64) || tag === ((11 << 3) | wireType.fixed64)) return logRecord;
      reader.skip(tag & 7, bytes.length);
    }
    return undefined;
  } catch {
    // Neither a span nor a log record: the caller reports why it is no span.
    return undefined;
  }
}

const pathPartsMax = 40;

/** The path of the damaged field, once the walk has found that the damage is at `offset`. */
function pathTo(bytes: Uint8Array, offset: number): string {
  const parts: string[] = [];
  try {
    locate(new ProtobufReader(bytes), otlpSchema.exportRequest, { end: bytes.length, offset, parts });
  } catch {
    // Reading fails at the damage once more, and leaves the path that led there.
  }
  return parts.join(".");
}

function locate(
  reader: ProtobufReader,
  schema: MessageSchema,
  search: { readonly end: number; readonly offset: number; readonly parts: string[] },
): void {
  const { end, offset, parts } = search;
  const counts = new Map<number, number>();
  while (reader.position < end) {
    const tag = reader.readTag(end);
    const field = schema.fields[tag >>> 3];
    if (field === undefined) {
      reader.skip(tag & 7, end);
      continue;
    }
    const index = counts.get(field.number) ?? 0;
    counts.set(field.number, index + 1);
    parts.push(field.repeated ? `${field.name}[${index}]` : field.name);
    if ((tag & 7) !== field.wire) reader.fail("wrong wire type");
    if (field.message === undefined) reader.skip(field.wire, end);
    else {
      const fieldEnd = reader.readLength(end);
      // Whatever ends before the damage was found to be good, or to be a log record.
      if (fieldEnd >= offset) {
        if (parts.length === pathPartsMax) reader.fail("nested too deep to name");
        locate(reader, field.message, { end: fieldEnd, offset, parts });
      }
      reader.position = fieldEnd;
    }
    parts.pop();
  }
}
