import type { SpanClass } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { mapSpan } from "./map-span.ts";
import type { MappedSpan } from "./mapped-span.ts";
import type { FieldReads } from "./span-reader.ts";

export interface SpanExplanation {
  readonly ruleId: string;
  readonly class: SpanClass;
  /**
   * Per field of the span's events the attributes it was read from; those of span events as `event name: attribute`. An attribute that was present
   * and gave nothing usable stands before the one that did.
   */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** Attributes that no rule and no reader looked at or found usable. Sorted. */
  readonly unreadAttributes: readonly string[];
  readonly mapped: MappedSpan;
}

/** Why a span was mapped as it was: the mapping once more, with notes of what each reader took. */
export function explainSpan(span: DecodedSpan): SpanExplanation {
  const reads: FieldReads = new Map();
  const mapped = mapSpan(span, { reads });
  const read = new Set<string>();
  const fields: Record<string, readonly string[]> = Object.create(null);
  for (const [field, keys] of reads) {
    fields[field] = [...keys];
    for (const key of keys) read.add(key);
  }
  const unreadAttributes = [...span.attributes.keys()].filter((key) => !read.has(key)).sort();
  return { ruleId: mapped.ruleId, class: mapped.class, fields, unreadAttributes, mapped };
}
