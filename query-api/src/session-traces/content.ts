/** What users, models and tools said, as much of it as a response may carry. Source: session-traces.md 1.13. */
import type { Json } from "@nonet/proto/json.ts";

export const contentModes = ["full", "preview", "none"] as const;
export type ContentMode = (typeof contentModes)[number];

const previewCodePoints = 1024;

/** Writes the content members of one event and remembers whether it cut any. */
export interface ContentWriter {
  readonly mode: ContentMode;
  text(value: string | null | undefined): string | null;
  json(value: Json | undefined): Json;
  wasCut(): boolean;
}

export function createContentWriter(mode: ContentMode): ContentWriter {
  let cut = false;
  const cutText = (text: string): string => {
    const shorter = toPreview(text);
    if (shorter !== text) cut = true;
    return shorter;
  };
  return {
    mode,
    text(value) {
      if (value === null || value === undefined || mode === "none") return null;
      return mode === "full" ? value : cutText(value);
    },
    json(value) {
      if (value === undefined || mode === "none") return null;
      return mode === "full" ? value : mapStrings(value, cutText);
    },
    wasCut: () => cut,
  };
}

/** At most 1,024 code points, the last of a cut text being `…`. */
export function toPreview(text: string): string {
  if (text.length <= previewCodePoints) return text;
  const points = [...text.slice(0, (previewCodePoints + 1) * 2)];
  if (points.length <= previewCodePoints) return text;
  return `${points.slice(0, previewCodePoints - 1).join("")}…`;
}

/** A copy with each string changed; keys stay as they are. */
export function mapStrings(value: Json, change: (text: string) => string): Json {
  if (typeof value === "string") return change(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: Json) => mapStrings(item, change));
  const copy: { [key: string]: Json } = Object.create(null);
  for (const [key, member] of Object.entries(value)) copy[key] = mapStrings(member, change);
  return copy;
}
