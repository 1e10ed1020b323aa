import { randomInt } from "node:crypto";
import { createServer } from "node:net";

// Below the range that systems hand out to outgoing connections (from 32768 on Linux), so that a service that is down for a while finds its
// port free when it is started again.
const portMin = 20_000;
const portEnd = 32_000;

const attemptsMax = 3;

/**
 * Starts a service on ports of 127.0.0.1 that nobody listens on, and once more on others when another process took one in between.
 *
 * @param start  must end what it started before it rejects.
 */
export async function startOnFreePorts<Service>(
  count: number,
  start: (ports: readonly number[]) => Promise<Service>,
): Promise<Service> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await findFreePorts(count));
    } catch (error) {
      // All three services print the system's own words for EADDRINUSE, and nothing else of it reaches us.
      if (attempt >= attemptsMax || !String(error).includes("Address already in use")) throw error;
    }
  }
}

async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(portMin, portEnd);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
