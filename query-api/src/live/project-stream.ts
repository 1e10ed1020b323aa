/**
 * What a follower of a project is told:
 *
 *     ready    from here on nothing is missed; comes first
 *     change   one session that changed, as it now is, and the traces that changed in it
 *     reset    changes may be missing here: read again what is shown
 *     end      why the server ends the stream
 *
 * Changes are gathered for a moment, so that a session that changes a hundred times a second is told of a few times. The ids are places in the
 * project's live feed, signed. All changes of one gathering but the last carry the place before it: who is cut off within comes back to its
 * start and hears some of it twice.
 */
import { isPipelineError } from "@nonet/proto/errors.ts";
import type { Projection } from "@nonet/proto/projection/projection.ts";
import type { Logger } from "pino";
import type { CursorCodec } from "../http/cursor.ts";
import type { Session } from "../session-traces/session.ts";
import type { EventStream } from "./event-stream.ts";
import { type ChangedSession, type GatheringConfig, startGathering } from "./project-gathering.ts";
import type { SessionHeads } from "./session-heads.ts";
import { createWaker } from "./waker.ts";

export interface ProjectStreamConfig extends GatheringConfig {
  /** The time between two gatherings, as a multiple of what the load for the last one took. */
  readonly restFactor: number;
  /** After the store has failed. */
  readonly retryMs: number;
}

export interface ProjectStreamDeps {
  readonly projection: Pick<Projection, "subscribe">;
  readonly heads: SessionHeads;
  readonly cursors: CursorCodec;
  readonly log: Logger;
  now(): number;
}

export interface ProjectStreamRequest {
  readonly projectId: string;
  readonly lastEventId: string | undefined;
}

/** Tells until the stream is over. */
export async function tellProject(
  stream: EventStream,
  request: ProjectStreamRequest,
  { config, deps }: { readonly config: ProjectStreamConfig; readonly deps: ProjectStreamDeps },
): Promise<void> {
  const { projectId, lastEventId } = request;
  const { signal } = stream;
  const streamKey = JSON.stringify(["live", projectId]);
  const [fromId] = (lastEventId === undefined ? undefined : deps.cursors.decode(streamKey, lastEventId)) ?? [];
  const gathering = startGathering(deps.projection, { projectId, fromId, signal }, config);
  const send = (event: string, place: string | undefined, data: object): Promise<void> => {
    const id = place === undefined ? {} : { id: deps.cursors.encode(streamKey, [place]) };
    return stream.send({ event, ...id, data: JSON.stringify({ serverTime: new Date(deps.now()), ...data }) });
  };

  let reason = lastEventId === undefined ? undefined : fromId === undefined ? "unknown_id" : "expired_id";
  let told = fromId;
  while (!signal.aborted) {
    const gathered = await gathering.next();
    if (gathered === undefined) return;
    const { reset, sessions, place } = gathered;
    if (reset !== undefined) {
      told = reset.id;
      if (reason === undefined) await send("ready", told, {});
      else await send("reset", told, { reason });
    }
    // Whatever comes first settles how the stream began; later resets are gaps of the feed.
    reason = "feed_lost";
    if (sessions.size === 0) continue;
    const beganMs = performance.now();
    const heads = await loadHeads(projectId, sessions, { signal, config, deps });
    if (heads === undefined) return;
    const endedMs = performance.now();
    gathering.restUntil(endedMs + config.restFactor * (endedMs - beganMs));
    let left = sessions.size;
    for (const [sessionId, { traces }] of sessions) {
      left -= 1;
      if (left === 0) told = place;
      await send("change", told, {
        sessionId,
        traces: [...traces].map(([traceId, version]) => ({ traceId, version: version.toString() })),
        session: heads.get(sessionId) ?? null,
      });
    }
  }
}

/** Until the store answers. @returns undefined when the stream was over before. */
async function loadHeads(
  projectId: string,
  sessions: ReadonlyMap<string, ChangedSession>,
  context: { readonly signal: AbortSignal; readonly config: ProjectStreamConfig; readonly deps: ProjectStreamDeps },
): Promise<Map<string, Session> | undefined> {
  const { signal, config, deps } = context;
  const heardMs = new Map([...sessions].map(([id, session]) => [id, session.heardMs]));
  while (!signal.aborted) {
    try {
      return await deps.heads.load(projectId, heardMs);
    } catch (caught) {
      if (!isPipelineError(caught) || !caught.retryable) throw caught;
      deps.log.warn({ err: caught }, "a live stream waits for the store");
      const pause = createWaker();
      signal.addEventListener("abort", pause.wake, { once: true });
      await pause.wait(config.retryMs);
      signal.removeEventListener("abort", pause.wake);
    }
  }
  return undefined;
}
