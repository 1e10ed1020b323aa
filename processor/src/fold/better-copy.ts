/** Which of two copies of one span is kept, whatever came first. Source: event-mapping.md 1.3, "One span delivered twice". */
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { isSameValue, toCanonicalText } from "./same-value.ts";

/** Whether `next` replaces `known`: it has ended; then it ends later; then it has more attributes; then its canonical text is greater. */
export function isBetterCopy(next: MappedSpan, known: MappedSpan): boolean {
  if (next === known) return false;
  // An open span ends at 0, so the later end is also the one that has ended.
  if (next.endTimeUnixNano !== known.endTimeUnixNano) return next.endTimeUnixNano > known.endTimeUnixNano;
  if (next.attributeCount !== known.attributeCount) return next.attributeCount > known.attributeCount;
  if (isSameValue(next, known)) return false;
  return toCanonicalText(next) > toCanonicalText(known);
}
