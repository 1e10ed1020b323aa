/**
 * OTLP over HTTP (otlp-receiver.md sections 1 to 5, 8): HTTP/1.1, and HTTP/2 under TLS when the client negotiates it. One handler serves both, since Node's
 * compatibility requests of HTTP/2 look like those of HTTP/1.1.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { BodyBuffer } from "./body-buffer.ts";
import type { Cors } from "./cors.ts";
import { codings, parseCoding } from "./decompress.ts";
import { responseToJson, responseToProtobuf } from "./export-response.ts";
import { type ExportHandler, isRefusal, type OpenRequest } from "./receive-export.ts";
import type { Encoding } from "./receive-metrics.ts";
import type { ReceiverConfig } from "./receiver-config.ts";
import {
  type Refusal,
  type RefusalCode,
  refusal,
  retryAfterSeconds,
  statusToJson,
  statusToProtobuf,
} from "./status.ts";

export interface HttpTransport {
  /** Also takes the compatibility objects of HTTP/2, whatever their types say. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** From now on every answer closes its connection. */
  startDraining(): void;
}

const mediaTypes: Readonly<Record<Encoding, string>> = { protobuf: "application/x-protobuf", json: "application/json" };

/** A body of at most this many bytes is read to its end after an early refusal, so that the connection can be used again. */
const discardedBytesMax = 1_048_576;
/** How long a client that still sends may read its refusal. */
const lingerMs = 1_000;

export function createHttpTransport(
  config: ReceiverConfig,
  handler: ExportHandler,
  cors: Cors | undefined,
): HttpTransport {
  let draining = false;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    // A connection may break at any moment; what was in flight is given back by the handlers below.
    request.on("error", () => {});
    response.on("error", () => {});
    serve(request, response).catch(() => response.destroy());
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const encoding = encodingOf(request.headers["content-type"]);
    const exchange: Exchange = { request, response, encoding };
    const path = (request.url ?? "").split("?", 1)[0];
    if (path !== config.httpPath) {
      refuse(exchange, refusal("UNKNOWN_PATH", `only ${config.httpPath} is served here`));
    } else if (request.method === "OPTIONS" && cors !== undefined) {
      send(exchange, 204, "", cors.preflightHeaders(request.headers["origin"]));
    } else if (request.method !== "POST") {
      refuse(exchange, refusal("WRONG_METHOD", "the method must be POST"), { allow: "POST" });
    } else if (encoding === undefined) {
      const accepted = `${mediaTypes.protobuf} or ${mediaTypes.json}`;
      refuse(exchange, refusal("WRONG_MEDIA_TYPE", `content-type must be ${accepted}`));
    } else {
      await serveExport(exchange, encoding);
    }
  }

  async function serveExport(exchange: Exchange, encoding: Encoding): Promise<void> {
    const { request } = exchange;
    const coding = parseCoding(request.headers["content-encoding"]);
    if (coding === undefined) {
      refuse(exchange, refusal("UNKNOWN_CODING", `content-encoding must be one of ${codings.join(", ")}`));
      return;
    }
    const origin = { transport: "http", encoding } as const;
    const remoteAddress = request.socket?.remoteAddress ?? "";
    const opened = await handler.begin({
      origin,
      headers: request.headers,
      remoteAddress,
      connection: request.socket ?? exchange,
    });
    if (isRefusal(opened)) {
      answerRefusal(exchange, opened);
      return;
    }
    try {
      const body = await readBody(exchange, opened);
      if (body === "gone") return;
      if (!Buffer.isBuffer(body)) {
        opened.countRefused(body);
        answerRefusal(exchange, body);
        return;
      }
      exchange.response.once("close", opened.abandon);
      const answer = await opened.receive(body, coding);
      if (answer.outcome === "refused") {
        answerRefusal(exchange, answer.refusal);
        return;
      }
      const text = encoding === "json" ? responseToJson(answer.partial) : responseToProtobuf(answer.partial);
      const receipt = answer.receipt === undefined ? {} : { "nonet-receipt": answer.receipt };
      send(exchange, 200, text, { "content-type": mediaTypes[encoding], ...receipt });
    } finally {
      opened.end();
    }
  }

  function readBody(exchange: Exchange, opened: OpenRequest): Promise<Buffer | Refusal | "gone"> {
    const { request } = exchange;
    const declared = Number(request.headers["content-length"] ?? 0);
    return new Promise((resolve) => {
      let finished = false;
      const finish = (result: Buffer | Refusal | "gone"): void => {
        if (finished) return;
        finished = true;
        clearTimeout(timer);
        resolve(result);
      };
      const timer = setTimeout(
        () => finish(refusal("BODY_TIMEOUT", `the body did not arrive within ${config.bodyTimeoutMs} ms`)),
        config.bodyTimeoutMs,
      ).unref();
      const refused = opened.announce(declared);
      if (refused !== undefined) {
        finish(refused);
        return;
      }
      const body = new BodyBuffer(declared);
      request.on("data", (piece: Buffer) => {
        if (finished) return;
        const full = opened.takeBody(piece.length);
        if (full !== undefined) finish(full);
        else body.append(piece);
      });
      request.on("end", () => finish(body.bytes()));
      request.on("close", () => finish("gone"));
      if (request.destroyed) finish("gone");
    });
  }

  /** Refuses what never reached the handler. */
  function refuse(exchange: Exchange, cause: Refusal, headers: Record<string, string> = {}): void {
    handler.countRefused({ transport: "http", encoding: exchange.encoding ?? "protobuf" }, cause);
    answerRefusal(exchange, cause, headers);
  }

  function answerRefusal(exchange: Exchange, cause: Refusal, headers: Record<string, string> = {}): void {
    const { encoding } = exchange;
    const allHeaders = { ...headers, ...headersOf(cause) };
    if (encoding === undefined || textOnly.has(cause.code)) {
      send(exchange, cause.http, cause.message, { ...allHeaders, "content-type": "text/plain; charset=utf-8" });
      return;
    }
    const body = encoding === "json" ? statusToJson(cause) : statusToProtobuf(cause);
    send(exchange, cause.http, body, { ...allHeaders, "content-type": mediaTypes[encoding] });
  }

  function send(exchange: Exchange, status: number, body: string | Uint8Array, headers: Record<string, string>): void {
    const { request, response } = exchange;
    if (response.headersSent || request.socket.destroyed) return;
    const closes = request.httpVersionMajor === 1 && (draining || status === 408 || leavesMuchUnread(request));
    response.writeHead(status, {
      ...(status === 204 ? {} : { "content-length": String(Buffer.byteLength(body)) }),
      ...(request.method === "OPTIONS" ? {} : cors?.responseHeaders(request.headers["origin"])),
      ...headers,
      ...(closes ? { connection: "close" } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : body);
    if (!request.readableEnded) discard(request, closes);
  }

  return {
    handle,
    startDraining() {
      draining = true;
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Undefined when the media type is none that is accepted. */
  readonly encoding: Encoding | undefined;
}

/** A request with another media type cannot read a Status. */
const textOnly: ReadonlySet<RefusalCode> = new Set<RefusalCode>(["WRONG_MEDIA_TYPE"]);

function leavesMuchUnread(request: IncomingMessage): boolean {
  if (request.readableEnded) return false;
  if (request.headers["transfer-encoding"] !== undefined) return true;
  return Number(request.headers["content-length"] ?? 0) > discardedBytesMax;
}

/** Lets the rest of a body pass unread; a connection that is to close gets time to read its answer first. */
function discard(request: IncomingMessage, closes: boolean): void {
  request.resume();
  if (request.httpVersionMajor === 2) {
    const { stream } = request as IncomingMessage & { readonly stream: ServerHttp2Stream };
    const timer = setTimeout(() => stream.close(), lingerMs).unref();
    stream.once("close", () => clearTimeout(timer));
  } else if (closes) {
    const { socket } = request;
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once("close", () => clearTimeout(timer));
  }
}

function headersOf(cause: Refusal): Record<string, string> {
  return {
    ...(cause.http === 401 ? { "www-authenticate": 'Bearer realm="nonet"' } : {}),
    ...(cause.retryAfterMs === undefined ? {} : { "retry-after": String(retryAfterSeconds(cause.retryAfterMs)) }),
  };
}

/** Compared without case; parameters do not matter (rule 29). */
function encodingOf(contentType: string | undefined): Encoding | undefined {
  const mediaType = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType === mediaTypes.protobuf) return "protobuf";
  return mediaType === mediaTypes.json ? "json" : undefined;
}
