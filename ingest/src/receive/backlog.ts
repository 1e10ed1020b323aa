/**
 * How much work is taken in: as much as is finished in `waitMsMax`, by the rate at which it was finished lately.
 *
 * Bytes in flight alone do not bound the time a request waits: 256 MiB are half a minute of work for one core, and a sender gives up after
 * ten seconds. What is done for a sender that has gone is lost, so without this a flood of twice what a core can do leaves half of it. A full
 * backlog is refused by headers, before a body is read, decompressed or decoded.
 *
 *     limit = bytes finished a second, lately, x waitMsMax; at least `floorBytes`
 *     0 ------------------ limit ------------------ 2 x limit
 *     everybody is let in  | connections that have   | nobody
 *                          | nothing here            |
 *
 * The second half is what makes it fair: one connection with a thousand calls fills the first and keeps nobody else out.
 */
export interface Backlog {
  /** Would a request of this connection be let in now? */
  hasRoomFor(connection: object): boolean;
  /** Lets a request in whose body is complete; undefined when there is no room. */
  enter(connection: object, bytes: number): BacklogEntry | undefined;
  bytes(): number;
}

export interface BacklogEntry {
  /** @param finished false when the work came to nothing, and says nothing of the rate. Safe to call twice. */
  leave(finished: boolean): void;
}

/** What is assumed until there was enough to do for a measurement. */
const firstBytesPerMs = 8_388;
/**
 * Let in at any rate: a handful of common exporters with full batches is no flood, and must not be refused because the process stood still for a
 * second. A slow core finishes it well before a sender gives up.
 */
const floorBytes = 8_388_608;
/** With less than this in the backlog the rate says how long an answer takes, not how much could be done. */
const measuredFromBytes = 524_288;
/** Weight halves in this time. */
const halfLifeMs = 2_000;

export function createBacklog(config: { readonly waitMsMax: number }, deps: { now(): number }): Backlog {
  const byConnection = new Map<object, number>();
  let bytes = 0;
  let finishedBytes = firstBytesPerMs * 1_000;
  let busyMs = 1_000;
  let lastMs = deps.now();

  /** Counts the time since the last change, if there was enough to do. */
  function advance(): void {
    const nowMs = deps.now();
    const passedMs = Math.max(0, nowMs - lastMs);
    lastMs = nowMs;
    if (bytes < measuredFromBytes) return;
    const kept = 0.5 ** (passedMs / halfLifeMs);
    finishedBytes *= kept;
    busyMs = busyMs * kept + passedMs;
  }

  function limit(): number {
    advance();
    return Math.max(floorBytes, (finishedBytes / Math.max(1, busyMs)) * config.waitMsMax);
  }

  function hasRoomFor(connection: object): boolean {
    const most = limit();
    return bytes < (byConnection.has(connection) ? most : 2 * most);
  }

  return {
    hasRoomFor,
    enter(connection, count) {
      if (!hasRoomFor(connection)) return undefined;
      bytes += count;
      byConnection.set(connection, (byConnection.get(connection) ?? 0) + count);
      let left = false;
      return {
        leave(finished) {
          if (left) return;
          left = true;
          const measured = bytes >= measuredFromBytes;
          advance();
          bytes -= count;
          if (finished && measured) finishedBytes += count;
          const rest = (byConnection.get(connection) ?? 0) - count;
          if (rest > 0) byConnection.set(connection, rest);
          else byConnection.delete(connection);
        },
      };
    },
    bytes: () => bytes,
  };
}
