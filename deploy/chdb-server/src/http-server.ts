/**
 * The part of ClickHouse's HTTP interface that `@clickhouse/client` uses: `/ping`, and one statement per request with settings and parameters
 * in the URL, data or the statement in the body. Sessions, roles, progress headers and binary inserts are absent on purpose.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import type { ChdbServerConfig } from "./config.ts";
import type { Engine, EngineAnswer } from "./engine.ts";
import { exception, httpStatusOf, toException } from "./exception.ts";
import { type BodyBudget, parseMultipart, readBody } from "./http-body.ts";
import { parseStatement } from "./sql-statement.ts";

/** Longer than any client keeps an idle connection (2.5 s), so that it is never we who close one that is just being used. */
const keepAliveMs = 30_000;
/** Parameters may come in the URL; the client itself moves long ones into the body. */
const headerBytesMax = 1024 * 1024;

export function createHttpServer(config: ChdbServerConfig, deps: { engine: Engine }): Server {
  const budget: BodyBudget = { bytesMax: config.bodyBytesMax, inFlightMax: config.bodyBytesInFlightMax, inFlight: 0 };
  const server = createServer({ keepAliveTimeout: keepAliveMs, maxHeaderSize: headerBytesMax }, (request, response) => {
    handle(request, response, { config, budget, ...deps }).catch(() => response.destroy());
  });
  return server;
}

interface Context {
  readonly config: ChdbServerConfig;
  readonly budget: BodyBudget;
  readonly engine: Engine;
}

async function handle(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname === "/ping" && request.method === "GET") return void response.end("Ok.\n");
  if (url.pathname !== "/") return void response.writeHead(404).end(`There is no handle ${url.pathname}\n`);
  const queryId = url.searchParams.get("query_id") ?? crypto.randomUUID();
  response.setHeader("X-ClickHouse-Query-Id", queryId);
  response.setHeader("X-ClickHouse-Timezone", "UTC");
  response.setHeader("X-ClickHouse-Server-Display-Name", "embedded");

  const gone = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  let release = () => {};
  try {
    assertAuthenticated(request, url, context.config);
    const received = await readBody(request, context.budget);
    release = received.release;
    const answer = await run(request, url, { body: received.body, signal: gone.signal, context });
    await send(request, response, { url, answer });
  } catch (caught) {
    if (gone.signal.aborted) return;
    sendException(request, response, { caught, version: context.engine.version });
  } finally {
    release();
  }
}

/** Compares digests, so that neither the time taken nor an early exit tells how much of a guess was right. */
function assertAuthenticated(request: IncomingMessage, url: URL, config: ChdbServerConfig): void {
  const { username, password } = readCredentials(request, url);
  const isValid = isSame(username, config.username) && isSame(password, config.password);
  if (isValid) return;
  throw exception(
    "AUTHENTICATION_FAILED",
    "Authentication failed: password is incorrect, or there is no user with such name",
  );
}

function readCredentials(request: IncomingMessage, url: URL): { username: string; password: string } {
  const header = request.headers.authorization ?? "";
  if (/^basic /i.test(header)) {
    const text = Buffer.from(header.slice("basic ".length), "base64").toString("utf8");
    const colon = text.indexOf(":");
    return colon === -1
      ? { username: text, password: "" }
      : { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const user = request.headers["x-clickhouse-user"] ?? url.searchParams.get("user") ?? "default";
  const key = request.headers["x-clickhouse-key"] ?? url.searchParams.get("password") ?? "";
  return { username: String(user), password: String(key) };
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Belong to the protocol, or have no meaning for one process that keeps no sessions: neither settings nor refused. */
const protocolParameters: ReadonlySet<string> = new Set([
  "query",
  "query_id",
  "database",
  "default_format",
  "user",
  "password",
  "role",
  "quota_key",
  "stacktrace",
  "wait_end_of_query",
  "buffer_size",
  "client_protocol_version",
  // An insert is answered when it is stored; nothing is collected in the background.
  "async_insert",
  "wait_for_async_insert",
  // How the server finds its own statements.
  "log_comment",
]);
const sessionParameters: ReadonlySet<string> = new Set(["session_id", "session_check", "session_timeout"]);

async function run(
  request: IncomingMessage,
  url: URL,
  { body, signal, context }: { body: Buffer; signal: AbortSignal; context: Context },
): Promise<EngineAnswer> {
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  const take = (name: string, value: string) => {
    if (sessionParameters.has(name)) throw exception("NOT_IMPLEMENTED", `${name}: this server keeps no sessions`);
    if (name.startsWith("param_")) parameters.set(name.slice("param_".length), value);
    else if (!protocolParameters.has(name)) settings.set(name, value);
  };
  for (const [name, value] of url.searchParams) take(name, value);

  let head = url.searchParams.get("query") ?? "";
  let rest = body;
  const contentType = request.headers["content-type"] ?? "";
  if (/^multipart\/form-data/i.test(contentType)) {
    for (const [name, value] of parseMultipart(body, contentType)) {
      if (name === "query") head += value;
      else take(name, value);
    }
    rest = Buffer.alloc(0);
  }

  const { statement, data } = readStatement(head, rest);
  return context.engine.run({
    statement,
    data,
    signal,
    settings,
    parameters,
    database: String(url.searchParams.get("database") ?? request.headers["x-clickhouse-database"] ?? "default"),
    defaultFormat: String(
      url.searchParams.get("default_format") ?? request.headers["x-clickhouse-format"] ?? "TabSeparated",
    ),
  });
}

/** The statement is what the URL and the body say one after the other; of an insert with a FORMAT clause the rest of it is data. */
function readStatement(head: string, rest: Buffer) {
  if (head !== "") {
    const statement = parseStatement(head);
    if (statement.dataStart !== undefined) {
      const inline = Buffer.from(head.slice(statement.dataStart).trimStart());
      return { statement, data: inline.length === 0 ? rest : Buffer.concat([inline, Buffer.from("\n"), rest]) };
    }
  }
  const text = head === "" ? rest.toString("utf8") : `${head}\n${rest.toString("utf8")}`;
  const statement = parseStatement(text);
  const data = statement.dataStart === undefined ? "" : text.slice(statement.dataStart).trimStart();
  return { statement, data: Buffer.from(data) };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { url, answer }: { url: URL; answer: EngineAnswer },
): Promise<void> {
  response.setHeader("X-ClickHouse-Format", answer.format);
  response.setHeader("Content-Type", contentTypeOf(answer.format));
  response.setHeader("X-ClickHouse-Summary", summaryOf(answer));
  const isSmall = answer.body instanceof Uint8Array && answer.body.length < compressedBytesMin;
  const isAsked = url.searchParams.get("enable_http_compression") === "1";
  const coding = isAsked && !isSmall ? chooseCoding(request) : undefined;
  if (coding !== undefined) response.setHeader("Content-Encoding", coding.name);
  if (answer.body instanceof Uint8Array && coding === undefined) {
    response.setHeader("Content-Length", answer.body.length);
    return void response.end(answer.body);
  }
  const source = toStream(answer.body);
  if (coding === undefined) await pipeline(source, response);
  else await pipeline(source, coding.create(), response);
}

function toStream(body: Uint8Array | FileHandle): Readable {
  return body instanceof Uint8Array ? Readable.from([body], { objectMode: false }) : body.createReadStream();
}

function summaryOf(answer: EngineAnswer): string {
  return JSON.stringify({
    read_rows: String(answer.readRows),
    read_bytes: String(answer.readBytes),
    written_rows: String(answer.writtenRows),
    written_bytes: String(answer.writtenBytes),
    total_rows_to_read: "0",
    result_rows: String(answer.readRows),
    result_bytes: String(answer.readBytes),
    elapsed_ns: String(Math.round(answer.seconds * 1e9)),
  });
}

function contentTypeOf(format: string): string {
  if (/^JSON(?!.*EachRow)/.test(format)) return "application/json; charset=UTF-8";
  if (format.startsWith("JSON")) return "application/x-ndjson; charset=UTF-8";
  if (format.startsWith("CSV")) return "text/csv; charset=UTF-8";
  if (/^(?:TSV|TabSeparated)/.test(format)) return "text/tab-separated-values; charset=UTF-8";
  return "application/octet-stream";
}

interface Coding {
  readonly name: string;
  readonly create: () => Transform;
}

/** Below it compression costs more than it saves, on a loopback connection. */
const compressedBytesMin = 16 * 1024;

/** Fastest level of each: the other side is on the same machine. */
const codings: readonly Coding[] = [
  { name: "zstd", create: () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } }) },
  { name: "gzip", create: () => createGzip({ level: 1 }) },
  { name: "br", create: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }) },
];

function chooseCoding(request: IncomingMessage): Coding | undefined {
  const accepted = String(request.headers["accept-encoding"] ?? "")
    .split(",")
    .map((item) => item.trim().split(";")[0]);
  return codings.find((coding) => accepted.includes(coding.name));
}

function sendException(
  request: IncomingMessage,
  response: ServerResponse,
  { caught, version }: { caught: unknown; version: string },
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, text } = toException(caught);
  for (const name of ["Content-Encoding", "Content-Length", "X-ClickHouse-Format", "X-ClickHouse-Summary"]) {
    response.removeHeader(name);
  }
  response.setHeader("X-ClickHouse-Exception-Code", code);
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  if (code === 202) response.setHeader("Retry-After", "1");
  // A client that still sends reads the answer only when it is done; closing now would lose it.
  request.resume();
  response.writeHead(httpStatusOf(code)).end(`${text} (version ${version} (embedded))\n`);
}
