import { setTimeout as sleep } from "node:timers/promises";
import { type Kysely, sql, type Transaction } from "kysely";
import { PipelineError } from "../errors.ts";
import type { ControlTables } from "./schema.ts";

/** What the query files share. */
export interface ControlConnection {
  readonly db: Kysely<ControlTables>;
  readonly dialect: "postgres" | "sqlite";
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type ControlTransaction = Transaction<ControlTables>;

/** "nonet" in ASCII; advisory locks are per database, and this one stands for the whole of ours. */
const advisoryLock = 0x6e6f6e6574;
const lockRetryMs = 50;
const lockWaitMsMax = 30_000;

/**
 * Runs `change` in a transaction while no other process runs one through here. SQLite's transactions exclude each other anyway.
 * The lock is tried and not waited for, so that waiting holds no connection and meets no statement timeout.
 *
 * @throws PipelineError `CONTROL_UNAVAILABLE` when others hold the lock for 30 s.
 */
export async function changeExclusively<T>(
  { db, dialect }: ControlConnection,
  change: (transaction: ControlTransaction) => Promise<T>,
): Promise<T> {
  if (dialect === "sqlite") return db.transaction().execute(change);
  const deadline = performance.now() + lockWaitMsMax;
  for (;;) {
    const result = await db.transaction().execute(async (transaction) => {
      const lock = sql<{ locked: boolean }>`select pg_try_advisory_xact_lock(${advisoryLock}::bigint) as locked`;
      const { rows } = await lock.execute(transaction);
      return rows[0]?.locked === true ? { value: await change(transaction) } : undefined;
    });
    if (result !== undefined) return result.value;
    if (performance.now() > deadline) {
      throw new PipelineError(
        "CONTROL_UNAVAILABLE",
        `another process changes the control database for ${lockWaitMsMax} ms`,
      );
    }
    await sleep(lockRetryMs);
  }
}
