/**
 * Fills a store with copies of the spans that it has, made by INSERT SELECT, as if they had been received. Each copy lies 1,000 s after the one
 * before and has trace ids, session ids and event ids of its own, in the columns, in the texts and in the bytes of the spans, so that keys
 * distribute as real ones do and what is read is consistent.
 *
 * The base lies within one stretch of 1,000 s that begins at a multiple of it, so that the first seven digits of all its times are the same
 * and a text is moved in time by exchanging them; and its session ids begin with `session-1000000-`, whose number is exchanged likewise.
 */
import type { ClickHouseClient } from "@clickhouse/client";

export const baseSeed = 1_000_000;
/** 2026-05-04T08:56:40Z. */
export const baseStartMs = 1_777_885_000_000;

const secondsPerCopy = 1000;
const tables = ["traces", "spans", "events", "sessions", "metric_points"] as const;

/** @param firstCopy  1 for the first; copies are made up to `lastCopy`. */
export async function insertCopies(client: ClickHouseClient, firstCopy: number, lastCopy: number): Promise<void> {
  for (const table of tables) {
    await client.command({
      query: `INSERT INTO ${table} SELECT * EXCEPT (copy) REPLACE (${replacements[table]})
        FROM (SELECT *, arrayJoin(range(${firstCopy}, ${lastCopy + 1})) AS copy FROM bench_${table})`,
      // An alias that is called like a column is the column.
      clickhouse_settings: { prefer_column_name_to_alias: 1, max_threads: 2, max_execution_time: 3600 },
    });
  }
}

/** What is copied, apart from the tables that grow. */
export async function keepBase(client: ClickHouseClient): Promise<void> {
  for (const table of tables) {
    await client.command({ query: `DROP TABLE IF EXISTS bench_${table}` });
    await client.command({ query: `CREATE TABLE bench_${table} AS ${table} ENGINE = MergeTree ORDER BY tuple()` });
    await client.command({ query: `INSERT INTO bench_${table} SELECT * FROM ${table} FINAL` });
  }
}

export async function dropBase(client: ClickHouseClient): Promise<void> {
  for (const table of tables) await client.command({ query: `DROP TABLE IF EXISTS bench_${table}` });
}

const traceId = "lower(hex(MD5(concat(trace_id, '/', toString(copy)))))";
const prefixOf = (copy: string) => `toString(toUInt64(${baseStartMs / 1_000_000} + ${copy}))`;
const sessionPrefix = `concat('session-', toString(${baseSeed} + copy), '-')`;
const inSession = (text: string) => `replaceAll(${text}, 'session-${baseSeed}-', ${sessionPrefix})`;
const later = (nano: string) => `${nano} + toUInt64(copy) * ${secondsPerCopy}000000000`;
const hourOf = (nano: string) => `toUInt32(intDiv(${later(nano)}, 3600000000000))`;
/** Ids and times within JSON. */
const moved = (json: string) =>
  `replaceRegexpAll(replaceAll(${inSession(json)}, trace_id, ${traceId}), '${baseStartMs / 1_000_000}([0-9]{12})', concat(${prefixOf("copy")}, '\\\\1'))`;
/** A time of a span as its bytes have it: fixed, little-endian. */
const movedBytes = (bytes: string, nano: string) =>
  `replaceAll(${bytes}, reinterpretAsString(${nano}), reinterpretAsString(${later(nano)}))`;
const span = movedBytes(
  movedBytes(`replaceAll(${inSession("span")}, unhex(trace_id), unhex(${traceId}))`, "start_unix_nano"),
  "end_unix_nano",
);
/** The rule of processor/src/fold/event-id.ts; of several discriminators the one that gives the id of the base. */
const idWith = (trace: string, discriminator: string) =>
  `concat('ev_', substring(lower(hex(SHA256(concat('default\\n', ${trace}, '\\n', span_id, '\\n', event_type, '\\n', ${discriminator})))), 1, 32))`;
const discriminators = ["''", "decision_kind", "'e0'", "'status'", "toString(time_unix_nano)"];
const discriminator = `multiIf(${discriminators.map((each) => `event_id = ${idWith("trace_id", each)}, ${each}`).join(", ")}, 'unknown')`;

const replacements: Readonly<Record<(typeof tables)[number], string>> = {
  traces: `${traceId} AS trace_id, ${hourOf("start_unix_nano")} AS hour_min, ${hourOf("end_unix_nano")} AS hour_max,
    ${later("start_unix_nano")} AS start_unix_nano, ${later("end_unix_nano")} AS end_unix_nano,
    ${later("created_unix_nano")} AS created_unix_nano,
    arrayMap(id -> ${inSession("id")}, session_ids) AS session_ids, ${moved("summary")} AS summary`,
  spans: `${traceId} AS trace_id, ${hourOf("start_unix_nano")} AS hour, ${later("start_unix_nano")} AS start_unix_nano,
    ${later("end_unix_nano")} AS end_unix_nano, ${span} AS span`,
  events: `${traceId} AS trace_id, ${hourOf("time_unix_nano")} AS hour, ${later("time_unix_nano")} AS time_unix_nano,
    ${inSession("session_id")} AS session_id, replaceAll(turn_id, trace_id, ${traceId}) AS turn_id,
    ${idWith(traceId, discriminator)} AS event_id`,
  sessions: `${traceId} AS trace_id, ${hourOf("start_unix_nano")} AS hour, ${inSession("session_id")} AS session_id,
    ${later("start_unix_nano")} AS start_unix_nano, ${later("end_unix_nano")} AS end_unix_nano, ${moved("part")} AS part`,
  metric_points: `${traceId} AS trace_id, toUInt32(minute + intDiv(copy * ${secondsPerCopy}, 60)) AS minute`,
};
