/**
 * A TCP proxy before a receiver, for two uses.
 *
 * As a **load balancer**: while the receiver is away, it answers HTTP/1.1 requests with 503, and with 502 those that it had passed on, as proxies
 * do. Some SDKs take a refused connection for final and drop their batch, but every one sends again after these.
 *
 * As a **tap**: it keeps what each client sent, byte by byte, so that the ids a sender chose itself are known, and so that its traffic can be
 * played again.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Front {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** What clients sent, one entry a connection, in the order of their first byte. */
  connections(): readonly Buffer[];
  close(): Promise<void>;
}

export interface FrontOptions {
  /** `http://host:port` of the receiver. */
  readonly upstream: string;
  /** Off for gRPC, whose clients reconnect by themselves. */
  readonly answersForUpstream: boolean;
}

const answers = {
  502: "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
  503: "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
};

export async function startFront({ upstream, answersForUpstream }: FrontOptions): Promise<Front> {
  const { hostname, port } = new URL(upstream);
  const recorded: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const record: Buffer[] = [];
    const receiver = connect({ host: hostname, port: Number(port) });
    let connected = false;
    let awaitsAnswer = false;
    for (const socket of [client, receiver]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => socket.destroy());
    }
    client.on("data", (chunk: Buffer) => {
      if (record.length === 0) recorded.push(record);
      record.push(chunk);
      awaitsAnswer = true;
      receiver.write(chunk);
    });
    receiver.on("connect", () => {
      connected = true;
    });
    receiver.on("data", (chunk: Buffer) => {
      awaitsAnswer = false;
      client.write(chunk);
    });
    client.on("close", () => receiver.destroy());
    receiver.on("close", () => {
      if (!answersForUpstream || client.destroyed) {
        client.destroy();
      } else if (connected) {
        if (awaitsAnswer) client.write(answers[502]);
        client.end();
      } else {
        refuse(client, record);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // `as`: a listening server has an address.
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    connections: () => recorded.map((chunks) => Buffer.concat(chunks)),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Answers once something was asked: an answer to nothing is an error to some clients. */
function refuse(client: Socket, record: readonly Buffer[]): void {
  const answer = () => client.end(answers[503]);
  if (record.length > 0) answer();
  else client.once("data", answer);
}
