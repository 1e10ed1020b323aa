/**
 * What the store knows of the spans of a project in a range of time, by instrumentation scope. Every question is a sum, over all traces or over a
 * part of them chosen by the hash of their id, so that an answer costs about the same whatever the range holds.
 */
import { ignoredScopeRule } from "@nonet/ingest/map/ignored-scope.ts";
import { type StoredSpanTexts, storedSpanColumns } from "@nonet/proto/stored-span.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";

export interface DiagnosticsRange {
  readonly projectId: string;
  /** Nanoseconds since 1970, half open, by the start of spans. */
  readonly from: bigint;
  readonly to: bigint;
}

/** Spans that are summed; of more, a part of the traces. */
const summedSpansMax = 500_000;
const groupsMax = 2_000;
const callScopesMax = 500;
const pairsMax = 100;
const modelsMax = 20;
/** Spans that are mapped again to see what nobody reads, and the size above which one is left out. */
const sampledSpansMax = 600;
const sampledPerScope = 20;
const sampledBytesMax = 262_144;
/** Of a scope with its attributes: larger ones, which no instrumentation has, are one scope without a name. */
const scopeBytesMax = 16_384;
const sampledTracesMax = 100;

const hourNano = 3_600_000_000_000n;
/** A sender's clock may be so much ahead. */
const aheadNano = 60_000_000_000;
/** Spans come this much later when a sender was offline, or its clock is behind. */
const lateNano = 86_400_000_000_000;

interface Parameters extends Readonly<Record<string, unknown>> {
  readonly oneIn: number;
}

/** @returns the parameters of the other questions; `oneIn` says which part of the traces they are about. */
export async function planDiagnostics(range: DiagnosticsRange, reader: ClickhouseReader): Promise<Parameters> {
  const parameters = {
    project: range.projectId,
    fromHour: Number(range.from / hourNano),
    toHour: Number((range.to - 1n) / hourNano),
    from: range.from.toString(),
    to: range.to.toString(),
  };
  const [counted] = await reader.select<{ spans: string }>(
    "SELECT count() AS spans FROM spans WHERE project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32}",
    parameters,
  );
  return { ...parameters, oneIn: Math.max(1, Math.ceil(Number(counted?.spans ?? 0) / summedSpansMax)) };
}

const inRange = `project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32}
  AND cityHash64(trace_id) % {oneIn:UInt32} = 0`;
const spansInRange = `${inRange} AND start_unix_nano >= {from:UInt64} AND start_unix_nano < {to:UInt64}`;
const eventsInRange = `${inRange} AND time_unix_nano >= {from:UInt64} AND time_unix_nano < {to:UInt64}`;

/** Spans of one scope with one class. 64-bit sums are decimal strings. */
export interface SpanGroupRow {
  /** As in `StoredSpanTexts`. */
  readonly scope: string;
  readonly class: string;
  readonly rule_id: string;
  readonly mapping_version: number;
  readonly spans: string;
  /** Of traces that say no session. */
  readonly sessionless: string;
  /** Started after they were received, or were received long after their end. */
  readonly ahead: string;
  readonly late: string;
  /** Hour and id of some traces. */
  readonly samples: readonly (readonly [number, string])[];
}

export function loadSpanGroups(parameters: Parameters, reader: ClickhouseReader): Promise<SpanGroupRow[]> {
  return reader.select<SpanGroupRow>(
    `SELECT base64Encode(scope_bytes) AS scope, class, rule_id, mapping_version, spans, sessionless, ahead, late, samples FROM (
       SELECT if(length(scope) > ${scopeBytesMax}, '', scope) AS scope_bytes, class, rule_id, mapping_version, count() AS spans,
              countIf(class NOT IN ('plain', 'inert', 'drop') AND trace_id IN (
                SELECT trace_id FROM sessions FINAL WHERE ${inRange} AND id_reported = 0)) AS sessionless,
              countIf(start_unix_nano > received_unix_nano + ${aheadNano}) AS ahead,
              countIf(end_unix_nano > 0 AND received_unix_nano > end_unix_nano + ${lateNano}) AS late,
              groupArraySample(2, 1)((hour, trace_id)) AS samples
       FROM spans FINAL WHERE ${spansInRange}
       GROUP BY scope_bytes, class, rule_id, mapping_version
       ORDER BY spans DESC, class, rule_id LIMIT ${groupsMax}
     )`,
    parameters,
  );
}

export interface CallGroupRow {
  readonly scope_name: string;
  readonly calls: string;
  readonly without_tokens: string;
  readonly unpriced: string;
  readonly copies: string;
}

/** Model calls by scope; copies are counted apart and nowhere else. */
export function loadCallGroups(parameters: Parameters, reader: ClickhouseReader): Promise<CallGroupRow[]> {
  const isOwn = "duplicate_of = ''";
  const hasTokens = "(input_tokens IS NOT NULL OR output_tokens IS NOT NULL OR total_tokens IS NOT NULL)";
  return reader.select<CallGroupRow>(
    `SELECT scope_name, countIf(${isOwn}) AS calls, countIf(${isOwn} AND NOT ${hasTokens}) AS without_tokens,
            countIf(${isOwn} AND ${hasTokens} AND cost_units IS NULL) AS unpriced, countIf(NOT ${isOwn}) AS copies
     FROM events FINAL WHERE ${eventsInRange} AND event_type = 'llm_call'
     GROUP BY scope_name ORDER BY calls DESC, scope_name LIMIT ${callScopesMax}`,
    parameters,
  );
}

export interface UnpricedModelRow {
  readonly provider: string;
  readonly model: string;
  readonly calls: string;
}

export function loadUnpricedModels(parameters: Parameters, reader: ClickhouseReader): Promise<UnpricedModelRow[]> {
  return reader.select<UnpricedModelRow>(
    `SELECT provider, if(response_model = '', request_model, response_model) AS model, count() AS calls
     FROM events FINAL WHERE ${eventsInRange} AND event_type = 'llm_call' AND duplicate_of = '' AND cost_units IS NULL
       AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL)
     GROUP BY provider, model ORDER BY calls DESC, model LIMIT ${modelsMax}`,
    parameters,
  );
}

export interface CopyPairRow {
  readonly copy: string;
  readonly original: string;
  readonly calls: string;
}

/** Which scope reports again what another one reports. */
export function loadCopyPairs(parameters: Parameters, reader: ClickhouseReader): Promise<CopyPairRow[]> {
  return reader.select<CopyPairRow>(
    `SELECT copies.scope_name AS copy, originals.scope_name AS original, count() AS calls
     FROM (SELECT scope_name, duplicate_of FROM events FINAL
           WHERE ${eventsInRange} AND event_type = 'llm_call' AND duplicate_of != '' LIMIT ${summedSpansMax}) AS copies
     INNER JOIN (SELECT event_id, scope_name FROM events FINAL
           WHERE project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32} AND event_type = 'llm_call'
             AND event_id IN (SELECT duplicate_of FROM events FINAL
               WHERE ${eventsInRange} AND event_type = 'llm_call' AND duplicate_of != '' LIMIT ${summedSpansMax})) AS originals
     ON copies.duplicate_of = originals.event_id
     GROUP BY copy, original ORDER BY calls DESC, copy, original LIMIT ${pairsMax}`,
    parameters,
  );
}

export interface SampledSpanRow extends StoredSpanTexts {
  readonly class: string;
}

/** Some spans of each scope, of the traces that `loadSpanGroups` named. */
export async function loadSampledSpans(
  groups: readonly SpanGroupRow[],
  parameters: Parameters,
  reader: ClickhouseReader,
): Promise<SampledSpanRow[]> {
  const seen = groups.filter((group) => group.rule_id !== ignoredScopeRule);
  const places = new Map(seen.flatMap((group) => group.samples).map((place) => [place.join(), place]));
  const chosen = [...places.values()].slice(0, sampledTracesMax);
  if (chosen.length === 0) return [];
  return reader.select<SampledSpanRow>(
    `SELECT class, ${storedSpanColumns} FROM (
       SELECT class, scope, resource, span FROM spans FINAL
       WHERE ${spansInRange} AND hour IN {hours:Array(UInt32)} AND trace_id IN {traces:Array(String)} AND rule_id != '${ignoredScopeRule}'
         AND length(span) <= ${sampledBytesMax} AND length(resource) <= ${sampledBytesMax} AND length(scope) <= ${scopeBytesMax}
       LIMIT ${sampledPerScope} BY scope LIMIT ${sampledSpansMax}
     )`,
    {
      ...parameters,
      hours: [...new Set(chosen.map(([hour]) => hour))],
      traces: [...new Set(chosen.map(([, traceId]) => traceId))],
    },
  );
}
