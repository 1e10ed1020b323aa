/**
 * Stands for a load balancer before a receiver, over HTTP/1.1: clients keep their connections while the receiver comes and goes, and are answered
 * 503 while it is away and 502 for a request that it left unanswered. Some SDKs take a refused connection for final and drop their batch, but every
 * one sends again after these.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface LoadBalancer {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  close(): Promise<void>;
}

/** @param upstream `http://host:port` of the receiver. */
export async function startLoadBalancer(upstream: string): Promise<LoadBalancer> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    try {
      await passOn(`${upstream}${incoming.url}`, { agent, incoming, outgoing, body });
    } catch (caught) {
      const isAway = (caught as NodeJS.ErrnoException).code === "ECONNREFUSED";
      outgoing.writeHead(isAway ? 503 : 502, { "content-length": 0, ...(isAway ? { "retry-after": "1" } : {}) }).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // `as`: a listening server has an address.
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Exchange {
  readonly agent: Agent;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly body: Buffer;
}

function passOn(url: string, { agent, incoming, outgoing, body }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const { "transfer-encoding": _, ...headers } = incoming.headers;
    const onward = request(url, {
      agent,
      method: incoming.method,
      headers: { ...headers, "content-length": body.length },
    });
    onward.on("error", reject);
    onward.on("response", async (response) => {
      try {
        const answer = await buffer(response);
        const { connection: _connection, "keep-alive": _keepAlive, ...kept } = response.headers;
        outgoing.writeHead(response.statusCode ?? 502, kept).end(answer);
        resolve();
      } catch (caught) {
        reject(caught);
      }
    });
    onward.end(body);
  });
}
