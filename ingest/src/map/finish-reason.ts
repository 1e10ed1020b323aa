import { isPresentText } from "./present-value.ts";

const reasonsByWord: readonly (readonly [reason: string, words: readonly string[]])[] = [
  ["stop", ["stop", "end_turn", "stop_sequence", "completed", "complete", "finished", "end", "eos"]],
  ["length", ["length", "max_tokens", "max_output_tokens", "incomplete", "model_length"]],
  ["tool_calls", ["tool_calls", "tool_call", "tool_use", "toolcalls", "function_call"]],
  [
    "content_filter",
    [
      "content_filter",
      "content_filtered",
      "safety",
      "refusal",
      "recitation",
      "prohibited_content",
      "blocklist",
      "spii",
      "guardrail_intervened",
    ],
  ],
  ["error", ["error", "failed", "cancelled", "malformed_function_call"]],
];
const reasons: ReadonlyMap<string, string> = new Map(
  reasonsByWord.flatMap(([reason, words]) => words.map((word) => [word, reason] as const)),
);

/** Event mapping 2.7: `FinishReason.STOP`, `end_turn`, `tool-calls` in OpenAI's words; anything unknown is `other`. */
export function normaliseFinishReason(text: string): string {
  const known = reasons.get(text);
  if (known !== undefined) return known;
  const word = text
    .slice(text.lastIndexOf(".") + 1)
    .trim()
    .toLowerCase()
    .replaceAll("-", "_");
  return reasons.get(word) ?? "other";
}

/** A list, JSON text of a list, or text split at commas. */
export function splitFinishReasons(value: unknown): string[] {
  const items: unknown[] = Array.isArray(value) ? value : typeof value === "string" ? value.split(",") : [];
  const texts: string[] = [];
  for (const item of items) if (typeof item === "string" && isPresentText(item)) texts.push(item.trim());
  return texts;
}
