/**
 * The traces a partition owner keeps in memory between batches, bounded by count, bytes and age. Forgetting one costs a load from the store
 * when its next span comes, nothing else: whatever is here has been stored, or is being stored by the running batch.
 */

import type { CallCost } from "../fold/cost.ts";
import type { CallKey, CallReport, CopyMark } from "../fold/trace-copies.ts";
import type { TraceState } from "../fold/trace-state.ts";
import type { RowText } from "../store/clickhouse/row-text.ts";
import type { SpanContent } from "../store/clickhouse/span-digests.ts";

/** The stamps of law 3: of the copy received first. */
export interface TraceStamps {
  readonly receivedUnixNano: bigint;
  readonly mappingVersion: number;
  readonly priceVersion: string;
  readonly settingsVersion: number;
}

export interface SpanStamp {
  readonly receivedUnixNano: bigint;
  readonly settingsVersion: number;
}

/** Digest of a row by its key text; `undefined` where the row may be in the store with any content, so it is written or hidden again. */
export type WrittenRows = Map<string, string | undefined>;

export const derivedTables = ["events", "sessions", "metric_points"] as const;
export type DerivedTable = (typeof derivedTables)[number];

export interface UnstoredSpan {
  readonly row: RowText;
  /** Undefined where it is that of the row that is in the store. */
  readonly content: SpanContent | undefined;
  /** Keys under which other copies of the span stand, or may stand. */
  readonly staleKeys: ReadonlySet<string>;
}

export interface HotTrace {
  readonly tenantId: string;
  readonly projectId: string;
  readonly traceId: string;
  readonly state: TraceState;
  stamps: TraceStamps;
  readonly written: { readonly [T in DerivedTable]: WrittenRows };
  /** Key text of the row of each span that is, or may be, in the store. */
  readonly spanKeys: Map<string, string>;
  /** The stamps of each span's first copy. */
  readonly spanStamps: Map<string, SpanStamp>;
  /** Costs that are in the store, by event id, of a trace whose price table is lost. */
  carriedCosts: ReadonlyMap<string, CallCost> | undefined;
  /** Rows of spans that are not known to be in the store, by span id. They stay until an insert has succeeded. */
  readonly unstoredSpans: Map<string, UnstoredSpan>;
  /** What its model calls say otherwise because of reports in other traces, by event id. */
  readonly marks: Map<string, CopyMark>;
  hasUnstoredMarks: boolean;
  /** Of its model calls, what the owners of traces with the same call have been told, by event id. */
  readonly toldReports: Map<string, CallReport>;
  /** Keys of model calls that are, or may be, in the store, by their text. */
  readonly saidKeys: Map<string, CallKey>;
  /** Minutes since 1970 whose metric points changed, and sessions it left, that nobody was told of yet. */
  readonly changedMinutes: Set<number>;
  readonly leftSessionIds: Set<string>;
  /** Digest of the trace's own row in the store. */
  writtenTrace: string | undefined;
  /** Hours under which rows of the trace stand or may stand. They only widen. */
  hourMin: number;
  hourMax: number;
  /** Bytes of the OTLP spans, the measure of what it costs to keep. */
  bytes: number;
  touchedMs: number;
}

export interface HotTracesConfig {
  hotTraceCountMax: number;
  hotTraceBytesMax: number;
  hotTraceAgeMsMax: number;
}

export interface HotTraces {
  get(projectId: string, traceId: string): HotTrace | undefined;
  add(trace: HotTrace): void;
  /** Marks as used and accounts for `bytes` more. */
  touch(trace: HotTrace, nowMs: number, bytes: number): void;
  drop(trace: HotTrace): void;
  /** Forgets the least recently touched until the bounds hold. */
  evict(nowMs: number): void;
  readonly count: number;
  readonly bytes: number;
}

export function createHotTraces(config: HotTracesConfig): HotTraces {
  // A Map keeps the order of insertion: the first is the one touched longest ago.
  const traces = new Map<string, HotTrace>();
  let totalBytes = 0;

  function drop(trace: HotTrace): void {
    if (traces.delete(keyOf(trace.projectId, trace.traceId))) totalBytes -= trace.bytes;
  }

  return {
    get: (projectId, traceId) => traces.get(keyOf(projectId, traceId)),
    add(trace) {
      traces.set(keyOf(trace.projectId, trace.traceId), trace);
      totalBytes += trace.bytes;
    },
    touch(trace, nowMs, bytes) {
      const key = keyOf(trace.projectId, trace.traceId);
      if (!traces.delete(key)) return;
      traces.set(key, trace);
      trace.touchedMs = nowMs;
      trace.bytes += bytes;
      totalBytes += bytes;
    },
    drop,
    evict(nowMs) {
      for (const trace of traces.values()) {
        const within =
          traces.size <= config.hotTraceCountMax &&
          totalBytes <= config.hotTraceBytesMax &&
          nowMs - trace.touchedMs <= config.hotTraceAgeMsMax;
        if (within) return;
        drop(trace);
      }
    },
    get count() {
      return traces.size;
    },
    get bytes() {
      return totalBytes;
    },
  };
}

function keyOf(projectId: string, traceId: string): string {
  return `${projectId}\n${traceId}`;
}
