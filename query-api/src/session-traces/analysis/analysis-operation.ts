/** `GET /sessions/:sessionId/analysis`. Source: session-traces.md section 8. */
import { z } from "zod";
import { jsonAnswer, problemAnswer } from "../../http/answer.ts";
import { type Operation, operation } from "../../http/operation.ts";
import { integerText, list, single } from "../../http/parameters.ts";
import { notFound } from "../../http/problem.ts";
import type { ClickhouseReader } from "../../store/clickhouse-reader.ts";
import type { SessionLoader } from "../session-loader.ts";
import { analyzeSession } from "./analysis.ts";
import { analysisSchema } from "./analysis-schema.ts";
import { analysisSections, severities } from "./finding.ts";
import { loadProjectKnowledge } from "./project-knowledge.ts";
import { defaultThresholds } from "./thresholds.ts";

const limitDefault = 20;

const analysisParameters = {
  section: list(z.enum(analysisSections), { description: "Sections to give; default all.", noun: "a section" }),
  minSeverity: single(z.enum(severities), { description: "Least severity; default `low`.", noun: "a severity" }),
  limit: single(integerText(1, 100), { description: "Findings per section; default 20." }),
};

export function analysisOperation(deps: {
  readonly reader: ClickhouseReader;
  readonly sessions: SessionLoader;
}): Operation {
  return operation({
    operationId: "getSessionAnalysis",
    path: "/:sessionId/analysis",
    summary: "Diagnostics of a session",
    description: "Slow spans, error patterns, decision anomalies and optimization suggestions, each with its evidence.",
    pathParameters: {},
    parameters: analysisParameters,
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": analysisSchema },
    problemStatuses: [400, 404],
    async handle(request) {
      const { values } = request;
      const loaded = await deps.sessions.load(request.projectId, request.path.sessionId ?? "");
      if (loaded === undefined) return problemAnswer(notFound);
      const view = await loaded.view();
      const thresholds = defaultThresholds;
      const body = analyzeSession(view, loaded.session, {
        request: {
          sections: values.section ?? analysisSections,
          minSeverity: values.minSeverity ?? "low",
          limit: values.limit ?? limitDefault,
          mayReadContent: request.mayReadContent,
        },
        knowledge: await loadProjectKnowledge(deps.reader, view, loaded.stored, thresholds),
        thresholds,
      });
      return jsonAnswer(JSON.stringify(body), { mayReadContent: request.mayReadContent });
    },
  });
}
