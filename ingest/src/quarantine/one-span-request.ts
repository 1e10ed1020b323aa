import type { WalkedGroup } from "@nonet/proto/otlp-walk.ts";
import { wireType } from "@nonet/proto/protobuf-reader.ts";
import { ReverseWriter } from "@nonet/proto/protobuf-reverse-writer.ts";

/** An ExportTraceServiceRequest with this one span: what any OTLP tool can read, and what a replay decodes again. */
export function encodeOneSpanRequest(group: Omit<WalkedGroup, "spans" | "rejected">, span: Uint8Array): Uint8Array {
  const writer = new ReverseWriter(
    group.resourceBytes.length + group.scopeBytes.length + span.length + 64 + 3 * group.resourceSchemaUrl.length,
  );
  text(writer, group.resourceSchemaUrl);
  const afterScopeSpans = writer.length;
  text(writer, group.scopeSchemaUrl);
  writer.lengthPrefixed(span);
  writer.tag(2, wireType.bytes);
  if (group.scopeBytes.length > 0) message(writer, group.scopeBytes);
  writer.lengthTo(afterScopeSpans);
  writer.tag(2, wireType.bytes);
  if (group.resourceBytes.length > 0) message(writer, group.resourceBytes);
  writer.lengthTo(0);
  writer.tag(1, wireType.bytes);
  return writer.finish();
}

/** Field 1 of both envelopes. */
function message(writer: ReverseWriter, bytes: Uint8Array): void {
  writer.lengthPrefixed(bytes);
  writer.tag(1, wireType.bytes);
}

/** Field 3 of both envelopes: their schema URL. */
function text(writer: ReverseWriter, value: string): void {
  if (value === "") return;
  writer.text(value);
  writer.tag(3, wireType.bytes);
}
