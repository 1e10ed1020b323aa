/**
 * Standalone's log: one topic as a table in SQLite.
 *
 *     chunk(partition, first_offset, next_offset, ...)         the topic; offsets of a partition are dense and only grow
 *     tail(partition, next_offset)                             survives the deletion of all records
 *     cursor(consumer_group, partition, committed)             the next offset a group reads
 *     dead_letter(...)                                         records that will never be processed, see sqlite-dead-letters.ts
 *
 * A chunk holds what one transaction appended to a partition: a row for each record would cost four times as much (docs/adr/0005). Chunks behind
 * every cursor are deleted with the commit that passes them. A crash leaves the last committed transaction: what was acknowledged
 * is there (law 1), what was not may be missing. SQLite is synchronous; transactions stay short, so one connection serves writer and reader.
 */
import { DatabaseSync } from "node:sqlite";
import { PipelineError } from "./errors.ts";
import {
  createSqliteDeadLetters,
  type DeadLetterLimits,
  type DroppedDeadLetters,
  deadLetterLimits,
} from "./sqlite-dead-letters.ts";
import { partitionOf } from "./topics.ts";

export interface SqliteLogConfig {
  /** File, or `:memory:` in tests. */
  path: string;
  partitionCount: number;
  /** `FULL` survives the loss of power, `NORMAL` the loss of the process. */
  synchronous: "FULL" | "NORMAL";
  /** Bytes of keys and values that may wait for the consumers; beyond it `append` refuses. */
  backlogBytesMax: number;
  /** By default those of sqlite-dead-letters.ts. */
  deadLetterLimits?: DeadLetterLimits;
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
  /**
   * Commands of the consumer, in one transaction. A full backlog does not refuse them: the consumer could not go on, and only it makes room.
   * @throws PipelineError `LOG_UNAVAILABLE`.
   */
  appendCommands(records: readonly AppendedRecord[], timestampMs: number): void;
  /** Records of one partition from `offset` on, in order, at most `countMax` and, after the first, `bytesMax`. */
  read(partition: number, offset: number, countMax: number, bytesMax: number): StoredRecord[];
  /** The next offset of the group; 0 at first. */
  committed(group: string, partition: number): number;
  /** The first offset that is still there, or `end`. */
  begin(partition: number): number;
  /** The offset the next record will get. */
  end(partition: number): number;
  /** Moves the cursor and deletes what every group has passed. Never moves it back. */
  commit(group: string, partition: number, nextOffset: number): void;
  /**
   * Keeps the newest within limits.
   * @returns how many older ones had to go.
   * @throws PipelineError `LOG_UNAVAILABLE`.
   */
  deadLetter(record: StoredRecord, reason: string, nowMs: number): DroppedDeadLetters;
  deadLetters(limit: number): DeadLetter[];
  /** Whether it can be written to now. Writes nothing that anybody sees. */
  isWritable(): boolean;
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
    PRAGMA page_size = 16384;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${config.synchronous};
    PRAGMA wal_autocheckpoint = 2048;
    PRAGMA journal_size_limit = 67108864;
    CREATE TABLE IF NOT EXISTS chunk (
      partition INTEGER NOT NULL, first_offset INTEGER NOT NULL, next_offset INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
      bytes INTEGER NOT NULL, records BLOB NOT NULL, PRIMARY KEY (partition, first_offset)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS tail (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS cursor (
      consumer_group TEXT NOT NULL, partition INTEGER NOT NULL, committed INTEGER NOT NULL, PRIMARY KEY (consumer_group, partition)
    ) STRICT, WITHOUT ROWID;
  `);
  const statements = prepare(db);
  const deadLetters = createSqliteDeadLetters(db, config.deadLetterLimits ?? deadLetterLimits);
  const tails = new Map<number, number>();
  for (let partition = 0; partition < config.partitionCount; partition += 1) {
    statements.createTail.run(partition);
    tails.set(partition, Number(statements.tail.get(partition)?.next_offset ?? 0));
  }
  let backlogBytes = Number(statements.backlog.get()?.bytes ?? 0);
  const listeners = new Set<() => void>();

  function append(calls: readonly (readonly AppendedRecord[])[], timestampMs: number): Map<number, number>[] {
    const bytes = sizeOfCalls(calls);
    if (backlogBytes + bytes > config.backlogBytesMax) {
      throw new PipelineError(
        "OVERLOADED",
        `${backlogBytes} bytes wait in the log, backlogBytesMax is ${config.backlogBytesMax}; retry later`,
      );
    }
    return place(calls, timestampMs);
  }

  function place(calls: readonly (readonly AppendedRecord[])[], timestampMs: number): Map<number, number>[] {
    const next = new Map(tails);
    const appended = new Map<number, AppendedRecord[]>();
    const placed = calls.map((call) => {
      const last = new Map<number, number>();
      for (const record of call) {
        const partition = partitionOf(record.key, config.partitionCount);
        const offset = next.get(partition) ?? 0;
        const ofPartition = appended.get(partition);
        if (ofPartition === undefined) appended.set(partition, [record]);
        else ofPartition.push(record);
        next.set(partition, offset + 1);
        last.set(partition, offset);
      }
      return last;
    });
    inTransaction(db, () => {
      for (const [partition, records] of appended) {
        let first = tails.get(partition) ?? 0;
        for (const chunk of chunksOf(records)) {
          const after = first + chunk.length;
          statements.insert.run(partition, first, after, timestampMs, sizeOfRecords(chunk), encodeChunk(chunk));
          first = after;
        }
        statements.moveTail.run(first, partition);
      }
    });
    for (const [partition, offset] of next) tails.set(partition, offset);
    backlogBytes += sizeOfCalls(calls);
    for (const listener of listeners) listener();
    return placed;
  }

  function commit(group: string, partition: number, nextOffset: number): void {
    inTransaction(db, () => {
      statements.moveCursor.run(group, partition, nextOffset);
      const passed = Number(statements.passed.get(partition)?.committed ?? 0);
      const gone = statements.bytesBefore.get(partition, passed, passed);
      statements.deleteBefore.run(partition, passed, passed);
      backlogBytes -= Number(gone?.bytes ?? 0);
    });
  }

  return {
    partitionCount: config.partitionCount,
    append,
    appendCommands(records, timestampMs) {
      place([records], timestampMs);
    },
    read(partition, offset, countMax, bytesMax) {
      const records: StoredRecord[] = [];
      let bytes = 0;
      for (const row of statements.read.iterate(partition, offset)) {
        for (const record of decodeChunk(row)) {
          if (record.offset < offset) continue;
          bytes += sizeOf(record);
          if (records.length >= countMax || (records.length > 0 && bytes > bytesMax)) return records;
          records.push(record);
        }
        if (records.length >= countMax) return records;
      }
      return records;
    },
    committed: (group, partition) => Number(statements.cursor.get(group, partition)?.committed ?? 0),
    begin: (partition) => Number(statements.begin.get(partition)?.first_offset ?? tails.get(partition) ?? 0),
    end: (partition) => tails.get(partition) ?? 0,
    commit,
    deadLetter: (record, reason, nowMs) => inTransaction(db, () => deadLetters.add(record, reason, nowMs)),
    deadLetters: (limit) =>
      deadLetters.newest(limit).map((row) => ({
        ...toRecord(row),
        reason: String(row.reason),
        deadSinceMs: Number(row.dead_since_ms),
      })),
    isWritable() {
      try {
        // Nothing changes, and yet a page goes to the disk.
        inTransaction(db, () => statements.moveTail.run(tails.get(0) ?? 0, 0));
        return true;
      } catch {
        // Why is said to whoever publishes.
        return false;
      }
    },
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
    begin: db.prepare("SELECT MIN(first_offset) AS first_offset FROM chunk WHERE partition = ?"),
    moveTail: db.prepare("UPDATE tail SET next_offset = ? WHERE partition = ?"),
    backlog: db.prepare("SELECT COALESCE(SUM(bytes), 0) AS bytes FROM chunk"),
    insert: db.prepare(
      "INSERT INTO chunk (partition, first_offset, next_offset, timestamp_ms, bytes, records) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    // Chunks behind every cursor are gone, so those of a consumer that is not the slowest are few.
    read: db.prepare(
      "SELECT partition, first_offset, timestamp_ms, records FROM chunk WHERE partition = ? AND next_offset > ? ORDER BY first_offset",
    ),
    cursor: db.prepare("SELECT committed FROM cursor WHERE consumer_group = ? AND partition = ?"),
    moveCursor: db.prepare(
      `INSERT INTO cursor (consumer_group, partition, committed) VALUES (?, ?, ?)
       ON CONFLICT (consumer_group, partition) DO UPDATE SET committed = MAX(committed, excluded.committed)`,
    ),
    passed: db.prepare("SELECT MIN(committed) AS committed FROM cursor WHERE partition = ?"),
    bytesBefore: db.prepare(
      "SELECT COALESCE(SUM(bytes), 0) AS bytes FROM chunk WHERE partition = ? AND first_offset < ? AND next_offset <= ?",
    ),
    deleteBefore: db.prepare("DELETE FROM chunk WHERE partition = ? AND first_offset < ? AND next_offset <= ?"),
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

/** Bytes after which a transaction begins another chunk: a reader takes chunks whole, and its batches have a limit of their own. */
const chunkBytesMax = 4_194_304;

function* chunksOf(records: readonly AppendedRecord[]): Generator<readonly AppendedRecord[]> {
  let first = 0;
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    bytes += sizeOf(record);
    if (bytes <= chunkBytesMax || index === first) continue;
    yield records.slice(first, index);
    first = index;
    bytes = sizeOf(record);
  }
  yield records.slice(first);
}

/** Of each record: length of key and value as two 32-bit integers (little endian), then both. */
const headerBytes = 8;

function encodeChunk(records: readonly AppendedRecord[]): Buffer {
  const chunk = Buffer.allocUnsafe(sizeOfRecords(records) + headerBytes * records.length);
  let at = 0;
  for (const { key, value } of records) {
    chunk.writeUInt32LE(key.length, at);
    chunk.writeUInt32LE(value.length, at + 4);
    chunk.set(key, at + headerBytes);
    chunk.set(value, at + headerBytes + key.length);
    at += headerBytes + key.length + value.length;
  }
  return chunk;
}

function* decodeChunk(row: Record<string, unknown>): Generator<StoredRecord> {
  // `as`: the columns are NOT NULL in a STRICT table.
  const bytes = row.records as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = row.first_offset as number;
  for (let at = 0; at < bytes.length; offset += 1) {
    const keyAt = at + headerBytes;
    const valueAt = keyAt + view.getUint32(at, true);
    const end = valueAt + view.getUint32(at + 4, true);
    yield {
      partition: row.partition as number,
      offset,
      key: bytes.subarray(keyAt, valueAt),
      value: bytes.subarray(valueAt, end),
      timestampMs: row.timestamp_ms as number,
    };
    at = end;
  }
}

function sizeOfCalls(calls: readonly (readonly AppendedRecord[])[]): number {
  return calls.reduce((sum, call) => sum + sizeOfRecords(call), 0);
}

function sizeOfRecords(records: readonly AppendedRecord[]): number {
  return records.reduce((sum, each) => sum + sizeOf(each), 0);
}

function sizeOf(record: AppendedRecord): number {
  return record.key.length + record.value.length;
}
