/** What a credential may do. Source: contracts/README.md section 3. */
export const scopes = [
  "ingest:write",
  "traces:read",
  "traces:content",
  "traces:export",
  "llm_analytics:read",
  "llm_analytics:write",
  "admin",
] as const;

export type Scope = (typeof scopes)[number];

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

/** A `:write` scope satisfies the `:read` of the same name (llm-analytics.md 1.2). `admin` opens the admin paths and nothing else. */
export function hasScope(granted: ReadonlySet<Scope>, needed: Scope): boolean {
  if (granted.has(needed)) return true;
  return needed === "llm_analytics:read" && granted.has("llm_analytics:write");
}

/**
 * The scopes of a new key: reading traces brings their content along unless its creator takes it away (tenant-traces.md 2.2). Then the
 * scopes of API 4 go too, since they include stored content (contracts/README.md, ruling 6).
 * @returns without repeats, in the order of `scopes`.
 */
export function scopesOfNewKey(requested: Iterable<Scope>, options: { withholdContent: boolean }): Scope[] {
  const wanted = new Set(requested);
  if (wanted.has("traces:read")) wanted.add("traces:content");
  if (options.withholdContent) {
    for (const scope of ["traces:content", "llm_analytics:read", "llm_analytics:write"] as const) wanted.delete(scope);
  }
  return scopes.filter((scope) => wanted.has(scope));
}
