/** `GET /sessions`. Source: session-traces.md section 3. */
import { jsonAnswer } from "../http/answer.ts";
import { type Operation, type OperationRequest, operation } from "../http/operation.ts";
import { rangeConflict } from "../http/parameters.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { loadSessions } from "../store/session-rows.ts";
import { writeBody } from "./page.ts";
import { sessionListParameters } from "./parameters.ts";
import { sessionListSchema } from "./response-schemas.ts";
import { type Session, toSession } from "./session.ts";
import { countSessions, type FoundSession, findSessions, type SessionListRequest } from "./session-list-query.ts";

type ListRequest = OperationRequest<typeof sessionListParameters>;

const limitDefault = 50;

export function sessionListOperation(deps: { readonly reader: ClickhouseReader; now(): number }): Operation {
  return operation({
    operationId: "listSessions",
    path: "/",
    summary: "Sessions of the project",
    description: "Sessions with their counts, tokens, cost and status.",
    pathParameters: {},
    parameters: sessionListParameters,
    scopeOf: () => "traces:read",
    conflicts: (values) => [
      ...rangeConflict(["from", "to"], values.from, values.to),
      ...rangeConflict(["activeFrom", "activeTo"], values.activeFrom, values.activeTo),
    ],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": sessionListSchema },
    problemStatuses: [400],
    async handle(request) {
      const query = toListRequest(request, deps.now());
      const limit = request.values.limit ?? limitDefault;
      const { sessions, hasMore } = await collectPage(deps.reader, query, limit);
      const last = sessions.at(-1);
      const nextCursor =
        hasMore && last !== undefined
          ? request.cursorAfter([last.found.unixNano.toString(), last.found.sessionId])
          : null;
      const total = request.values.include?.includes("total")
        ? await countSessions(deps.reader, { ...query, after: undefined })
        : null;
      const text = writeBody(
        {},
        sessions.map(({ session }) => JSON.stringify(session)),
        { page: { limit, count: sessions.length, total, hasMore, nextCursor } },
      );
      return jsonAnswer(text, { nextCursor, mayReadContent: request.mayReadContent });
    },
  });
}

function toListRequest(request: ListRequest, nowMs: number): SessionListRequest {
  const { sort, include: _include, limit: _limit, cursor: _cursor, ...filter } = request.values;
  const [unixNano, sessionId] = request.after ?? [];
  return {
    projectId: request.projectId,
    filter: { ...filter, sessionId: undefined },
    sort: sort ?? "-startedAt",
    nowMs,
    after: unixNano === undefined || sessionId === undefined ? undefined : { unixNano: BigInt(unixNano), sessionId },
  };
}

interface ListedSession {
  readonly found: FoundSession;
  readonly session: Session;
}

async function collectPage(
  reader: ClickhouseReader,
  query: SessionListRequest,
  limit: number,
): Promise<{ sessions: ListedSession[]; hasMore: boolean }> {
  const sessions: ListedSession[] = [];
  for await (const batch of findSessions(reader, query, limit + 1)) {
    for (const listed of await summarize(reader, query, batch)) {
      // `findSessions` leaves these to us.
      if (query.filter.status === undefined && listed.session.status === "archived") continue;
      if (sessions.length === limit) return { sessions, hasMore: true };
      sessions.push(listed);
    }
  }
  return { sessions, hasMore: false };
}

async function summarize(
  reader: ClickhouseReader,
  { projectId, nowMs }: SessionListRequest,
  batch: readonly FoundSession[],
): Promise<ListedSession[]> {
  if (batch.length === 0) return [];
  const stored = await loadSessions(
    reader,
    projectId,
    batch.map((found) => found.sessionId),
    {
      from: Math.min(...batch.map((found) => found.hours.from)),
      to: Math.max(...batch.map((found) => found.hours.to)),
    },
  );
  return batch.flatMap((found) => {
    const rows = stored.get(found.sessionId);
    // A session whose last trace left in between is no more.
    return rows === undefined ? [] : [{ found, session: toSession(rows, { projectId, nowMs }) }];
  });
}
