/**
 * kysely over Node's own `node:sqlite`: one connection, write-ahead log, every transaction immediate.
 *
 * Several processes may open one file (`nonet keys create` beside a running standalone). `node:sqlite` is synchronous, so SQLite's own wait
 * for a lock would stop the event loop: here a busy answer is retried from a timer instead. A statement that answered busy did nothing, and
 * inside an immediate transaction none does.
 */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

const busyErrorCode = 5; // SQLITE_BUSY
const busyRetryMs = 10;
/** How long a statement may wait for another process's transaction, which takes milliseconds. */
const busyWaitMsMax = 5_000;

/**
 * Opens the file, made with mode 0600 where there is none.
 *
 * @param path file, or `:memory:`.
 * @throws whatever `node:sqlite` and `node:fs` throw; controlError() names it.
 */
export function createSqliteDialect(path: string): Dialect {
  const database = openDatabase(path);
  return {
    createDriver: () => createDriver(database),
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

function openDatabase(path: string): DatabaseSync {
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path, { timeout: 1_000 });
  try {
    // FULL: an owner epoch that was handed out must not be handed out again after a loss of power (law 5).
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 0",
    );
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

function createDriver(database: DatabaseSync): Driver {
  const connection: DatabaseConnection = {
    executeQuery: <Row>(query: CompiledQuery) =>
      retryWhileBusy(() => execute<Row>(database, query.sql, query.parameters)),
    streamQuery() {
      throw new Error("the control database streams no queries: its lists are bounded");
    },
  };
  const command = async (sql: string): Promise<void> => {
    await retryWhileBusy(() => database.exec(sql));
  };
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: () => command("begin immediate"),
    commitTransaction: () => command("commit"),
    async rollbackTransaction() {
      // Some errors (a full disk) end the transaction by themselves.
      if (database.isTransaction) await command("rollback");
    },
    releaseConnection: async () => {},
    async destroy() {
      if (database.isOpen) database.close();
    },
  };
}

function execute<Row>(database: DatabaseSync, sql: string, parameters: readonly unknown[]): QueryResult<Row> {
  const statement = database.prepare(sql);
  // kysely passes through what the typed queries were given: text, numbers and null.
  const values = parameters as SQLInputValue[];
  if (statement.columns().length > 0) return { rows: statement.all(...values) as Row[] };
  const { changes } = statement.run(...values);
  return { rows: [], numAffectedRows: BigInt(changes) };
}

async function retryWhileBusy<T>(run: () => T): Promise<T> {
  const deadline = performance.now() + busyWaitMsMax;
  for (;;) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await sleep(busyRetryMs);
    }
  }
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errcode" in error &&
    typeof error.errcode === "number" &&
    (error.errcode & 0xff) === busyErrorCode
  );
}
