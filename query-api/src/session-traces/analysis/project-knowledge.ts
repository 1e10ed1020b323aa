/** What the rest of the project knows: how long things usually take, and which failures were seen before. Source: session-traces.md 8.2, 8.3. */
import type { ClickhouseReader } from "../../store/clickhouse-reader.ts";
import type { StoredSession } from "../../store/session-rows.ts";
import { boundsOf } from "../session.ts";
import type { SessionView } from "../session-view.ts";
import type { ProjectKnowledge } from "./analysis.ts";
import { groupedErrors, previewFingerprintOf } from "./error-patterns.ts";
import { measuredSpans } from "./measured-span.ts";
import type { Thresholds } from "./thresholds.ts";

const dayNano = 86_400_000_000_000n;
const hourNano = 3_600_000_000_000n;
/** Errors of other sessions that are compared, newest first. */
const errorsMax = 20_000;

interface Scope {
  readonly projectId: string;
  readonly sessionId: string;
  /** Traces of the session: spans do not say which session they are in. */
  readonly traceIds: readonly string[];
  readonly fromUnixNano: bigint;
  readonly toUnixNano: bigint;
}

export async function loadProjectKnowledge(
  reader: ClickhouseReader,
  view: SessionView,
  stored: StoredSession,
  thresholds: Thresholds,
): Promise<ProjectKnowledge> {
  const toUnixNano = boundsOf(stored.parts).startUnixNano;
  const window = BigInt(Math.round(thresholds["slow.windowDays"])) * dayNano;
  const scope: Scope = {
    projectId: view.projectId,
    sessionId: view.sessionId,
    traceIds: [...new Set(stored.parts.map((row) => row.traceId))],
    fromUnixNano: toUnixNano > window ? toUnixNano - window : 0n,
    toUnixNano,
  };
  const keys = [...new Set(measuredSpans(view).map((each) => each.key))];
  const errorTypes = [...new Set(groupedErrors(view).map((error) => error.errorType))];
  const [events, agents, seen] = await Promise.all([
    loadEventDurations(reader, scope, keys, thresholds["slow.maxSamples"]),
    loadAgentDurations(reader, scope, keys, thresholds["slow.maxSamples"]),
    loadSeenErrors(reader, scope, errorTypes),
  ]);
  return {
    baselines: { durations: new Map([...events, ...agents]), fromUnixNano: scope.fromUnixNano, toUnixNano },
    seenElsewhere: (fingerprint) => seen.get(fingerprint)?.size ?? 0,
  };
}

/** The hours that the window touches; an event that ends in it may stand an hour on. */
function rangeParameters({ projectId, fromUnixNano, toUnixNano }: Scope): Record<string, unknown> {
  return {
    project: projectId,
    from: fromUnixNano.toString(),
    to: toUnixNano.toString(),
    fromHour: Number(fromUnixNano / hourNano),
    toHour: Number(toUnixNano / hourNano) + 24,
  };
}

/** `measuredSpanKey` over the columns of an event. Its start is its end less its duration, but for a model call, which is timed at its start. */
const eventKey = `multiIf(
  event_type = 'llm_call', concat('llm_call:', provider, ':', if(response_model != '', response_model, request_model), ':', operation),
  event_type = 'tool_result', concat('tool_call:', subject),
  concat('guardrail_eval:', subject))`;
const eventStart = `toUInt64(if(event_type = 'llm_call', time_unix_nano, time_unix_nano - toUInt64(round(ifNull(duration_ms, 0) * 1e6))))`;
/** Events of span events and attributes are no span's primary event. */
const ofSpan = `NOT startsWith(rule_id, 'EVT-') AND NOT startsWith(rule_id, 'ATTR-')`;

async function loadEventDurations(
  reader: ClickhouseReader,
  scope: Scope,
  keys: readonly string[],
  samplesMax: number,
): Promise<Map<string, number[]>> {
  const wanted = keys.filter((key) => !key.startsWith("agent:"));
  if (wanted.length === 0) return new Map();
  const rows = await reader.select<{ span_key: string; durations: number[] }>(
    `SELECT span_key, groupArray(duration) AS durations FROM (
       SELECT ${eventKey} AS span_key, duration_ms AS duration, ${eventStart} AS started
       FROM events FINAL
       WHERE project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32}
         AND event_type IN ('llm_call', 'tool_result', 'guardrail_eval') AND duration_ms IS NOT NULL
         AND status != 'error' AND is_error = 0 AND duplicate_of = '' AND ${ofSpan}
         AND session_id != {session:String} AND span_key IN {keys:Array(String)}
         AND started >= {from:UInt64} AND started < {to:UInt64}
       ORDER BY started DESC, event_id LIMIT {samples:UInt32} BY span_key
     ) GROUP BY span_key`,
    { ...rangeParameters(scope), session: scope.sessionId, keys: wanted, samples: samplesMax },
  );
  return new Map(rows.map((row) => [row.span_key, row.durations]));
}

async function loadAgentDurations(
  reader: ClickhouseReader,
  scope: Scope,
  keys: readonly string[],
  samplesMax: number,
): Promise<Map<string, number[]>> {
  const names = keys.filter((key) => key.startsWith("agent:")).map((key) => key.slice("agent:".length));
  if (names.length === 0) return new Map();
  const rows = await reader.select<{ agent: string; durations: number[] }>(
    `SELECT agent, groupArray(duration) AS durations FROM (
       SELECT agent_name AS agent, (end_unix_nano - start_unix_nano) / 1e6 AS duration
       FROM spans FINAL
       WHERE project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32}
         AND class = 'agent' AND agent_name IN {names:Array(String)} AND status_code != 2
         AND end_unix_nano >= start_unix_nano AND trace_id NOT IN {traces:Array(String)}
         AND start_unix_nano >= {from:UInt64} AND start_unix_nano < {to:UInt64}
       ORDER BY start_unix_nano DESC, span_id LIMIT {samples:UInt32} BY agent_name
     ) GROUP BY agent`,
    { ...rangeParameters(scope), names, traces: scope.traceIds, samples: samplesMax },
  );
  return new Map(rows.map((row) => [`agent:${row.agent}`, row.durations]));
}

/**
 * Sessions by fingerprint of their errors. A fingerprint needs the key of the failing span, which is that of its primary event; where there
 * is none, the span says whether it is an agent.
 */
async function loadSeenErrors(
  reader: ClickhouseReader,
  scope: Scope,
  errorTypes: readonly string[],
): Promise<Map<string, Set<string>>> {
  const seen = new Map<string, Set<string>>();
  if (errorTypes.length === 0) return seen;
  const failures = await reader.select<Failure>(
    `SELECT session_id, trace_id, span_id, subject AS error_type, preview FROM events FINAL
     WHERE project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32} AND event_type = 'error'
       AND propagated = 0 AND subject IN {types:Array(String)} AND session_id != {session:String}
       AND time_unix_nano >= {from:UInt64} AND time_unix_nano < {to:UInt64}
     ORDER BY time_unix_nano DESC LIMIT {errors:UInt32}`,
    { ...rangeParameters(scope), session: scope.sessionId, types: errorTypes, errors: errorsMax },
  );
  for (let start = 0; start < failures.length; start += spansPerQuery) {
    const some = failures.slice(start, start + spansPerQuery);
    const scopes = await loadErrorScopes(reader, scope, some);
    for (const failure of some) {
      const errorScope = scopes.get(failure.trace_id + failure.span_id) ?? "";
      const fingerprint = previewFingerprintOf(failure.error_type, errorScope, failure.preview);
      seen.set(fingerprint, (seen.get(fingerprint) ?? new Set()).add(failure.session_id));
    }
  }
  return seen;
}

interface Failure {
  readonly session_id: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly error_type: string;
  readonly preview: string;
}

/** Bounds the lists of ids in one statement. */
const spansPerQuery = 1000;

/** `errorScopeOf` of the failing spans, by trace and span id. */
async function loadErrorScopes(
  reader: ClickhouseReader,
  scope: Scope,
  failures: readonly Failure[],
): Promise<Map<string, string>> {
  const parameters = {
    ...rangeParameters(scope),
    traces: [...new Set(failures.map((failure) => failure.trace_id))],
    spans: [...new Set(failures.map((failure) => failure.span_id))],
  };
  const where = `WHERE project_id = {project:String} AND hour BETWEEN {fromHour:UInt32} AND {toHour:UInt32}
    AND trace_id IN {traces:Array(String)} AND span_id IN {spans:Array(String)}`;
  interface Row {
    trace_id: string;
    span_id: string;
    span_scope: string;
  }
  const [ofSpans, ofEvents] = await Promise.all([
    reader.select<Row>(
      `SELECT trace_id, span_id, if(class = 'agent', concat('agent:', agent_name), concat('span:', name)) AS span_scope
       FROM spans FINAL ${where}`,
      parameters,
    ),
    reader.select<Row>(
      `SELECT trace_id, span_id, ${eventKey.replace("'tool_result'", "'tool_call'")} AS span_scope
       FROM events FINAL ${where} AND event_type IN ('llm_call', 'tool_call', 'guardrail_eval') AND ${ofSpan}`,
      parameters,
    ),
  ]);
  // The event of a span says more than the span; it comes last and wins.
  return new Map([...ofSpans, ...ofEvents].map((row) => [row.trace_id + row.span_id, row.span_scope]));
}
