/**
 * A request without what its project's masking rules do not let through (control/project-settings.ts): attributes at any depth of spans, events,
 * links, resources and scopes, names, and messages of a status; rejected spans too, since the quarantine keeps them. Secrets are gone before, by the
 * walk itself.
 */
import { setImmediate } from "node:timers/promises";
import { rewriteMessage } from "@nonet/proto/otlp-rewrite.ts";
import { type MessageSchema, otlpSchema } from "@nonet/proto/otlp-schema.ts";
import type { RejectedSpan, WalkedGroup } from "@nonet/proto/otlp-walk.ts";
import type { CompiledMaskingRules, MaskingCounts } from "../map/masking-rules.ts";

/** A large request gives way to others this often. */
const sliceMs = 10;

/** @returns groups of the same spans in the same order; those that no rule changes keep their bytes. */
export async function maskGroups(
  groups: readonly WalkedGroup[],
  rules: CompiledMaskingRules,
  counts: MaskingCounts,
): Promise<WalkedGroup[]> {
  const masked: WalkedGroup[] = [];
  // Groups of one resource share its bytes.
  let resource: { readonly from: Uint8Array; readonly to: Uint8Array } | undefined;
  let sliceStartedMs = performance.now();
  const giveWay = async (): Promise<void> => {
    if (performance.now() - sliceStartedMs <= sliceMs) return;
    await setImmediate();
    sliceStartedMs = performance.now();
  };
  for (const group of groups) {
    if (resource?.from !== group.resourceBytes) {
      const to = maskMessage(group.resourceBytes, otlpSchema.resource, rules, counts);
      resource = { from: group.resourceBytes, to };
    }
    const spans: WalkedGroup["spans"][number][] = [];
    for (const span of group.spans) {
      await giveWay();
      spans.push({ ...span, bytes: maskMessage(span.bytes, otlpSchema.span, rules, counts) });
    }
    const rejected: RejectedSpan[] = [];
    for (const span of group.rejected) {
      await giveWay();
      rejected.push({ ...span, bytes: maskRejected(span.bytes, rules, counts) });
    }
    const scopeBytes = maskMessage(group.scopeBytes, otlpSchema.scope, rules, counts);
    masked.push({ ...group, resourceBytes: resource.to, scopeBytes, spans, rejected });
  }
  return masked;
}

function maskMessage(
  bytes: Uint8Array,
  schema: MessageSchema,
  rules: CompiledMaskingRules,
  counts: MaskingCounts,
): Uint8Array {
  if (bytes.length === 0) return bytes;
  return rewriteMessage(bytes, schema, [0, bytes.length], rules.open(counts));
}

/** What was rejected may be a log record, whose fields have other types than a span's. */
function maskRejected(bytes: Uint8Array, rules: CompiledMaskingRules, counts: MaskingCounts): Uint8Array {
  for (const schema of [otlpSchema.span, otlpSchema.logRecord]) {
    try {
      return maskMessage(bytes, schema, rules, counts);
    } catch {
      // Not a message of this kind.
    }
  }
  return new Uint8Array(0);
}
