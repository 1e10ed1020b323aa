/**
 * The quarantine: what was received and will not be stored as it is, with the reason, for as long as it has room. Rejected spans and dead
 * letters of one project lie in one list, oldest first out. It is a place to look, not the place of record: dead letters are also kept where
 * the log keeps them.
 *
 *     held -> replaying -> replayed        an ingest process claims what is replaying, sends it through the log again and says how it went;
 *               `-> held                   what is still refused is held again, with the newest outcome
 */
import { randomUUIDv7 } from "node:crypto";
import { sql } from "kysely";
import type { ControlConnection } from "./control-connection.ts";

export const quarantineStates = ["held", "replaying", "replayed"] as const;
export type QuarantineState = (typeof quarantineStates)[number];

/**
 * What the bytes are: an ExportTraceServiceRequest with one span (`otlp_request`), the value of a record of the log (`agent_record`, whose key
 * comes along), or what came through Kafka and could not be read, by its encoding.
 */
export const quarantineForms = ["otlp_request", "agent_record", "unreadable_proto", "unreadable_json"] as const;
export type QuarantineForm = (typeof quarantineForms)[number];

export const quarantineKinds = ["rejected_span", "dead_letter"] as const;
export type QuarantineKind = (typeof quarantineKinds)[number];

export interface NewQuarantined {
  readonly projectId: string;
  readonly kind: QuarantineKind;
  /** Lower case, of a closed set of its origin: `invalid_trace_id`, `record_unreadable`. */
  readonly reason: string;
  /** A sentence for people; never holds data of a span. At most 1,000 characters are kept. */
  readonly detail: string;
  /** Hex, or empty. */
  readonly traceId: string;
  readonly spanId: string;
  readonly form: QuarantineForm;
  /** Masked, and cut at the limit of an entry. */
  readonly bytes: Uint8Array;
  /** Before it was cut. */
  readonly size: number;
  /** Of an `agent_record`. */
  readonly key: Uint8Array;
  /** `topic/partition/offset` of a dead letter: the same record is kept once. Undefined for spans of a request. */
  readonly source: string | undefined;
  /** `Receipt.id` of the request. */
  readonly receiptId: string | undefined;
  readonly atMs: number;
}

/** An entry without its bytes. */
export interface Quarantined extends Omit<NewQuarantined, "bytes" | "key"> {
  /** Ordered by time of writing. */
  readonly id: string;
  /** The bytes are not whole: it cannot be replayed. */
  readonly truncated: boolean;
  readonly state: QuarantineState;
  readonly replayedAtMs: number | undefined;
  /** How the last replay went, when it did not succeed. */
  readonly outcome: string;
}

export interface QuarantinedWithBytes extends Quarantined {
  readonly bytes: Buffer;
  readonly key: Buffer;
}

export interface QuarantineLimits {
  /** Per project. */
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

export interface QuarantineFilter {
  readonly reason?: string | undefined;
  readonly state?: QuarantineState | undefined;
  readonly kind?: QuarantineKind | undefined;
  readonly receiptId?: string | undefined;
  /** Entries older than this one. */
  readonly beforeId?: string | undefined;
}

export type ReplaySelection = { readonly ids: readonly string[] } | { readonly reason: string };

export interface QuarantineStore {
  /** @param entries at most 4,096. @returns how many older entries had to go. */
  add(entries: readonly NewQuarantined[], limits: QuarantineLimits): Promise<number>;
  /** Newest first. */
  list(projectId: string, filter: QuarantineFilter, countMax: number): Promise<Quarantined[]>;
  get(projectId: string, id: string): Promise<QuarantinedWithBytes | undefined>;
  countByReason(projectId: string): Promise<{ reason: string; count: number }[]>;
  /** Marks what is held and whole. */
  requestReplay(projectId: string, selection: ReplaySelection): Promise<{ requested: number; notReplayable: number }>;
  /** Takes up to `countMax` of what is to be replayed; what another process took stays its own for a minute. */
  claimReplays(countMax: number): Promise<QuarantinedWithBytes[]>;
  /** @param outcome empty when it was taken by the log. */
  finishReplay(id: string, outcome: string): Promise<void>;
}

const detailCharactersMax = 1_000;
const claimMs = 60_000;
const idPattern = /^[0-9a-f-]{36}$/;

/** All but the bytes and the key, which are large. */
const listedColumns = [
  "id",
  "project_id",
  "kind",
  "reason",
  "detail",
  "trace_id",
  "span_id",
  "form",
  "size",
  "truncated",
  "source",
  "receipt_id",
  "at_ms",
  "state",
  "replayed_at_ms",
  "outcome",
] as const;

export function createQuarantineStore(connection: ControlConnection): QuarantineStore {
  const { db } = connection;
  return {
    async add(entries, limits) {
      if (entries.length === 0) return 0;
      const batch = randomUUIDv7();
      await db
        .insertInto("quarantine")
        .values(entries.map((entry, place) => toRow(entry, idInBatch(batch, place))))
        .onConflict((conflict) => conflict.columns(["project_id", "source"]).doNothing())
        .execute();
      let gone = 0;
      for (const projectId of new Set(entries.map((entry) => entry.projectId))) {
        gone += await evict(connection, projectId, limits);
      }
      return gone;
    },

    async list(projectId, filter, countMax) {
      const rows = await db
        .selectFrom("quarantine")
        .select(listedColumns)
        .where("project_id", "=", projectId)
        .$if(filter.reason !== undefined, (query) => query.where("reason", "=", filter.reason ?? ""))
        .$if(filter.kind !== undefined, (query) => query.where("kind", "=", filter.kind ?? ""))
        .$if(filter.state !== undefined, (query) => query.where("state", "=", filter.state ?? ""))
        .$if(filter.receiptId !== undefined, (query) => query.where("receipt_id", "=", filter.receiptId ?? ""))
        .$if(filter.beforeId !== undefined, (query) => query.where("id", "<", filter.beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(countMax)
        .execute();
      return rows.map(toQuarantined);
    },

    async get(projectId, id) {
      if (!idPattern.test(id)) return undefined;
      const row = await db
        .selectFrom("quarantine")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("id", "=", id)
        .executeTakeFirst();
      return row && withBytes(row);
    },

    async countByReason(projectId) {
      const rows = await db
        .selectFrom("quarantine")
        .select((select) => ["reason", select.fn.countAll<number | string>().as("count")])
        .where("project_id", "=", projectId)
        .groupBy("reason")
        .orderBy("reason")
        .execute();
      return rows.map((row) => ({ reason: row.reason, count: Number(row.count) }));
    },

    async requestReplay(projectId, selection) {
      const ids = "ids" in selection ? selection.ids.filter((id) => idPattern.test(id)) : undefined;
      if (ids?.length === 0) return { requested: 0, notReplayable: 0 };
      const selected = db
        .selectFrom("quarantine")
        .select("id")
        .where("project_id", "=", projectId)
        .where("state", "=", "held")
        .$if(ids !== undefined, (query) => query.where("id", "in", ids ?? []))
        .$if("reason" in selection, (query) =>
          query.where("reason", "=", "reason" in selection ? selection.reason : ""),
        );
      const whole = await db
        .updateTable("quarantine")
        .set({ state: "replaying", claimed_at_ms: 0 })
        .where("id", "in", selected.where("truncated", "=", 0))
        .where("state", "=", "held")
        .executeTakeFirst();
      const cut = await db
        .selectFrom(selected.where("truncated", "=", 1).as("cut"))
        .select((select) => select.fn.countAll<number | string>().as("count"))
        .executeTakeFirst();
      return { requested: Number(whole.numUpdatedRows), notReplayable: Number(cut?.count ?? 0) };
    },

    async claimReplays(countMax) {
      const nowMs = connection.now();
      const rows = await db
        .updateTable("quarantine")
        .set({ claimed_at_ms: nowMs })
        .where("id", "in", (select) =>
          select
            .selectFrom("quarantine")
            .select("id")
            .where("state", "=", "replaying")
            .where("claimed_at_ms", "<", nowMs - claimMs)
            .orderBy("id")
            .limit(countMax),
        )
        // Once more, for two processes that chose the same row: the second finds it taken.
        .where("claimed_at_ms", "<", nowMs - claimMs)
        .returningAll()
        .execute();
      return rows.map(withBytes);
    },

    async finishReplay(id, outcome) {
      await db
        .updateTable("quarantine")
        .set(
          outcome === ""
            ? { state: "replayed", replayed_at_ms: connection.now(), outcome: "" }
            : { state: "held", outcome: clean(outcome) },
        )
        .where("id", "=", id)
        .execute();
    },
  };
}

/** The oldest entries go, until the project is within its limits. */
async function evict({ db, now }: ControlConnection, projectId: string, limits: QuarantineLimits): Promise<number> {
  const sums = db
    .selectFrom("quarantine")
    .select((select) => [
      "id",
      sql<number>`row_number() over (order by id desc)`.as("place"),
      sql<number>`sum(kept_bytes) over (order by id desc)`.as("bytes"),
      select.ref("at_ms").as("at_ms"),
    ])
    .where("project_id", "=", projectId);
  const cut = await db
    .selectFrom(sums.as("sums"))
    .select((select) => select.fn.max("id").as("id"))
    .where((where) =>
      where.or([
        where("place", ">", limits.entriesMax),
        where("bytes", ">", limits.bytesMax),
        where("at_ms", "<", now() - limits.ageMsMax),
      ]),
    )
    .executeTakeFirst();
  if (cut?.id === undefined || cut.id === null) return 0;
  const deleted = await db
    .deleteFrom("quarantine")
    .where("project_id", "=", projectId)
    .where("id", "<=", cut.id)
    .executeTakeFirst();
  return Number(deleted.numDeletedRows);
}

/** A UUID of version 7 whose random bits after the time are the place, so that ids keep the order of a batch. @param place below 4,096. */
function idInBatch(batch: string, place: number): string {
  return `${batch.slice(0, 15)}${place.toString(16).padStart(3, "0")}${randomUUIDv7().slice(18)}`;
}

function toRow(entry: NewQuarantined, id: string) {
  return {
    id,
    project_id: entry.projectId,
    kind: entry.kind,
    reason: entry.reason,
    detail: clean(entry.detail),
    trace_id: entry.traceId,
    span_id: entry.spanId,
    form: entry.form,
    bytes: Buffer.from(entry.bytes).toString("base64"),
    record_key: Buffer.from(entry.key).toString("base64"),
    kept_bytes: entry.bytes.length,
    size: entry.size,
    truncated: entry.bytes.length < entry.size ? 1 : 0,
    source: entry.source ?? null,
    receipt_id: entry.receiptId ?? null,
    at_ms: entry.atMs,
    state: "held",
    claimed_at_ms: 0,
    replayed_at_ms: null,
    outcome: "",
  };
}

/** A zero byte is the one character that PostgreSQL does not store; half a surrogate pair is none. */
function clean(text: string): string {
  return text.slice(0, detailCharactersMax).replaceAll("\0", "").toWellFormed();
}

interface ListedRow {
  id: string;
  project_id: string;
  kind: string;
  reason: string;
  detail: string;
  trace_id: string;
  span_id: string;
  form: string;
  size: number;
  truncated: number;
  source: string | null;
  receipt_id: string | null;
  at_ms: number;
  state: string;
  replayed_at_ms: number | null;
  outcome: string;
}

function toQuarantined(row: ListedRow): Quarantined {
  return {
    id: row.id,
    projectId: row.project_id,
    // `as`: only `add`, which is typed, writes these columns.
    kind: row.kind as QuarantineKind,
    reason: row.reason,
    detail: row.detail,
    traceId: row.trace_id,
    spanId: row.span_id,
    form: row.form as QuarantineForm,
    size: row.size,
    truncated: row.truncated === 1,
    source: row.source ?? undefined,
    receiptId: row.receipt_id ?? undefined,
    atMs: row.at_ms,
    state: row.state as QuarantineState,
    replayedAtMs: row.replayed_at_ms ?? undefined,
    outcome: row.outcome,
  };
}

function withBytes(row: ListedRow & { bytes: string; record_key: string }): QuarantinedWithBytes {
  return {
    ...toQuarantined(row),
    bytes: Buffer.from(row.bytes, "base64"),
    key: Buffer.from(row.record_key, "base64"),
  };
}
