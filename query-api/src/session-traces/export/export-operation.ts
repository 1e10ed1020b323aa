/** `GET /sessions/export`. Source: session-traces.md section 9. */
import { z } from "zod";
import { type Answer, problemAnswer } from "../../http/answer.ts";
import { type Operation, type OperationRequest, operation } from "../../http/operation.ts";
import { booleanText, filterText, list, rangeConflict, single } from "../../http/parameters.ts";
import { type ParameterError, rateLimitExceeded } from "../../http/problem.ts";
import { sessionListParameters, tracesParameters } from "../parameters.ts";
import { traceEventSchema } from "../response-schemas.ts";
import { csvRecord } from "./csv.ts";
import { columnValues, defaultExportColumns, type ExportedEvent, exportColumns } from "./event-columns.ts";
import { type ExportDeps, type ExportRequest, exportRows } from "./export-rows.ts";
import type { ExportSlots } from "./export-slots.ts";
import { exportFormats, mediaTypeOf, streamHeaders, writeRows } from "./row-stream.ts";

const sessionIdsMax = 1000;
const retryAfterMs = 5000;

const exportParameters = {
  format: single(z.enum(exportFormats), {
    description: "`csv` (default), `ndjson` or `json`.",
    noun: "a format",
  }),
  sessionId: list(filterText, {
    description: "Session ids; unknown ones are without rows.",
    itemsMax: sessionIdsMax,
  }),
  eventType: tracesParameters.eventType,
  decisionKind: tracesParameters.decisionKind,
  agent: tracesParameters.agent,
  status: tracesParameters.status,
  model: list(filterText, { description: "Request or response models of model calls, exact." }),
  environment: sessionListParameters.environment,
  channel: sessionListParameters.channel,
  sessionStatus: sessionListParameters.status,
  from: tracesParameters.from,
  to: tracesParameters.to,
  columns: list(z.enum(exportColumns), { description: "CSV only: columns, in the order given.", noun: "a column" }),
  content: tracesParameters.content,
  bom: single(booleanText, { description: "CSV only: begin with a UTF-8 byte-order mark." }),
};

type Request = OperationRequest<typeof exportParameters>;

export function exportOperation(deps: ExportDeps & { readonly slots: ExportSlots; now(): number }): Operation {
  return operation({
    operationId: "exportTraces",
    path: "/export",
    summary: "Events of many sessions as a file",
    description: "All events that match, by session and order, streamed as CSV, NDJSON or JSON.",
    pathParameters: {},
    parameters: exportParameters,
    scopeOf: () => "traces:export",
    conflicts: (values) => [...rangeConflict(["from", "to"], values.from, values.to), ...csvOnly(values)],
    mediaTypes: (values) => [mediaTypeOf[values.format ?? "csv"]],
    responses: {
      "text/csv": z.string(),
      "application/x-ndjson": z.string(),
      "application/json": z.strictObject({ data: z.array(traceEventSchema), rows: z.int() }),
    },
    problemStatuses: [400],
    async handle(request) {
      const nowMs = deps.now();
      const format = request.values.format ?? "csv";
      const headers = streamHeaders(format, { projectId: request.projectId, nowMs });
      if (request.isHead) return { kind: "stream", headers, encodes: true, write: async () => undefined };
      const giveBack = deps.slots.take(request.credentialId);
      if (giveBack === undefined) {
        return problemAnswer(rateLimitExceeded(retryAfterMs, "Two exports of this token are running."));
      }
      return exportAnswer(request, { ...deps, headers, giveBack, nowMs });
    },
  });
}

function exportAnswer(
  request: Request,
  context: ExportDeps & { headers: Record<string, string>; giveBack(): void; nowMs: number },
): Answer {
  const { values } = request;
  const format = values.format ?? "csv";
  const columns = values.columns ?? defaultExportColumns;
  const head = format === "csv" ? `${values.bom === true ? "\uFEFF" : ""}${csvRecord(columns)}` : "";
  const toText = (row: ExportedEvent): string => {
    if (format === "csv") return csvRecord(columnValues(row, columns));
    return JSON.stringify(format === "ndjson" ? { kind: "event", ...row.event } : row.event);
  };
  const rows = mapRows(exportRows(context, toExportRequest(request, context.nowMs)), toText);
  return {
    kind: "stream",
    encodes: true,
    headers: context.headers,
    async write(response) {
      try {
        await writeRows({ format, head, rows }, response);
      } finally {
        context.giveBack();
      }
    },
  };
}

async function* mapRows<T>(rows: AsyncIterable<T>, toText: (row: T) => string): AsyncGenerator<string> {
  for await (const row of rows) yield toText(row);
}

function toExportRequest(request: Request, nowMs: number): ExportRequest {
  const { values } = request;
  return {
    sessions: {
      projectId: request.projectId,
      filter: {
        status: values.sessionStatus,
        sessionId: values.sessionId,
        environment: values.environment,
        channel: values.channel,
        // A session that ended before, or began after, has no event in the range.
        to: values.to,
        activeFrom: values.from,
        agent: undefined,
        userId: undefined,
        model: undefined,
        tag: undefined,
        from: undefined,
        activeTo: undefined,
        hasErrors: undefined,
        q: undefined,
      },
      sort: "startedAt",
      nowMs,
      after: undefined,
    },
    events: {
      eventType: values.eventType,
      decisionKind: values.decisionKind,
      agent: values.agent,
      status: values.status,
      model: values.model,
      from: values.from,
      to: values.to,
    },
    shape: { content: values.content ?? "full", attributes: false, mayReadContent: request.mayReadContent },
    receivedUntil: BigInt(Math.trunc(nowMs)) * 1_000_000n + 999_999n,
    signal: request.signal,
  };
}

function csvOnly(values: Request["values"]): ParameterError[] {
  if ((values.format ?? "csv") === "csv") return [];
  const errors: ParameterError[] = [];
  for (const parameter of ["columns", "bom"] as const) {
    if (values[parameter] === undefined) continue;
    errors.push({ parameter, code: "CONFLICT", detail: `'${parameter}' is for format=csv only.` });
  }
  return errors;
}
