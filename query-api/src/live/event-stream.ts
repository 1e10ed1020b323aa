/**
 * A response as a stream of server-sent events (HTML, 9.2):
 *
 *     retry: 2000
 *
 *     event: changes
 *     id: <opaque>
 *     data: <one line of JSON>
 *
 *     :                                  every 15 s without an event, so that proxies and clients see that it lives
 *
 * One event is written at a time and waits until the client has taken the one before, so a slow client holds no more than one; a client that
 * takes nothing for `slowMsMax` is cut off, and comes back with the id of the last event it saw.
 */
import type { Response } from "express";
import type { Connections } from "./connections.ts";

export interface LiveEvent {
  readonly event: string;
  /** Where to resume after it; left out where it changes nothing about that. */
  readonly id?: string;
  /** JSON in one line. */
  readonly data: string;
}

export interface EventStream {
  /** Aborted when nothing more can be sent, whoever ended it. */
  readonly signal: AbortSignal;
  /** Resolves when the next event may follow; never rejects. Not to be called before the last call has resolved. */
  send(event: LiveEvent): Promise<void>;
  /** Says so with a last event, and how soon to come back. Safe to call twice. */
  end(data: string, retryMs: number): void;
}

export interface EventStreamConfig {
  readonly heartbeatMs: number;
  readonly slowMsMax: number;
}

const retryMs = 2_000;

/** Headers are set; the first bytes go out at once. */
export function createEventStream(
  response: Response,
  config: EventStreamConfig,
  budget: Pick<Connections, "holdBytes" | "releaseBytes">,
): EventStream {
  const gone = new AbortController();
  let heldBytes = 0;
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain && !response.destroyed) response.write(":\n\n");
  }, config.heartbeatMs);

  function finish(): void {
    clearInterval(heartbeat);
    budget.releaseBytes(heldBytes);
    heldBytes = 0;
    gone.abort();
  }
  response.once("close", finish);
  // A write into a connection that has just broken is no news: "close" follows.
  response.on("error", () => undefined);
  if (response.destroyed) finish();
  else response.write(`retry: ${retryMs}\n\n`);

  return {
    signal: gone.signal,
    async send({ event, id, data }) {
      if (gone.signal.aborted) return;
      const text = `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
      const bytes = Buffer.byteLength(text);
      if (response.destroyed || !budget.holdBytes(bytes)) {
        response.destroy();
        // At once, not with "close": who sends in a loop must see it.
        finish();
        return;
      }
      heldBytes = bytes;
      heartbeat.refresh();
      if (!response.write(text)) await taken(response, config.slowMsMax);
      // After the end it was given back already.
      if (!gone.signal.aborted) {
        budget.releaseBytes(heldBytes);
        heldBytes = 0;
      }
    },
    end(data, againMs) {
      if (gone.signal.aborted || response.destroyed) return;
      response.end(`retry: ${againMs}\nevent: end\ndata: ${data}\n\n`);
      finish();
    },
  };
}

/** Until the socket has room, or the stream is over. */
function taken(response: Response, slowMsMax: number): Promise<void> {
  return new Promise((resolve) => {
    const slow = setTimeout(() => response.destroy(), slowMsMax);
    const done = (): void => {
      clearTimeout(slow);
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
