/**
 * Spans of instrumentation scopes that their project ignores (control/project-settings.ts): stored and counted, and hidden in every read, as class
 * `drop` (contracts/README.md ruling 8). A choice of the project, so it comes after all rules of the mapping.
 */
import { createGlob } from "@nonet/proto/glob.ts";
import type { MappedSpan } from "./mapped-span.ts";

export const ignoredScopeRule = "IGNORED-SCOPE";

/** @param ignoredScopes names, or beginnings of names that end with `*`. @returns undefined where nothing is ignored. */
export function createScopeFilter(ignoredScopes: readonly string[]): ((scopeName: string) => boolean) | undefined {
  return ignoredScopes.length === 0 ? undefined : createGlob(ignoredScopes);
}

/** The same span, hidden. What the mapping made of it stays, so that of two hidden copies the better one is the one it would be. */
export function toIgnored(span: MappedSpan): MappedSpan {
  return { ...span, class: "drop", ruleId: ignoredScopeRule };
}
