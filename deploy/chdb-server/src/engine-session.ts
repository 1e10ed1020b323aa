/**
 * One connection to the engine. It runs one statement at a time; several on the same directory run side by side.
 *
 * Settings and query parameters are state of the connection (`SET name = ...`, `SET param_name = ...`), not of the statement: the binding's own
 * parameter calls share state across the whole process, so that two at once read each other's values. A session therefore remembers what it
 * has set and sends the difference before each statement. Values travel as quoted literals and are typed by the engine, as over HTTP.
 *
 * What a statement has put out before it failed stays in the connection, and comes back as the beginning of the next answer. So after every
 * failure an empty statement takes it away before anyone else's does.
 */
import { Session } from "chdb";
import type { PlainInsert } from "./sql-statement.ts";

export interface QueryAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly seconds: number;
}

export interface InsertAnswer {
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly seconds: number;
}

export interface EngineSession {
  /** The `log_comment` of everything this session runs: how a KILL finds it. */
  readonly name: string;
  /** Makes these the only database, settings and parameters (`param_x`) in force. Values are texts as in ClickHouse's HTTP interface. */
  prepare(database: string, variables: ReadonlyMap<string, string>): Promise<void>;
  query(sql: string, format: string): Promise<QueryAnswer>;
  insert(
    target: PlainInsert,
    insert: { format: string; settings: ReadonlyMap<string, string>; data: Buffer },
  ): Promise<InsertAnswer>;
  /** Only when no statement is running. */
  close(): void;
}

export function openSession(
  path: string,
  options: { name: string; engineArguments: readonly string[]; settings: Readonly<Record<string, string>> },
): EngineSession {
  const connect = () => new Session(path, { connectionArgs: options.engineArguments });
  const lasting = new Map([...Object.entries(options.settings), ["log_comment", options.name] as const]);
  let session = connect();
  let database = "default";
  /** What the connection holds. */
  let held: ReadonlyMap<string, string> = new Map();
  let hasResidue = false;

  async function discardResidue(): Promise<void> {
    await session.queryAsync(`SET log_comment = ${quote(options.name)}`);
    hasResidue = false;
  }

  async function attempt<R>(statement: () => Promise<R>): Promise<R> {
    if (hasResidue) await discardResidue();
    try {
      return await statement();
    } catch (caught) {
      hasResidue = true;
      await discardResidue().catch(() => {
        // Tried again before the next statement, which does not run without it.
      });
      throw caught;
    }
  }

  function reconnect(): void {
    session.close();
    session = connect();
    database = "default";
    held = new Map();
    hasResidue = false;
  }

  async function hold(wanted: ReadonlyMap<string, string>): Promise<void> {
    const assignments: string[] = [];
    for (const [name, value] of wanted) {
      if (held.get(name) !== value) assignments.push(`${name} = ${quote(value)}`);
    }
    for (const name of held.keys()) {
      if (!wanted.has(name)) assignments.push(name.startsWith("param_") ? `${name} = ''` : `${name} = DEFAULT`);
    }
    if (assignments.length === 0) return;
    await session.queryAsync(`SET ${assignments.join(", ")}`);
    held = wanted;
  }

  /**
   * A setting can make every further SET fail (`allow_ddl`, `dialect`), and a SET that failed may have taken some of its values: a new connection is
   * the only way back. It has cost a millisecond or two; a plain failed statement does not need it.
   */
  async function holdSafely(wanted: ReadonlyMap<string, string>): Promise<void> {
    const isFresh = held.size === 0;
    try {
      if (hasResidue) await discardResidue();
      await hold(wanted);
    } catch (caught) {
      reconnect();
      if (isFresh) throw caught;
      await holdSafely(wanted);
    }
  }

  return {
    name: options.name,
    async prepare(wantedDatabase, variables) {
      await holdSafely(new Map([...lasting, ...variables]));
      if (wantedDatabase === database) return;
      await attempt(() => session.queryAsync(`USE ${quoteName(wantedDatabase)}`));
      database = wantedDatabase;
    },
    async query(sql, format) {
      const answer = await attempt(() => session.queryAsync(sql, { format }));
      return { bytes: answer.bytes(), rowsRead: answer.rowsRead, bytesRead: answer.bytesRead, seconds: answer.elapsed };
    },
    async insert(target, { format, settings, data }) {
      const answer = await attempt(() =>
        session.insert({
          table: target.table,
          ...(target.columns.length > 0 && { columns: target.columns }),
          ...(settings.size > 0 && { settings: Object.fromEntries(settings) }),
          // The binding checks the name of the format itself and refuses what it cannot pass through.
          format: format as "JSONCompactEachRow",
          values: data,
        }),
      );
      return { rowsWritten: answer.rowsWritten, bytesWritten: answer.bytesWritten, seconds: answer.elapsed };
    },
    close: () => session.close(),
  };
}

/** A literal from which nothing can break out: the backslash and the quote are escaped; NUL too, which would end the text in C. */
export function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\0")}'`;
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("\0", "\\0")}\``;
}
