/**
 * Standalone's log: one topic as a table in SQLite.
 *
 *     record(partition, offset, key, value, timestamp_ms)      the topic; offsets of a partition are dense and only grow
 *     tail(partition, next_offset)                             survives the deletion of all records
 *     cursor(consumer_group, partition, committed)             the next offset a group reads
 *     dead_letter(...)                                         records that will never be processed, with their reason
 *
 * Records behind every cursor are deleted with the commit that passes them. A crash leaves the last committed transaction: what was acknowledged
 * is there (law 1), what was not may be missing. SQLite is synchronous; transactions stay short, so one connection serves writer and reader.
 */
import { DatabaseSync } from "node:sqlite";
import { PipelineError } from "./errors.ts";
import { partitionOf } from "./topics.ts";

export interface SqliteLogConfig {
  /** File, or `:memory:` in tests. */
  path: string;
  partitionCount: number;
  /** `FULL` survives the loss of power, `NORMAL` the loss of the process. */
  synchronous: "FULL" | "NORMAL";
  /** Bytes of keys and values that may wait for the consumers; beyond it `append` refuses. */
  backlogBytesMax: number;
}

export interface StoredRecord {
  partition: number;
  offset: number;
  key: Uint8Array;
  value: Uint8Array;
  timestampMs: number;
}

export interface DeadLetter extends StoredRecord {
  reason: string;
  deadSinceMs: number;
}

export interface SqliteLog {
  readonly partitionCount: number;
  /**
   * All records of all calls in one transaction.
   * @returns last offset per partition of each call.
   * @throws PipelineError `OVERLOADED` when the backlog is full, `LOG_UNAVAILABLE` when SQLite cannot write (disk full, file gone).
   */
  append(calls: readonly (readonly AppendedRecord[])[], timestampMs: number): Map<number, number>[];
  /** Records of one partition from `offset` on, in order, at most `countMax` and, after the first, `bytesMax`. */
  read(partition: number, offset: number, countMax: number, bytesMax: number): StoredRecord[];
  /** The next offset of the group; 0 at first. */
  committed(group: string, partition: number): number;
  /** The offset the next record will get. */
  end(partition: number): number;
  /** Moves the cursor and deletes what every group has passed. Never moves it back. */
  commit(group: string, partition: number, nextOffset: number): void;
  deadLetter(record: StoredRecord, reason: string, nowMs: number): void;
  deadLetters(limit: number): DeadLetter[];
  /** Called after each append that reached a partition; returns the way to stop. */
  onAppended(listener: () => void): () => void;
  close(): void;
}

export interface AppendedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function openSqliteLog(config: SqliteLogConfig): SqliteLog {
  const db = new DatabaseSync(config.path);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${config.synchronous};
    PRAGMA wal_autocheckpoint = 8192;
    PRAGMA journal_size_limit = 67108864;
    CREATE TABLE IF NOT EXISTS record (
      partition INTEGER NOT NULL, offset INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, timestamp_ms INTEGER NOT NULL,
      PRIMARY KEY (partition, offset)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS tail (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS cursor (
      consumer_group TEXT NOT NULL, partition INTEGER NOT NULL, committed INTEGER NOT NULL, PRIMARY KEY (consumer_group, partition)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dead_letter (
      partition INTEGER NOT NULL, offset INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, timestamp_ms INTEGER NOT NULL,
      reason TEXT NOT NULL, dead_since_ms INTEGER NOT NULL, PRIMARY KEY (partition, offset)
    ) STRICT, WITHOUT ROWID;
  `);
  const statements = prepare(db);
  const tails = new Map<number, number>();
  for (let partition = 0; partition < config.partitionCount; partition += 1) {
    statements.createTail.run(partition);
    tails.set(partition, Number(statements.tail.get(partition)?.next_offset ?? 0));
  }
  let backlogBytes = Number(statements.backlog.get()?.bytes ?? 0);
  const listeners = new Set<() => void>();

  function append(calls: readonly (readonly AppendedRecord[])[], timestampMs: number): Map<number, number>[] {
    const bytes = calls.reduce((sum, call) => sum + call.reduce((inner, each) => inner + sizeOf(each), 0), 0);
    if (backlogBytes + bytes > config.backlogBytesMax) {
      throw new PipelineError(
        "OVERLOADED",
        `${backlogBytes} bytes wait in the log, backlogBytesMax is ${config.backlogBytesMax}; retry later`,
      );
    }
    const next = new Map(tails);
    const placed = inTransaction(db, () => {
      const results = calls.map((call) => {
        const last = new Map<number, number>();
        for (const record of call) {
          const partition = partitionOf(record.key, config.partitionCount);
          const offset = next.get(partition) ?? 0;
          statements.insert.run(partition, offset, record.key, record.value, timestampMs);
          next.set(partition, offset + 1);
          last.set(partition, offset);
        }
        return last;
      });
      for (const [partition, offset] of next) {
        if (offset !== tails.get(partition)) statements.moveTail.run(offset, partition);
      }
      return results;
    });
    for (const [partition, offset] of next) tails.set(partition, offset);
    backlogBytes += bytes;
    for (const listener of listeners) listener();
    return placed;
  }

  function commit(group: string, partition: number, nextOffset: number): void {
    inTransaction(db, () => {
      statements.moveCursor.run(group, partition, nextOffset);
      const passed = Number(statements.passed.get(partition)?.committed ?? 0);
      const gone = statements.bytesBefore.get(partition, passed);
      statements.deleteBefore.run(partition, passed);
      backlogBytes -= Number(gone?.bytes ?? 0);
    });
  }

  return {
    partitionCount: config.partitionCount,
    append,
    read(partition, offset, countMax, bytesMax) {
      const records: StoredRecord[] = [];
      let bytes = 0;
      for (const row of statements.read.iterate(partition, offset, countMax)) {
        const record = toRecord(row);
        bytes += sizeOf(record);
        if (records.length > 0 && bytes > bytesMax) break;
        records.push(record);
      }
      return records;
    },
    committed: (group, partition) => Number(statements.cursor.get(group, partition)?.committed ?? 0),
    end: (partition) => tails.get(partition) ?? 0,
    commit,
    deadLetter(record, reason, nowMs) {
      statements.bury.run(record.partition, record.offset, record.key, record.value, record.timestampMs, reason, nowMs);
    },
    deadLetters: (limit) =>
      statements.buried.all(limit).map((row) => ({
        ...toRecord(row),
        reason: String(row.reason),
        deadSinceMs: Number(row.dead_since_ms),
      })),
    onAppended(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      if (db.isOpen) db.close();
    },
  };
}

function prepare(db: DatabaseSync) {
  return {
    createTail: db.prepare("INSERT OR IGNORE INTO tail (partition, next_offset) VALUES (?, 0)"),
    tail: db.prepare("SELECT next_offset FROM tail WHERE partition = ?"),
    moveTail: db.prepare("UPDATE tail SET next_offset = ? WHERE partition = ?"),
    backlog: db.prepare("SELECT COALESCE(SUM(LENGTH(key) + LENGTH(value)), 0) AS bytes FROM record"),
    insert: db.prepare("INSERT INTO record (partition, offset, key, value, timestamp_ms) VALUES (?, ?, ?, ?, ?)"),
    read: db.prepare(
      "SELECT partition, offset, key, value, timestamp_ms FROM record WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
    ),
    cursor: db.prepare("SELECT committed FROM cursor WHERE consumer_group = ? AND partition = ?"),
    moveCursor: db.prepare(
      `INSERT INTO cursor (consumer_group, partition, committed) VALUES (?, ?, ?)
       ON CONFLICT (consumer_group, partition) DO UPDATE SET committed = MAX(committed, excluded.committed)`,
    ),
    passed: db.prepare("SELECT MIN(committed) AS committed FROM cursor WHERE partition = ?"),
    bytesBefore: db.prepare(
      "SELECT COALESCE(SUM(LENGTH(key) + LENGTH(value)), 0) AS bytes FROM record WHERE partition = ? AND offset < ?",
    ),
    deleteBefore: db.prepare("DELETE FROM record WHERE partition = ? AND offset < ?"),
    bury: db.prepare(
      `INSERT OR REPLACE INTO dead_letter (partition, offset, key, value, timestamp_ms, reason, dead_since_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    buried: db.prepare("SELECT * FROM dead_letter ORDER BY dead_since_ms DESC LIMIT ?"),
  };
}

function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  try {
    db.exec("BEGIN IMMEDIATE");
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (caught) {
    if (db.isOpen && db.isTransaction) db.exec("ROLLBACK");
    throw new PipelineError("LOG_UNAVAILABLE", `SQLite log: ${String(caught)}`, { cause: caught });
  }
}

function toRecord(row: Record<string, unknown>): StoredRecord {
  // `as`: the columns are NOT NULL in a STRICT table.
  return {
    partition: row.partition as number,
    offset: row.offset as number,
    key: row.key as Uint8Array,
    value: row.value as Uint8Array,
    timestampMs: row.timestamp_ms as number,
  };
}

function sizeOf(record: AppendedRecord): number {
  return record.key.length + record.value.length;
}
