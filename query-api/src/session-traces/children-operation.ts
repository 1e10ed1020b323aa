/** `GET /sessions/:sessionId/traces/:spanId/children`. Source: session-traces.md section 6. */
import { z } from "zod";
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { notFound, type Problem } from "../http/problem.ts";
import { childrenOf, tracesKnowing } from "./children.ts";
import { createEventPredicate } from "./event-filter.ts";
import { toTraceEvent } from "./event-shape.ts";
import { flatPage } from "./flat-view.ts";
import { writeBody } from "./page.ts";
import { childrenParameters } from "./parameters.ts";
import { childrenSchema } from "./response-schemas.ts";
import type { SessionLoader } from "./session-loader.ts";

const limitDefault = 1000;

export function childrenOperation(sessions: SessionLoader): Operation {
  return operation({
    operationId: "getSpanChildren",
    path: "/:sessionId/traces/:spanId/children",
    summary: "Events below a span",
    description: "Events of the spans below `spanId`, the span's own events, and its direct child spans.",
    pathParameters: {
      spanId: {
        schema: z.string().regex(/^[0-9a-fA-F]{16}$/, "not a span id of 16 hex digits"),
        description: "16 hex digits in any case.",
      },
    },
    parameters: childrenParameters,
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": childrenSchema },
    problemStatuses: [400, 404, 409],
    async handle(request) {
      const { values } = request;
      const loaded = await sessions.load(request.projectId, request.path.sessionId ?? "");
      if (loaded === undefined) return problemAnswer(notFound);
      const view = await loaded.view();
      const spanId = (request.path.spanId ?? "").toLowerCase();
      const traceIds = tracesKnowing(view, spanId).filter(
        (traceId) => values.traceId === undefined || traceId === values.traceId,
      );
      const [traceId] = traceIds;
      if (traceId === undefined) return problemAnswer(notFound);
      if (traceIds.length > 1) return problemAnswer(ambiguousSpan(traceIds));
      const children = childrenOf(view, traceId, spanId, values.depth ?? 1);
      const shape = {
        content: values.content ?? "full",
        attributes: values.include?.includes("attributes") ?? false,
        mayReadContent: request.mayReadContent,
      };
      const matches = createEventPredicate(view, { eventType: values.eventType, decisionKind: values.decisionKind });
      const limit = values.limit ?? limitDefault;
      const written = flatPage(view, children.below, { matches, order: "asc", limit, after: request.after, shape });
      const nextCursor = written.next === undefined ? null : request.cursorAfter(written.next);
      const text = writeBody(
        {
          span: children.span,
          self: children.self.filter(matches).map((event) => toTraceEvent(view, event, shape)),
          childSpans: children.childSpans,
        },
        written.texts,
        {
          page: {
            limit,
            count: written.texts.length,
            total: written.total,
            hasMore: written.hasMore,
            nextCursor,
          },
        },
      );
      return jsonAnswer(text, { nextCursor, mayReadContent: request.mayReadContent });
    },
  });
}

/** 409: of several traces, which? */
export function ambiguousSpan(traceIds: readonly string[]): Problem {
  return {
    code: "AMBIGUOUS_SPAN",
    detail: "The span id occurs in several traces of the session; say which by 'traceId'.",
    headers: {},
    members: { traceIds },
  };
}
