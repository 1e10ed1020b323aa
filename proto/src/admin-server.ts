/** The admin port of every service: `/live`, `/ready`, `/metrics`. Never reachable with a user's credential and never on the public ports. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { listenError } from "./listen-address.ts";

export interface AdminServerDeps {
  /** True while the service can do its work. */
  isReady(): boolean;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

export interface AdminServer {
  readonly address: string;
  close(): Promise<void>;
}

/** @throws PipelineError `ADDRESS_IN_USE`, naming the setting. */
export async function startAdminServer(
  config: { host: string; port: number; setting: string },
  deps: AdminServerDeps,
): Promise<AdminServer> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/live") {
      response.writeHead(200, { "content-type": "text/plain" }).end("live\n");
    } else if (path === "/ready") {
      const ready = deps.isReady();
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
