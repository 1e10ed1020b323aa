/**
 * The embedded engine of one data directory: one session that writes, a few that read, one that kills.
 *
 * A result is first asked for in memory, up to a limit. Past it the engine stops the statement, and it runs again into a file that is then sent:
 * memory stays flat, the session is free before a slow client has read the answer, and an error still comes before the first byte. The engine's own
 * streaming is not used: it analyses the statement, scalar subqueries and index look-ups included, on the event loop.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open as openForReading, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ChdbServerConfig } from "./config.ts";
import { type EngineSession, openSession, quote } from "./engine-session.ts";
import { exception, toException } from "./exception.ts";
import { createLane } from "./lane.ts";
import { limitRead, limitResult } from "./read-limits.ts";
import type { SqlStatement } from "./sql-statement.ts";

export interface EngineRequest {
  readonly statement: SqlStatement;
  /** The data of an insert. */
  readonly data: Buffer;
  /** Of the result, when the statement does not name one. */
  readonly defaultFormat: string;
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Texts of the query parameters by name, without the `param_` of the URL. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Aborted when the client has gone: a read is killed, a write that waits is dropped, one that runs is finished. */
  readonly signal: AbortSignal;
}

export interface EngineAnswer {
  readonly format: string;
  /** Of a large result a file, already unlinked; the receiver closes it. */
  readonly body: Uint8Array | FileHandle;
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
  readonly seconds: number;
}

export interface Engine {
  readonly version: string;
  readonly openMs: number;
  /** @throws errors as `exception.ts` describes them. */
  run(request: EngineRequest): Promise<EngineAnswer>;
  /** Finishes the running writes, stops the running reads, closes the connections. */
  close(): Promise<void>;
}

/** What lowers memory and idle work; measured in the README of this package. Arguments of `clickhouse local`. */
function engineArguments(config: ChdbServerConfig): string[] {
  const settings = {
    max_server_memory_usage: config.engineMemoryBytesMax,
    mark_cache_size: 32 * 1024 * 1024,
    index_mark_cache_size: 8 * 1024 * 1024,
    uncompressed_cache_size: 0,
    mmap_cache_size: 0,
    compiled_expression_cache_size: 8 * 1024 * 1024,
    max_thread_pool_free_size: 16,
    background_pool_size: 2,
    background_schedule_pool_size: 2,
    asynchronous_metrics_update_period_s: 3600,
    asynchronous_heavy_metrics_update_period_s: 86_400,
    // Parameters arrive in a SET statement, and an array of ids may be long.
    max_query_size: 64 * 1024 * 1024,
  };
  return Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
}

const noRows = { readRows: 0, readBytes: 0, writtenRows: 0, writtenBytes: 0, seconds: 0 };
const tooManyRowsOrBytes = 396;
/** An INSERT gathers a quarter of a gigabyte before it writes; a file can be written as the rows come. */
const blocksOfSpool = [
  ["min_insert_block_size_rows", "65536"],
  ["min_insert_block_size_bytes", "8388608"],
] as const;
const killAgainMs = 250;

export async function openEngine(config: ChdbServerConfig): Promise<Engine> {
  const openedAt = performance.now();
  const path = join(config.dataDirectory, "clickhouse");
  const spoolDirectory = join(config.dataDirectory, "spool");
  rmSync(spoolDirectory, { recursive: true, force: true });
  mkdirSync(spoolDirectory, { recursive: true, mode: 0o700 });
  const open = (name: string, settings: Record<string, string>): EngineSession =>
    openSession(path, { name, engineArguments: engineArguments(config), settings });

  const writer = open("write", { max_memory_usage: String(config.writeMemoryBytesMax) });
  const readers = Array.from({ length: config.readSessions }, (_, index) => open(`read-${index}`, { readonly: "2" }));
  const controller = open("control", {});
  const limits = { waitMs: config.waitMsMax };
  const writeLane = createLane([writer], { ...limits, name: "writes", waitersMax: config.writeWaitersMax });
  const readLane = createLane(readers, { ...limits, name: "reads", waitersMax: config.readWaitersMax });
  const controlLane = createLane([controller], { ...limits, name: "kills", waitersMax: config.readWaitersMax });

  await controller.prepare("default", new Map());
  const names = await controller.query("SELECT name FROM system.settings", "TabSeparated");
  const knownSettings = new Set(Buffer.from(names.bytes).toString().trimEnd().split("\n"));
  const version = Buffer.from((await controller.query("SELECT version()", "TabSeparated")).bytes)
    .toString()
    .trim();

  /** Kills what the session runs, again and again: the first may come between two statements of one request. */
  async function killUntil(session: EngineSession, isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const sql = `KILL QUERY WHERE Settings['log_comment'] = ${quote(session.name)} ASYNC`;
      await controlLane
        .run(new AbortController().signal, (control) => control.query(sql, "Null"))
        .catch(() => {
          // A kill that fails is tried again; the time limit of the read ends it in any case.
        });
      await new Promise((resolve) => setTimeout(resolve, killAgainMs));
    }
  }

  const stopping = new AbortController();

  async function withKill<R>(session: EngineSession, gone: AbortSignal, work: () => Promise<R>): Promise<R> {
    const signal = AbortSignal.any([gone, stopping.signal]);
    let isDone = false;
    let killing = Promise.resolve();
    const onAbort = () => {
      killing = killUntil(session, () => isDone);
    };
    signal.addEventListener("abort", onAbort);
    try {
      return await work();
    } finally {
      isDone = true;
      signal.removeEventListener("abort", onAbort);
      // The session goes back only when no kill is on its way to it, or it would hit the next request.
      await killing;
    }
  }

  async function read(request: EngineRequest): Promise<EngineAnswer> {
    const { statement } = request;
    const format = statement.format ?? request.defaultFormat;
    const asked = limitRead(request.settings, statement.settings, config);
    const result = limitResult(asked, statement.settings, config);
    return readLane.run(request.signal, (session) =>
      withKill(session, request.signal, async () => {
        try {
          await session.prepare(request.database, withParameters(result.settings, request.parameters));
          assertPresent(request.signal);
          const answer = await session.query(statement.sql, format);
          const { bytes: body, rowsRead: readRows, bytesRead: readBytes, seconds } = answer;
          return { ...noRows, format, body, readRows, readBytes, seconds };
        } catch (caught) {
          const isTooLarge = toException(caught).code === tooManyRowsOrBytes;
          if (!isTooLarge || !result.canSpool || statement.kind !== "select") throw caught;
        }
        await session.prepare(
          request.database,
          withParameters(new Map([...blocksOfSpool, ...asked]), request.parameters),
        );
        assertPresent(request.signal);
        return { ...noRows, format, ...(await spool(session, statement, format)) };
      }),
    );
  }

  async function spool(session: EngineSession, statement: SqlStatement, format: string) {
    const path = join(spoolDirectory, randomUUID());
    let isDone = false;
    let isTooLarge = false;
    const watch = setInterval(async () => {
      const { size } = await stat(path).catch(() => ({ size: 0 }));
      if (size <= config.spooledResultBytesMax || isTooLarge) return;
      isTooLarge = true;
      await killUntil(session, () => isDone);
    }, killAgainMs);
    try {
      const target = `INSERT INTO FUNCTION file(${quote(path)}, ${quote(format)})`;
      const answer = await session.query(`${target} ${statement.sqlWithoutFormat}`, "Null");
      return { body: await openFile(path), seconds: answer.seconds };
    } catch (caught) {
      if (!isTooLarge) throw caught;
      throw exception(
        "TOO_MANY_BYTES",
        `Result exceeds ${config.spooledResultBytesMax} bytes; ask for fewer rows or columns, or use LIMIT`,
      );
    } finally {
      isDone = true;
      clearInterval(watch);
      await rm(path, { force: true });
    }
  }

  async function write(request: EngineRequest): Promise<EngineAnswer> {
    const { statement, data } = request;
    const format =
      statement.dataStart === undefined ? (statement.format ?? request.defaultFormat) : request.defaultFormat;
    if (statement.dataStart !== undefined && data.length === 0) return { ...noRows, format, body: data };
    return writeLane.run(request.signal, async (session) => {
      await session.prepare(request.database, withParameters(request.settings, request.parameters));
      assertPresent(request.signal);
      if (statement.insert !== undefined && passedThrough.has(statement.format ?? "")) {
        const answer = await session.insert(statement.insert, {
          format: statement.format ?? "",
          settings: statement.settings,
          data,
        });
        const { rowsWritten: writtenRows, bytesWritten: writtenBytes, seconds } = answer;
        return { ...noRows, format, body: new Uint8Array(0), writtenRows, writtenBytes, seconds };
      }
      const answer = await session.query(withInlineData(statement, data), format);
      return { ...noRows, format, body: answer.bytes, seconds: answer.seconds };
    });
  }

  return {
    version,
    openMs: performance.now() - openedAt,
    async run(asked) {
      // On a connection it could never be taken back; reads are on connections that have it anyway.
      const isReadonly = (asked.settings.get("readonly") ?? "0") !== "0";
      const request = { ...asked, settings: new Map([...asked.settings].filter(([name]) => name !== "readonly")) };
      assertParameters(request);
      for (const name of request.settings.keys()) {
        if (!knownSettings.has(name)) throw exception("UNKNOWN_SETTING", `Unknown setting '${name}'`);
      }
      if (request.statement.kind === "select" || request.statement.kind === "read") return read(request);
      if (isReadonly) throw exception("READONLY", "Cannot execute query in readonly mode");
      if (request.statement.kind !== "kill") return write(request);
      const format = request.statement.format ?? request.defaultFormat;
      const answer = await controlLane.run(request.signal, (session) => session.query(request.statement.sql, format));
      return { ...noRows, format, body: answer.bytes, seconds: answer.seconds };
    },
    async close() {
      stopping.abort();
      await Promise.all([writeLane.drain(), readLane.drain()]);
      await controlLane.drain();
      for (const session of [writer, ...readers, controller]) session.close();
    },
  };
}

/** The spool file is unlinked at once, so nothing is left behind whatever happens to the request. */
async function openFile(path: string): Promise<FileHandle> {
  const file = await openForReading(path, "r");
  await rm(path, { force: true });
  return file;
}

/** Formats whose bytes the binding hands to the engine without a copy in between. */
const passedThrough: ReadonlySet<string> = new Set([
  "JSONEachRow",
  "JSONCompactEachRow",
  "CSV",
  "CSVWithNames",
  "TSV",
  "TabSeparated",
  "TSVWithNames",
  "TabSeparatedWithNames",
]);

/** Other inserts go as one text, which binary data would not survive. */
function withInlineData(statement: SqlStatement, data: Buffer): string {
  if (statement.dataStart === undefined) return statement.sql;
  if (!/^(?:JSON|TSV|TabSeparated|CSV|CustomSeparated|Values$|LineAsString$)/.test(statement.format ?? "")) {
    throw exception(
      "NOT_IMPLEMENTED",
      `INSERT in format ${statement.format}; the embedded store takes text formats only`,
    );
  }
  return `${statement.sql}\n${data.toString("utf8")}`;
}

function withParameters(
  settings: ReadonlyMap<string, string>,
  parameters: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map([...settings, ...[...parameters].map(([name, value]) => [`param_${name}`, value] as const)]);
}

/** Else the engine would take the value that an earlier request left on the connection. */
function assertParameters({ statement, parameters }: EngineRequest): void {
  const missing = statement.parameters.find((name) => !parameters.has(name));
  if (missing !== undefined) throw exception("UNKNOWN_QUERY_PARAMETER", `Substitution \`${missing}\` is not set`);
  const invalid = [...parameters.keys()].find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (invalid !== undefined)
    throw exception("BAD_ARGUMENTS", `Query parameter name ${JSON.stringify(invalid)} is not an identifier`);
}

function assertPresent(signal: AbortSignal): void {
  if (signal.aborted) throw exception("QUERY_WAS_CANCELLED", "The client closed the connection");
}
