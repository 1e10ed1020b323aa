/**
 * Records in, rows in the store out: the work of the owner of one partition on one batch.
 *
 *     load what is stored of cold traces -> fold -> difference to what is stored -> insert
 *
 * Everything that is written carries the version (owner epoch, sequence), so a repeat, or a writer that lost the partition, changes nothing
 * (laws 2 and 5). Keys that an insert may write are noted before it starts: if it fails half-way, the next attempt replaces or hides them all.
 */
import { hash } from "node:crypto";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import { createStoredSpanReader } from "@nonet/proto/stored-span.ts";
import type { TableName, TraceRow } from "@nonet/proto/tables.ts";
import type { FoldedTrace } from "../fold/folded-trace.ts";
import { addSpans, createTraceState, foldState } from "../fold/trace-state.ts";
import type { ClickhouseStore, LiveKeys, StoredSpan } from "../store/clickhouse/clickhouse-store.ts";
import { liveLine, type RowText, toKeyText, tombstoneLine, toRowText } from "../store/clickhouse/row-text.ts";
import { derivedRowsOf } from "../store/clickhouse/rows/derived-rows.ts";
import { hourOf } from "../store/clickhouse/rows/hour.ts";
import { toSpanRow } from "../store/clickhouse/rows/span-row.ts";
import type { RefoldRecord, SpanRecord } from "./decode-records.ts";
import { type DerivedTable, derivedTables, type HotTrace, type HotTraces, type TraceStamps } from "./hot-traces.ts";

/** One trace that a batch changed, as it now is. */
export interface MaterializedTrace {
  readonly projectId: string;
  readonly version: bigint;
  readonly folded: FoldedTrace;
  /** Minutes since 1970 whose metric points were written or hidden. */
  readonly minutes: ReadonlySet<number>;
  /** Sessions it belonged to until this batch, and belongs to no longer. */
  readonly leftSessionIds: ReadonlySet<string>;
}

export interface MaterializeDeps {
  readonly store: ClickhouseStore;
  readonly hot: HotTraces;
  now(): number;
  /** A rule threw: the span became a plain node. Counted by rule. */
  onDefect(ruleId: string, error: unknown): void;
}

type Lines = { readonly [T in TableName]: string[] };

/**
 * @param records of one partition, in offset order. Repeats of a span are no-ops; of two copies the better one stays (event mapping 1.3).
 * @param version of this attempt; larger than that of every earlier write of this partition.
 * @throws PipelineError `STORE_UNAVAILABLE`: the same records must come again. `STORE_REJECTED`: a defect, repeating cannot help.
 */
export async function materialize(
  records: readonly (SpanRecord | RefoldRecord)[],
  version: bigint,
  deps: MaterializeDeps,
): Promise<MaterializedTrace[]> {
  const traces = await gatherTraces(records, deps);
  const refolded = new Set<HotTrace>();
  for (const each of records) {
    const trace = traces.get(traceKey(each));
    // A refold of a trace that was never stored has nothing to do.
    if (trace === undefined) continue;
    if (each.kind === "span") addSpan(trace, each, deps.now());
    else refolded.add(restamp(trace, each));
    deps.hot.touch(trace, deps.now(), each.kind === "span" ? each.record.span.length : 0);
  }

  const lines: Lines = { traces: [], spans: [], events: [], sessions: [], metric_points: [] };
  const changed: (MaterializedTrace & { noteStored(): void })[] = [];
  for (const trace of traces.values()) {
    const folded = foldState(trace.state);
    const changes = appendChanges(lines, trace, folded, version, refolded.has(trace));
    changed.push({ projectId: trace.projectId, version, folded, ...changes });
  }
  await deps.store.insert(lines);
  for (const each of changed) each.noteStored();
  deps.hot.evict(deps.now());
  return changed;
}

function traceKey(each: SpanRecord | RefoldRecord): string {
  return `${each.record.projectId}\n${each.kind === "span" ? each.mapped.traceId : each.record.traceId}`;
}

/** The traces of the batch: hot ones, those that are stored, and new ones. One question to the store per project, none when all are hot. */
async function gatherTraces(
  records: readonly (SpanRecord | RefoldRecord)[],
  deps: MaterializeDeps,
): Promise<Map<string, HotTrace>> {
  const traces = new Map<string, HotTrace>();
  const cold = new Map<string, Map<string, SpanRecord | RefoldRecord>>();
  for (const each of records) {
    const key = traceKey(each);
    if (traces.has(key)) continue;
    const traceId = key.slice(key.indexOf("\n") + 1);
    const hot = deps.hot.get(each.record.projectId, traceId);
    if (hot !== undefined) {
      traces.set(key, hot);
      continue;
    }
    const ofProject = cold.get(each.record.projectId) ?? new Map<string, SpanRecord | RefoldRecord>();
    const first = ofProject.get(traceId);
    // A span rather than a command: only a span can begin a trace.
    if (first === undefined || first.kind === "refold") ofProject.set(traceId, each);
    cold.set(each.record.projectId, ofProject);
  }
  for (const [projectId, wanted] of cold) {
    for (const trace of await loadTraces(projectId, [...wanted.keys()], deps)) {
      traces.set(`${projectId}\n${trace.traceId}`, trace);
      deps.hot.add(trace);
    }
    for (const [traceId, first] of wanted) {
      const key = `${projectId}\n${traceId}`;
      if (traces.has(key) || first.kind === "refold") continue;
      const trace = newTrace(first, deps.now());
      traces.set(key, trace);
      deps.hot.add(trace);
    }
  }
  return traces;
}

function newTrace(first: SpanRecord, nowMs: number): HotTrace {
  return {
    tenantId: first.record.tenantId,
    projectId: first.record.projectId,
    traceId: first.mapped.traceId,
    state: createTraceState({ tenantId: first.record.tenantId }),
    stamps: first.record,
    written: { events: new Map(), sessions: new Map(), metric_points: new Map() },
    unstoredSpans: new Map(),
    writtenTrace: undefined,
    spanKeys: new Map(),
    hourMin: hourOf(first.mapped.startTimeUnixNano),
    hourMax: hourOf(first.mapped.startTimeUnixNano),
    bytes: 0,
    touchedMs: nowMs,
  };
}

async function loadTraces(projectId: string, traceIds: readonly string[], deps: MaterializeDeps): Promise<HotTrace[]> {
  const rows = await deps.store.findTraces(projectId, traceIds);
  if (rows.length === 0) return [];
  const spans = Map.groupBy(await deps.store.loadSpans(projectId, rows), (span) => span.trace_id);
  const keys = await deps.store.loadDerivedKeys(projectId, rows);
  return rows.map((row) => toHotTrace(row, spans.get(row.trace_id) ?? [], keys, deps));
}

function toHotTrace(row: TraceRow, spans: readonly StoredSpan[], keys: LiveKeys, deps: MaterializeDeps): HotTrace {
  const keysOf = (table: DerivedTable) =>
    new Map<string, string | undefined>(
      keys[table].filter((each) => each.traceId === row.trace_id).map((each) => [each.key, undefined]),
    );
  const trace: HotTrace = {
    tenantId: row.tenant_id,
    projectId: row.project_id,
    traceId: row.trace_id,
    state: createTraceState({ tenantId: row.tenant_id }),
    stamps: {
      receivedUnixNano: BigInt(row.received_unix_nano),
      mappingVersion: row.mapping_version,
      priceVersion: row.price_version,
      settingsVersion: row.settings_version,
    },
    written: { events: keysOf("events"), sessions: keysOf("sessions"), metric_points: keysOf("metric_points") },
    unstoredSpans: new Map(),
    writtenTrace: undefined,
    spanKeys: new Map(),
    hourMin: row.hour_min,
    hourMax: row.hour_max,
    bytes: 0,
    touchedMs: deps.now(),
  };
  for (const span of spans) {
    trace.bytes += span.span.length;
    trace.spanKeys.set(
      span.span_id,
      toKeyText("spans", {
        project_id: row.project_id,
        hour: span.hour,
        trace_id: span.trace_id,
        span_id: span.span_id,
      }),
    );
  }
  const read = createStoredSpanReader();
  addSpans(
    trace.state,
    spans.map((span) => mapSpan(read(span), { onDefect: deps.onDefect })),
  );
  return trace;
}

function addSpan(trace: HotTrace, each: SpanRecord, nowMs: number): void {
  trace.stamps = earlierStamps(trace.stamps, each.record);
  trace.touchedMs = nowMs;
  const kept = addSpans(trace.state, [each.mapped]);
  if (kept.includes(each.mapped.spanId)) {
    setUnstored(trace, each.mapped.spanId, toRowText("spans", toSpanRow(each)));
  }
}

function setUnstored(trace: HotTrace, spanId: string, row: RowText): void {
  const before = trace.unstoredSpans.get(spanId);
  const staleKeys = new Set(before?.staleKeys);
  for (const key of [before?.row.key, trace.spanKeys.get(spanId)]) if (key !== undefined) staleKeys.add(key);
  staleKeys.delete(row.key);
  trace.unstoredSpans.set(spanId, { row, staleKeys });
}

/** Law 3: of two copies the earlier stamp wins. */
function earlierStamps(a: TraceStamps, b: TraceStamps): TraceStamps {
  return b.receivedUnixNano < a.receivedUnixNano ? b : a;
}

function restamp(trace: HotTrace, each: RefoldRecord): HotTrace {
  trace.stamps = { ...trace.stamps, ...versionsOf(each) };
  return trace;
}

function versionsOf({ record }: RefoldRecord): Omit<TraceStamps, "receivedUnixNano"> {
  const { mappingVersion, priceVersion, settingsVersion } = record;
  return { mappingVersion, priceVersion, settingsVersion };
}

/**
 * Lines for what differs from the store. Until `noteStored`, the keys stand as possibly written.
 *
 * @param rewrite also what seems unchanged: after a refold the store may hold rows of another mapping.
 */
function appendChanges(
  lines: Lines,
  trace: HotTrace,
  folded: FoldedTrace,
  version: bigint,
  rewrite: boolean,
): Pick<MaterializedTrace, "minutes" | "leftSessionIds"> & { noteStored(): void } {
  const minutes = new Set<number>();
  const leftSessionIds = new Set<string>();
  const stored: (() => void)[] = [];
  const derived = derivedRowsOf(trace.projectId, folded);

  for (const table of derivedTables) {
    const written = trace.written[table];
    const rows = derived[table];
    for (const [key, row] of rows) {
      const digest = hash("sha1", row.text.rest, "base64");
      if (written.get(key) === digest && !rewrite) continue;
      lines[table].push(liveLine(version, table, row.text));
      widenHours(trace, row.hour);
      if (table === "metric_points") minutes.add(row.minute);
      written.set(key, undefined);
      stored.push(() => written.set(key, digest));
    }
    for (const key of written.keys()) {
      if (rows.has(key)) continue;
      lines[table].push(tombstoneLine(version, table, key));
      if (table === "metric_points") minutes.add(minuteOfKey(key));
      if (table === "sessions") leftSessionIds.add(sessionIdOfKey(key));
      stored.push(() => written.delete(key));
    }
  }

  for (const [spanId, unstored] of trace.unstoredSpans) {
    lines.spans.push(liveLine(version, "spans", unstored.row));
    for (const key of unstored.staleKeys) lines.spans.push(tombstoneLine(version, "spans", key));
    stored.push(() => {
      // A better copy may have come while the insert ran.
      if (trace.unstoredSpans.get(spanId) === unstored) trace.unstoredSpans.delete(spanId);
      trace.spanKeys.set(spanId, unstored.row.key);
    });
  }
  for (const span of folded.spans) widenHours(trace, hourOf(span.startTimeUnixNano));
  const own = derived.traceRow(trace);
  const ownDigest = hash("sha1", own.rest, "base64");
  if (ownDigest !== trace.writtenTrace || rewrite) {
    lines.traces.push(liveLine(version, "traces", own));
    stored.push(() => {
      trace.writtenTrace = ownDigest;
    });
  }
  return {
    minutes,
    leftSessionIds,
    noteStored() {
      for (const note of stored) note();
    },
  };
}

function widenHours(trace: HotTrace, hour: number): void {
  trace.hourMin = Math.min(trace.hourMin, hour);
  trace.hourMax = Math.max(trace.hourMax, hour);
}

/** The key is project, hour, session and trace. */
function sessionIdOfKey(key: string): string {
  const [, , sessionId] = JSON.parse(`[${key}]`) as [string, number, string];
  return sessionId;
}

/** The key begins with the project and the minute. */
function minuteOfKey(key: string): number {
  const [, minute] = JSON.parse(`[${key}]`) as [string, number];
  return minute;
}
