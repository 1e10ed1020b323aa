/** The streams that are open: each ends when its client goes, its key no longer allows it, or the server closes. */
import { isPipelineError } from "@nonet/proto/errors.ts";
import type { Response } from "express";
import type { Logger } from "pino";
import type { Connections } from "./connections.ts";
import { createEventStream, type EventStream, type EventStreamConfig } from "./event-stream.ts";

export interface OpenStreamsConfig extends EventStreamConfig {
  /** How often a key is looked at again. */
  readonly recheckMs: number;
  /** When to come back after the server has closed, from and to. */
  readonly comeBackMs: readonly [number, number];
}

export interface OpenStreams {
  /** Resolves when the stream is over. */
  run(
    response: Response,
    work: {
      /** @throws PipelineError `CONTROL_UNAVAILABLE` when nobody can say. */
      isStillAllowed(): Promise<boolean>;
      tell(stream: EventStream): Promise<void>;
    },
  ): Promise<void>;
}

export function createOpenStreams(
  config: OpenStreamsConfig,
  deps: { readonly connections: Connections; readonly closing: AbortSignal; readonly log: Logger; now(): number },
): OpenStreams {
  const open = new Set<EventStream>();
  const end = (stream: EventStream, reason: string): void => {
    const [soonest, latest] = config.comeBackMs;
    const retryMs = Math.round(soonest + Math.random() * (latest - soonest));
    stream.end(JSON.stringify({ serverTime: new Date(deps.now()), reason }), retryMs);
  };
  deps.closing.addEventListener("abort", () => {
    for (const stream of open) end(stream, "closing");
  });

  async function recheck(stream: EventStream, isStillAllowed: () => Promise<boolean>): Promise<void> {
    try {
      if (!(await isStillAllowed())) end(stream, "key_revoked");
    } catch (caught) {
      // Known keys go on for ten minutes without the control database; when it throws, they are over.
      deps.log.warn({ err: caught }, "a live stream ends: its key cannot be checked");
      end(stream, "unavailable");
    }
  }

  return {
    async run(response, { isStillAllowed, tell }) {
      // Nobody on the way may hold it back or change it.
      response.set("Cache-Control", "no-store, no-transform");
      const stream = createEventStream(response, config, deps.connections);
      open.add(stream);
      const timer = setInterval(() => void recheck(stream, isStillAllowed), config.recheckMs);
      try {
        if (deps.closing.aborted) end(stream, "closing");
        await tell(stream);
        // The feed has ended under it: the projection is closed before the server is.
        end(stream, "closing");
      } catch (caught) {
        deps.log[isPipelineError(caught) ? "warn" : "error"]({ err: caught }, "a live stream failed");
        end(stream, "failed");
      } finally {
        clearInterval(timer);
        open.delete(stream);
      }
    },
  };
}
