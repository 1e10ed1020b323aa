/** The admin port of every service: `/live`, `/ready`, `/metrics`, and commands of its own. Never reachable with a user's credential and never on the public ports. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PipelineError } from "./errors.ts";
import { listenError } from "./listen-address.ts";

export interface AdminServerDeps {
  /** True while the service can do its work. */
  isReady(): boolean | Promise<boolean>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
  /** By path. */
  readonly commands?: Readonly<Record<string, AdminCommand>>;
}

/** Runs on `POST`, one at a time; each value goes out at once as a line of JSON, a failure as `{ "error": … }`. Aborted when the caller has gone. */
export type AdminCommand = (query: URLSearchParams, signal: AbortSignal) => AsyncIterable<object>;

/** A page in a browser cannot send it to another origin without asking, and nobody answers. */
export const adminCommandHeader = "x-nonet-admin";

export interface AdminServer {
  readonly address: string;
  close(): Promise<void>;
}

/** @throws PipelineError `ADDRESS_IN_USE`, naming the setting. */
export async function startAdminServer(
  config: { host: string; port: number; setting: string },
  deps: AdminServerDeps,
): Promise<AdminServer> {
  const running = new Set<AdminCommand>();
  const server = createServer(async (request, response) => {
    const [path = "", query] = request.url?.split("?", 2) ?? [];
    const command = Object.hasOwn(deps.commands ?? {}, path) ? deps.commands?.[path] : undefined;
    if (command !== undefined) {
      await runCommand(command, { query: new URLSearchParams(query), request, response, running });
    } else if (path === "/live") {
      response.writeHead(200, { "content-type": "text/plain" }).end("live\n");
    } else if (path === "/ready") {
      const ready = await deps.isReady();
      response.writeHead(ready ? 200 : 503, { "content-type": "text/plain" }).end(ready ? "ready\n" : "not ready\n");
    } else if (path === "/metrics") {
      const text = await deps.metrics();
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
    } else {
      response.writeHead(404, { "content-type": "text/plain" }).end("not found: /live, /ready or /metrics\n");
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, config)));
    server.listen(config.port, config.host, resolve);
  });
  // `as`: a TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  return {
    address: `${config.host}:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function runCommand(
  command: AdminCommand,
  call: { query: URLSearchParams; request: IncomingMessage; response: ServerResponse; running: Set<AdminCommand> },
): Promise<void> {
  const { query, request, response, running } = call;
  const refusal =
    request.method !== "POST" || request.headers[adminCommandHeader] === undefined
      ? { status: 405, text: `POST with the header ${adminCommandHeader}\n` }
      : running.has(command)
        ? { status: 409, text: "already running\n" }
        : undefined;
  if (refusal !== undefined) {
    response.writeHead(refusal.status, { "content-type": "text/plain" }).end(refusal.text);
    return;
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  running.add(command);
  try {
    response.writeHead(200, { "content-type": "application/jsonl" }).flushHeaders();
    for await (const value of command(query, gone.signal)) response.write(`${JSON.stringify(value)}\n`);
  } catch (caught) {
    if (!gone.signal.aborted) response.write(`${JSON.stringify({ error: PipelineError.from(caught).message })}\n`);
  } finally {
    running.delete(command);
    response.end();
  }
}
