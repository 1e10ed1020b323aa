/**
 * Records in, rows in the store out: the work of the owner of one partition on one batch.
 *
 *     load what is stored of cold traces -> fold -> mark copies -> difference to what is stored -> insert -> look for copies again
 *
 * Everything that is written carries the version (owner epoch, sequence), so a repeat, or a writer that lost the partition, changes nothing
 * (laws 2 and 5). Keys that an insert may write are noted before it starts: if it fails half-way, the next attempt replaces or hides them all.
 */
import { hash } from "node:crypto";
import { toIgnored } from "@nonet/ingest/map/ignored-scope.ts";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { Refold } from "@nonet/proto/record-codec.ts";
import { createStoredSpanReader } from "@nonet/proto/stored-span.ts";
import type { TableName, TraceRow } from "@nonet/proto/tables.ts";
import { type CostOf, costOfCall } from "../fold/cost.ts";
import type { FoldedTrace } from "../fold/folded-trace.ts";
import { callKeysOf, callReportsOf, markCopies, toKeyText } from "../fold/trace-copies.ts";
import { addSpans, createTraceState, foldState, isTie } from "../fold/trace-state.ts";
import type { CallReports, StoredReports } from "../store/clickhouse/call-reports.ts";
import type { ClickhouseStore, LiveKeys, StoredSpan } from "../store/clickhouse/clickhouse-store.ts";
import { liveLine, type RowText, tombstoneLine, toRowKey, toRowText } from "../store/clickhouse/row-text.ts";
import { derivedRowsOf } from "../store/clickhouse/rows/derived-rows.ts";
import { hourOf } from "../store/clickhouse/rows/hour.ts";
import { toSpanRow } from "../store/clickhouse/rows/span-row.ts";
import { digestOfSpan, type SpanContent, type SpanDigests } from "../store/clickhouse/span-digests.ts";
import { type CallCopiesDeps, type CopySubject, keysOf, startCopyRound } from "./call-copies.ts";
import type { RefoldRecord, SpanRecord } from "./decode-records.ts";
import { type DerivedTable, derivedTables, type HotTrace, type HotTraces, type TraceStamps } from "./hot-traces.ts";
import { reloadsOf, splitAtReloads, toReloadedRow } from "./reload.ts";
import type { StampMeanings } from "./stamp-meanings.ts";

/** One trace that a batch changed, as it now is. */
export interface MaterializedTrace {
  readonly projectId: string;
  readonly version: bigint;
  readonly folded: FoldedTrace;
  /** Minutes since 1970 whose metric points were written or hidden. */
  readonly minutes: ReadonlySet<number>;
  /** Sessions it belonged to until this batch, and belongs to no longer. */
  readonly leftSessionIds: ReadonlySet<string>;
  /** To be called when whoever follows minutes and sessions has them; until then the next attempt tells them again. */
  noteTold(): void;
}

export interface MaterializeDeps {
  readonly store: ClickhouseStore;
  readonly reports: Pick<CallReports, "ofTraces">;
  readonly digests: SpanDigests;
  readonly copies: CallCopiesDeps;
  readonly hot: HotTraces;
  readonly stamps: StampMeanings;
  now(): number;
  /** A rule threw: the span became a plain node. Counted by rule. */
  onDefect(ruleId: string, error: unknown): void;
}

type Lines = { readonly [T in TableName]: string[] };

/** One trace of the batch. */
interface Work extends CopySubject {
  readonly folded: FoldedTrace;
  readonly costOf: CostOf;
  /** Also what seems unchanged: after a remap the store may hold rows of another mapping. */
  rewrite: boolean;
}

/** Looks after writes that changed a mark again; each is one more write of another owner, who tells of it anyway. */
const looksMax = 10;

/**
 * @param records of one partition, in offset order. Repeats of a span are no-ops; of two copies the better one stays (event mapping 1.3).
 * @param nextVersion of each write; larger than that of every earlier write of this partition.
 * @throws PipelineError `STORE_UNAVAILABLE`, `LOG_UNAVAILABLE`: the same records must come again. `STORE_REJECTED`: a defect, repeating cannot help.
 */
export async function materialize(
  records: readonly (SpanRecord | RefoldRecord)[],
  nextVersion: () => bigint,
  deps: MaterializeDeps,
): Promise<MaterializedTrace[]> {
  const materialized: MaterializedTrace[] = [];
  for (const run of splitAtReloads(records)) materialized.push(...(await materializeRun(run, nextVersion, deps)));
  return materialized;
}

async function materializeRun(
  records: readonly (SpanRecord | RefoldRecord)[],
  nextVersion: () => bigint,
  deps: MaterializeDeps,
): Promise<MaterializedTrace[]> {
  const unmarks = records.filter((each) => isCommand(each, "unmark"));
  const works = await startWorks(
    records.filter((each) => !isCommand(each, "unmark")),
    deps,
  );
  const copies = startCopyRound(
    works,
    unmarks.map(({ record }) => record),
    deps.copies,
  );
  await copies.withdraw();
  await copies.look("before the write");
  // A command about copies that changed nothing leaves nothing to write.
  let due = works.filter(
    ({ trace, isTold }) =>
      isTold || trace.hasUnstoredMarks || trace.changedMinutes.size + trace.leftSessionIds.size > 0,
  );
  const written = new Set<Work>();
  let version = 0n;
  for (let looks = 0; ; looks += 1) {
    if (due.length > 0) {
      version = nextVersion();
      await write(due, version, deps.store);
      for (const work of due) written.add(work);
    }
    const changed = await copies.look("after the write");
    if (changed.size === 0) break;
    if (looks === looksMax) throw new PipelineError("STORE_UNAVAILABLE", "copies of model calls change all the time");
    due = works.filter(({ trace }) => changed.has(trace));
  }
  await copies.tell();
  deps.hot.evict(deps.now());
  return [...written].map(({ trace, folded }) => ({
    projectId: trace.projectId,
    version,
    folded: markCopies(folded, trace.marks),
    minutes: new Set(trace.changedMinutes),
    leftSessionIds: new Set(trace.leftSessionIds),
    noteTold() {
      trace.changedMinutes.clear();
      trace.leftSessionIds.clear();
    },
  }));
}

function isCommand(each: SpanRecord | RefoldRecord, reason: "mark" | "unmark"): each is RefoldRecord {
  return each.kind === "refold" && each.record.reason === reason;
}

/** Adds the records to their traces and folds each. A command for a trace that was never stored has nothing to do. */
async function startWorks(records: readonly (SpanRecord | RefoldRecord)[], deps: MaterializeDeps): Promise<Work[]> {
  const traces = await gatherTraces(records, deps);
  const byTrace = Map.groupBy(records, (each) => traces.get(traceKey(each)));
  const works: Work[] = [];
  const ties: Tie[] = [];
  for (const [trace, own] of byTrace) {
    if (trace === undefined) continue;
    let rewrite = false;
    let isTold = false;
    for (const each of own) {
      deps.hot.touch(trace, deps.now(), each.kind === "span" ? each.record.span.length : 0);
      if (each.kind === "span") {
        const mapped = await addSpan(trace, each, deps);
        if (mapped !== undefined) ties.push({ trace, each, mapped });
      } else if (!isCommand(each, "mark")) restamp(trace, each);
      rewrite ||= each.kind === "refold" && !isCommand(each, "mark");
      isTold ||= !isCommand(each, "mark");
    }
    const folded = foldState(trace.state);
    const reports = callReportsOf(folded);
    const named = own.flatMap((each) => (isCommand(each, "mark") ? keysOf(each.record) : []));
    // Of a trace that was read back the store tells which marks there are, and not all that they say.
    const asked = !isTold && trace.toldReports.size === 0 ? reports.flatMap(callKeysOf) : named;
    works.push({ trace, folded, costOf: await costOfTrace(trace, deps), reports, isTold, asked, rewrite });
  }
  if (ties.length > 0) await settleTies(ties, deps);
  return works;
}

/** A copy of a span that differs from the one that is kept in nothing the mapping reads, or not at all. */
interface Tie {
  readonly trace: HotTrace;
  readonly each: SpanRecord;
  readonly mapped: MappedSpan;
}

/** Of two such copies that with the greater digest stays, whichever came first (law 3). */
async function settleTies(ties: readonly Tie[], deps: MaterializeDeps): Promise<void> {
  for (const [projectId, own] of Map.groupBy(ties, ({ trace }) => trace.projectId)) {
    const places = own
      .filter(({ trace, mapped }) => trace.unstoredSpans.get(mapped.spanId)?.content === undefined)
      .map(({ mapped: { traceId, spanId, startTimeUnixNano } }) => ({
        traceId,
        spanId,
        hour: hourOf(startTimeUnixNano),
      }));
    const stored = places.length === 0 ? new Map<string, string>() : await deps.digests.ofStored(projectId, places);
    for (const { trace, each, mapped } of own) {
      const { spanId, traceId } = mapped;
      // A better copy may have come later in the batch.
      if (!isTie(trace.state, mapped)) continue;
      const content = trace.unstoredSpans.get(spanId)?.content;
      const kept = content === undefined ? stored.get(`${traceId} ${spanId}`) : digestOfSpan(content);
      if (kept === undefined || digestOfSpan(contentOf(each)) <= kept) continue;
      keepSpan(trace, each, mapped);
    }
  }
}

function contentOf({ record, resource, scope }: SpanRecord): SpanContent {
  return { span: record.span, resource, scope };
}

async function write(works: readonly Work[], version: bigint, store: ClickhouseStore): Promise<void> {
  const lines: Lines = { traces: [], spans: [], events: [], sessions: [], metric_points: [] };
  const stored: (() => void)[] = [];
  for (const work of works) stored.push(appendChanges(lines, work, version));
  await store.insert(lines);
  for (const noteStored of stored) noteStored();
  for (const work of works) {
    work.rewrite = false;
    work.trace.hasUnstoredMarks = false;
  }
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
  const reloads = reloadsOf(records);
  for (const each of records) {
    const key = traceKey(each);
    if (traces.has(key)) continue;
    const traceId = key.slice(key.indexOf("\n") + 1);
    const hot = deps.hot.get(each.record.projectId, traceId);
    if (hot !== undefined && !reloads.has(key)) {
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
    for (const trace of await loadTraces(projectId, [...wanted.keys()], reloads, deps)) {
      traces.set(`${projectId}\n${trace.traceId}`, trace);
      replaceHot(trace, deps.hot);
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

/** What nobody was told of yet of a trace that is read back is told with what comes of it. */
function replaceHot(trace: HotTrace, hot: HotTraces): void {
  const before = hot.get(trace.projectId, trace.traceId);
  if (before !== undefined) {
    hot.drop(before);
    for (const minute of before.changedMinutes) trace.changedMinutes.add(minute);
    for (const sessionId of before.leftSessionIds) trace.leftSessionIds.add(sessionId);
  }
  hot.add(trace);
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
    spanStamps: new Map(),
    carriedCosts: undefined,
    marks: new Map(),
    hasUnstoredMarks: false,
    toldReports: new Map(),
    changedMinutes: new Set(),
    leftSessionIds: new Set(),
    saidKeys: new Map(),
    hourMin: hourOf(first.mapped.startTimeUnixNano),
    hourMax: hourOf(first.mapped.startTimeUnixNano),
    bytes: 0,
    touchedMs: nowMs,
  };
}

async function loadTraces(
  projectId: string,
  traceIds: readonly string[],
  reloads: ReadonlyMap<string, Refold>,
  deps: MaterializeDeps,
): Promise<HotTrace[]> {
  const rows = await deps.store.findTraces(projectId, traceIds);
  if (rows.length === 0) return [];
  const spans = Map.groupBy(await deps.store.loadSpans(projectId, rows), (span) => span.trace_id);
  const keys = await deps.store.loadDerivedKeys(projectId, rows);
  const reports = new Map((await deps.reports.ofTraces(projectId, rows)).map((each) => [each.traceId, each]));
  const traces: HotTrace[] = [];
  for (const row of rows) {
    const stored = { spans: spans.get(row.trace_id) ?? [], keys, reports: reports.get(row.trace_id) };
    const trace = toHotTrace(row, stored, deps.now());
    await addStoredSpans(trace, stored.spans, reloads.get(`${projectId}\n${row.trace_id}`), deps);
    const hasPrices = (await deps.stamps.prices(projectId, row.price_version)) !== undefined;
    if (!hasPrices) trace.carriedCosts = await deps.store.loadCosts(projectId, row);
    traces.push(trace);
  }
  return traces;
}

interface Stored {
  readonly spans: readonly StoredSpan[];
  readonly keys: LiveKeys;
  readonly reports: StoredReports | undefined;
}

function toHotTrace(row: TraceRow, { spans, keys, reports }: Stored, nowMs: number): HotTrace {
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
    spanStamps: new Map(),
    carriedCosts: undefined,
    marks: new Map(reports?.marks),
    hasUnstoredMarks: false,
    toldReports: new Map(),
    changedMinutes: new Set(),
    leftSessionIds: new Set(),
    saidKeys: new Map(reports?.keys.map((key) => [toKeyText(key), key])),
    hourMin: row.hour_min,
    hourMax: row.hour_max,
    bytes: 0,
    touchedMs: nowMs,
  };
  for (const span of spans) {
    trace.bytes += span.span.length;
    trace.spanKeys.set(
      span.span_id,
      toRowKey("spans", {
        project_id: row.project_id,
        hour: span.hour,
        trace_id: span.trace_id,
        span_id: span.span_id,
      }),
    );
  }
  return trace;
}

/** @param reload  has the spans mapped by its versions instead of those they bear, and their rows written again where that changes them. */
async function addStoredSpans(
  trace: HotTrace,
  spans: readonly StoredSpan[],
  reload: Refold | undefined,
  deps: MaterializeDeps,
): Promise<void> {
  const mapped: MappedSpan[] = [];
  const read = createStoredSpanReader();
  for (const span of spans) {
    // Only a command about settings brings others; whatever else maps a span again leaves it those of its receipt.
    const settingsVersion = reload?.reason === "settings" ? reload.settingsVersion : span.settings_version;
    const seen = mapSpan(read(span), { onDefect: deps.onDefect });
    const each = await hideIgnored(seen, { projectId: trace.projectId, settingsVersion }, deps);
    mapped.push(each);
    trace.spanStamps.set(span.span_id, { receivedUnixNano: BigInt(span.received_unix_nano), settingsVersion });
    const row =
      reload === undefined
        ? undefined
        : toReloadedRow(trace.projectId, span, each, {
            mappingVersion: reload.mappingVersion,
            settingsVersion,
          });
    if (row !== undefined) setUnstored(trace, span.span_id, row, undefined);
  }
  addSpans(trace.state, mapped);
}

/** @returns what it is, where the mapping does not tell it from the copy that is kept. */
async function addSpan(trace: HotTrace, each: SpanRecord, deps: MaterializeDeps): Promise<MappedSpan | undefined> {
  const { projectId, receivedUnixNano, settingsVersion } = each.record;
  trace.stamps = earlierStamps(trace.stamps, each.record);
  trace.touchedMs = deps.now();
  const { spanId } = each.mapped;
  const known = trace.spanStamps.get(spanId);
  const stamp =
    known !== undefined && known.receivedUnixNano <= receivedUnixNano ? known : { receivedUnixNano, settingsVersion };
  trace.spanStamps.set(spanId, stamp);
  const mapped = await hideIgnored(each.mapped, { projectId, settingsVersion: stamp.settingsVersion }, deps);
  const kept = addSpans(trace.state, [mapped]);
  if (kept.length === 0) return isTie(trace.state, mapped) ? mapped : undefined;
  keepSpan(trace, each, mapped);
  return undefined;
}

function keepSpan(trace: HotTrace, each: SpanRecord, mapped: MappedSpan): void {
  const settingsVersion = trace.spanStamps.get(mapped.spanId)?.settingsVersion ?? each.record.settingsVersion;
  const record = { ...each.record, settingsVersion };
  setUnstored(trace, mapped.spanId, toRowText("spans", toSpanRow({ ...each, record, mapped })), contentOf(each));
}

/** By the settings of its receipt. */
async function hideIgnored(
  mapped: MappedSpan,
  { projectId, settingsVersion }: { readonly projectId: string; readonly settingsVersion: number },
  { stamps }: MaterializeDeps,
): Promise<MappedSpan> {
  if (settingsVersion === 0) return mapped;
  const isIgnored = await stamps.scopeFilter(projectId, settingsVersion);
  return isIgnored?.(mapped.scopeName) === true ? toIgnored(mapped) : mapped;
}

/** By the prices of its receipt. Where their table is lost, what was stored stays, and what is new has the prices of today. */
async function costOfTrace(trace: HotTrace, { stamps }: MaterializeDeps): Promise<CostOf> {
  const prices = await stamps.prices(trace.projectId, trace.stamps.priceVersion);
  if (prices !== undefined) return (call) => costOfCall(call, prices);
  return (call) => trace.carriedCosts?.get(call.eventId) ?? costOfCall(call);
}

function setUnstored(trace: HotTrace, spanId: string, row: RowText, content: SpanContent | undefined): void {
  const before = trace.unstoredSpans.get(spanId);
  const staleKeys = new Set(before?.staleKeys);
  for (const key of [before?.row.key, trace.spanKeys.get(spanId)]) if (key !== undefined) staleKeys.add(key);
  staleKeys.delete(row.key);
  trace.unstoredSpans.set(spanId, { row, content, staleKeys });
}

/** Law 3: of two copies the earlier stamp wins. */
function earlierStamps(a: TraceStamps, b: TraceStamps): TraceStamps {
  if (b.receivedUnixNano >= a.receivedUnixNano) return a;
  const { receivedUnixNano, mappingVersion, priceVersion, settingsVersion } = b;
  return { receivedUnixNano, mappingVersion, priceVersion, settingsVersion };
}

function restamp(trace: HotTrace, each: RefoldRecord): void {
  trace.stamps = { ...trace.stamps, ...versionsOf(each) };
}

function versionsOf({ record }: RefoldRecord): Omit<TraceStamps, "receivedUnixNano"> {
  const { mappingVersion, priceVersion, settingsVersion } = record;
  return { mappingVersion, priceVersion, settingsVersion };
}

/**
 * Lines for what differs from the store. Until the function returned is called, the keys stand as possibly written.
 */
function appendChanges(lines: Lines, work: Work, version: bigint): () => void {
  const { trace, folded, reports, costOf, rewrite } = work;
  const stored: (() => void)[] = [];
  const derived = derivedRowsOf(trace.projectId, markCopies(folded, trace.marks), { reports, costOf });

  for (const table of derivedTables) {
    const written = trace.written[table];
    const rows = derived[table];
    for (const [key, row] of rows) {
      const digest = hash("sha1", row.text.rest, "base64");
      if (written.get(key) === digest && !rewrite) continue;
      lines[table].push(liveLine(version, table, row.text));
      widenHours(trace, row.hour);
      if (table === "metric_points") trace.changedMinutes.add(row.minute);
      written.set(key, undefined);
      stored.push(() => written.set(key, digest));
    }
    for (const key of written.keys()) {
      if (rows.has(key)) continue;
      lines[table].push(tombstoneLine(version, table, key));
      if (table === "metric_points") trace.changedMinutes.add(minuteOfKey(key));
      if (table === "sessions") trace.leftSessionIds.add(sessionIdOfKey(key));
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
  return () => {
    for (const note of stored) note();
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
