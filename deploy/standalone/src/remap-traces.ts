/**
 * Has stored traces folded again by what is in force now (laws 4 and 10): the mapping, the settings of their project, or its prices; what is not
 * asked for stays as it was stamped at receipt. A `refold` command for each travels through the log to the owner of the
 * trace. Walks the table of traces in key order, one page at a time; the next page goes out when the owners have stored the one before, so
 * that history waits behind what is coming in, never in front of it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Publisher } from "@nonet/ingest/publish/publisher.ts";
import type { createStoreClient } from "@nonet/processor/store/clickhouse/store-client.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { encodeRecord } from "@nonet/proto/record-codec.ts";
import { partitionKey } from "@nonet/proto/topics.ts";
import { mappingVersion } from "@nonet/proto/versions.ts";

export const remapReasons = ["remap", "settings", "reprice"] as const;
export type RemapReason = (typeof remapReasons)[number];

export interface RemapRequest {
  /** What is to be that of now: the mapping, when left out. */
  readonly reason?: RemapReason;
  /** Every project when left out. */
  readonly projectId?: string;
  /** Also traces that bear the version in force. */
  readonly all: boolean;
  /** `project/trace id`: go on behind it. */
  readonly after?: string;
}

export interface RemapProgress {
  /** Traces mapped again and stored. */
  readonly done: number;
  /** Traces that were to be mapped when it began, from `after` on. */
  readonly total: number;
  /** The last of them: `after` of a run that goes on from here. */
  readonly after: string;
  /** Nothing is left. */
  readonly finished: boolean;
}

type StoreReader = Pick<ReturnType<typeof createStoreClient>, "query">;

/** What is in force for a project. */
export interface VersionsInForce {
  readonly settingsVersion: number;
  readonly priceVersion: string;
}

export interface RemapDeps {
  readonly client: StoreReader;
  /** Throws PipelineError `CONTROL_UNAVAILABLE`. */
  inForce(projectId: string): Promise<VersionsInForce>;
  readonly publisher: Pick<Publisher, "publish">;
  now(): number;
  /** Milliseconds without any trace of a page stored before it is given up. */
  readonly patienceMs?: number;
}

/** Bounds what the owner of a partition loads at once. */
const pageCount = 200;
const pollMs = 100;
const retryMs = 1_000;
const patienceMsDefault = 120_000;

interface StaleTrace {
  readonly project_id: string;
  readonly trace_id: string;
  readonly tenant_id: string;
  readonly version: string;
  readonly mapping_version: number;
  readonly price_version: string;
  readonly settings_version: number;
}

/**
 * Yields after each page, and once at the end. It can be left at any time: what was published is carried out all the same, and carrying it out
 * twice changes nothing.
 *
 * @throws PipelineError `CONFIG_INVALID` for an `after` that is none; `STORE_UNAVAILABLE` when the store does not answer, or the owners of the
 * traces do not store them.
 */
export async function* remapTraces(
  request: RemapRequest,
  deps: RemapDeps,
  signal: AbortSignal,
): AsyncGenerator<RemapProgress> {
  let after = parseAfter(request.after);
  let done = 0;
  const targets = await loadTargets(request, deps);
  const [counted] = await select<{ total: string }>(deps.client, `SELECT count() AS total ${fromStale(request)}`, {
    ...parametersOf(request, after, targets),
  });
  const total = Number(counted?.total ?? 0);
  for (;;) {
    const page = await select<StaleTrace>(
      deps.client,
      `SELECT project_id, trace_id, tenant_id, version, mapping_version, price_version, settings_version ${fromStale(request)}
       ORDER BY project_id, trace_id LIMIT ${pageCount}`,
      parametersOf(request, after, targets),
    );
    const last = page.at(-1);
    if (last === undefined) break;
    const wanted = page.map((trace) => wantedOf(trace, reasonOf(request), targets));
    await publishRefolds(wanted, reasonOf(request), deps, signal);
    await untilStored(wanted, deps, signal);
    if (signal.aborted) return;
    done += page.length;
    after = { projectId: last.project_id, traceId: last.trace_id };
    yield { done, total, after: textOf(after), finished: false };
  }
  yield { done, total, after: textOf(after), finished: true };
}

function reasonOf({ reason = "remap" }: RemapRequest): RemapReason {
  return reason;
}

type Targets = ReadonlyMap<string, VersionsInForce>;

/** What every project of the store is brought to; asked once, so that a change while it runs does not split history. */
async function loadTargets(request: RemapRequest, deps: RemapDeps): Promise<Targets> {
  if (reasonOf(request) === "remap") return new Map();
  const { projectId } = request;
  const stored = await select<{ project_id: string }>(deps.client, "SELECT DISTINCT project_id FROM traces", {});
  const targets = new Map<string, VersionsInForce>();
  for (const { project_id: each } of stored) {
    if (projectId === undefined || each === projectId) targets.set(each, await deps.inForce(each));
  }
  return targets;
}

/** A trace with the stamps it shall bear. */
interface WantedTrace {
  readonly trace: StaleTrace;
  readonly mappingVersion: number;
  readonly priceVersion: string;
  readonly settingsVersion: number;
}

function wantedOf(trace: StaleTrace, reason: RemapReason, targets: Targets): WantedTrace {
  const target = targets.get(trace.project_id);
  return {
    trace,
    // Settings are applied by mapping the spans again.
    mappingVersion: reason === "reprice" ? trace.mapping_version : mappingVersion,
    priceVersion: reason === "reprice" ? (target?.priceVersion ?? trace.price_version) : trace.price_version,
    settingsVersion:
      reason === "settings" ? (target?.settingsVersion ?? trace.settings_version) : trace.settings_version,
  };
}

interface TraceKey {
  readonly projectId: string;
  readonly traceId: string;
}

function parseAfter(text: string | undefined): TraceKey {
  if (text === undefined || text === "") return { projectId: "", traceId: "" };
  const match = /^([^/]+)\/([0-9a-f]{32})$/.exec(text);
  if (match === null) throw new PipelineError("CONFIG_INVALID", `${text} is not PROJECT/TRACE_ID`);
  return { projectId: match[1] ?? "", traceId: match[2] ?? "" };
}

/** Empty before the first trace. */
function textOf({ projectId, traceId }: TraceKey): string {
  return projectId === "" ? "" : `${projectId}/${traceId}`;
}

function fromStale(request: RemapRequest): string {
  return `FROM traces FINAL WHERE (project_id, trace_id) > ({afterProject:String}, {afterTrace:String})
    ${request.projectId === undefined ? "" : "AND project_id = {project:String}"}
    ${request.all ? "" : `AND ${isStale[reasonOf(request)]}`}`;
}

/** Projects that appear while it runs are of now by themselves. */
const target = (values: string) => `transform(toString(project_id), {projects:Array(String)}, ${values}, '')`;
const isStale: Readonly<Record<RemapReason, string>> = {
  remap: `mapping_version != ${mappingVersion}`,
  settings: `toString(settings_version) != ${target("{settings:Array(String)}")} AND ${target("{settings:Array(String)}")} != ''`,
  reprice: `price_version != ${target("{prices:Array(String)}")} AND ${target("{prices:Array(String)}")} != ''`,
};

function parametersOf(request: RemapRequest, after: TraceKey, targets: Targets): Record<string, unknown> {
  const { projectId } = request;
  const inForce = [...targets.values()];
  return {
    afterProject: after.projectId,
    afterTrace: after.traceId,
    ...(projectId === undefined ? {} : { project: projectId }),
    ...(reasonOf(request) === "remap"
      ? {}
      : {
          // An empty list has no type of its own.
          projects: ["", ...targets.keys()],
          settings: ["", ...inForce.map(({ settingsVersion }) => String(settingsVersion))],
          prices: ["", ...inForce.map(({ priceVersion }) => priceVersion)],
        }),
  };
}

async function publishRefolds(
  page: readonly WantedTrace[],
  reason: RemapReason,
  deps: RemapDeps,
  signal: AbortSignal,
): Promise<void> {
  const issuedUnixNano = BigInt(deps.now()) * 1_000_000n;
  const records = page.map(({ trace, ...versions }) => ({
    key: partitionKey(trace.project_id, trace.trace_id),
    value: encodeRecord({
      kind: "refold",
      tenantId: trace.tenant_id,
      projectId: trace.project_id,
      traceId: trace.trace_id,
      reason,
      ...versions,
      issuedUnixNano,
      callKeys: [],
    }),
  }));
  while (!signal.aborted) {
    try {
      await deps.publisher.publish(records);
      return;
    } catch (caught) {
      const error = PipelineError.from(caught, "LOG_UNAVAILABLE");
      if (!error.retryable) throw error;
      await pause(retryMs, signal);
    }
  }
}

interface StampedRow {
  readonly project_id: string;
  readonly trace_id: string;
  readonly version: string;
  readonly mapping_version: number;
  readonly price_version: string;
  readonly settings_version: number;
}

/** The owner has stored a trace once its row is newer and bears what it shall. One that is gone needs nothing. */
async function untilStored(page: readonly WantedTrace[], deps: RemapDeps, signal: AbortSignal): Promise<void> {
  const patienceMs = deps.patienceMs ?? patienceMsDefault;
  let waiting = page;
  let movedMs = performance.now();
  while (!signal.aborted) {
    const rows = await select<StampedRow>(
      deps.client,
      `SELECT project_id, trace_id, version, mapping_version, price_version, settings_version FROM traces FINAL
       WHERE project_id IN {projects:Array(String)} AND trace_id IN {traces:Array(String)}`,
      {
        projects: [...new Set(waiting.map(({ trace }) => trace.project_id))],
        traces: waiting.map(({ trace }) => trace.trace_id),
      },
    );
    const byKey = new Map(rows.map((row) => [`${row.project_id}/${row.trace_id}`, row]));
    const open = waiting.filter((wanted) => {
      const row = byKey.get(`${wanted.trace.project_id}/${wanted.trace.trace_id}`);
      return row !== undefined && !isAsWanted(row, wanted);
    });
    const first = open[0]?.trace;
    if (first === undefined) return;
    if (open.length < waiting.length) movedMs = performance.now();
    if (performance.now() - movedMs > patienceMs) {
      throw new PipelineError(
        "STORE_UNAVAILABLE",
        `${open.length} traces were not stored within ${Math.round(patienceMs / 1000)} s, the first is ${first.project_id}/${first.trace_id}: is the processor running?`,
      );
    }
    waiting = open;
    await pause(pollMs, signal);
  }
}

function isAsWanted(row: StampedRow, wanted: WantedTrace): boolean {
  return (
    BigInt(row.version) > BigInt(wanted.trace.version) &&
    row.mapping_version === wanted.mappingVersion &&
    row.price_version === wanted.priceVersion &&
    row.settings_version === wanted.settingsVersion
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

async function select<T>(client: StoreReader, query: string, parameters: Record<string, unknown>): Promise<T[]> {
  try {
    const answer = await client.query({ query, query_params: parameters, format: "JSONEachRow" });
    return await answer.json<T>();
  } catch (caught) {
    throw PipelineError.from(caught, "STORE_UNAVAILABLE");
  }
}
