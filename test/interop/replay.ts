/** Plays a recorded connection again, and reads the answers off the wire. */
import { connect, type Socket } from "node:net";
import { eventually } from "../e2e/service-process.ts";
import { frameTypes, readGrpcStreams, readHttp1, readHttp2 } from "./wire.ts";

export interface Answers {
  /** One a request, in no order: `200 <body>` over HTTP, `message <hex of the framed message>` over gRPC, where an error comes without a message. */
  readonly answers: readonly string[];
  readonly requestCount: number;
  /** HTTP/2 connections that the receiver ended with an error. */
  readonly errorCode: number;
}

/**
 * A client's GOAWAY is held back until everything was answered, as the client did: with it a client takes leave, and a server may drop what runs.
 *
 * @param pieceBytes how much of the recording is written at once.
 */
export async function replayConnection(
  url: string,
  { transport, bytes }: { readonly transport: "grpc" | "http"; readonly bytes: Buffer },
  pieceBytes: number,
): Promise<Answers> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const received: Buffer[] = [];
  let failure: unknown;
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  socket.on("error", (caught) => {
    failure = caught;
  });
  socket.setNoDelay(true);
  const leaveOffset = transport === "grpc" ? offsetOfGoAway(bytes) : bytes.length;
  try {
    await writeInPieces(socket, bytes.subarray(0, leaveOffset), pieceBytes);
    const read = transport === "grpc" ? readGrpcAnswers : readHttpAnswers;
    return await eventually(
      () => {
        if (failure !== undefined) throw failure;
        const now = read(bytes, Buffer.concat(received));
        return now.errorCode !== 0 || now.answers.length === now.requestCount ? now : undefined;
      },
      { withinMs: 20_000, what: "an answer to every request" },
    );
  } finally {
    socket.end(bytes.subarray(leaveOffset));
  }
}

function offsetOfGoAway(bytes: Buffer): number {
  return readHttp2(bytes).find(({ type }) => type === frameTypes.goAway)?.offset ?? bytes.length;
}

/** A piece each turn of the loop: they arrive apart, not joined by the socket's buffer. */
async function writeInPieces(socket: Socket, bytes: Buffer, pieceBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    socket.write(bytes.subarray(at, at + pieceBytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function readHttpAnswers(sent: Buffer, received: Buffer): Answers {
  return {
    answers: readHttp1(received).map(({ startLine, body }) => `${startLine.split(" ")[1]} ${body.toString()}`),
    requestCount: readHttp1(sent).length,
    errorCode: 0,
  };
}

function readGrpcAnswers(sent: Buffer, received: Buffer): Answers {
  const goAway = readHttp2(received).find(({ type }) => type === frameTypes.goAway);
  return {
    answers: readGrpcStreams(received)
      .filter(({ ended, reset }) => ended || reset)
      .map(({ data }) => `message ${data.toString("hex")}`),
    requestCount: readGrpcStreams(sent).length,
    errorCode: goAway?.payload.readUInt32BE(4) ?? 0,
  };
}
