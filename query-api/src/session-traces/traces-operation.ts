/** `GET /sessions/:sessionId/traces`, flat and as a tree. Source: session-traces.md section 5. */
import { compareTurns } from "@nonet/processor/fold/turn.ts";
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, type OperationRequest, operation } from "../http/operation.ts";
import { rangeConflict } from "../http/parameters.ts";
import { notFound, type ParameterError } from "../http/problem.ts";
import type { StoredSession } from "../store/session-rows.ts";
import { createEventPredicate, type EventFilter, isUnfiltered } from "./event-filter.ts";
import type { EventShape } from "./event-shape.ts";
import { type FlatPage, flatPage } from "./flat-view.ts";
import { isLargeSession, type LargeSessionDeps, largeFlatPage, largeTreePage } from "./large-session.ts";
import { type Page, writeBody, writeItems } from "./page.ts";
import { tracesParameters } from "./parameters.ts";
import { tracesSchema } from "./response-schemas.ts";
import type { Session } from "./session.ts";
import type { LoadedSession, SessionLoader } from "./session-loader.ts";
import type { SessionTurn, SessionView } from "./session-view.ts";
import { treeOfTurn } from "./tree-view.ts";
import type { RankedTurnPart } from "./turn-rank.ts";
import { toTurn } from "./turn-shape.ts";

type TracesRequest = OperationRequest<typeof tracesParameters>;

const flatLimitDefault = 1000;
const treeLimitDefault = 100;
const treeLimitMax = 500;

export function tracesOperation(deps: LargeSessionDeps & { readonly sessions: SessionLoader }): Operation {
  return operation({
    operationId: "getSessionTraces",
    path: "/:sessionId/traces",
    summary: "Events of a session",
    description: "All trace events of a session in order (`view=flat`), or nested per turn (`view=tree`).",
    pathParameters: {},
    parameters: tracesParameters,
    scopeOf: () => "traces:read",
    conflicts: (values) => [...rangeConflict(["from", "to"], values.from, values.to), ...viewConflicts(values)],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": tracesSchema },
    problemStatuses: [400, 404],
    async handle(request) {
      const loaded = await deps.sessions.load(request.projectId, request.path.sessionId ?? "");
      if (loaded === undefined) return problemAnswer(notFound);
      const answer = isLargeSession(loaded.stored)
        ? await largeAnswer(deps, loaded.stored, request)
        : await wholeAnswer(loaded, request);
      const metrics = request.values.include?.includes("metrics") ? { metrics: await loaded.metrics() } : {};
      const head = { session: sessionHead(loaded.session), view: request.values.view ?? "flat" };
      const text = writeBody(head, answer.texts, { page: answer.page, ...metrics });
      return jsonAnswer(text, { nextCursor: answer.page.nextCursor, mayReadContent: request.mayReadContent });
    },
  });
}

/** Parameters of one view say nothing in the other: taken silently, they would look obeyed. */
function viewConflicts(values: TracesRequest["values"]): ParameterError[] {
  const errors: ParameterError[] = [];
  const isTree = values.view === "tree";
  if (!isTree && values.structure !== undefined) {
    errors.push({ parameter: "structure", code: "CONFLICT", detail: "'structure' is for view=tree only." });
  }
  if (isTree && values.order !== undefined) {
    errors.push({ parameter: "order", code: "CONFLICT", detail: "'order' is for view=flat only." });
  }
  if (isTree && values.limit !== undefined && values.limit > treeLimitMax) {
    errors.push({
      parameter: "limit",
      code: "OUT_OF_RANGE",
      detail: `'limit' is at most ${treeLimitMax} for view=tree.`,
    });
  }
  return errors;
}

function sessionHead(
  session: Session,
): Pick<Session, "id" | "projectId" | "status" | "revision" | "startedAt" | "lastActivityAt"> {
  const { id, projectId, status, revision, startedAt, lastActivityAt } = session;
  return { id, projectId, status, revision, startedAt, lastActivityAt };
}

interface WrittenPage {
  readonly texts: readonly string[];
  readonly page: Page;
}

async function wholeAnswer(loaded: LoadedSession, request: TracesRequest): Promise<WrittenPage> {
  const view = await loaded.view();
  return request.values.view === "tree" ? treeAnswer(view, request) : flatAnswer(view, request);
}

async function largeAnswer(
  deps: LargeSessionDeps,
  stored: StoredSession,
  request: TracesRequest,
): Promise<WrittenPage> {
  const { values } = request;
  const session = { projectId: request.projectId, stored };
  const common = { filter: filterOf(values), after: request.after, shape: shapeOf(request) };
  if (values.view === "tree") {
    const limit = values.limit ?? treeLimitDefault;
    const written = await largeTreePage(deps, session, {
      ...common,
      limit,
      structure: values.structure ?? "ancestors",
    });
    const next = written.last === undefined ? undefined : turnPartKey(written.last);
    return pageWritten({ ...written, next }, limit, request);
  }
  const limit = values.limit ?? flatLimitDefault;
  const written = await largeFlatPage(deps, session, { ...common, limit, order: values.order ?? "asc" });
  return pageWritten(written, limit, request);
}

function turnPartKey({ turn, traceId }: RankedTurnPart): string[] {
  return [turn.startUnixNano, turn.rankSpanId, traceId];
}

function pageWritten(written: FlatPage, limit: number, request: TracesRequest): WrittenPage {
  const page = {
    limit,
    count: written.texts.length,
    total: written.total,
    hasMore: written.hasMore,
    nextCursor: written.hasMore && written.next !== undefined ? request.cursorAfter(written.next) : null,
  };
  return { texts: written.texts, page };
}

function flatAnswer(view: SessionView, request: TracesRequest): WrittenPage {
  const { values } = request;
  const limit = values.limit ?? flatLimitDefault;
  const written = flatPage(view, view.events, {
    matches: createEventPredicate(view, filterOf(values)),
    order: values.order ?? "asc",
    limit,
    after: request.after,
    shape: shapeOf(request),
  });
  return pageWritten(written, limit, request);
}

function treeAnswer(view: SessionView, request: TracesRequest): WrittenPage {
  const { values } = request;
  const limit = values.limit ?? treeLimitDefault;
  const filter = filterOf(values);
  const unfiltered = isUnfiltered(filter);
  const matches = createEventPredicate(view, filter);
  const matching = view.turns.filter((turn) => unfiltered || turn.events.some(matches));
  const written = writeItems(turnsAfter(matching, request.after), limit, (turn) => {
    const nodes = treeOfTurn(view, turn, {
      structure: values.structure ?? "ancestors",
      matches,
      unfiltered,
      shape: shapeOf(request),
    });
    return JSON.stringify({ turn: toTurn(turn), nodes });
  });
  const next = written.last === undefined ? undefined : turnKey(written.last);
  return pageWritten({ ...written, total: matching.length, next }, limit, request);
}

function turnKey(turn: SessionTurn): string[] {
  return [turn.startUnixNano.toString(), turn.rankSpanId, turn.traceId];
}

/** By the rank of a turn, which stays when others arrive. */
function turnsAfter(turns: readonly SessionTurn[], after: readonly string[] | undefined): readonly SessionTurn[] {
  if (after === undefined) return turns;
  const [start = "0", rankSpanId = "", traceId = ""] = after;
  return turns.filter((turn) => compareTurns(turn, { startUnixNano: BigInt(start), rankSpanId, traceId }) > 0);
}

function filterOf(values: TracesRequest["values"]): EventFilter {
  const { eventType, decisionKind, from, to, turn, agent, name, status, traceId, minDurationMs } = values;
  return { eventType, decisionKind, from, to, turn, agent, name, status, traceId, minDurationMs };
}

function shapeOf(request: TracesRequest): EventShape {
  return {
    content: request.values.content ?? "full",
    attributes: request.values.include?.includes("attributes") ?? false,
    mayReadContent: request.mayReadContent,
  };
}
