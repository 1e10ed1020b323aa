/**
 * Answers heads that Node's parser gives up on, which never reach the app. By itself Node answers and resets the connection at once, and a client
 * that is still sending often loses the answer; so what it sends is read on for a while.
 */
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { headTooLarge, type Problem, problemBody, statusOf } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";

const drainMs = 2_000;
const drainBytesMax = 16 * 1024 * 1024;

export function refuseBadHeads(server: Server, deps: { now(): number }): void {
  const refused = new WeakSet<Duplex>();
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // The parser complains of every further piece too.
    if (refused.has(socket)) return;
    refused.add(socket);
    if (!socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const isTooLarge = error.code === "HPE_HEADER_OVERFLOW";
    socket.end(
      isTooLarge ? answerText(headTooLarge, deps.now()) : "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    );
    drain(socket);
  });
}

function drain(socket: Duplex): void {
  let bytes = 0;
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > drainBytesMax) socket.destroy();
  });
  const timer = setTimeout(() => socket.destroy(), drainMs);
  socket.once("close", () => clearTimeout(timer));
}

function answerText(problem: Problem, nowMs: number): string {
  const requestId = requestIdOf(undefined, nowMs);
  const body = JSON.stringify(problemBody(problem, requestId));
  const head = [
    `HTTP/1.1 ${statusOf(problem.code)} Request Header Fields Too Large`,
    "Content-Type: application/problem+json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    "Cache-Control: no-store",
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
