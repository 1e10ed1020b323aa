/**
 * Traces with their content, made again from their stored spans (design.md section 5), and what only the store knows about their events.
 *
 * A trace is kept in memory under the versions of the rows it was made from: rows are written table by table, so what was read is named by
 * what was there before reading. Then a newer row that slipped in is kept under an older name, which nobody asks for again.
 */

import { ignoredScopeRule } from "@nonet/ingest/map/ignored-scope.ts";
import type { FoldedSpan, FoldedTrace } from "@nonet/processor/fold/folded-trace.ts";
import { mapTrace } from "@nonet/processor/fold/map-trace.ts";
import type { AgentEvent, LlmCallEvent, TokenUsage } from "@nonet/proto/event.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { createStoredSpanReader, type StoredSpanTexts, storedSpanColumns } from "@nonet/proto/stored-span.ts";
import type { ClickhouseReader } from "./clickhouse-reader.ts";
import type { WeightedCache } from "./weighted-cache.ts";

/** The cost of a model call as it was stamped, in 10^-12 USD. */
export interface StoredCost {
  readonly units: bigint;
  readonly inputUnits: bigint | null;
  readonly outputUnits: bigint | null;
  /** Name and version of the price table; null when the sender reported the cost. */
  readonly priceTable: string | null;
}

export interface StoredTrace {
  readonly trace: FoldedTrace;
  /** By span id; the attributes as sent, for `include=attributes`. */
  readonly spans: ReadonlyMap<string, DecodedSpan>;
  /** Spans of instrumentation scopes that the project ignored; absent when there are none. */
  readonly ignoredSpanIds?: ReadonlySet<string> | undefined;
  /** By event id. */
  readonly costs: ReadonlyMap<string, StoredCost>;
  /** Characters of stored text, a measure of the memory it takes. */
  readonly weight: number;
  /** Names the rows it was made from. */
  readonly versionKey: string;
  /** Nanoseconds since 1970: when its last span was received. */
  readonly receivedUnixNano: bigint;
}

export interface TraceReader {
  /**
   * Of one project; traces that are not stored are left out.
   *
   * @param receivedUntil  nanoseconds since 1970: the traces as they were then, of the spans received by then.
   * @throws PipelineError as `ClickhouseReader`.
   */
  loadTraces(projectId: string, traceIds: readonly string[], receivedUntil?: bigint): Promise<StoredTrace[]>;
}

export function createTraceReader(reader: ClickhouseReader, cache: WeightedCache<StoredTrace>): TraceReader {
  return {
    async loadTraces(projectId, traceIds, receivedUntil) {
      const found: StoredTrace[] = [];
      for (let start = 0; start < traceIds.length; start += tracesPerQuery) {
        const some = traceIds.slice(start, start + tracesPerQuery);
        for (const stored of await loadSome(projectId, some, receivedUntil)) found.push(stored);
      }
      return found;
    },
  };

  async function loadSome(
    projectId: string,
    traceIds: readonly string[],
    receivedUntil: bigint | undefined,
  ): Promise<StoredTrace[]> {
    const heads = await loadHeads(reader, projectId, traceIds);
    const found: StoredTrace[] = [];
    const missing: TraceHead[] = [];
    for (const head of heads) {
      const cached = grewAfter(head, receivedUntil) ? undefined : cache.get(cacheKey(projectId, head));
      if (cached === undefined) missing.push(head);
      else found.push(cached);
    }
    for (const { head, stored } of await makeTraces(reader, projectId, missing, receivedUntil)) {
      // What an export saw of a trace that grew since is nobody else's.
      if (!grewAfter(head, receivedUntil)) cache.set(cacheKey(projectId, head), stored, stored.weight);
      if (stored.spans.size > 0) found.push(stored);
    }
    return found;
  }
}

/** Bounds the text of one answer of the store, and of one list of parameters. */
const tracesPerQuery = 256;

interface TraceHead {
  readonly trace_id: string;
  readonly tenant_id: string;
  readonly hour_min: number;
  readonly hour_max: number;
  readonly versionKey: string;
  /** When its last span was received. */
  readonly receivedUnixNano: bigint;
}

function grewAfter(head: TraceHead, receivedUntil: bigint | undefined): boolean {
  return receivedUntil !== undefined && head.receivedUnixNano > receivedUntil;
}

function cacheKey(projectId: string, head: TraceHead): string {
  return `${projectId}/${head.trace_id}/${head.versionKey}`;
}

async function loadHeads(
  reader: ClickhouseReader,
  projectId: string,
  traceIds: readonly string[],
): Promise<TraceHead[]> {
  const rows = await reader.select<Omit<TraceHead, "versionKey" | "receivedUnixNano">>(
    `SELECT trace_id, tenant_id, hour_min, hour_max FROM traces FINAL
     WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}`,
    { project: projectId, traces: traceIds },
  );
  if (rows.length === 0) return [];
  const versions = await reader.select<{
    trace_id: string;
    span_version: string;
    event_version: string;
    received: string;
  }>(
    `SELECT trace_id, max(spans_version) AS span_version, max(events_version) AS event_version, max(last_received) AS received FROM (
       SELECT trace_id, max(version) AS spans_version, 0 AS events_version, max(received_unix_nano) AS last_received
       FROM spans ${whereTraces} GROUP BY trace_id
       UNION ALL
       SELECT trace_id, 0 AS spans_version, max(version) AS events_version, 0 AS last_received
       FROM events ${whereTraces} GROUP BY trace_id
     ) GROUP BY trace_id`,
    traceParameters(projectId, rows),
  );
  const byTrace = new Map(versions.map((row) => [row.trace_id, row]));
  return rows.map((row) => {
    const newest = byTrace.get(row.trace_id);
    return {
      ...row,
      versionKey: `${newest?.span_version ?? 0}.${newest?.event_version ?? 0}`,
      receivedUnixNano: BigInt(newest?.received ?? 0),
    };
  });
}

const whereTraces =
  "WHERE project_id = {project:String} AND hour BETWEEN {from:UInt32} AND {to:UInt32} AND trace_id IN {traces:Array(String)}";

function traceParameters(
  projectId: string,
  traces: readonly Pick<TraceHead, "trace_id" | "hour_min" | "hour_max">[],
): Record<string, unknown> {
  return {
    project: projectId,
    from: Math.min(...traces.map((trace) => trace.hour_min)),
    to: Math.max(...traces.map((trace) => trace.hour_max)),
    traces: traces.map((trace) => trace.trace_id),
  };
}

const unixNanoMax = 18_446_744_073_709_551_615n;

interface SpanTexts extends StoredSpanTexts {
  readonly trace_id: string;
  readonly is_ignored: 0 | 1;
}

interface EventFacts {
  trace_id: string;
  event_id: string;
  duplicate_of: string;
  cost_units: string | null;
  cost_input_units: string | null;
  cost_output_units: string | null;
  cost_source: string;
  usage_from: string;
  input_tokens: string | null;
  output_tokens: string | null;
  total_tokens: string | null;
  cached_input_tokens: string | null;
  cache_write_input_tokens: string | null;
  reasoning_tokens: string | null;
}

async function makeTraces(
  reader: ClickhouseReader,
  projectId: string,
  heads: readonly TraceHead[],
  receivedUntil: bigint | undefined,
): Promise<{ head: TraceHead; stored: StoredTrace }[]> {
  if (heads.length === 0) return [];
  const parameters = traceParameters(projectId, heads);
  const [spanRows, eventRows] = await Promise.all([
    reader.select<SpanTexts>(
      `SELECT trace_id, rule_id = '${ignoredScopeRule}' AS is_ignored, ${storedSpanColumns} FROM spans FINAL ${whereTraces} AND received_unix_nano <= {receivedUntil:UInt64}`,
      { ...parameters, receivedUntil: (receivedUntil ?? unixNanoMax).toString() },
    ),
    reader.select<EventFacts>(
      `SELECT trace_id, event_id, duplicate_of, cost_units, cost_input_units, cost_output_units, cost_source, usage_from,
              input_tokens, output_tokens, total_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_tokens FROM events FINAL
       ${whereTraces} AND (cost_units IS NOT NULL OR duplicate_of != '' OR usage_from != '')`,
      parameters,
    ),
  ]);
  const spansByTrace = Map.groupBy(spanRows, (row) => row.trace_id);
  const factsByTrace = Map.groupBy(eventRows, (row) => row.trace_id);
  return heads.map((head) => ({
    head,
    stored: makeTrace(head, spansByTrace.get(head.trace_id) ?? [], factsByTrace.get(head.trace_id) ?? []),
  }));
}

function makeTrace(head: TraceHead, texts: readonly SpanTexts[], facts: readonly EventFacts[]): StoredTrace {
  const read = createStoredSpanReader();
  let weight = 1000;
  const spans = texts.map((row) => {
    weight += row.span.length + 500;
    return read(row);
  });
  const ignored = spans.filter((_, index) => texts[index]?.is_ignored === 1).map((span) => span.spanId);
  const ignoredSpanIds = ignored.length === 0 ? undefined : new Set(ignored);
  const trace = mapTrace(spans, { tenantId: head.tenant_id, ignoredSpanIds });
  return {
    trace: markDuplicates(trace, facts),
    spans: new Map(spans.map((span) => [span.spanId, span])),
    ignoredSpanIds,
    costs: costsOf(facts),
    weight,
    versionKey: head.versionKey,
    receivedUnixNano: head.receivedUnixNano,
  };
}

function costsOf(facts: readonly EventFacts[]): Map<string, StoredCost> {
  const costs = new Map<string, StoredCost>();
  for (const row of facts) {
    if (row.cost_units === null) continue;
    costs.set(row.event_id, {
      units: BigInt(row.cost_units),
      inputUnits: row.cost_input_units === null ? null : BigInt(row.cost_input_units),
      outputUnits: row.cost_output_units === null ? null : BigInt(row.cost_output_units),
      priceTable: row.cost_source === "reported" ? null : row.cost_source,
    });
  }
  return costs;
}

/** A copy may lie in another trace, so mapping one trace cannot find it; the processor did, and stored it. */
function markDuplicates(trace: FoldedTrace, facts: readonly EventFacts[]): FoldedTrace {
  const marks = new Map(facts.flatMap(markOf));
  if (marks.size === 0) return trace;
  const mark = (event: AgentEvent): AgentEvent => {
    const found = marks.get(event.eventId);
    // `as`: only calls have a mark of counts.
    return found === undefined ? event : ({ ...event, ...found } as AgentEvent);
  };
  const marked = new Map(trace.events.map((event) => [event.eventId, mark(event)]));
  const markedOf = (events: readonly AgentEvent[]): AgentEvent[] =>
    events.map((event) => marked.get(event.eventId) ?? event);
  // Spans refer to each other as parent and children, so their events are exchanged in place; nobody else has seen this trace yet.
  for (const span of trace.spans) (span as { events: FoldedSpan["events"] }).events = markedOf(span.events);
  return {
    ...trace,
    events: markedOf(trace.events),
    turns: trace.turns.map((turn) => ({ ...turn, events: markedOf(turn.events) })),
  };
}

type StoredMark = Pick<LlmCallEvent, "duplicateOf" | "usageFrom" | keyof TokenUsage>;

function markOf(row: EventFacts): [eventId: string, mark: StoredMark][] {
  if (row.duplicate_of === "" && row.usage_from === "") return [];
  const mark: StoredMark = {};
  if (row.duplicate_of !== "") mark.duplicateOf = row.duplicate_of;
  if (row.usage_from === "") return [[row.event_id, mark]];
  mark.usageFrom = row.usage_from;
  const counts: [keyof TokenUsage, string | null][] = [
    ["inputTokens", row.input_tokens],
    ["outputTokens", row.output_tokens],
    ["totalTokens", row.total_tokens],
    ["cachedInputTokens", row.cached_input_tokens],
    ["cacheWriteInputTokens", row.cache_write_input_tokens],
    ["reasoningTokens", row.reasoning_tokens],
  ];
  for (const [field, count] of counts) if (count !== null) mark[field] = Number(count);
  return [[row.event_id, mark]];
}
