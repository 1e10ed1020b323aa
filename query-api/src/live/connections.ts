/** How many live streams there may be, and how many bytes may wait in all of them together. Law 8. */
import { type Problem, rateLimitExceeded, serviceUnavailable } from "../http/problem.ts";

export interface ConnectionLimits {
  readonly connectionsMax: number;
  readonly projectConnectionsMax: number;
  /** Written to sockets of this process and not taken by the clients yet. */
  readonly waitingBytesMax: number;
}

export interface Connections {
  /** @returns how to give the place back, safe to call twice; or why there is none. */
  take(projectId: string): { readonly release: () => void } | { readonly problem: Problem };
  /** @returns false when as much waits already: the stream that asks is too slow for all others. */
  holdBytes(count: number): boolean;
  releaseBytes(count: number): void;
  readonly count: number;
}

const retryAfterMs = 10_000;

export function createConnections(limits: ConnectionLimits): Connections {
  const byProject = new Map<string, number>();
  let count = 0;
  let waitingBytes = 0;
  return {
    take(projectId) {
      if (count >= limits.connectionsMax) {
        const detail = `This server has ${limits.connectionsMax} live streams, which is its most.`;
        const headers = { "Retry-After": String(retryAfterMs / 1000) };
        return { problem: { ...serviceUnavailable, detail, headers } };
      }
      const own = byProject.get(projectId) ?? 0;
      if (own >= limits.projectConnectionsMax) {
        const detail = `The project has ${limits.projectConnectionsMax} live streams, which is its most; close one.`;
        return { problem: rateLimitExceeded(retryAfterMs, detail) };
      }
      count += 1;
      byProject.set(projectId, own + 1);
      let taken = true;
      return {
        release() {
          if (!taken) return;
          taken = false;
          count -= 1;
          const left = (byProject.get(projectId) ?? 1) - 1;
          if (left === 0) byProject.delete(projectId);
          else byProject.set(projectId, left);
        },
      };
    },
    holdBytes(bytes) {
      // One event alone always passes, however large.
      if (waitingBytes > 0 && waitingBytes + bytes > limits.waitingBytesMax) return false;
      waitingBytes += bytes;
      return true;
    },
    releaseBytes(bytes) {
      waitingBytes -= bytes;
    },
    get count() {
      return count;
    },
  };
}
