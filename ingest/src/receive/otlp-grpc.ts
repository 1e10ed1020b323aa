/**
 * OTLP over gRPC: unary calls on node:http2 (otlp-receiver.md sections 1 and 1.1).
 *
 * Written on HTTP/2 directly, not on a gRPC library: a refused caller must be answered before its body is decompressed, a body sent in one-byte
 * frames must not cost a hundred times its size, bytes must count from the first one, and a compressed message without a `grpc-encoding` must fail;
 * `@grpc/grpc-js` decides all four inside itself (docs/adr/0010). Tests use its client.
 *
 * A stream can end at any await, so every write goes through `whileOpen`.
 */
import type {
  Http2Server,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import { grpcStatus } from "@nonet/proto/errors.ts";
import { type Coding, codings, parseCoding } from "./decompress.ts";
import { responseToProtobuf } from "./export-response.ts";
import { createGrpcHealth, type GrpcHealth } from "./grpc-health.ts";
import { type FrameFault, frameMessage, GrpcMessageReader } from "./grpc-message.ts";
import { type ExportHandler, isRefusal, type OpenRequest } from "./receive-export.ts";
import type { Origin } from "./receive-metrics.ts";
import type { ReceiverConfig } from "./receiver-config.ts";
import { type Refusal, refusal, statusToProtobuf } from "./status.ts";

export interface GrpcTransport {
  /** Serves the streams of a server. */
  attach(server: Http2Server): void;
  openConnections(): number;
  startDraining(): void;
  /** Lets calls end, then closes what is left after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const origin: Origin = { transport: "grpc", encoding: "protobuf" };
/** On a 10 ms path the 64 KiB default holds a connection to about 6 MB/s (rule 21). Streams take it from their settings, see receiver.ts. */
const connectionWindowBytes = 4 * 1_048_576;

const responseHeaders: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc",
  "grpc-accept-encoding": codings.join(","),
};

export function createGrpcTransport(config: ReceiverConfig, handler: ExportHandler): GrpcTransport {
  const sessions = new Set<ServerHttp2Session>();
  const health = createGrpcHealth();

  function attach(server: Http2Server): void {
    server.on("session", (session) => {
      sessions.add(session);
      session.setLocalWindowSize(connectionWindowBytes);
      session.on("close", () => sessions.delete(session));
      // Damage on one connection ends that connection.
      session.on("error", () => session.destroy());
      endSilentSession(session, config.headersTimeoutMs);
    });
    server.on("sessionError", (_, session) => session.destroy());
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      // A stream that breaks also closes, and its call is given up there.
      stream.on("error", () => {});
      route(stream, headers).catch(() => stream.destroy());
    });
  }

  async function route(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    if (!/^application\/grpc(\+proto)? *(;|$)/i.test(headers["content-type"] ?? "")) {
      respondPlain(stream, 415, "content-type must be application/grpc or application/grpc+proto");
    } else if (headers[":method"] !== "POST") {
      respondPlain(stream, 405, "the method must be POST");
    } else if (headers[":path"] === exportPath) {
      await serveExport(stream, headers);
    } else if (headers[":path"]?.startsWith("/grpc.health.v1.Health/") === true) {
      await serveHealth(stream, headers[":path"], health);
    } else {
      const cause = refusal("UNKNOWN_PATH", "unknown service or method");
      handler.countRefused(origin, cause);
      respondRefusal(stream, cause);
    }
  }

  async function serveExport(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const coding = parseCoding(single(headers["grpc-encoding"]));
    const timeoutMs = parseTimeout(single(headers["grpc-timeout"]));
    if (coding === undefined || timeoutMs === undefined) {
      const cause =
        coding === undefined
          ? refusal("UNKNOWN_CODING", `grpc-encoding must be one of ${codings.join(", ")}`)
          : refusal("BAD_FRAMING", "grpc-timeout is not valid");
      handler.countRefused(origin, cause);
      respondRefusal(stream, cause);
      return;
    }
    let deadlinePassed = false;
    let abandon = (): void => {};
    const deadline = startTimer(timeoutMs, () => {
      deadlinePassed = true;
      abandon();
      respondRefusal(stream, refusal("DEADLINE_EXCEEDED", "the call's deadline passed"));
    });
    stream.on("close", () => clearTimeout(deadline));
    const remoteAddress = stream.session?.socket?.remoteAddress ?? "";
    const opened = await handler.begin({ origin, headers, remoteAddress, connection: stream.session ?? stream });
    if (isRefusal(opened)) {
      respondRefusal(stream, opened);
      return;
    }
    abandon = opened.abandon;
    try {
      const message = await readMessage(stream, opened, { bodyTimeoutMs: config.bodyTimeoutMs, coding });
      if (message === "gone") return;
      if ("grpc" in message) {
        opened.countRefused(message);
        respondRefusal(stream, message);
        return;
      }
      stream.once("close", opened.abandon);
      const answer = await opened.receive(message.body, message.compressed ? coding : "identity");
      if (answer.outcome === "refused") respondRefusal(stream, answer.refusal);
      else respondMessage(stream, responseToProtobuf(answer.partial), answer.receipt);
    } finally {
      if (deadlinePassed) opened.countRefused(refusal("DEADLINE_EXCEEDED", ""));
      opened.end();
    }
  }

  return {
    attach,
    openConnections: () => sessions.size,
    startDraining() {
      health.startDraining();
    },
    async close(graceMs) {
      const closed = [...sessions].map(
        (session) =>
          new Promise<void>((resolve) => {
            session.once("close", () => resolve());
            session.close();
          }),
      );
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, graceMs);
      await Promise.all(closed);
      clearTimeout(timer);
    },
  };
}

interface ReceivedMessage {
  readonly body: Buffer;
  readonly compressed: boolean;
}

/** The one message of a call; `gone` when the stream ended in another way. Never rejects. */
function readMessage(
  stream: ServerHttp2Stream,
  request: OpenRequest,
  options: { readonly bodyTimeoutMs: number; readonly coding: Coding },
): Promise<ReceivedMessage | Refusal | "gone"> {
  return new Promise((resolve) => {
    const reader = new GrpcMessageReader();
    const timer = startTimer(options.bodyTimeoutMs, () =>
      finish(refusal("BODY_TIMEOUT", `the message did not arrive within ${options.bodyTimeoutMs} ms`)),
    );
    let finished = false;
    const finish = (result: ReceivedMessage | Refusal | "gone"): void => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      resolve(result);
    };
    stream.on("data", (piece: Buffer) => {
      if (finished) return;
      const before = reader.bytes;
      const wasAnnounced = reader.announced !== undefined;
      const fault = reader.append(piece);
      if (fault !== undefined) {
        finish(refusal("BAD_FRAMING", faultTexts[fault]));
        return;
      }
      const refused =
        (wasAnnounced || reader.announced === undefined ? undefined : request.announce(reader.announced)) ??
        request.takeBody(reader.bytes - before);
      if (refused !== undefined) finish(refused);
    });
    stream.on("end", () => {
      const body = reader.message();
      if (body === undefined) finish(refusal("BAD_FRAMING", "the stream ended without a whole message"));
      else if (reader.compressed && options.coding === "identity") {
        finish(refusal("BAD_FRAMING", "the message is compressed and grpc-encoding is absent"));
      } else finish({ body, compressed: reader.compressed });
    });
    stream.on("close", () => finish("gone"));
    if (stream.closed || stream.destroyed) finish("gone");
  });
}

const faultTexts: Readonly<Record<FrameFault, string>> = {
  flag: "invalid message flag",
  second: "a unary call has one message",
};

async function serveHealth(stream: ServerHttp2Stream, path: string, health: GrpcHealth): Promise<void> {
  const reader = new GrpcMessageReader();
  for await (const piece of stream as AsyncIterable<Buffer>) {
    if (reader.append(piece) !== undefined || (reader.announced ?? 0) > healthRequestBytesMax) {
      respondRefusal(stream, refusal("BAD_FRAMING", "a health request is one small message"));
      return;
    }
  }
  const message = reader.message();
  if (message === undefined || reader.compressed) {
    respondRefusal(stream, refusal("BAD_FRAMING", "a health request is one plain message"));
  } else if (path.endsWith("/Check")) {
    const status = health.check(message);
    if (status === undefined) respondStatus(stream, { grpc: grpcStatus.NOT_FOUND, message: "unknown service" });
    else respondMessage(stream, status, undefined);
  } else if (path.endsWith("/Watch")) {
    whileOpen(stream, () => stream.respond(responseHeaders));
    const stop = health.watch(message, (status) => whileOpen(stream, () => stream.write(frameMessage(status))));
    stream.on("close", stop);
  } else {
    respondRefusal(stream, refusal("UNKNOWN_PATH", "unknown service or method"));
  }
}

const healthRequestBytesMax = 4_096;

function respondMessage(stream: ServerHttp2Stream, message: Uint8Array, receipt: string | undefined): void {
  if (stream.headersSent) return;
  whileOpen(stream, () => {
    stream.on("wantTrailers", () => {
      whileOpen(stream, () =>
        stream.sendTrailers({
          "grpc-status": "0",
          ...(receipt === undefined ? {} : { "nonet-receipt": receipt }),
        }),
      );
    });
    stream.respond(responseHeaders, { waitForTrailers: true });
    stream.end(frameMessage(message));
  });
}

function respondRefusal(stream: ServerHttp2Stream, cause: Refusal): void {
  respondStatus(stream, { grpc: cause.grpc, message: cause.message, details: statusToProtobuf(cause) });
}

/** An error as headers only; a client that still sends is told to stop. */
function respondStatus(
  stream: ServerHttp2Stream,
  status: { readonly grpc: number; readonly message: string; readonly details?: Uint8Array },
): void {
  if (stream.headersSent) return;
  whileOpen(stream, () => {
    stream.respond(
      {
        ...responseHeaders,
        "grpc-status": String(status.grpc),
        "grpc-message": percentEncode(status.message),
        ...(status.details === undefined
          ? {}
          : { "grpc-status-details-bin": Buffer.from(status.details).toString("base64").replace(/=+$/, "") }),
      },
      { endStream: true },
    );
    stopReading(stream);
  });
}

function respondPlain(stream: ServerHttp2Stream, status: number, text: string): void {
  whileOpen(stream, () => {
    stream.respond({ ":status": status, "content-type": "text/plain", ...(status === 405 ? { allow: "POST" } : {}) });
    stream.end(text);
    stopReading(stream);
  });
}

/**
 * Lets what a client still sends pass unread. One that does not end is told to stop, later: a reset right behind the response would overtake it in
 * some clients.
 */
function stopReading(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  stream.resume();
  const timer = startTimer(lingerMs, () => stream.close());
  stream.once("close", () => clearTimeout(timer));
}

const lingerMs = 1_000;

/** Runs a write unless the stream is gone; it may go in between, which Node reports by throwing. */
function whileOpen(stream: ServerHttp2Stream, write: () => void): void {
  if (stream.destroyed || stream.closed) return;
  try {
    write();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("ERR_HTTP2_"))) throw error;
  }
}

/** A connection that sends nothing, not even its settings, is no client. */
function endSilentSession(session: ServerHttp2Session, timeoutMs: number): void {
  const timer = startTimer(timeoutMs, () => session.destroy());
  session.once("remoteSettings", () => clearTimeout(timer));
  session.once("close", () => clearTimeout(timer));
}

/** setTimeout that does not keep the process, for at most its 2^31 ms; Infinity starts nothing. */
function startTimer(ms: number, run: () => void): NodeJS.Timeout | undefined {
  if (!Number.isFinite(ms)) return undefined;
  return setTimeout(run, Math.min(ms, 2_147_483_647)).unref();
}

const timeoutUnitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** Milliseconds; Infinity when absent, undefined when not valid. */
function parseTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  return match === null ? undefined : Number(match[1]) * (timeoutUnitMs[match[2] as string] as number);
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(",") : value;
}

/** grpc-message: visible ASCII as it is, the rest of UTF-8 percent-encoded. */
function percentEncode(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));
}
