/** `GET /sessions/:sessionId/traces/:spanId/explain`: why the mapping gave what it gave for one span. */
import { z } from "zod";
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { notFound } from "../http/problem.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { ambiguousSpan } from "./children-operation.ts";
import { loadCopyNotes } from "./copy-notes.ts";
import { reasonsOf, spansToExplain } from "./explanation.ts";
import { explainParameters } from "./parameters.ts";
import { explanationSchema } from "./response-schemas.ts";
import type { SessionLoader } from "./session-loader.ts";

export function explainOperation(deps: {
  readonly sessions: SessionLoader;
  readonly reader: ClickhouseReader;
}): Operation {
  return operation({
    operationId: "explainSpan",
    path: "/:sessionId/traces/:spanId/explain",
    summary: "Why a span became its events",
    description:
      "The rule that classified the span, the attributes that gave each field, what the rest of the trace changed, the events it gave, and the attributes that nothing was read from. Attributes are named, their values are not shown.",
    pathParameters: {
      spanId: {
        schema: z.string().regex(/^[0-9a-fA-F]{16}$/, "not a span id of 16 hex digits"),
        description: "16 hex digits in any case.",
      },
    },
    parameters: explainParameters,
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": explanationSchema },
    problemStatuses: [400, 404, 409],
    async handle(request) {
      const loaded = await deps.sessions.load(request.projectId, request.path.sessionId ?? "");
      if (loaded === undefined) return problemAnswer(notFound);
      const { traceId } = request.values;
      const spans = spansToExplain(await loaded.view(), (request.path.spanId ?? "").toLowerCase()).filter(
        ({ decoded }) => traceId === undefined || decoded.traceId === traceId,
      );
      const [span] = spans;
      if (span === undefined) return problemAnswer(notFound);
      if (spans.length > 1) return problemAnswer(ambiguousSpan(spans.map(({ decoded }) => decoded.traceId)));
      const reasons = reasonsOf(span);
      const copies = span.folded === undefined ? [] : await loadCopyNotes(deps.reader, request.projectId, span.folded);
      return jsonAnswer(JSON.stringify({ ...reasons, stageB: [...reasons.stageB, ...copies] }), {
        mayReadContent: request.mayReadContent,
      });
    },
  });
}
