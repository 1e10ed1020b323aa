/** Every stored trace gives, mapped again from its stored spans, exactly the rows that are stored: events, sessions, points, and its own. */
import { toIgnored } from "@nonet/ingest/map/ignored-scope.ts";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { StampMeanings } from "@nonet/processor/consume/stamp-meanings.ts";
import { type CostOf, costOfCall } from "@nonet/processor/fold/cost.ts";
import { callKeysOf, callReportsOf, findCopyMarks, markCopies, toKeyText } from "@nonet/processor/fold/trace-copies.ts";
import { addSpans, createTraceState, foldState } from "@nonet/processor/fold/trace-state.ts";
import type { CallReports } from "@nonet/processor/store/clickhouse/call-reports.ts";
import type { ClickhouseStore, StoredSpan } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import type { RowText } from "@nonet/processor/store/clickhouse/row-text.ts";
import { derivedRowsOf } from "@nonet/processor/store/clickhouse/rows/derived-rows.ts";
import { hourOf } from "@nonet/processor/store/clickhouse/rows/hour.ts";
import { tableLayouts } from "@nonet/processor/store/clickhouse/table-columns.ts";
import { createStoredSpanReader } from "@nonet/proto/stored-span.ts";
import type { TableName, TraceRow } from "@nonet/proto/tables.ts";
import { mappingVersion } from "@nonet/proto/versions.ts";
import { type Cells, columnsOfRow, isSameCell, type StoredTables } from "./stored-tables.ts";

export interface VerifyTracesDeps {
  readonly tables: StoredTables;
  readonly store: Pick<ClickhouseStore, "findTraces" | "loadSpans" | "loadCosts">;
  readonly reports: CallReports;
  readonly stamps: StampMeanings;
  /** Waits before another look. */
  pause(ms: number): Promise<void>;
}

export interface TraceKey {
  readonly projectId: string;
  readonly traceId: string;
  readonly spanCount: number;
}

export interface CheckedTraces {
  readonly spans: number;
  readonly events: number;
  readonly older: number;
  /** By trace id, sentences. */
  readonly differences: ReadonlyMap<string, readonly string[]>;
}

const tracesPerPage = 100;
/** Bounds what is in memory at once, but for a single larger trace. */
const spansPerPage = 5_000;
const looks = 3;
const lookPauseMs = 2_000;
const derivedTables = ["events", "sessions", "metric_points"] as const satisfies readonly TableName[];

/** The traces behind `after`, in the order of their keys, as many as are checked together; all of one project. */
export async function nextTraces(
  tables: StoredTables,
  projectId: string | undefined,
  after: { readonly projectId: string; readonly traceId: string },
): Promise<TraceKey[]> {
  const rows = await tables.select<{ project_id: string; trace_id: string; span_count: number }>(
    `SELECT project_id, trace_id, span_count FROM traces FINAL
     WHERE (project_id, trace_id) > ({afterProject:String}, {afterTrace:String}) ${projectId === undefined ? "" : "AND project_id = {project:String}"}
     ORDER BY project_id, trace_id LIMIT ${tracesPerPage}`,
    { afterProject: after.projectId, afterTrace: after.traceId, project: projectId ?? "" },
  );
  const page: TraceKey[] = [];
  let spans = 0;
  for (const row of rows) {
    spans += row.span_count;
    if (page.length > 0 && (spans > spansPerPage || row.project_id !== page[0]?.projectId)) break;
    page.push({ projectId: row.project_id, traceId: row.trace_id, spanCount: row.span_count });
  }
  return page;
}

/** Ingest may run: what differs is looked at again, and is told when it still does and nobody wrote meanwhile. */
export async function checkTraces(page: readonly TraceKey[], deps: VerifyTracesDeps): Promise<CheckedTraces> {
  const projectId = page[0]?.projectId ?? "";
  let checked = await look(
    projectId,
    page.map((key) => key.traceId),
    deps,
  );
  const { spans, events, older } = checked;
  for (let again = 1; again < looks && checked.differences.size > 0; again += 1) {
    await deps.pause(lookPauseMs);
    const before = checked.differences;
    const next = await look(projectId, [...before.keys()], deps);
    checked = {
      ...next,
      differences: new Map([...next.differences].filter(([id, found]) => before.get(id)?.join() === found.join())),
    };
  }
  return { spans, events, older, differences: checked.differences };
}

async function look(projectId: string, traceIds: readonly string[], deps: VerifyTracesDeps): Promise<CheckedTraces> {
  const heads = await deps.store.findTraces(projectId, traceIds);
  const current = heads.filter((head) => head.mapping_version === mappingVersion);
  const differences = new Map<string, string[]>();
  let spanCount = 0;
  let eventCount = 0;
  if (current.length > 0) {
    const ids = current.map((head) => head.trace_id);
    const spans = Map.groupBy(await deps.store.loadSpans(projectId, current), (span) => span.trace_id);
    const stored = new Map<TableName, Map<string, Cells[]>>();
    for (const table of ["traces", ...derivedTables] as const) {
      const at = columnsOfRow(table).indexOf("trace_id");
      const rows = await deps.tables.rowsOfTraces(table, projectId, ids);
      stored.set(
        table,
        Map.groupBy(rows, (row) => String(row[at])),
      );
    }
    for (const head of current) {
      const ofTrace = spans.get(head.trace_id) ?? [];
      spanCount += ofTrace.length;
      eventCount += stored.get("events")?.get(head.trace_id)?.length ?? 0;
      const found = await compareTrace(head, ofTrace, stored, deps);
      if (found.length > 0) differences.set(head.trace_id, [`version ${head.version}`, ...found]);
    }
  }
  return { spans: spanCount, events: eventCount, older: heads.length - current.length, differences };
}

async function compareTrace(
  head: TraceRow,
  spans: readonly StoredSpan[],
  stored: ReadonlyMap<TableName, ReadonlyMap<string, Cells[]>>,
  deps: VerifyTracesDeps,
): Promise<string[]> {
  const projectId = head.project_id;
  const found: string[] = [];
  const read = createStoredSpanReader();
  const state = createTraceState({ tenantId: head.tenant_id });
  for (const span of spans) {
    const seen = mapSpan(read(span));
    const isIgnored = await deps.stamps.scopeFilter(projectId, span.settings_version);
    const mapped = isIgnored?.(seen.scopeName) === true ? toIgnored(seen) : seen;
    if (mapped.traceId !== head.trace_id || mapped.spanId !== span.span_id) {
      found.push(`span ${span.span_id}: its bytes are those of ${mapped.traceId}/${mapped.spanId}`);
    }
    if (span.hour !== hourOf(mapped.startTimeUnixNano)) found.push(`span ${span.span_id}: stands under another hour`);
    if (span.class !== mapped.class || span.rule_id !== mapped.ruleId) {
      found.push(
        `span ${span.span_id}: stored as ${span.class} by ${span.rule_id}, is ${mapped.class} by ${mapped.ruleId}`,
      );
    }
    addSpans(state, [mapped]);
  }
  const folded = foldState(state);
  const reports = callReportsOf(folded);
  const marks = await marksOf(head, reports, deps);
  const derived = derivedRowsOf(projectId, markCopies(folded, marks), { reports, costOf: await costOf(head, deps) });
  for (const table of derivedTables) {
    const texts = [...derived[table].values()].map((row) => row.text);
    found.push(...compareRows(table, texts, stored.get(table)?.get(head.trace_id) ?? []));
  }
  const own = derived.traceRow({
    tenantId: head.tenant_id,
    projectId,
    // They only widen, and so depend on the way here.
    hourMin: head.hour_min,
    hourMax: head.hour_max,
    stamps: {
      receivedUnixNano: BigInt(head.received_unix_nano),
      mappingVersion: head.mapping_version,
      priceVersion: head.price_version,
      settingsVersion: head.settings_version,
    },
  });
  found.push(...compareRows("traces", [own], stored.get("traces")?.get(head.trace_id) ?? []));
  return found;
}

type Reports = ReturnType<typeof callReportsOf>;

/** What copies in other traces make of this one: from what these say in the store, where they are compared in their turn. */
async function marksOf(
  head: TraceRow,
  reports: Reports,
  deps: VerifyTracesDeps,
): Promise<ReturnType<typeof findCopyMarks>> {
  const keys = reports.flatMap(callKeysOf);
  if (keys.length === 0 || (await deps.reports.scopesOf(head.project_id)).length < 2) return new Map();
  const found = await deps.reports.find(head.project_id, keys, new Set([head.trace_id]));
  const foreign = found.reports.filter((report) => report.traceId !== head.trace_id);
  const crowded = new Set(found.crowded.map(toKeyText));
  return findCopyMarks([...reports, ...foreign], head.tenant_id, (key) => crowded.has(toKeyText(key)));
}

async function costOf(head: TraceRow, deps: VerifyTracesDeps): Promise<CostOf> {
  const prices = await deps.stamps.prices(head.project_id, head.price_version);
  if (prices !== undefined) return (call) => costOfCall(call, prices);
  // The table of its receipt is lost: what was stored is what there is.
  const carried = await deps.store.loadCosts(head.project_id, head);
  return (call) => carried.get(call.eventId) ?? costOfCall(call);
}

function compareRows(table: TableName, derived: readonly RowText[], stored: readonly Cells[]): string[] {
  const found: string[] = [];
  const keyColumns = tableLayouts[table].key;
  const columns = columnsOfRow(table);
  const keyOf = (row: Cells) => JSON.stringify(row.slice(0, keyColumns.length).map(String));
  const wanted = new Map<string, Cells>();
  for (const text of derived) {
    const row = JSON.parse(`[${text.key},${text.rest}]`) as unknown[];
    wanted.set(keyOf(row), row);
  }
  for (const row of stored) {
    const key = keyOf(row);
    const own = wanted.get(key);
    wanted.delete(key);
    if (own === undefined) found.push(`${table} ${key}: stored, and follows from no span`);
    else {
      const other = columns.filter((_, index) => !isSameCell(own[index], row[index]));
      for (const column of other) {
        const index = columns.indexOf(column);
        found.push(`${table} ${key}: ${column} is ${shortOf(row[index])}, and should be ${shortOf(own[index])}`);
      }
    }
  }
  for (const key of wanted.keys()) found.push(`${table} ${key}: missing`);
  return found;
}

function shortOf(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 120 ? text : `${text.slice(0, 120)}…`;
}
