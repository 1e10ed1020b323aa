/** Rows of the store as diagnostics by scope. */
import { ignoredScopeRule } from "@nonet/ingest/map/ignored-scope.ts";
import { cutChars } from "@nonet/ingest/map/sanitise.ts";
import { createStoredSpanReader } from "@nonet/proto/stored-span.ts";
import { mappingVersion } from "@nonet/proto/versions.ts";
import { dialectOfRule } from "./dialect.ts";
import type { CallGroupRow, SpanGroupRow } from "./query.ts";
import type { Diagnostics, ScopeDiagnostics } from "./response-schema.ts";
import type { ScopeSample } from "./sample.ts";

/** What speaks of agents and is nothing else (ingest/src/map/dialects/otel-genai.ts). */
const unrecognisedRule = "FALLBACK-STEP";
const nameCharsMax = 256;
const scopesMax = 200;
const attributesMax = 50;

/** Scopes that differ in attributes only are one. */
export function toScopes(
  groups: readonly SpanGroupRow[],
  samples: ReadonlyMap<string, ScopeSample>,
): Pick<Diagnostics, "scopes" | "scopesOmitted"> {
  const read = createStoredSpanReader();
  const byScope = Map.groupBy(groups, ({ scope }) => {
    const { name, version } = read({ span: "", resource: "", scope }).scope;
    return JSON.stringify([cutChars(name, nameCharsMax), cutChars(version, nameCharsMax)]);
  });
  const scopes = [...byScope].map(([key, own]) => {
    const [name = "", version = ""] = JSON.parse(key) as string[];
    const texts = new Set(own.map((group) => group.scope));
    return toScope(
      { name, version },
      own,
      [...texts].flatMap((text) => samples.get(text) ?? []),
    );
  });
  scopes.sort((a, b) => b.spans - a.spans || (a.name < b.name ? -1 : 1));
  return { scopes: scopes.slice(0, scopesMax), scopesOmitted: Math.max(0, scopes.length - scopesMax) };
}

function toScope(
  identity: { readonly name: string; readonly version: string },
  groups: readonly SpanGroupRow[],
  samples: readonly ScopeSample[],
): ScopeDiagnostics {
  const sum = (of: (group: SpanGroupRow) => string, among = groups) =>
    among.reduce((total, group) => total + Number(of(group)), 0);
  const spansOf = (among: readonly SpanGroupRow[]) => sum(({ spans }) => spans, among);
  const classes = [...Map.groupBy(groups, (group) => group.class)].map(([name, own]) => ({
    class: name,
    spans: spansOf(own),
  }));
  const dialects = [...Map.groupBy(groups, (group) => dialectOfRule(group.rule_id))]
    .flatMap(([dialect, own]) => (dialect === undefined ? [] : [{ dialect, spans: spansOf(own) }]))
    .sort(bySpans);
  return {
    ...identity,
    dialects: dialects.map(({ dialect }) => dialect),
    spans: spansOf(groups),
    byClass: classes.sort(bySpans),
    hidden: spansOf(groups.filter((group) => group.class === "drop")),
    ignored: spansOf(groups.filter((group) => group.rule_id === ignoredScopeRule)),
    unrecognised: spansOf(groups.filter((group) => group.rule_id === unrecognisedRule)),
    withoutSession: sum(({ sessionless }) => sessionless),
    clockAhead: sum(({ ahead }) => ahead),
    late: sum(({ late }) => late),
    sample: toSample(samples),
  };
}

function bySpans(a: { readonly spans: number }, b: { readonly spans: number }): number {
  return b.spans - a.spans;
}

function toSample(samples: readonly ScopeSample[]): ScopeDiagnostics["sample"] {
  const sum = (of: (sample: ScopeSample) => number) => samples.reduce((total, sample) => total + of(sample), 0);
  return {
    spans: sum(({ spans }) => spans),
    modelCalls: sum(({ modelCalls }) => modelCalls),
    callsWithoutContent: sum(({ callsWithoutContent }) => callsWithoutContent),
    clockSkew: sum(({ clockSkew }) => clockSkew),
    sourceDropped: sum(({ sourceDropped }) => sourceDropped),
    limits: merged(samples.map(({ limits }) => limits)).map(([limit, spans]) => ({ limit, spans })),
    unreadAttributes: merged(samples.map(({ unreadAttributes }) => unreadAttributes))
      .slice(0, attributesMax)
      .map(([attribute, spans]) => ({ attribute, spans })),
  };
}

/** Most first, then by name. */
function merged(counts: readonly ReadonlyMap<string, number>[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const each of counts) for (const [key, value] of each) sums.set(key, (sums.get(key) ?? 0) + value);
  return [...sums].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
}

export function toMappingVersions(groups: readonly SpanGroupRow[]): Diagnostics["mappingVersions"] {
  return [...Map.groupBy(groups, (group) => group.mapping_version)]
    .map(([version, own]) => ({
      version,
      spans: own.reduce((total, group) => total + Number(group.spans), 0),
      inForce: version === mappingVersion,
    }))
    .sort((a, b) => a.version - b.version);
}

export function toModelCalls(rows: readonly CallGroupRow[]): Diagnostics["modelCalls"] {
  return rows.map((row) => ({
    scope: row.scope_name,
    calls: Number(row.calls),
    withoutTokens: Number(row.without_tokens),
    unpriced: Number(row.unpriced),
    copies: Number(row.copies),
  }));
}
