/** `GET /tenants/{tenantId}/traces`. Source: tenant-traces.md section 3. */
import { jsonAnswer, type PageLink } from "../http/answer.ts";
import { type Operation, type OperationRequest, operation } from "../http/operation.ts";
import { rangeConflict } from "../http/parameters.ts";
import type { ParameterError } from "../http/problem.ts";
import type { ClickhouseReader } from "../store/clickhouse-reader.ts";
import { findTraces, type TraceListPage } from "./list-query.ts";
import { itemsMax, listParameters, perPageDefault } from "./parameters.ts";
import { traceListSchema } from "./response-schemas.ts";
import { toTraceSummary } from "./summary-shape.ts";

type ListRequest = OperationRequest<typeof listParameters>;

export function traceListOperation(deps: { readonly reader: ClickhouseReader; now(): number }): Operation {
  return operation({
    operationId: "listTenantTraces",
    path: "/",
    summary: "Traces of the tenant's project, newest first",
    description: "One trace is one OpenTelemetry trace with at least one event; it may hold several model calls.",
    pathParameters: {},
    parameters: listParameters,
    scopeOf: () => "traces:read",
    conflicts: (values) => [...rangeConflict(["from", "to"], values.from, values.to), ...pageConflicts(values)],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": traceListSchema },
    problemStatuses: [400],
    async handle(request) {
      const nowMs = deps.now();
      const perPage = request.values.per_page ?? perPageDefault;
      const { number, ...place } = pageOf(request, perPage);
      const found = await findTraces(
        deps.reader,
        { projectId: request.projectId, filter: filterOf(request.values), nowMs },
        { ...place, limit: perPage + 1 },
      );
      const traces = found.slice(0, perPage);
      const last = traces.at(-1);
      const hasMore = found.length > perPage;
      const nextCursor =
        hasMore && last !== undefined
          ? request.cursorAfter([last.createdUnixNano.toString(), last.traceId, String(number + 1)])
          : null;
      const body = {
        data: traces.map((trace) => toTraceSummary(trace.traceId, trace.summary, nowMs)),
        page: number,
        per_page: perPage,
        has_more: hasMore,
        next_cursor: nextCursor,
      };
      return jsonAnswer(JSON.stringify(body), {
        mayReadContent: request.mayReadContent,
        links: linksOf(request, { number, perPage, nextCursor }),
      });
    },
  });
}

function pageConflicts(values: ListRequest["values"]): ParameterError[] {
  const errors: ParameterError[] = [];
  const { page, per_page, cursor } = values;
  if (page !== undefined && page * (per_page ?? perPageDefault) > itemsMax) {
    const detail = `page × per_page must be at most ${itemsMax}; go on with cursor, or narrow from and to.`;
    errors.push({ parameter: "page", code: "OUT_OF_RANGE", detail });
  }
  if (page !== undefined && cursor !== undefined) {
    errors.push({ parameter: "cursor", code: "CONFLICT", detail: "cursor and page cannot be given together." });
  }
  return errors;
}

function pageOf(request: ListRequest, perPage: number): Omit<TraceListPage, "limit"> & { readonly number: number } {
  const [unixNano, traceId, number] = request.after ?? [];
  if (unixNano !== undefined && traceId !== undefined) {
    return { number: Number(number), after: { createdUnixNano: BigInt(unixNano), traceId }, skip: 0 };
  }
  const page = request.values.page ?? 1;
  return { number: page, after: undefined, skip: (page - 1) * perPage };
}

function filterOf(values: ListRequest["values"]) {
  const { search, status, model, prompt, tag, session_id, from, to } = values;
  return { search, status, model, prompt, tag, session_id, from, to };
}

/** Numbers lead on as far as they reach; a walk by cursor leads only forward. */
function linksOf(
  request: ListRequest,
  { number, perPage, nextCursor }: { number: number; perPage: number; nextCursor: string | null },
): PageLink[] {
  const byNumber = request.values.cursor === undefined;
  const links: PageLink[] = [{ rel: "first", parameters: { page: byNumber ? "1" : null, cursor: null } }];
  if (byNumber && number > 1) links.push({ rel: "prev", parameters: { page: String(number - 1) } });
  if (nextCursor === null) return links;
  const reachable = byNumber && (number + 1) * perPage <= itemsMax;
  links.push({
    rel: "next",
    parameters: reachable ? { page: String(number + 1) } : { page: null, cursor: nextCursor },
  });
  return links;
}
