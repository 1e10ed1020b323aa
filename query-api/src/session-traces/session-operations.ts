/** `GET /sessions/:sessionId` and `/metrics`. Source: session-traces.md sections 4 and 7. */
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { notFound } from "../http/problem.ts";
import { metricsSchema, sessionDetailSchema } from "./response-schemas.ts";
import { toTurns } from "./session.ts";
import type { SessionLoader } from "./session-loader.ts";

export function sessionDetailOperation(sessions: SessionLoader): Operation {
  return operation({
    operationId: "getSession",
    path: "/:sessionId",
    summary: "One session with its turns",
    description: "The session as in the list, and its first 1,000 turns in order.",
    pathParameters: {},
    parameters: {},
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": sessionDetailSchema },
    problemStatuses: [400, 404],
    async handle(request) {
      const loaded = await sessions.load(request.projectId, request.path.sessionId ?? "");
      if (loaded === undefined) return problemAnswer(notFound);
      const { turns, truncated } = toTurns(loaded.stored);
      const body = { ...loaded.session, turns, turnsTruncated: truncated };
      return jsonAnswer(JSON.stringify(body), { mayReadContent: request.mayReadContent });
    },
  });
}

export function sessionMetricsOperation(sessions: SessionLoader): Operation {
  return operation({
    operationId: "getSessionMetrics",
    path: "/:sessionId/metrics",
    summary: "Metrics of a session",
    description: "Latency with its parts, tokens, tools, guardrails, cost, errors and handoffs.",
    pathParameters: {},
    parameters: {},
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": metricsSchema },
    problemStatuses: [400, 404],
    async handle(request) {
      const loaded = await sessions.load(request.projectId, request.path.sessionId ?? "");
      if (loaded === undefined) return problemAnswer(notFound);
      const body = await loaded.metrics();
      return jsonAnswer(JSON.stringify(body), { mayReadContent: request.mayReadContent });
    },
  });
}
