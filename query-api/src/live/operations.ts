/** `GET /live` of a project and of a session: server-sent events. Ours; in the style of the session traces API. */
import type { Projection } from "@nonet/proto/projection/projection.ts";
import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import { z } from "zod";
import { type Answer, problemAnswer } from "../http/answer.ts";
import type { CursorCodec } from "../http/cursor.ts";
import { type Operation, type OperationRequest, operation } from "../http/operation.ts";
import { type ParameterSet, single } from "../http/parameters.ts";
import { notFound, serviceUnavailable } from "../http/problem.ts";
import type { EventShape } from "../session-traces/event-shape.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSession } from "../store/session-rows.ts";
import type { TraceReader } from "../store/stored-trace.ts";
import { createWeightedCache } from "../store/weighted-cache.ts";
import { type Connections, createConnections } from "./connections.ts";
import { projectEventSchema, sessionEventSchema } from "./event-schemas.ts";
import type { EventStream } from "./event-stream.ts";
import { createFreshLoader } from "./fresh-loader.ts";
import type { LiveConfig } from "./live-config.ts";
import type { LiveTrace } from "./live-nodes.ts";
import { loadLiveSession } from "./live-session.ts";
import { createOpenStreams, type OpenStreams } from "./open-streams.ts";
import { tellProject } from "./project-stream.ts";
import type { ToldSession } from "./session-changes.ts";
import { createSessionFeed } from "./session-feed.ts";
import { createSessionHeads } from "./session-heads.ts";
import { followSession } from "./session-stream.ts";

export const liveBasePath = "/api/projects/:projectId/live";

export interface LiveDeps {
  readonly config: LiveConfig;
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
  readonly projection: Projection;
  readonly cursors: CursorCodec;
  readonly log: Logger;
  readonly registry: Registry;
  /** Aborted when the service closes: the streams end. */
  readonly closing: AbortSignal;
  now(): number;
}

export interface LiveOperations {
  /** Below `liveBasePath`. */
  readonly project: Operation;
  /** Below that of sessions. */
  readonly session: Operation;
}

const lastEventIdParameter = single(z.string(), {
  description: "As the header `Last-Event-ID`, for clients that cannot set it; the header wins.",
});

const sessionParameters = {
  lastEventId: lastEventIdParameter,
  content: single(z.enum(["preview", "none"]), {
    description:
      "How much of messages, arguments and results to give: `preview` (1,024 characters, default) or `none`.",
    noun: "a content mode",
  }),
};

const description =
  "Server-sent events. Resumes after the event whose id `Last-Event-ID` gives; with an id that is unknown or too old the first event is a `reset`. The schema shows each event as an object of its fields; `data` is JSON.";

export function liveOperations(deps: LiveDeps): LiveOperations {
  const connections = createConnections(deps.config);
  const streams = createOpenStreams(deps.config, { ...deps, connections });
  new Gauge({
    name: "nonet_live_streams",
    help: "Live streams that are open.",
    registers: [deps.registry],
    collect() {
      this.set(connections.count);
    },
  });
  const shared = { ...deps, connections, streams };
  return { project: projectOperation(shared), session: sessionOperation(shared) };
}

interface Shared extends LiveDeps {
  readonly connections: Connections;
  readonly streams: OpenStreams;
}

function projectOperation(deps: Shared): Operation {
  const heads = createSessionHeads(deps);
  return operation({
    operationId: "followProject",
    path: "/",
    summary: "Sessions of the project, as they change",
    description: `${description} A \`change\` tells of one session and of the traces in it that changed.`,
    pathParameters: {},
    parameters: { lastEventId: lastEventIdParameter },
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => [eventStreamType],
    responses: { [eventStreamType]: projectEventSchema },
    problemStatuses: [400],
    async handle(request) {
      const place = takePlace(request, deps);
      if ("problem" in place) return problemAnswer(place.problem);
      const { projectId } = request;
      const lastEventId = lastEventIdOf(request, request.values.lastEventId);
      return streamAnswer(request, deps, {
        release: place.release,
        tell: (stream) =>
          tellProject(stream, { projectId, lastEventId }, { config: deps.config, deps: { ...deps, heads } }),
      });
    },
  });
}

function sessionOperation(deps: Shared): Operation {
  const { config } = deps;
  const feed = createSessionFeed(deps.projection);
  const shaped = createWeightedCache<LiveTrace>(config.cacheCharactersMax);
  const told = createWeightedCache<ToldSession>(config.cacheCharactersMax);
  const loader = createFreshLoader(config, async (key: string) => {
    // `as`: the keys are written below.
    const [projectId, sessionId, shape] = JSON.parse(key) as [string, string, EventShape];
    return loadLiveSession(projectId, sessionId, shape, { ...deps, shaped, limits: config });
  });
  const streamDeps = { ...deps, feed, told, isFeedHealthy: () => deps.projection.isHealthy() };
  return operation({
    operationId: "followSession",
    path: "/:sessionId/live",
    summary: "A session and its tree, as they change",
    description: `${description} The first event is a \`snapshot\` of all nodes; \`changes\` follow. Parents that have not ended yet are placeholders.`,
    pathParameters: {},
    parameters: sessionParameters,
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => [eventStreamType],
    responses: { [eventStreamType]: sessionEventSchema },
    problemStatuses: [400, 404],
    async handle(request) {
      const { projectId, mayReadContent } = request;
      const sessionId = request.path["sessionId"] ?? "";
      const place = takePlace(request, deps);
      if ("problem" in place) return problemAnswer(place.problem);
      if (request.isHead) {
        const stored = await loadSession(deps.reader, projectId, sessionId);
        return stored === undefined ? problemAnswer(notFound) : headAnswer;
      }
      const shape: EventShape = { content: request.values.content ?? "preview", attributes: false, mayReadContent };
      const loadKey = JSON.stringify([projectId, sessionId, shape]);
      const lastEventId = lastEventIdOf(request, request.values.lastEventId);
      const streamKey = JSON.stringify(["live", projectId, sessionId, shape]);
      try {
        const followed = await followSession(
          { projectId, sessionId, streamKey, lastEventId, load: () => loader.load(loadKey) },
          config,
          streamDeps,
        );
        if (followed === undefined) {
          place.release();
          return problemAnswer(notFound);
        }
        return streamAnswer(request, deps, {
          release() {
            followed.stop();
            place.release();
          },
          tell: followed.tell,
        });
      } catch (caught) {
        place.release();
        throw caught;
      }
    },
  });
}

const eventStreamType = "text/event-stream";
const headers = { "Content-Type": `${eventStreamType}; charset=utf-8`, "X-Accel-Buffering": "no" };
const headAnswer: Answer = { kind: "stream", headers, write: async () => undefined };

/** `HEAD` takes no place. */
function takePlace(request: { projectId: string; isHead: boolean }, deps: Shared): ReturnType<Connections["take"]> {
  if (deps.closing.aborted) return { problem: { ...serviceUnavailable, detail: "This server is closing." } };
  return request.isHead ? { release: () => undefined } : deps.connections.take(request.projectId);
}

/** An empty id is none (HTML, 9.2.6). */
function lastEventIdOf(
  request: Pick<OperationRequest<ParameterSet>, "lastEventId">,
  parameter: string | undefined,
): string | undefined {
  return request.lastEventId || parameter || undefined;
}

function streamAnswer(
  request: Pick<OperationRequest<ParameterSet>, "isStillAllowed" | "isHead">,
  { streams }: Shared,
  { release, tell }: { release(): void; tell(stream: EventStream): Promise<void> },
): Answer {
  if (request.isHead) return headAnswer;
  return {
    kind: "stream",
    headers,
    async write(response) {
      try {
        await streams.run(response, { isStillAllowed: request.isStillAllowed, tell });
      } finally {
        release();
      }
    },
  };
}
