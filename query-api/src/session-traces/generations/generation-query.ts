/** Finds model calls across sessions in the store, by time, and sums over all that match. Source: session-traces.md section 10. */
import type { ClickhouseReader } from "../../store/clickhouse-reader.ts";
import { type HourWindow, hourMax, loadHourWindows } from "../../store/hour-windows.ts";
import { createSqlConditions } from "../../store/sql-conditions.ts";

export interface GenerationFilter {
  readonly model: readonly string[] | undefined;
  readonly provider: readonly string[] | undefined;
  readonly sessionId: readonly string[] | undefined;
  readonly agent: readonly string[] | undefined;
  readonly promptName: readonly string[] | undefined;
  readonly operation: readonly string[] | undefined;
  readonly status: readonly string[] | undefined;
  readonly environment: readonly string[] | undefined;
  readonly from: bigint | undefined;
  readonly to: bigint | undefined;
  readonly minDurationMs: number | undefined;
  readonly minTokens: number | undefined;
}

export interface GenerationRequest {
  readonly projectId: string;
  readonly filter: GenerationFilter;
  readonly order: "asc" | "desc";
  readonly after: { readonly timeUnixNano: string; readonly eventId: string } | undefined;
}

export interface FoundGeneration {
  readonly event_id: string;
  readonly trace_id: string;
  readonly session_id: string;
  readonly time_unix_nano: string;
}

/** Yields the calls that match by (time, id), in batches of at most `batch`. Copies of a call that is told elsewhere are left out. */
export async function* findGenerations(
  reader: ClickhouseReader,
  request: GenerationRequest,
  batch: number,
): AsyncGenerator<readonly FoundGeneration[]> {
  let { after } = request;
  for (const window of await windowsOf(reader, request)) {
    for (;;) {
      const found = await selectWindow(reader, { ...request, after }, window, batch);
      const last = found.at(-1);
      if (last === undefined) break;
      yield found;
      after = { timeUnixNano: last.time_unix_nano, eventId: last.event_id };
      if (found.length < batch) break;
    }
  }
}

/**
 * Windows follow the hours of sessions. A call may lie hours after its session's row began, or, with a skewed clock, before: the outermost
 * windows reach to the bounds.
 */
async function windowsOf(
  reader: ClickhouseReader,
  { projectId, filter, after, order }: GenerationRequest,
): Promise<HourWindow[]> {
  if (filter.sessionId !== undefined) return [{ floor: 0, ceiling: hourMax, hasEarlier: false }];
  const cursor = after === undefined ? undefined : BigInt(after.timeUnixNano);
  const from = order === "asc" && cursor !== undefined && cursor > (filter.from ?? 0n) ? cursor : filter.from;
  const to = order === "desc" && cursor !== undefined && cursor < (filter.to ?? cursor + 1n) ? cursor : filter.to;
  const windows = await loadHourWindows(reader, projectId, { from: undefined, to: undefined, order });
  const floor = from === undefined ? 0 : Number(from / hourNano);
  const ceiling = to === undefined ? hourMax : Number(to / hourNano) + 1;
  return windows
    .map((window) => ({
      ...window,
      floor: Math.max(window.floor, floor),
      ceiling: Math.min(window.ceiling, ceiling),
    }))
    .filter((window) => window.floor < window.ceiling);
}

const hourNano = 3_600_000_000_000n;

async function selectWindow(
  reader: ClickhouseReader,
  request: GenerationRequest,
  window: HourWindow,
  batch: number,
): Promise<FoundGeneration[]> {
  const { text, parameters } = conditionsOf(request);
  const direction = request.order === "asc" ? "ASC" : "DESC";
  return reader.select<FoundGeneration>(
    `SELECT event_id, trace_id, session_id, toString(time_unix_nano) AS time_unix_nano FROM events FINAL
     WHERE project_id = {project:String} AND hour >= {floor:UInt32} AND hour < {ceiling:UInt32} AND ${text}
     ORDER BY events.time_unix_nano ${direction}, event_id ${direction} LIMIT {batch:UInt32}`,
    { project: request.projectId, floor: window.floor, ceiling: window.ceiling, batch, ...parameters },
  );
}

export interface GenerationSums {
  readonly provider: string;
  readonly model: string;
  readonly calls: string;
  readonly errors: string;
  readonly sessions: string;
  readonly countable: string;
  readonly input: string | null;
  readonly output: string | null;
  readonly total: string | null;
  readonly missing: string;
  readonly cost: string | null;
  readonly unpriced: string;
  readonly mean_ms: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly max_ms: number | null;
}

/** Sums over all matches (one row, without provider and model), or for each provider and model. */
export function sumGenerations(
  reader: ClickhouseReader,
  request: GenerationRequest,
  options: { readonly byModel: boolean },
): Promise<GenerationSums[]> {
  const { text, parameters } = conditionsOf({ ...request, after: undefined });
  const { from, to } = request.filter;
  const model = "if(response_model != '', response_model, request_model)";
  const group = options.byModel ? `GROUP BY provider, ${model}` : "";
  // Partial usage is listed, not summed; what has neither count is missing.
  return reader.select<GenerationSums>(
    `SELECT ${options.byModel ? `provider, ${model} AS model` : "'' AS provider, '' AS model"},
       count() AS calls, countIf(status = 'error') AS errors, uniqExact(session_id) AS sessions,
       countIf(usage_partial = 0) AS countable,
       ${wideSum("toUInt128(input_tokens)")} AS input, ${wideSum("toUInt128(output_tokens)")} AS output,
       ${wideSum("toUInt128(total_tokens)")} AS total,
       countIf(input_tokens IS NULL AND output_tokens IS NULL AND usage_partial = 0) AS missing,
       ${wideSum("toInt128(cost_units)")} AS cost, countIf(cost_units IS NULL) AS unpriced,
       avg(duration_ms) AS mean_ms, quantileExactInclusive(0.5)(duration_ms) AS p50_ms,
       quantileExactInclusive(0.95)(duration_ms) AS p95_ms, max(duration_ms) AS max_ms
     FROM events FINAL
     WHERE project_id = {project:String} AND hour >= {floor:UInt32} AND hour < {ceiling:UInt32} AND ${text} ${group}`,
    {
      project: request.projectId,
      floor: from === undefined ? 0 : Number(from / hourNano),
      ceiling: to === undefined ? hourMax : Number(to / hourNano) + 1,
      ...parameters,
    },
  );
}

/** Of 64 bits, a sum would wrap: some calls say that they cost millions. */
function wideSum(value: string): string {
  return `toString(sumIf(${value}, usage_partial = 0))`;
}

export async function countGenerations(reader: ClickhouseReader, request: GenerationRequest): Promise<number> {
  const { text, parameters } = conditionsOf({ ...request, after: undefined });
  const rows = await reader.select<{ calls: string }>(
    `SELECT count() AS calls FROM events FINAL WHERE project_id = {project:String} AND ${text}`,
    { project: request.projectId, ...parameters },
  );
  return Number(rows[0]?.calls ?? 0);
}

function conditionsOf(request: GenerationRequest): { text: string; parameters: Readonly<Record<string, unknown>> } {
  const { filter, after, order } = request;
  const { add, always, texts, parameters } = createSqlConditions();
  always("event_type = 'llm_call'");
  always("duplicate_of = ''");
  add("(response_model IN {models:Array(String)} OR request_model IN {models:Array(String)})", "models", filter.model);
  add("provider IN {providers:Array(String)}", "providers", filter.provider);
  add("session_id IN {sessions:Array(String)}", "sessions", filter.sessionId);
  add("agent_name IN {agents:Array(String)}", "agents", filter.agent);
  add("prompt_name IN {prompts:Array(String)}", "prompts", filter.promptName);
  add("operation IN {operations:Array(String)}", "operations", filter.operation);
  add("environment IN {environments:Array(String)}", "environments", filter.environment);
  add(
    "status IN {statuses:Array(String)}",
    "statuses",
    filter.status?.map((status) => (status === "unset" ? "" : status)),
  );
  add("events.time_unix_nano >= {from:UInt64}", "from", filter.from);
  add("events.time_unix_nano < {to:UInt64}", "to", filter.to);
  add("duration_ms >= {minDuration:Float64}", "minDuration", filter.minDurationMs);
  add("total_tokens >= {minTokens:Float64}", "minTokens", filter.minTokens);
  if (after !== undefined) {
    const beyond = order === "asc" ? ">" : "<";
    always(
      `(events.time_unix_nano ${beyond} {afterNano:UInt64} OR (events.time_unix_nano = {afterNano:UInt64} AND event_id ${beyond} {afterId:String}))`,
      { afterNano: after.timeUnixNano, afterId: after.eventId },
    );
  }
  return { text: texts.join(" AND "), parameters };
}
