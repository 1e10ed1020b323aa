/** The operations of this API. Static paths come before those with a session id in their place (session-traces.md 2.1). */
import type { Operation } from "../http/operation.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import type { TraceReader } from "../store/stored-trace.ts";
import { analysisOperation } from "./analysis/analysis-operation.ts";
import { childrenOperation } from "./children-operation.ts";
import { explainOperation } from "./explain-operation.ts";
import { exportOperation } from "./export/export-operation.ts";
import { createExportSlots } from "./export/export-slots.ts";
import { generationsOperation } from "./generations/generations-operation.ts";
import { sessionListOperation } from "./session-list-operation.ts";
import type { SessionLoader } from "./session-loader.ts";
import { sessionDetailOperation, sessionMetricsOperation } from "./session-operations.ts";
import { tracesOperation } from "./traces-operation.ts";

export const sessionsBasePath = "/api/projects/:projectId/sessions";

const exportsPerToken = 2;

export function sessionOperations(deps: {
  readonly reader: ClickhouseReader;
  readonly traces: TraceReader;
  readonly sessions: SessionLoader;
  now(): number;
}): Operation[] {
  const slots = createExportSlots(exportsPerToken);
  return [
    sessionListOperation(deps),
    exportOperation({ ...deps, slots }),
    generationsOperation({ ...deps, slots }),
    sessionDetailOperation(deps.sessions),
    tracesOperation(deps),
    childrenOperation(deps.sessions),
    explainOperation(deps),
    sessionMetricsOperation(deps.sessions),
    analysisOperation(deps),
  ];
}
