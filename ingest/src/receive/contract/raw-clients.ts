/** Clients that send exactly the bytes they are given: gRPC on node:http2, HTTP/1.1 on a socket. */

import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";

export const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

export interface GrpcResult {
  /** HTTP status. */
  readonly http: number;
  /** Number, or undefined when the stream ended without one. */
  readonly status: number | undefined;
  readonly message: string;
  readonly details: Buffer;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface GrpcCall {
  readonly path?: string;
  readonly headers?: http2.OutgoingHttpHeaders;
  /** Written one after the other, each as at least one DATA frame. */
  readonly pieces?: readonly Uint8Array[];
  /** Leaves the stream open when false. */
  readonly end?: boolean;
}

export interface GrpcConnection extends AsyncDisposable {
  readonly session: http2.ClientHttp2Session;
  open(call?: GrpcCall): http2.ClientHttp2Stream;
  call(call?: GrpcCall): Promise<GrpcResult>;
  /** One plain message to Export. */
  send(message: Uint8Array, headers?: http2.OutgoingHttpHeaders): Promise<GrpcResult>;
}

export async function connectGrpc(
  port: number,
  options: http2.SecureClientSessionOptions & { readonly tls?: boolean } = {},
): Promise<GrpcConnection> {
  const session = http2.connect(`${options.tls === true ? "https" : "http"}://127.0.0.1:${port}`, options);
  session.on("error", () => {});
  await once(session, "connect");

  function open(call: GrpcCall = {}): http2.ClientHttp2Stream {
    const stream = session.request({
      ":method": "POST",
      ":path": call.path ?? exportPath,
      "content-type": "application/grpc",
      te: "trailers",
      ...call.headers,
    });
    stream.on("error", () => {});
    for (const piece of call.pieces ?? []) stream.write(piece);
    if (call.end !== false) stream.end();
    return stream;
  }

  const connection: GrpcConnection = {
    session,
    open,
    call: (call) => readResult(open(call)),
    send: (message, headers = {}) => connection.call({ headers, pieces: [frame(message)] }),
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  };
  return connection;
}

export function readResult(stream: http2.ClientHttp2Stream): Promise<GrpcResult> {
  return new Promise((resolve) => {
    let headers: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on("response", (received) => {
      headers = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("close", () => {
      const from = { ...headers, ...trailers };
      resolve({
        http: Number(headers[":status"] ?? 0),
        status: from["grpc-status"] === undefined ? undefined : Number(from["grpc-status"]),
        message: decodeURIComponent(String(from["grpc-message"] ?? "")),
        details: Buffer.from(String(from["grpc-status-details-bin"] ?? ""), "base64"),
        headers,
        trailers,
        body: Buffer.concat(pieces),
      });
    });
  });
}

export function frame(message: Uint8Array, flag = 0): Buffer {
  const header = Buffer.alloc(5);
  header[0] = flag;
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/**
 * One Export call over HTTP/2 frames made by hand: each piece is one DATA frame, which a library would join.
 *
 * @returns the payloads of the DATA frames that came back, and whether the stream was reset.
 */
export async function rawGrpc(port: number, pieces: readonly Uint8Array[]): Promise<{ body: Buffer; reset: boolean }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  const endStream = 1;
  const endHeaders = 4;
  const headers = Buffer.concat(
    [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", exportPath],
      [":authority", "x"],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ].map(([name = "", value = ""]) =>
      Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]),
    ),
  );
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(http2Frame(4, 0, 0));
  socket.write(http2Frame(1, endHeaders, 1, headers));
  socket.write(Buffer.concat(pieces.map((piece) => http2Frame(0, 0, 1, piece))));
  socket.write(http2Frame(0, endStream, 1));
  const body: Buffer[] = [];
  let received = Buffer.alloc(0);
  const reset = await new Promise<boolean>((resolve) => {
    socket.on("close", () => resolve(true));
    socket.on("data", (data: Buffer) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
        const end = 9 + received.readUIntBE(0, 3);
        const type = received[3];
        const flags = received[4] ?? 0;
        if (type === 0) body.push(received.subarray(9, end));
        if (type === 3) resolve(true);
        if ((type === 0 || type === 1) && (flags & endStream) !== 0) resolve(false);
        received = received.subarray(end);
      }
    });
  });
  socket.destroy();
  return { body: Buffer.concat(body), reset };
}

function http2Frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** Writes text and bytes on a new connection and returns all that comes back until the server closes it or `until` says enough. */
export async function rawHttp(
  port: number,
  pieces: readonly (string | Uint8Array)[],
  until: (received: string) => boolean = () => false,
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  let received = "";
  for (const piece of pieces) socket.write(piece);
  await new Promise<void>((resolve) => {
    socket.on("data", (data: Buffer) => {
      received += data.toString("latin1");
      if (until(received)) resolve();
    });
    socket.on("close", () => resolve());
  });
  socket.destroy();
  return received;
}
