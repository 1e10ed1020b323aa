/**
 * Records of standalone's log that will never be processed, with their reason; the newest of them, within limits of count, bytes and age. What has
 * to go is said to the caller, who counts it.
 */
import type { DatabaseSync } from "node:sqlite";

export interface DeadLetterLimits {
  readonly countMax: number;
  /** Of keys and values. */
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

/** As the topic of dead letters would keep them: some days to look at them, and never a disk full. */
export const deadLetterLimits: DeadLetterLimits = {
  countMax: 10_000,
  bytesMax: 268_435_456,
  ageMsMax: 30 * 86_400_000,
};

/** How many older letters went, by the limit they were beyond. */
export interface DroppedDeadLetters {
  readonly age: number;
  readonly count: number;
  readonly bytes: number;
}

export interface DeadLetterRow {
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly timestampMs: number;
}

export function createSqliteDeadLetters(db: DatabaseSync, limits: DeadLetterLimits) {
  db.exec(`
    CREATE TABLE IF NOT EXISTS dead_letter (
      partition INTEGER NOT NULL, offset INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, timestamp_ms INTEGER NOT NULL,
      reason TEXT NOT NULL, dead_since_ms INTEGER NOT NULL, PRIMARY KEY (partition, offset)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS dead_letter_age ON dead_letter (dead_since_ms);
  `);
  const insert = db.prepare(
    `INSERT OR REPLACE INTO dead_letter (partition, offset, key, value, timestamp_ms, reason, dead_since_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const all = db.prepare(
    "SELECT COUNT(*) AS letters, COALESCE(SUM(LENGTH(key) + LENGTH(value)), 0) AS bytes FROM dead_letter",
  );
  const oldest = db.prepare(
    `SELECT partition, offset, dead_since_ms, LENGTH(key) + LENGTH(value) AS bytes FROM dead_letter
     ORDER BY dead_since_ms, partition, offset LIMIT 1`,
  );
  const remove = db.prepare("DELETE FROM dead_letter WHERE partition = ? AND offset = ?");
  const newest = db.prepare("SELECT * FROM dead_letter ORDER BY dead_since_ms DESC LIMIT ?");

  return {
    /** Within a transaction of the caller. A letter that comes again replaces itself. */
    add(record: DeadLetterRow, reason: string, nowMs: number): DroppedDeadLetters {
      insert.run(record.partition, record.offset, record.key, record.value, record.timestampMs, reason, nowMs);
      const dropped = { age: 0, count: 0, bytes: 0 };
      const sums = all.get();
      let count = Number(sums?.letters);
      let bytes = Number(sums?.bytes);
      for (;;) {
        const row = oldest.get();
        if (row === undefined) return dropped;
        if (Number(row.dead_since_ms) < nowMs - limits.ageMsMax) dropped.age += 1;
        else if (count > limits.countMax) dropped.count += 1;
        else if (bytes > limits.bytesMax) dropped.bytes += 1;
        else return dropped;
        remove.run(Number(row.partition), Number(row.offset));
        count -= 1;
        bytes -= Number(row.bytes);
      }
    },
    newest: (limit: number): Record<string, unknown>[] => newest.all(limit),
  };
}
