/**
 * Reads just enough of one SQL statement to decide what to do with it: does it read or write, which format was asked for, where do the data
 * of an INSERT begin, which parameters does it name. Everything else is the engine's to parse and to refuse.
 *
 * The lexer knows what can hide those words: 'strings' and "names" and `names` (backslash escapes and doubled quotes), $tag$heredocs$tag$,
 * comments (-- to the end of the line, # to the end of the line when a space or ! follows, and slash-star). An unclosed one reaches to the end.
 */
import { exception } from "./exception.ts";

export interface SqlStatement {
  /** `select` can follow an INSERT INTO; other reads cannot (SHOW, DESCRIBE, EXPLAIN, EXISTS, one that starts with a parenthesis or FROM). */
  readonly kind: "select" | "read" | "insert" | "write" | "kill";
  /** Without trailing semicolons; of an insert with a FORMAT clause, only up to and with that clause. */
  readonly sql: string;
  /** The same without its FORMAT clause. */
  readonly sqlWithoutFormat: string;
  /** Of the result, or of the data of an insert. */
  readonly format: string | undefined;
  /** Only of an insert with a FORMAT clause: where its data begin in the text that was given. */
  readonly dataStart: number | undefined;
  /** Names of `{name:Type}` placeholders. */
  readonly parameters: readonly string[];
  /** Settings with a literal value in a SETTINGS clause, lower case. */
  readonly settings: ReadonlyMap<string, string>;
  /** Of a plain `INSERT INTO table [(columns)] [SETTINGS ...] FORMAT name`. */
  readonly insert: PlainInsert | undefined;
}

export interface PlainInsert {
  readonly table: string;
  readonly columns: readonly string[];
}

interface Token {
  readonly kind: "word" | "number" | "string" | "quoted" | "sign";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const kindByWord: Readonly<Record<string, SqlStatement["kind"]>> = {
  SELECT: "select",
  WITH: "select",
  FROM: "read",
  "(": "read",
  SHOW: "read",
  DESCRIBE: "read",
  DESC: "read",
  EXPLAIN: "read",
  EXISTS: "read",
  INSERT: "insert",
  KILL: "kill",
};

/** @throws an exception with ClickHouse's code for an empty statement, several statements, and what has no meaning without a session. */
export function parseStatement(text: string): SqlStatement {
  const tokens = tokenize(text);
  const first = tokens[0];
  if (first === undefined || first.text === ";") throw exception("SYNTAX_ERROR", "Empty query");
  let kind = kindByWord[first.text.toUpperCase()] ?? "write";
  if (first.text.toUpperCase() === "WITH" && findTopLevel(tokens, "INSERT", "INTO") !== undefined) kind = "insert";
  refuseSessionStatements(tokens);

  const format = findFormat(tokens, kind);
  if (kind === "insert" && format !== undefined && findTopLevel(tokens, "SELECT") === undefined) {
    return readInsert(text, tokens, format);
  }
  const end = findEnd(tokens, text);
  const sql = text.slice(0, end);
  return {
    kind,
    sql,
    sqlWithoutFormat: format === undefined ? sql : `${sql.slice(0, format.start)} ${sql.slice(format.end)}`,
    format: format?.name,
    dataStart: undefined,
    parameters: findParameters(tokens),
    settings: findSettings(tokens),
    insert: undefined,
  };
}

function readInsert(text: string, tokens: readonly Token[], format: FormatClause): SqlStatement {
  const head = tokens.filter((token) => token.end <= format.end);
  return {
    kind: "insert",
    sql: text.slice(0, format.end),
    sqlWithoutFormat: text.slice(0, format.start),
    format: format.name,
    dataStart: format.end,
    parameters: findParameters(head),
    settings: findSettings(head),
    insert: findPlainInsert(head),
  };
}

/** SET, USE and temporary tables would change a connection that other requests share. */
function refuseSessionStatements(tokens: readonly Token[]): void {
  const first = tokens[0]?.text.toUpperCase() ?? "";
  const second = tokens[1]?.text.toUpperCase() ?? "";
  const third = tokens[2]?.text.toUpperCase() ?? "";
  if (first === "SET" || first === "USE") {
    throw exception(
      "NOT_IMPLEMENTED",
      `${first} has no effect without a session; send settings and database with each request`,
    );
  }
  if (first === "CREATE" && (second === "TEMPORARY" || third === "TEMPORARY")) {
    throw exception("NOT_IMPLEMENTED", "Temporary tables need a session, which this server does not have");
  }
  if (findTopLevel(tokens, "INTO", "OUTFILE") !== undefined) {
    throw exception("NOT_IMPLEMENTED", "INTO OUTFILE is not allowed over HTTP");
  }
}

/** Where the one statement ends: before a semicolon that nothing but semicolons follows. */
function findEnd(tokens: readonly Token[], text: string): number {
  const semicolon = tokens.findIndex((token) => token.kind === "sign" && token.text === ";");
  if (semicolon === -1) return text.length;
  const rest = tokens.slice(semicolon).find((token) => token.text !== ";");
  const end = tokens[semicolon]?.start ?? text.length;
  if (rest !== undefined) {
    throw exception("SYNTAX_ERROR", `Syntax error (Multi-statements are not allowed): failed at position ${end + 1}`);
  }
  return end;
}

interface FormatClause {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** FORMAT and a name are a clause in an insert before its data; elsewhere when they end the statement or SETTINGS follows. */
function findFormat(tokens: readonly Token[], kind: SqlStatement["kind"]): FormatClause | undefined {
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    depth += depthChange(token);
    const name = tokens[index + 1];
    if (depth !== 0 || token.kind !== "word" || token.text.toUpperCase() !== "FORMAT" || name?.kind !== "word")
      continue;
    const next = tokens[index + 2];
    const isLast = next === undefined || next.text === ";" || next.text.toUpperCase() === "SETTINGS";
    if (kind === "insert" || isLast) return { name: name.text, start: token.start, end: name.end };
  }
  return undefined;
}

function findTopLevel(tokens: readonly Token[], ...words: readonly string[]): number | undefined {
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    depth += depthChange(token);
    if (depth !== 0) continue;
    const matches = words.every((word, offset) => {
      const candidate = tokens[index + offset];
      return candidate?.kind === "word" && candidate.text.toUpperCase() === word;
    });
    if (matches) return index;
  }
  return undefined;
}

function depthChange(token: Token): number {
  if (token.kind !== "sign") return 0;
  if (token.text === "(" || token.text === "[" || token.text === "{") return 1;
  return token.text === ")" || token.text === "]" || token.text === "}" ? -1 : 0;
}

function findParameters(tokens: readonly Token[]): string[] {
  const names = new Set<string>();
  for (const [index, token] of tokens.entries()) {
    const name = tokens[index + 1];
    if (token.text === "{" && token.kind === "sign" && name?.kind === "word" && tokens[index + 2]?.text === ":") {
      names.add(name.text);
    }
  }
  return [...names];
}

function findSettings(tokens: readonly Token[]): Map<string, string> {
  const settings = new Map<string, string>();
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.kind !== "word" || token.text.toUpperCase() !== "SETTINGS") continue;
    let cursor = index + 1;
    while (tokens[cursor]?.kind === "word" && tokens[cursor + 1]?.text === "=" && tokens[cursor + 2] !== undefined) {
      settings.set((tokens[cursor]?.text ?? "").toLowerCase(), unquote(tokens[cursor + 2]));
      cursor += 3;
      if (tokens[cursor]?.text !== ",") break;
      cursor += 1;
    }
    index = cursor - 1;
  }
  return settings;
}

function findPlainInsert(head: readonly Token[]): PlainInsert | undefined {
  let cursor = 0;
  const take = (word: string): boolean => {
    if (head[cursor]?.text.toUpperCase() !== word) return false;
    cursor += 1;
    return true;
  };
  const takeName = (): string | undefined => {
    const token = head[cursor];
    if (token?.kind !== "word" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(token.text)) return undefined;
    cursor += 1;
    return token.text;
  };
  const takeDottedName = (): string | undefined => {
    let name = takeName();
    while (name !== undefined && take(".")) {
      const part = takeName();
      name = part === undefined ? undefined : `${name}.${part}`;
    }
    return name;
  };

  if (!take("INSERT") || !take("INTO")) return undefined;
  const table = takeDottedName();
  if (table === undefined) return undefined;
  const columns: string[] = [];
  if (take("(")) {
    do {
      const column = takeDottedName();
      if (column === undefined) return undefined;
      columns.push(column);
    } while (take(","));
    if (!take(")")) return undefined;
  }
  if (take("SETTINGS")) {
    do {
      if (takeName() === undefined || !take("=")) return undefined;
      const value = head[cursor];
      if (value?.kind !== "number" && value?.kind !== "string") return undefined;
      cursor += 1;
    } while (take(","));
  }
  return take("FORMAT") && cursor === head.length - 1 ? { table, columns } : undefined;
}

function unquote(token: Token | undefined): string {
  if (token === undefined) return "";
  if (token.kind !== "string" && token.kind !== "quoted") return token.text;
  const quote = token.text[0] ?? "'";
  return token.text
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .replaceAll(/\\(.)/gs, "$1");
}

const space = /\s+|--[^\n]*|#[ !][^\n]*/y;
const word = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const number = /[0-9][0-9A-Za-z_.]*(?:(?<=[eE])[+-][0-9]+)?/y;
const heredoc = /\$[A-Za-z0-9_]*\$/y;

/** The data of an insert stop the lexer: they are not SQL, and may be large. */
function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let isInValues = false;
  while (position < text.length) {
    const skipped = matchAt(space, text, position);
    if (skipped !== undefined) {
      position += skipped.length;
      continue;
    }
    if (text.startsWith("/*", position)) {
      const close = text.indexOf("*/", position + 2);
      position = close === -1 ? text.length : close + 2;
      continue;
    }
    const next = readToken(text, position);
    position = next.end;
    if (isInValues && !tellsSomething(next, tokens)) continue;
    tokens.push(next);
    if (beginsData(tokens)) break;
    isInValues ||= next.text.toUpperCase() === "VALUES" && tokens[0]?.text.toUpperCase() === "INSERT";
  }
  return tokens;
}

/** Of the rows after VALUES, which may be millions of tokens, only what ends the statement or names a parameter is kept. */
function tellsSomething(next: Token, tokens: readonly Token[]): boolean {
  return (
    next.kind === "word" || next.text === ";" || next.text === "{" || next.text === ":" || tokens.at(-1)?.text === ";"
  );
}

function readToken(text: string, start: number): Token {
  const tag = matchAt(heredoc, text, start);
  if (tag !== undefined) {
    const close = text.indexOf(tag, start + tag.length);
    const end = close === -1 ? text.length : close + tag.length;
    return { kind: "string", text: text.slice(start, end), start, end };
  }
  const first = text[start] ?? "";
  if (first === "'" || first === '"' || first === "`") {
    const end = findClosingQuote(text, start, first);
    return { kind: first === "'" ? "string" : "quoted", text: text.slice(start, end), start, end };
  }
  const name = matchAt(word, text, start);
  if (name !== undefined) return { kind: "word", text: name, start, end: start + name.length };
  const digits = matchAt(number, text, start);
  if (digits !== undefined) return { kind: "number", text: digits, start, end: start + digits.length };
  return { kind: "sign", text: first, start, end: start + 1 };
}

/** A loop, not an expression: literals of many megabytes are legal, and would exhaust the stack of a backtracking matcher. */
function findClosingQuote(text: string, start: number, quote: string): number {
  for (let position = start + 1; position < text.length; position++) {
    const character = text[position];
    if (character === "\\") position += 1;
    else if (character === quote) {
      if (text[position + 1] !== quote) return position + 1;
      position += 1;
    }
  }
  return text.length;
}

/** `INSERT INTO ... FORMAT name`, with no SELECT before it, and the name just read. */
function beginsData(tokens: readonly Token[]): boolean {
  const last = tokens.at(-1);
  if (last?.kind !== "word" || tokens.at(-2)?.text.toUpperCase() !== "FORMAT") return false;
  return tokens[0]?.text.toUpperCase() === "INSERT" && findTopLevel(tokens, "SELECT") === undefined;
}

function matchAt(pattern: RegExp, text: string, position: number): string | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0];
}
