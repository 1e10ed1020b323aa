import type { Json } from "@nonet/proto/json.ts";
import type { DecodedSpanEvent } from "@nonet/proto/otlp-span.ts";
import { toJson } from "./attribute-json.ts";
import { newRecord } from "./json-shape.ts";
import { isPresent } from "./present-value.ts";
import type { SpanReader } from "./span-reader.ts";

/** The span events that are read (6.1): the first `spanEventsMax` as sent. */
export function eventsOf(reader: SpanReader): readonly DecodedSpanEvent[] {
  const { events } = reader.span;
  if (events.length <= reader.limits.spanEventsMax) return events;
  reader.exceeded("spanEventsMax");
  return events.slice(0, reader.limits.spanEventsMax);
}

/** A present attribute of a span event, its JSON text parsed. */
export function eventJson(reader: SpanReader, event: DecodedSpanEvent, key: string): Json | undefined {
  const value = event.attributes.get(key);
  if (value === undefined || !isPresent(value)) return undefined;
  reader.noteRead(`${event.name}: ${key}`);
  if (typeof value === "string") return reader.parse(value);
  if (typeof value === "object") reader.unclean = true;
  return toJson(value, reader.limits.inlineBytesMax);
}

/** A present attribute of a span event as text. */
export function eventText(reader: SpanReader, event: DecodedSpanEvent, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = event.attributes.get(key);
    if (value === undefined || !isPresent(value) || (typeof value === "object" && value !== null)) continue;
    const text = String(value);
    reader.noteRead(`${event.name}: ${key}`);
    reader.noteText(text);
    return text;
  }
  return undefined;
}

/** All attributes of a span event as one object, texts as sent. */
export function eventRecord(reader: SpanReader, event: DecodedSpanEvent): { [key: string]: Json } {
  const record = newRecord();
  for (const [key, value] of event.attributes) {
    if (!isPresent(value)) continue;
    reader.noteRead(`${event.name}: ${key}`);
    if (typeof value === "string") reader.noteText(value);
    else if (typeof value === "object") reader.unclean = true;
    record[key] = toJson(value, reader.limits.inlineBytesMax);
  }
  return record;
}
