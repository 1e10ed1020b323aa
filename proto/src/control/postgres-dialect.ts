import type { Socket } from "node:net";
import { type Dialect, PostgresDialect } from "kysely";
import pg from "pg";

/** Per process. PostgreSQL's own default limit is 100 connections for all of them. */
const connectionsMax = 8;
/** For a free or a new connection; leaves room within the receiver's 8 s. */
const connectTimeoutMs = 2_000;
/** Every query here touches a few rows by key. */
const statementTimeoutMs = 5_000;
const idleTimeoutMs = 5_000;
/** Above both: a socket silent for so long in use is a lost peer that never said so. */
const socketTimeoutMs = 8_000;
const int8TypeId = 20;

/**
 * kysely over a bounded pool of PostgreSQL connections, made when first needed.
 * 64 bit integers are read as numbers: times in milliseconds and counters, all far below 2^53.
 */
export function createPostgresDialect(url: string): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    statement_timeout: statementTimeoutMs,
    lock_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    application_name: "nonet",
    keepAlive: true,
    types: {
      getTypeParser: (typeId, format) =>
        typeId === int8TypeId && format !== "binary" ? Number : pg.types.getTypeParser(typeId, format),
    },
  });
  // A broken connection fails the query in progress by itself, and the pool opens another one when it is needed. Besides that it emits an
  // error, on the pool when it was idle and on the client when it was in use; without a listener that would end the process.
  const ignoreBrokenConnection = () => {};
  pool.on("error", ignoreBrokenConnection);
  pool.on("connect", (client) => {
    client.on("error", ignoreBrokenConnection);
    // pg's own query_timeout gives the stuck connection back to the pool. A socket that ends takes its client out of it.
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection; // the types leave it out
    stream.setTimeout(socketTimeoutMs, () => {
      stream.destroy(new Error(`no answer from PostgreSQL within ${socketTimeoutMs} ms`));
    });
  });
  return new PostgresDialect({ pool });
}
