/** Whether and which tool a model had to use, in one spelling for all providers. Source: tenant-traces.md 5.5. */
import { isRecord, member } from "@nonet/ingest/map/json-shape.ts";
import type { Json } from "@nonet/proto/json.ts";

const modes: ReadonlyMap<string, string> = new Map([
  ["auto", "auto"],
  ["none", "none"],
  ["any", "required"],
  ["required", "required"],
]);

/** @returns `auto`, `none`, `required` or `tool:<name>`; undefined for what says none of these. */
export function toToolChoice(choice: Json | undefined): string | undefined {
  if (typeof choice === "string") {
    const text = choice.trim();
    // A bare word that is no mode names the tool.
    return text === "" ? undefined : (modes.get(text.toLowerCase()) ?? `tool:${text}`);
  }
  if (!isRecord(choice)) return undefined;
  const name = nameOf(choice.function) ?? nameOf(choice.tool) ?? nameOf(choice.custom) ?? nameOf(choice);
  if (name !== undefined) return `tool:${name}`;
  for (const key of ["type", "mode"]) {
    const word = member(choice, key);
    const mode = typeof word === "string" ? modes.get(word.toLowerCase()) : undefined;
    if (mode !== undefined) return mode;
  }
  // Bedrock: `{"any": {}}`.
  for (const [word, mode] of modes) if (member(choice, word) !== undefined) return mode;
  return undefined;
}

function nameOf(value: Json | undefined): string | undefined {
  const name = member(value, "name");
  return typeof name === "string" && name !== "" ? name : undefined;
}
