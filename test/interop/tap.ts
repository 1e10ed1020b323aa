/**
 * Passes connections on to a receiver and keeps what each client sent, byte by byte: so that the ids a sender chose itself are known, and its traffic
 * can be played again.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Tap {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** What clients sent, one entry a connection, in the order of their first byte. */
  connections(): readonly Buffer[];
  close(): Promise<void>;
}

/** @param upstream `http://host:port`; while it is away, connections are closed. */
export async function startTap(upstream: string): Promise<Tap> {
  const { hostname, port } = new URL(upstream);
  const recorded: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const record: Buffer[] = [];
    const receiver = connect({ host: hostname, port: Number(port) });
    for (const [socket, other] of [
      [client, receiver],
      [receiver, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => {
      if (record.length === 0) recorded.push(record);
      record.push(chunk);
    });
    client.pipe(receiver);
    receiver.pipe(client);
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
