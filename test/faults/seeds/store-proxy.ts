/** Lies between the services and the store, and does to it what networks and full disks do. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { StoreMode } from "./scenario.ts";

export interface StoreProxy {
  readonly url: string;
  set(mode: StoreMode | "pass"): void;
  close(): Promise<void>;
}

const slowMs = 400;

/** @param target  URL of the store, with its user and password, which go along. */
export async function startStoreProxy(target: string): Promise<StoreProxy> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  let mode: StoreMode | "pass" = "pass";
  let count = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const current = mode;
    if (current === "refuse") return void request.socket.destroy();
    if (current === "slow") await delay(slowMs);
    const isInsert = /INSERT/i.test(decodeURIComponent(request.url ?? ""));
    if (current === "full" && isInsert) {
      request.resume();
      response
        .writeHead(500, { "x-clickhouse-exception-code": "243", "content-type": "text/plain" })
        .end("Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)\n");
      return;
    }
    count += 1;
    // Every other insert is done, and nobody is told; the others never arrive whole.
    const isBroken = current === "break" && isInsert;
    const forward = httpRequest(
      { host: to.hostname, port: to.port, path: request.url, method: request.method, headers: request.headers },
      (answer) => {
        if (isBroken) {
          answer.resume();
          answer.once("end", () => request.socket.destroy());
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.once("error", () => response.destroy());
      },
    );
    forward.once("error", () => request.socket.destroy());
    request.once("error", () => forward.destroy());
    if (isBroken && count % 2 === 0) {
      request.once("data", () => {
        forward.destroy();
        request.socket.destroy();
      });
    }
    request.pipe(forward);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(target);
  // `as`: a TCP server that listens has an AddressInfo.
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    set(next) {
      mode = next;
      // What is under way is cut too.
      if (next === "refuse") for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
