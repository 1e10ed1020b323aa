/** The operations of this API. Static paths come before those with a session id in their place (session-traces.md 2.1). */
import type { Operation } from "../http/operation.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { childrenOperation } from "./children-operation.ts";
import { sessionListOperation } from "./session-list-operation.ts";
import type { SessionLoader } from "./session-loader.ts";
import { sessionDetailOperation, sessionMetricsOperation } from "./session-operations.ts";
import { tracesOperation } from "./traces-operation.ts";

export const sessionsBasePath = "/api/projects/:projectId/sessions";

export function sessionOperations(deps: {
  readonly reader: ClickhouseReader;
  readonly sessions: SessionLoader;
  now(): number;
}): Operation[] {
  return [
    sessionListOperation(deps),
    sessionDetailOperation(deps.sessions),
    tracesOperation(deps.sessions),
    childrenOperation(deps.sessions),
    sessionMetricsOperation(deps.sessions),
  ];
}
