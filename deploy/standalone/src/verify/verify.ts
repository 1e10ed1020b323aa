/**
 * The verifier: reads a running installation, its store and its API, and tells what is not as it must be. It writes nothing.
 *
 *     traces     every stored trace, mapped again from its spans, gives exactly its rows
 *     keys       no event id twice, no row without its trace
 *     metrics    rolled rows and the API's rolling metrics are the sums of the points
 *     sessions   the API's sessions are the sums of their traces, with the stored events
 *     offsets    nothing is committed that is not stored
 *
 * Memory is bounded by a page of traces, one trace, or one session; whatever is larger stays in the store.
 */
import type { StampMeanings } from "@nonet/processor/consume/stamp-meanings.ts";
import { createCallReports } from "@nonet/processor/store/clickhouse/call-reports.ts";
import { createClickhouseStore } from "@nonet/processor/store/clickhouse/clickhouse-store.ts";
import { createApiReader } from "./api-reader.ts";
import { createStoredTables, type StoreClient } from "./stored-tables.ts";
import { verifyKeys } from "./verify-keys.ts";
import {
  type Difference,
  differencesToldMax,
  type VerifyLine,
  type VerifyProgress,
  type VerifyStep,
} from "./verify-lines.ts";
import { verifyMetrics } from "./verify-metrics.ts";
import { verifySessions } from "./verify-sessions.ts";
import { checkTraces, nextTraces } from "./verify-traces.ts";

export interface VerifyDeps {
  readonly client: StoreClient;
  readonly stamps: StampMeanings;
  /** Left out, the steps that compare with it are too. */
  readonly api?: { readonly url: string; readonly key: string };
  positions(): Promise<readonly PartitionState[]>;
  /** Waits; ends early when the verifier is left. */
  pause(ms: number): Promise<void>;
}

/** Next offsets. */
export interface PartitionState {
  readonly partition: number;
  readonly committed: bigint;
  readonly end: bigint;
  /** As its owner told; undefined where it has told nothing. */
  readonly stored: bigint | undefined;
}

/** @throws PipelineError when the store or the API does not answer. */
export async function* verify(
  request: { readonly projectId?: string },
  deps: VerifyDeps,
  signal: AbortSignal,
): AsyncGenerator<VerifyLine> {
  const tables = createStoredTables(deps.client);
  const count = { traces: 0, spans: 0, events: 0, sessions: 0, differences: 0, olderTraces: 0 };
  const told = new Map<VerifyStep, number>();
  function* tell(line: Difference | VerifyProgress): Generator<VerifyLine> {
    if (line.kind === "progress") yield line;
    else {
      count.differences += 1;
      const before = told.get(line.step) ?? 0;
      told.set(line.step, before + 1);
      if (before < differencesToldMax) yield line;
    }
  }

  for await (const line of traces()) yield* tell(line);
  for await (const line of verifyKeys(tables, request.projectId, deps.pause)) yield* tell(line);
  for (const projectId of await projectIds()) {
    if (signal.aborted) return;
    const reader = deps.api === undefined ? undefined : createApiReader(deps.api, deps.pause);
    const isVisible = (await reader?.get(`/api/projects/${projectId}/sessions?limit=1`)) !== undefined;
    const api = isVisible ? reader : undefined;
    for await (const line of verifyMetrics(projectId, { tables, api, pause: deps.pause })) yield* tell(line);
    if (api === undefined) continue;
    for await (const line of verifySessions(projectId, { tables, api, pause: deps.pause })) {
      if (line.kind === "progress") count.sessions = Math.max(count.sessions, line.done);
      yield* tell(line);
    }
  }
  for (const line of await offsets()) yield* tell(line);
  yield { kind: "summary", ...count };

  async function* traces(): AsyncGenerator<Difference | VerifyProgress> {
    const store = createClickhouseStore({ client: deps.client });
    const reports = createCallReports({ client: deps.client });
    const where = request.projectId === undefined ? "" : "WHERE project_id = {project:String}";
    const [counted] = await tables.select<{ total: string }>(`SELECT count() AS total FROM traces FINAL ${where}`, {
      project: request.projectId ?? "",
    });
    const total = Number(counted?.total ?? 0);
    let after = { projectId: "", traceId: "" };
    while (!signal.aborted) {
      const page = await nextTraces(tables, request.projectId, after);
      const last = page.at(-1);
      if (last === undefined) return;
      const { spans, events, older, differences } = await checkTraces(page, { ...deps, tables, store, reports });
      count.traces += page.length;
      count.spans += spans;
      count.events += events;
      count.olderTraces += older;
      for (const [traceId, all] of differences) {
        for (const what of all.slice(1)) {
          yield { kind: "difference", step: "traces", where: `${last.projectId}/${traceId}`, what };
        }
      }
      after = last;
      yield { kind: "progress", step: "traces", done: count.traces, total: Math.max(total, count.traces) };
    }
  }

  async function projectIds(): Promise<string[]> {
    if (request.projectId !== undefined) return [request.projectId];
    const rows = await tables.select<{ project_id: string }>(
      "SELECT DISTINCT project_id FROM (SELECT project_id FROM traces UNION ALL SELECT project_id FROM metric_points) ORDER BY project_id",
      {},
    );
    return rows.map((row) => row.project_id);
  }

  async function offsets(): Promise<Difference[]> {
    const found: Difference[] = [];
    for (const { partition, committed, end, stored } of await deps.positions()) {
      const where = `partition ${partition}`;
      if (committed > end) {
        found.push({
          kind: "difference",
          step: "offsets",
          where,
          what: `committed ${committed} is beyond the end ${end}`,
        });
      }
      if (stored !== undefined && committed > stored) {
        found.push({
          kind: "difference",
          step: "offsets",
          where,
          what: `committed ${committed} is ahead of what is stored, ${stored}`,
        });
      }
    }
    return found;
  }
}
